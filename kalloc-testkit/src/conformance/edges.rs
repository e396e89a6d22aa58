//! A heap over regions of every shape: small, odd, misaligned, dirty, refused.

use alloc::vec::Vec;

use kalloc_traits::{InitError, Inspect, RegionError};

use super::probe::{fill, fill_up, from_the_middle};
use super::stats::adds_up;
use super::subject::Builder;
use crate::drive::{Checked, Failure, Verdict, ensure};
use crate::fault::{FailingRegion, Plan, Watch};
use crate::region::{Fill, Shape};
use crate::workload::op::layout;
use crate::workload::{ROOM, scaled};

/// Bytes of a part of a region that counts as touched as a whole.
const PAGE: usize = 256;

/// Regions of every length from 0 to 200 bytes, at every misalignment from 0 to 16, are not written beside, and blocks
/// lie inside.
pub fn no_small_region_is_overrun(builder: &Builder<'_>) -> Verdict {
    for (len, misalignment) in small_shapes() {
        let shape = Shape::new(len).with_base(64, misalignment);
        let used = use_up(builder, shape, |_| {});
        used.map_err(|failure| failure.during(format_args!("{len} bytes from {misalignment} past a multiple of 64")))?;
    }
    Ok(())
}

/// Nor are larger ones with odd ends.
pub fn no_odd_region_is_overrun(builder: &Builder<'_>) -> Verdict {
    for (len, misalignment) in [
        (1000, 1),
        (1001, 3),
        (4095, 63),
        (4097, 7),
        (5000, 40),
        (ROOM + 1, 1),
        (ROOM - 1, 9),
    ] {
        let shape = Shape::new(len).with_base(64, misalignment);
        let used = use_up(builder, shape, |_| {});
        used.map_err(|failure| failure.during(format_args!("{len} bytes from {misalignment} past a multiple of 64")))?;
    }
    Ok(())
}

/// An empty region makes a heap that refuses, and answers requests of no bytes.
pub fn an_empty_region_makes_a_heap_that_refuses(builder: &Builder<'_>) -> Verdict {
    let (region, watch) = FailingRegion::new(Shape::new(0), Plan::default());
    let heap = builder.build(region);
    let mut checked = Checked::new(&*heap);
    for size in [1, 8, 100, isize::MAX as usize] {
        // Not touched: there is nothing that it could be.
        let answer = checked.allocate_untouched(layout(size, 1))?;
        ensure!(answer.is_none(), "{size} bytes came out of an empty region");
    }
    let none = checked.allocate(layout(0, 8))?;
    ensure!(none.is_some(), "0 bytes were refused");
    checked.free_all(|_| {})?;
    drop(heap);
    Ok(watch.check()?)
}

/// What lies in the memory does not matter: zeros, ones, noise, or what another heap has left.
pub fn old_contents_are_not_trusted(builder: &Builder<'_>) -> Verdict {
    // A program of its own, with blocks left live, makes the image.
    let shape = Shape::new(ROOM).with_fill(Fill::Noise(2));
    let (region, watch) = FailingRegion::new(shape, Plan::default());
    let heap = builder.build(region);
    let mut checked = Checked::new(&*heap);
    fill(&mut checked, layout(100, 8))?
        .into_iter()
        .step_by(3)
        .try_for_each(|live| checked.free(live))?;
    drop(checked);
    drop(heap);
    let image = watch.guards().image();
    ensure!(image.is_some(), "the heap is dropped, but its region is not");
    let fills = [
        Fill::Noise(1),
        Fill::Byte(0),
        Fill::Byte(0xFF),
        Fill::Image(image.unwrap_or_default()),
    ];
    let mut counts = Vec::new();
    for fill in fills {
        let shape = Shape::new(ROOM).with_fill(fill);
        use_up(builder, shape, |checked| counts.push(checked.shadow().len()))?;
    }
    let is_same = counts.iter().all(|count| *count == counts[0]);
    ensure!(is_same, "noise, zeros, ones and an old heap hold {counts:?} blocks");
    Ok(())
}

