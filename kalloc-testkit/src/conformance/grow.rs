//! Growing a block: in place or by a move, its bytes come along.

use super::probe::{ALIGNMENTS, FILL_BYTES, demand, fill, fill_up, fill_with, largest_size, serves};
use super::subject::Subject;
use crate::drive::{Checked, Verdict, ensure};
use crate::workload::op::layout;
use crate::workload::{ROOM, scaled, some};

/// A block that doubles from one byte to a quarter of the heap keeps its bytes, at every alignment.
pub fn growing_keeps_the_contents(subject: &Subject<'_>) -> Verdict {
    for align in ALIGNMENTS {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let Some(mut live) = checked.allocate(layout(1, align))? else {
            continue;
        };
        let mut size = 1;
        while size < ROOM / 4 {
            size = size * 2 + size % 3;
            live = checked.grow(live, layout(size, align))?.unwrap_or(live);
        }
        checked.free(live)?;
    }
    Ok(())
}

/// A block that has neighbours on both sides takes exactly its own bytes along.
pub fn growing_between_neighbours_keeps_the_contents(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[9, 24, 100, 1, 7, 8, 255, 1000]) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let mut lives = alloc::vec::Vec::new();
        for _ in 0..3 {
            lives.push(demand(checked.allocate(layout(size, 8))?, layout(size, 8))?);
        }
        for (live, new) in lives.into_iter().zip([size + 1, size * 2, size * 2 + 9]) {
            checked.grow(live, layout(new, 8))?;
            checked.check_all()?;
        }
        checked.free_all(|lives| lives.reverse())?;
    }
    Ok(())
}

/// A block that grows to a larger alignment is aligned to it, and keeps its bytes.
pub fn growing_to_a_larger_alignment_is_obeyed(subject: &Subject<'_>) -> Verdict {
    between_alignments(subject, |from, to| from < to)
}

/// A block that grows to a smaller alignment keeps its bytes, and can be freed by the new layout.
pub fn growing_to_a_smaller_alignment_is_obeyed(subject: &Subject<'_>) -> Verdict {
    between_alignments(subject, |from, to| from > to)
}

