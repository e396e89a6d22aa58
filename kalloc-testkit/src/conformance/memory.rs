//! What every region owes, whoever uses it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use kalloc_traits::{RawRegion, RegionError, Span};

use super::subject::Source;
use crate::drive::{Failure, Verdict, ensure};
use crate::region::bytes;

/// A fresh region can be claimed, and its bytes can be written and read.
pub fn claimed_memory_can_be_written<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let region = claimed(source)?;
    let span = region.span();
    write(span, 1);
    ensure!(reads(span, 1), "what was written into the region is not there");
    write(span, 2);
    ensure!(
        reads(span, 2),
        "what was written into the region a second time is not there"
    );
    Ok(())
}

/// The span is the same however often it is asked for.
pub fn the_span_is_always_the_same<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let region = claimed(source)?;
    let span = region.span();
    for _ in 0..10 {
        ensure!(
            region.span() == span,
            "the span was {span:?}, and now is {:?}",
            region.span()
        );
    }
    Ok(())
}

/// The span stays where it is when the region's value moves, and old pointers into it stay good.
pub fn the_span_stays_when_the_region_moves<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let region = claimed(source)?;
    let span = region.span();
    write(span, 3);
    let moved = Box::new(region);
    ensure!(moved.span() == span, "the span moved with the region's value");
    let mut moved = Vec::from([*moved]);
    moved.reserve_exact(100);
    let is_same = moved.iter().all(|region| region.span() == span);
    ensure!(is_same, "the span moved with the region's value");
    ensure!(reads(span, 3), "the region's bytes were lost when its value moved");
    write(span, 4);
    ensure!(
        reads(moved[0].span(), 4),
        "an old pointer into the region leads elsewhere"
    );
    Ok(())
}

/// A region that says that its memory is zero tells the truth.
pub fn zeroed_memory_is_zero<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let mut region = claimed(source)?;
    let mut span = region.span();
    check_zero(&region, span)?;
    for extra in [1, 100, 5000] {
        if region.grow(extra).is_ok() {
            let grown = region.span();
            check_zero(&region, behind(grown, span.len()))?;
            span = grown;
        }
    }
    Ok(())
}

/// A growth that succeeds adds at least what was asked for at the high end, and leaves the rest alone.
pub fn growth_is_at_the_high_end<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let mut region = claimed(source)?;
    for (seed, extra) in [1, 8, 100, 4096].into_iter().enumerate() {
        let span = region.span();
        let seed = seed as u64 + 10;
        write(span, seed);
        let result = region.grow(extra);
        let grown = region.span();
        ensure!(
            grown.start() == span.start(),
            "the region's start moved when it grew by {extra} bytes"
        );
        ensure!(
            reads(span, seed),
            "bytes were lost when the region grew by {extra} bytes"
        );
        match result {
            Ok(()) => {
                let came = grown.len().saturating_sub(span.len());
                ensure!(
                    came >= extra,
                    "the region was to grow by {extra} bytes, and grew by {came}"
                );
                write(grown, seed + 100);
                ensure!(
                    reads(grown, seed + 100),
                    "what was written into the grown region is not there"
                );
            }
            Err(error) => ensure!(grown == span, "a growth was refused ({error}), but the span changed"),
        }
    }
    Ok(())
}

/// A growth that no machine can serve is refused, and changes nothing.
pub fn impossible_growth_is_refused<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let mut region = claimed(source)?;
    let span = region.span();
    write(span, 5);
    for extra in [
        usize::MAX,
        usize::MAX - 1,
        isize::MAX as usize,
        usize::MAX - span.len(),
        usize::MAX / 2 + 1,
    ] {
        ensure!(
            region.grow(extra).is_err(),
            "the region says that it grew by {extra} bytes"
        );
        ensure!(region.span() == span, "a growth was refused, but the span changed");
    }
    ensure!(reads(span, 5), "bytes were lost when a growth was refused");
    Ok(())
}

/// A shrink takes bytes from the high end, at most as many as were said, or is refused and takes none.
pub fn shrinking_is_at_the_high_end<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let mut region = claimed(source)?;
    for bytes in [1, 8, 100] {
        let span = region.span();
        write(span, 6);
        let result = region.shrink(bytes);
        let after = region.span();
        ensure!(
            after.start() == span.start(),
            "the region's start moved when it shrank by {bytes} bytes"
        );
        // A region of pages may take fewer, in whole pages.
        let least = span.len().saturating_sub(bytes);
        match result {
            Ok(()) => ensure!(
                (least..=span.len()).contains(&after.len()),
                "{bytes} bytes were to be taken of {}, and {} are left",
                span.len(),
                after.len()
            ),
            Err(error) => ensure!(after == span, "a shrink was refused ({error}), but the span changed"),
        }
        ensure!(reads(after, 6), "bytes were lost when the region shrank by {bytes}");
    }
    Ok(())
}