/// Where the region says that its memory is zero, cleared blocks are zero all the same once it was used.
pub fn zeroed_regions_do_not_stay_zero(builder: &Builder<'_>) -> Verdict {
    for shape in [
        Shape::new(ROOM).zeroed(),
        Shape::new(ROOM / 4).with_reserve(ROOM).zeroed(),
    ] {
        let (region, watch) = FailingRegion::new(shape, Plan::default());
        let heap = builder.build(region);
        let mut checked = Checked::new(&*heap);
        for round in 0..scaled(300) {
            let wanted = layout(1 + round * 37 % 700, 8 << (round % 4));
            let answer = if round % 3 == 0 {
                checked.allocate_raw(wanted)?
            } else {
                checked.allocate_zeroed(wanted)?
            };
            if answer.is_none() || round % 50 == 49 {
                checked.free_all(|lives| lives.reverse())?;
            }
        }
        checked.free_all(|_| {})?;
        watch.check()?;
    }
    Ok(())
}

/// The region is claimed once, before it is measured, and let go with the heap.
pub fn a_region_is_claimed_once_and_let_go(builder: &Builder<'_>) -> Verdict {
    let (region, watch) = FailingRegion::new(Shape::new(ROOM), Plan::default());
    let heap = builder.build(region);
    let mut checked = Checked::new(&*heap);
    fill_up(&mut checked, layout(1000, 8))?;
    checked.free_all(|_| {})?;
    ensure!(watch.claims() == 1, "the region was claimed {} times", watch.claims());
    ensure!(
        watch.early_spans() == 0,
        "the region was measured before it was claimed"
    );
    ensure!(!watch.guards().is_released(), "the region was dropped before the heap");
    drop(heap);
    ensure!(watch.guards().is_released(), "the region was not dropped with the heap");
    Ok(watch.check()?)
}

/// A region that refuses the claim is left alone: not measured, and not written. The heap refuses.
pub fn a_refused_region_is_left_alone(builder: &Builder<'_>) -> Verdict {
    for reason in [RegionError::Claimed, RegionError::Exhausted] {
        let (region, watch) =
            FailingRegion::new(Shape::new(ROOM).with_fill(Fill::Byte(0x5A)), refusing(reason, u32::MAX));
        let heap = builder.build(region);
        for size in [1, 100, ROOM / 2, 8] {
            let answer = heap.allocate(layout(size, 8));
            ensure!(
                answer.is_err(),
                "{size} bytes came out of a region that refused the claim ({reason})"
            );
            ensure!(heap.allocate(layout(0, 8)).is_ok(), "0 bytes were refused");
        }
        ensure!(watch.early_spans() == 0, "a region that refused the claim was measured");
        drop(heap);
        watch.check()?;
        let image = watch.guards().image().unwrap_or_default();
        ensure!(
            image.iter().all(|byte| *byte == 0x5A),
            "a region that refused the claim was written"
        );
    }
    Ok(())
}

/// Requests of about as many bytes as the region has are refused, or lie inside.
pub fn requests_around_the_region_stay_inside(builder: &Builder<'_>) -> Verdict {
    for len in [64, 1000, 1024, ROOM / 2 - 1, ROOM / 2] {
        for (around, align) in (0..16).flat_map(|around| [(around, 1), (around, 8), (around, 64)]) {
            let (region, watch) = FailingRegion::new(Shape::new(len).with_base(64, around % 3), Plan::default());
            let heap = builder.build(region);
            let mut checked = Checked::new(&*heap);
            let span = watch.span();
            checked.set_bounds(span.start_addr()..span.end_addr());
            // From a granule more than there is down to a granule less, and the same for what may be left beside the state.
            for back in [0, len / 64, len / 8] {
                checked.allocate(layout(len + 8 - around - back, align))?;
                checked.allocate(layout(8, 8))?;
                checked.free_all(|_| {})?;
            }
            drop(heap);
            watch.check()?;
        }
    }
    Ok(())
}

