//! Sizes and alignments: small ones, odd ones, and those at the edge of what a number can hold.

use core::alloc::Layout;

use super::probe::{ALIGNMENTS, demand, fill, fill_with, from_the_middle, largest, largest_size, serves, storm};
use super::subject::Subject;
use crate::drive::{Checked, Failure, Verdict, ensure};
use crate::workload::op::layout;
use crate::workload::{ROOM, scaled};

/// A fresh heap serves blocks of 1 to 256 bytes. All other rules rest on this one.
pub fn a_fresh_heap_serves_small_blocks(subject: &Subject<'_>) -> Verdict {
    for size in [1, 2, 8, 24, 100, 256] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let wanted = layout(size, 8);
        demand(checked.allocate(wanted)?, wanted)?;
        demand(checked.allocate_zeroed(wanted)?, wanted)?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Blocks of every size from 1 to 600 bytes lie apart and keep their bytes, a few of them at a time.
pub fn every_small_size_is_served_in_bounds(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    for size in 1..=scaled(600).max(17) {
        for align in [1, 8, 16] {
            checked.allocate(layout(size, align))?;
        }
        if size % 8 == 0 {
            checked.free_all(|lives| from_the_middle(lives))?;
        }
    }
    checked.free_all(|_| {})
}

/// A layout whose size is no multiple of its alignment is served where the padded one is.
pub fn a_size_need_not_be_a_multiple_of_its_alignment(subject: &Subject<'_>) -> Verdict {
    for (size, align) in [(1068, 8), (24, 16), (3, 2), (17, 16), (100, 64), (1, 1024), (1, 4096)] {
        let heap = subject.make();
        let padded = layout(size, align).pad_to_align();
        let is_served = serves(&*subject.make(), padded);
        let mut checked = Checked::new(&*heap);
        let served = checked.allocate(layout(size, align))?;
        ensure!(
            served.is_some() || !is_served,
            "a fresh heap served {} bytes at a multiple of {align}, but not {size} bytes",
            padded.size()
        );
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Sizes beside powers of two and their sixteenths, where size classes tend to end, are served in full.
pub fn sizes_beside_bin_edges_are_served_in_full(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    for power in (3..ROOM.ilog2()).map(|shift| 1usize << shift) {
        for edge in (0..16)
            .step_by(if cfg!(miri) { 5 } else { 1 })
            .map(|part| power + power / 16 * part)
        {
            for size in [edge - 1, edge, edge + 1] {
                checked.allocate(layout(size, 8))?;
            }
            checked.free_all(|lives| lives.reverse())?;
        }
    }
    Ok(())
}

/// Sizes just past 2^16, 2^24 and 2^32 are not cut to their low bits.
pub fn wide_sizes_are_not_truncated(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    for shift in [8, 16, 24, 31, 32, 40] {
        for excess in [0, 1, 8, 100] {
            let Some(size) = 1usize.checked_shl(shift).and_then(|size| size.checked_add(excess)) else {
                continue;
            };
            let Ok(wanted) = Layout::from_size_align(size, 8) else {
                continue;
            };
            let mut checked = Checked::new(&*heap);
            // A block that is shorter than it says overlaps what comes next, or reaches past the heap.
            checked.allocate_untouched(wanted)?;
            (0..8).try_for_each(|_| checked.allocate(layout(16, 8)).map(drop))?;
            checked.free_all(|_| {})?;
        }
    }
    Ok(())
}

/// The largest legal size of every alignment is refused, without a panic, and the heap goes on.
pub fn the_largest_size_of_every_alignment_is_refused(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    for align in (0..usize::BITS - 1).map(|shift| 1usize << shift) {
        must_refuse(&mut checked, largest_size(align), align)?;
    }
    goes_on(&mut checked)
}

/// Sizes that wrap when a header, an alignment or a granule is added are refused, and the heap goes on.
pub fn sizes_that_would_wrap_are_refused(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    for align in [1, 2, 8, 16, 64, 4096] {
        for back in (0..scaled(600)).chain([4095, 4096, 65535]) {
            must_refuse(&mut checked, largest_size(align) - back, align)?;
        }
    }
    goes_on(&mut checked)
}

/// Sizes whose next power of two does not exist are refused, and the heap goes on.
pub fn sizes_beyond_the_last_power_of_two_are_refused(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    // Half of the address space: no machine with 32 bits or more has it in one piece beside its program.
    let power = 1usize << (usize::BITS - 2);
    for more in [1, 2, 8, 100, power / 2, power - 4096] {
        must_refuse(&mut checked, power + more, 1)?;
    }
    goes_on(&mut checked)
}

/// Every alignment up to 2^62 is kept, or the request is refused.
pub fn every_alignment_is_kept_or_refused(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    // Miri's own allocator knows no larger ones.
    let shifts = if cfg!(miri) { 29 } else { usize::BITS - 1 };
    for align in (0..shifts).map(|shift| 1usize << shift) {
        let mut checked = Checked::new(&*heap);
        for size in [1, 24, 100] {
            let Ok(wanted) = Layout::from_size_align(size, align) else {
                continue;
            };
            checked.allocate(wanted)?;
            checked.allocate(layout(8, 8))?;
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Blocks at alignments from 32 to 4096 lie apart, as many as the heap holds.
pub fn over_aligned_blocks_lie_apart(subject: &Subject<'_>) -> Verdict {
    for align in ALIGNMENTS.into_iter().filter(|align| *align >= 32) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        fill_with(&mut checked, |index| {
            layout([1, align, align / 2 + 1][index % 3], align)
        })?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// The largest block that a heap serves is inside of it to the last byte, and so is what it serves beside it.
pub fn the_largest_block_is_all_there(subject: &Subject<'_>) -> Verdict {
    for align in [1, 8, 256] {
        let size = largest(&*subject.make(), align);
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        // The next heap may lie a little less well than the one that was probed.
        if checked.allocate(layout(size, align))?.is_none() {
            let less = layout(size - size / 8, align);
            demand(checked.allocate(less)?, less)?;
        }
        for more in [size + 1, size, size / 2 + 1, 64, 1] {
            checked.allocate(layout(more, align))?;
        }
        fill(&mut checked, layout(16, 8))?;
        checked.free_all(|lives| lives.reverse())?;
    }
    Ok(())
}

/// A thousand requests that cannot be served leave a heap as it was.
pub fn impossible_requests_leave_a_heap_usable(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    goes_on(&mut checked)?;
    storm(&mut checked, scaled(1000))?;
    goes_on(&mut checked)
}

/// Checks that a size no machine has is refused.
fn must_refuse(checked: &mut Checked<'_>, size: usize, align: usize) -> Verdict {
    match checked.allocate_untouched(layout(size, align))? {
        None => Ok(()),
        Some(_) => Err(Failure::new(alloc::format!(
            "{size} bytes at a multiple of {align} were served"
        ))),
    }
}

/// Checks that the heap still serves small blocks.
fn goes_on(checked: &mut Checked<'_>) -> Verdict {
    for size in [1, 24, 100] {
        let wanted = layout(size, 8);
        demand(checked.allocate(wanted)?, wanted)?;
    }
    checked.check_all()?;
    checked.free_all(|_| {})
}