/// A block can grow to the size it has, and to its extent, without a change.
pub fn growing_to_the_same_size_changes_nothing(subject: &Subject<'_>) -> Verdict {
    for size in [1, 8, 13, 24, 100, 500] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let mut live = demand(checked.allocate(layout(size, 8))?, layout(size, 8))?;
        checked.allocate(layout(size, 8))?;
        for _ in 0..4 {
            live = checked.grow(live, layout(size, 8))?.unwrap_or(live);
            let extent = checked.shadow().block(live).extent;
            live = checked.grow(live, layout(extent, 8))?.unwrap_or(live);
            live = checked.shrink(live, layout(size, 8))?.unwrap_or(live);
        }
        fill_up(&mut checked, layout(64, 8))?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// `grow` to a smaller size is refused.
pub fn growing_to_less_is_refused(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let live = demand(checked.allocate(layout(100, 8))?, layout(100, 8))?;
    for less in [99, 50, 8, 1, 0] {
        ensure!(
            checked.grow(live, layout(less, 8))?.is_none(),
            "grow from 100 to {less} bytes succeeded"
        );
        let zeroed = checked.grow_zeroed_or_refused(live, layout(less, 8))?;
        ensure!(zeroed.is_none(), "grow_zeroed from 100 to {less} bytes succeeded");
    }
    checked.free(live)
}

/// A growth that is refused leaves the block live, with its bytes, its layout, and its place.
pub fn a_refused_growth_leaves_the_block(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let lives = fill(&mut checked, layout(200, 8))?;
    fill_up(&mut checked, layout(64, 8))?;
    for (index, live) in lives.iter().enumerate().take(scaled(200).max(9)) {
        let align = 1 << (index % 7);
        checked.grow(*live, layout(largest_size(align) - index, align))?;
        // No block of this size is left, unless the heap never fills up.
        let too_much = layout(ROOM + FILL_BYTES, 8);
        let live = match serves(&*heap, too_much) {
            true => *live,
            false => checked.grow(*live, too_much)?.unwrap_or(*live),
        };
        // Freed by mistake, it would be handed out again.
        checked.allocate(layout(64, 8))?;
        let current = checked.shadow().block(live).layout;
        checked.shrink(live, layout(current.size() / 2, 8))?;
    }
    checked.free_all(|_| {})
}

/// What `grow_zeroed` adds is zero to the extent, in place and after a move, over bytes that were written before.
pub fn growing_zeroed_clears_what_is_new(subject: &Subject<'_>) -> Verdict {
    for (size, new) in [(1, 2), (1, 100), (8, 64), (13, 14), (13, 200), (100, 101), (100, 1000)] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        // All memory is written once, and free again.
        fill_up(&mut checked, layout(700, 8))?;
        checked.free_all(|_| {})?;
        for is_pinned in [false, true] {
            let Some(live) = checked.allocate(layout(size, 8))? else {
                break;
            };
            if is_pinned {
                checked.allocate(layout(8, 8))?;
            }
            let live = checked.grow_zeroed(live, layout(new, 8))?.unwrap_or(live);
            checked.free(live)?;
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Bytes that a shrink gave up are zero when `grow_zeroed` brings them back.
pub fn growing_zeroed_clears_what_a_shrink_gave_up(subject: &Subject<'_>) -> Verdict {
    for (large, small) in [(100, 99), (100, 97), (100, 10), (1000, 1), (64, 63), (16, 9)] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let mut live = demand(checked.allocate(layout(large, 8))?, layout(large, 8))?;
        for _ in 0..3 {
            live = checked.shrink(live, layout(small, 8))?.unwrap_or(live);
            live = checked.grow_zeroed(live, layout(large, 8))?.unwrap_or(live);
        }
        checked.free(live)?;
    }
    Ok(())
}

/// A block that can only grow into the free memory before it keeps its bytes, though old and new place overlap.
pub fn growing_backwards_keeps_the_contents(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[100, 32, 64, 256, 1000]) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let lives = fill_with(&mut checked, |index| layout([size / 2, size][index % 2], 8))?;
        fill_up(&mut checked, layout(size, 8))?;
        for pair in lives.chunks_exact(2).take(scaled(60).max(4)) {
            checked.free(pair[0])?;
            checked.grow(pair[1], layout(size + size / 4, 8))?;
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// A block whose free neighbour is a few bytes too small does not grow over the next one.
pub fn growing_beside_a_hole_too_small_does_no_harm(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[24, 100, 8, 16, 64, 256]) {
        for excess in [8, 1, 16] {
            let heap = subject.make();
            let mut checked = Checked::new(&*heap);
            let lives = fill(&mut checked, layout(size, 8))?;
            for triple in lives.chunks_exact(3).take(scaled(60).max(3)) {
                checked.free(triple[1])?;
                checked.grow(triple[0], layout(size * 2 + excess, 8))?;
            }
            checked.check_all()?;
            checked.free_all(|_| {})?;
        }
    }
    Ok(())
}

/// Grows blocks from each alignment to each other one that `applies`.
fn between_alignments(subject: &Subject<'_>, applies: impl Fn(usize, usize) -> bool) -> Verdict {
    for from in ALIGNMENTS {
        for to in ALIGNMENTS.into_iter().filter(|to| applies(from, *to)) {
            let heap = subject.make();
            let mut checked = Checked::new(&*heap);
            for (size, new) in [(24, 24), (24, 100), (100, 101)] {
                checked.allocate(layout(8, 8))?;
                let Some(live) = checked.allocate(layout(size, from))? else {
                    continue;
                };
                // Right behind it, so that it has to move.
                checked.allocate(layout(8, 8))?;
                checked.grow(live, layout(new, to))?;
            }
            checked.free_all(|_| {})?;
        }
    }
    Ok(())
}