/// A block that grows where it is stays inside of the region, the last one too.
pub fn growing_in_place_stays_inside(builder: &Builder<'_>) -> Verdict {
    for (size, more) in [(64, 8), (64, 64), (200, 1), (1000, 24)] {
        let (region, watch) = FailingRegion::new(Shape::new(ROOM / 4 + 5), Plan::default());
        let heap = builder.build(region);
        let mut checked = Checked::new(&*heap);
        let span = watch.span();
        checked.set_bounds(span.start_addr()..span.end_addr());
        fill_up(&mut checked, layout(size, 8))?;
        let lives: Vec<_> = checked.shadow().by_address().map(|(live, _)| live).collect();
        for live in lives.into_iter().rev() {
            let held = checked.shadow().block(live).layout.size();
            let live = checked.resize_in_place(live, layout(held + more, 8))?.unwrap_or(live);
            checked.grow(live, layout(held + more * 2, 8))?;
        }
        checked.check_all()?;
        checked.free_all(|_| {})?;
        drop(heap);
        watch.check()?;
    }
    Ok(())
}

/// `sparing`: a request of a few bytes writes to a small part of a large region.
pub fn one_small_block_touches_little(builder: &Builder<'_>) -> Verdict {
    let shape = Shape::new(ROOM * 4).with_fill(Fill::Byte(0x5A));
    let (region, watch) = FailingRegion::new(shape, Plan::default());
    let heap = builder.build(region);
    let mut checked = Checked::new(&*heap);
    let answer = checked.allocate(layout(64, 8))?;
    ensure!(answer.is_some(), "64 bytes were refused over a large region");
    checked.free_all(|_| {})?;
    drop(heap);
    watch.check()?;
    let image = watch.guards().image().unwrap_or_default();
    // Pages that hold a byte that was written; a heap may keep its state at both ends.
    let pages = image.chunks(PAGE);
    let (count, touched) = (
        pages.len(),
        pages.filter(|page| page.iter().any(|byte| *byte != 0x5A)).count(),
    );
    ensure!(
        touched <= count / 8,
        "a request of 64 bytes wrote to {touched} of {count} parts of the region of {PAGE} bytes each"
    );
    Ok(())
}

/// `lazy`: a heap that serves nothing but requests of no bytes does not touch its region.
pub fn an_unused_heap_leaves_its_region_alone(builder: &Builder<'_>) -> Verdict {
    let (region, watch) = FailingRegion::new(Shape::new(ROOM).with_fill(Fill::Byte(0x5A)), Plan::default());
    let heap = builder.build(region);
    ensure!(heap.allocate(layout(0, 8)).is_ok(), "0 bytes were refused");
    heap.trim();
    drop(heap);
    let is_untouched = watch.claims() == 0 && watch.early_spans() == 0;
    ensure!(
        is_untouched,
        "a heap that was not used has claimed or measured its region"
    );
    let image = watch.guards().image().unwrap_or_default();
    ensure!(
        image.iter().all(|byte| *byte == 0x5A),
        "a heap that was not used has written to its region"
    );
    Ok(())
}

/// `lazy`: a region that refused the claim is claimed again at the next request, and used once it agrees.
pub fn a_refused_claim_is_tried_again(builder: &Builder<'_>) -> Verdict {
    let (region, watch) = FailingRegion::new(Shape::new(ROOM), refusing(RegionError::Claimed, 2));
    let heap = builder.build(region);
    let mut checked = Checked::new(&*heap);
    for round in 0..2 {
        let answer = checked.allocate(layout(100, 8))?;
        ensure!(
            answer.is_none(),
            "100 bytes came out of a region that refused the claim, in round {round}"
        );
    }
    let answer = checked.allocate(layout(100, 8))?;
    ensure!(
        answer.is_some(),
        "100 bytes were refused by a region that agrees by now to be claimed"
    );
    fill_up(&mut checked, layout(1000, 8))?;
    ensure!(
        watch.claims() == 3,
        "the region was claimed {} times, and agreed to the third",
        watch.claims()
    );
    checked.free_all(|_| {})
}