/// More than the region holds cannot be taken from it.
pub fn shrinking_below_nothing_is_refused<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let mut region = claimed(source)?;
    let span = region.span();
    for bytes in [span.len() + 1, usize::MAX, isize::MAX as usize] {
        let result = region.shrink(bytes);
        ensure!(
            result.is_err(),
            "{bytes} bytes were taken from a region of {}",
            span.len()
        );
        ensure!(region.span() == span, "a shrink was refused, but the span changed");
    }
    Ok(())
}

/// Pointers outside of the span are not translated.
pub fn foreign_pointers_are_not_translated<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let region = claimed(source)?;
    let span = region.span();
    let outside = [1, span.end_addr(), span.start_addr() - 1, usize::MAX];
    for pointer in outside.into_iter().filter_map(pointer_at) {
        let translated = region.translate(pointer);
        ensure!(
            translated.is_none(),
            "{pointer:?}, which is outside of {span:?}, is translated to {translated:x?}"
        );
    }
    Ok(())
}

/// A region that was dropped gives its memory back: the next one can be claimed.
pub fn a_dropped_region_can_be_had_again<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    for seed in 0..5 {
        let region = claimed(source)?;
        write(region.span(), seed);
        ensure!(
            reads(region.span(), seed),
            "what was written into the region is not there"
        );
    }
    Ok(())
}

/// `claims`: a second region over the same memory is refused, and the first stays good; afterwards it can be had.
pub fn a_second_claim_is_refused<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let first = claimed(source)?;
    let span = first.span();
    write(span, 7);
    let mut second = source.make();
    for _ in 0..3 {
        let answer = second.claim();
        ensure!(
            answer == Err(RegionError::Claimed),
            "a second claim was answered {answer:?}"
        );
    }
    drop(second);
    ensure!(
        first.span() == span && reads(span, 7),
        "the first region did not survive a second claim"
    );
    let mut third = source.make();
    ensure!(
        third.claim().is_err(),
        "a region was claimed twice after a refused one was dropped"
    );
    drop(first);
    let answer = third.claim();
    ensure!(
        answer.is_ok(),
        "the memory cannot be claimed after its region was dropped: {answer:?}"
    );
    Ok(())
}

/// `grows`: the region can become longer.
pub fn the_region_can_grow<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let mut region = claimed(source)?;
    let result = region.grow(1);
    ensure!(
        result.is_ok(),
        "a region that is said to grow answers {result:?} to one byte more"
    );
    Ok(())
}

/// `shrinks`: a region gives bytes back: all of them, or as many whole units as lie in them.
///
/// How large its units are is not known. So what is left after everything was taken must be less than a unit, and asking
/// for it once more takes nothing.
pub fn a_region_that_shrinks_gives_bytes_back<R: RawRegion>(source: &Source<'_, R>) -> Verdict {
    let mut region = claimed(source)?;
    // One that starts empty has something to give only now; one that cannot grow has it already.
    _ = region.grow(5000);
    let before = region.span();
    let result = region.shrink(before.len());
    ensure!(
        result.is_ok(),
        "a region that is said to shrink answers {result:?} to all of its {} bytes",
        before.len()
    );
    let after = region.span().len();
    ensure!(
        after < before.len() || before.is_empty(),
        "all of {} bytes were to be taken, and none was",
        before.len()
    );
    let again = region.shrink(after);
    let rest = region.span().len();
    ensure!(
        rest == after,
        "{after} bytes were left when all were taken, and {rest} when it was done again ({again:?})"
    );
    Ok(())
}

/// Returns a region that was claimed.
fn claimed<R: RawRegion>(source: &Source<'_, R>) -> Verdict<R> {
    let mut region = source.make();
    let answer = region.claim();
    answer.map_err(|error| Failure::new(alloc::format!("a fresh region cannot be claimed: {error}")))?;
    Ok(region)
}

/// Fills a span.
fn write(span: Span, seed: u64) {
    // SAFETY: the region was claimed, so its bytes are valid, and no heap uses them.
    unsafe { bytes::fill(span.start(), span.len(), seed) };
}

/// Returns whether a span holds what was written.
fn reads(span: Span, seed: u64) -> bool {
    // SAFETY: as above; the bytes were written.
    unsafe { bytes::first_difference(span.start(), span.len(), seed) }.is_none()
}

/// Returns what lies behind the first `len` bytes of a span.
fn behind(span: Span, len: usize) -> Span {
    // SAFETY: a growth leaves at least the old length.
    Span::new(
        unsafe { span.start().add(len.min(span.len())) },
        span.len().saturating_sub(len),
    )
}

/// Checks that bytes handed over for the first time are zero, if the region says so.
fn check_zero<R: RawRegion>(region: &R, span: Span) -> Verdict {
    if !region.is_zeroed() {
        return Ok(());
    }
    // SAFETY: the region says that the bytes are zero, so they are initialised.
    let dirty = unsafe { bytes::first_nonzero(span.start(), span.len()) };
    ensure!(
        dirty.is_none(),
        "the region says that its memory is zero, but byte {dirty:?} is not"
    );
    Ok(())
}

/// Returns a pointer to an address, for questions only.
fn pointer_at(address: usize) -> Option<core::ptr::NonNull<u8>> {
    core::ptr::NonNull::new(core::ptr::without_provenance_mut(address))
}
