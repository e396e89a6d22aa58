//! The layout is the header: a block's extent follows from its size alone, on every path, and stands for it.

use alloc::vec::Vec;

use super::probe::{ALIGNMENTS, demand, fill, fill_up};
use super::subject::Subject;
use crate::drive::{Checked, Verdict, ensure};
use crate::model::shadow::Live;
use crate::workload::op::layout;
use crate::workload::some;

/// Runs `action` for every size that these rules try, on a fresh heap each time: one that reuses nothing needs the room.
fn for_sizes(subject: &Subject<'_>, mut action: impl FnMut(&mut Checked<'_>, usize) -> Verdict) -> Verdict {
    let beside_powers = [255, 256, 257, 200, 500, 1000, 1023, 1024, 1025];
    for size in (1..130)
        .step_by(if cfg!(miri) { 13 } else { 1 })
        .chain(some(&beside_powers).iter().copied())
    {
        let heap = subject.make();
        // It remembers the extent of each size, and fails at the first that differs.
        let mut checked = Checked::new(&*heap);
        demand(checked.allocate(layout(size, 8))?, layout(size, 8))?;
        action(&mut checked, size)?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// One size has one extent, whatever the alignment.
pub fn one_size_has_one_extent_at_every_alignment(subject: &Subject<'_>) -> Verdict {
    for_sizes(subject, |checked, size| {
        for align in ALIGNMENTS {
            if let Some(live) = checked.allocate(layout(size, align))? {
                checked.free(live)?;
            }
        }
        Ok(())
    })
}

/// A cleared block has the extent of its size, and so has one whose heap was asked whether it is clear.
pub fn a_zeroed_block_has_the_extent_of_its_size(subject: &Subject<'_>) -> Verdict {
    for_sizes(subject, |checked, size| {
        checked.allocate_zeroed(layout(size, 8))?;
        checked.allocate_raw(layout(size, 8)).map(drop)
    })
}

/// A grown block has the extent of its new size, whether it moved or not.
pub fn a_grown_block_has_the_extent_of_its_size(subject: &Subject<'_>) -> Verdict {
    for_sizes(subject, |checked, size| {
        for (from, align, is_pinned) in [
            (1, 8, false),
            (size / 2 + 1, 8, true),
            (size, 64, true),
            (size / 3, 1, false),
        ] {
            let Some(live) = checked.allocate(layout(from, 8))? else {
                continue;
            };
            if is_pinned {
                checked.allocate(layout(16, 8))?;
            }
            let live = checked.grow(live, layout(size.max(from), align))?.unwrap_or(live);
            checked.free(live)?;
        }
        Ok(())
    })
}

/// A shrunk block has the extent of its new size, whether it moved or not.
pub fn a_shrunk_block_has_the_extent_of_its_size(subject: &Subject<'_>) -> Verdict {
    for_sizes(subject, |checked, size| {
        for (from, align) in [
            (size, 8),
            (size + 1, 8),
            (size * 2, 8),
            (size + 300, 128),
            (size + 1, 4096),
        ] {
            let Some(live) = checked.allocate(layout(from, 8))? else {
                continue;
            };
            let live = checked.shrink(live, layout(size, align))?.unwrap_or(live);
            checked.free(live)?;
        }
        Ok(())
    })
}

/// A block that was resized in place has the extent of its new size.
pub fn a_block_resized_in_place_has_the_extent_of_its_size(subject: &Subject<'_>) -> Verdict {
    for_sizes(subject, |checked, size| {
        for from in [1, size, size + 1, size * 2] {
            let Some(live) = checked.allocate(layout(from, 8))? else {
                continue;
            };
            let live = checked.resize_in_place(live, layout(size, 8))?.unwrap_or(live);
            checked.free(live)?;
        }
        Ok(())
    })
}

/// Every size from a block's own to its extent has the same extent.
pub fn every_size_up_to_the_extent_has_that_extent(subject: &Subject<'_>) -> Verdict {
    for_sizes(subject, |checked, size| {
        let Some(live) = checked.allocate(layout(size, 8))? else {
            return Ok(());
        };
        let extent = checked.shadow().block(live).extent;
        for between in [size, size + (extent - size) / 2, extent] {
            let Some(live) = checked.allocate(layout(between, 8))? else {
                continue;
            };
            let same = checked.shadow().block(live).extent;
            ensure!(
                same == extent,
                "{size} bytes have the extent {extent}, but {between} bytes, which is no more, have {same}"
            );
        }
        Ok(())
    })
}

/// Every size with a block's extent frees the block, and nothing else.
pub fn any_size_of_the_extent_frees_a_block(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[13, 100, 1, 3, 17, 31, 250]) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let lives = fill(&mut checked, layout(size, 8))?;
        let every_other: Vec<Live> = lives.iter().copied().step_by(2).collect();
        for live in every_other {
            let longest = checked.shadow().block(live).extent;
            checked.free_as(live, layout(longest, 8))?;
        }
        // Too much freed shows as an overlap here.
        fill_up(&mut checked, layout(size, 8))?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Every size with a block's extent can stand for it when the block is resized.
pub fn any_size_of_the_extent_resizes_a_block(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[13, 100, 3, 31]) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        for new in [1, size / 2 + 1, size, size * 2, size * 3 + 1] {
            let Some(block) = checked.allocate(layout(size, 8))? else {
                break;
            };
            checked.allocate(layout(16, 8))?;
            let longest = layout(checked.shadow().block(block).extent, 8);
            // From the size to the whole extent, which changes nothing, and on from there.
            let block = checked.grow(block, longest)?.unwrap_or(block);
            let current = checked.shadow().block(block).layout.size();
            if new >= current {
                checked.grow(block, layout(new, 8))?;
            } else {
                checked.shrink(block, layout(new, 8))?;
            }
            fill_up(&mut checked, layout(64, 8))?;
            checked.free_all(|_| {})?;
        }
    }
    Ok(())
}