/// `lazy`: `init` tells why a region cannot be used, and nothing else once it can.
pub fn init_tells_what_is_wrong(builder: &Builder<'_>) -> Verdict {
    for (reason, expected) in [
        (RegionError::Claimed, InitError::Claimed),
        (RegionError::Exhausted, InitError::Refused),
    ] {
        let (region, watch) = FailingRegion::new(Shape::new(ROOM), refusing(reason, 2));
        let heap = builder.build(region);
        for _ in 0..2 {
            let answer = heap.init();
            ensure!(
                answer == Err(expected),
                "the region refused ({reason}), and `init` says {answer:?}"
            );
        }
        for _ in 0..2 {
            let answer = heap.init();
            ensure!(answer.is_ok(), "the region agreed, and `init` says {answer:?}");
        }
        let served = heap.allocate(layout(100, 8));
        ensure!(served.is_ok(), "100 bytes were refused after `init`");
        ensure!(
            watch.claims() == 3,
            "the region was claimed {} times, and agreed to the third",
            watch.claims()
        );
    }
    Ok(())
}

/// `inspect`: over every small region the counters add up, and capacity and `owns` keep to the region.
pub fn small_regions_are_counted_right(builder: &Builder<'_>) -> Verdict {
    for (len, misalignment) in small_shapes().chain([(1001, 3), (5000, 40)]) {
        let shape = Shape::new(len).with_base(64, misalignment);
        let (region, watch) = FailingRegion::new(shape, Plan::default());
        let heap = builder.build(region);
        let mut checked = Checked::new(&*heap);
        fill_up(&mut checked, layout(64, 8))?;
        let counted = counts_right(heap.inside()?, &checked, &watch);
        counted
            .map_err(|failure| failure.during(format_args!("{len} bytes from {misalignment} past a multiple of 64")))?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Checks the counters of a heap against its shadow and its region.
fn counts_right(inside: &dyn Inspect, checked: &Checked<'_>, watch: &Watch) -> Verdict {
    let span = watch.span();
    let stats = inside.stats();
    adds_up(stats)?;
    inside.verify()?;
    let extents = checked.shadow().extents();
    ensure!(
        stats.used == extents,
        "{} bytes are said to be used, live blocks have {extents}",
        stats.used
    );
    ensure!(
        stats.capacity <= span.len(),
        "the capacity {} is more than the region's {}",
        stats.capacity,
        span.len()
    );
    // SAFETY: one past the end of the region's bytes, which lie in an allocation with guards behind them.
    let end = unsafe { span.start().add(span.len()) };
    ensure!(!inside.owns(end), "the byte behind the region is owned");
    // SAFETY: the byte before the region is a guard of the same allocation.
    let before = unsafe { span.start().sub(1) };
    ensure!(!inside.owns(before), "the byte before the region is owned");
    Ok(())
}

/// Returns the plan of a region that refuses so many claims.
fn refusing(reason: RegionError, claims: u32) -> Plan {
    Plan {
        claim: Err(reason),
        refused_claims: claims,
        ..Plan::default()
    }
}

/// Returns lengths and misalignments: all of them, or under Miri some.
fn small_shapes() -> impl Iterator<Item = (usize, usize)> {
    let (by_len, by_misalignment) = if cfg!(miri) { (23, 7) } else { (1, 1) };
    (0..=200)
        .step_by(by_len)
        .flat_map(move |len| (0..=16).step_by(by_misalignment).map(move |off| (len, off)))
}

/// Fills a heap over a region of a shape, checks it when it is full, empties it, and drops it.
fn use_up(builder: &Builder<'_>, shape: Shape, when_full: impl FnOnce(&Checked<'_>)) -> Verdict {
    let (region, watch) = FailingRegion::new(shape, Plan::default());
    let heap = builder.build(region);
    let mut checked = Checked::new(&*heap);
    let span = watch.span();
    checked.set_bounds(span.start_addr()..span.end_addr());
    checked.allocate(layout(16, 64))?;
    fill_up(&mut checked, layout(64, 8))?;
    checked.check_all()?;
    watch.check()?;
    when_full(&checked);
    checked.free_all(|lives| from_the_middle(lives))?;
    fill(&mut checked, layout(24, 8))?;
    checked.free_all(|_| {})?;
    drop(heap);
    watch.check().map_err(Failure::from)
}
