//! Resizing a block where it stands.

use super::probe::{ALIGNMENTS, FILL_BYTES, demand, fill, fill_up, largest_size};
use super::subject::Subject;
use crate::drive::{Checked, Verdict, ensure};
use crate::workload::op::layout;
use crate::workload::{ROOM, scaled, some};

/// A block that is resized in place stays there and keeps its bytes, whether it is the first, the last or the only one.
pub fn resizing_in_place_never_moves(subject: &Subject<'_>) -> Verdict {
    let sizes = [1, 8, 9, 24, 100, 99, 1000, 500, 501, 16, ROOM / 4, 7];
    for position in 0..3 {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        if position > 0 {
            checked.allocate(layout(40, 8))?;
        }
        let mut live = demand(checked.allocate(layout(64, 8))?, layout(64, 8))?;
        if position > 1 {
            checked.allocate(layout(40, 8))?;
        }
        for size in sizes {
            // `Checked` fails when it moves, is too short, or loses a byte.
            live = checked.resize_in_place(live, layout(size, 8))?.unwrap_or(live);
            checked.check_all()?;
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// A resize that is refused leaves the block and its neighbours as they were.
pub fn a_refused_resize_leaves_the_block(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let lives = fill(&mut checked, layout(100, 8))?;
    for (index, live) in lives.into_iter().enumerate().take(scaled(300).max(9)) {
        for size in [ROOM + FILL_BYTES, largest_size(8), largest_size(8) - index * 8, 160] {
            checked.resize_in_place(live, layout(size, 8))?;
        }
    }
    // Freed by mistake, they would be handed out again.
    fill_up(&mut checked, layout(100, 8))?;
    checked.free_all(|_| {})
}

/// A block that does not lie at a multiple of the new alignment is not resized in place.
pub fn resizing_in_place_obeys_the_alignment(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    checked.allocate(layout(8, 8))?;
    let lives = fill(&mut checked, layout(40, 8))?;
    for (index, live) in lives.into_iter().enumerate().take(scaled(300).max(9)) {
        let mut live = live;
        for align in ALIGNMENTS {
            // `Checked` fails when the answer is not aligned.
            live = checked
                .resize_in_place(live, layout(40 - index % 3, align))?
                .unwrap_or(live);
        }
    }
    checked.free_all(|_| {})
}

/// Bytes that a block takes in place are not somebody else's.
pub fn growing_in_place_takes_free_memory_only(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[24, 100, 8, 64, 256]) {
        for excess in [0, 1, 8] {
            let heap = subject.make();
            let mut checked = Checked::new(&*heap);
            let lives = fill(&mut checked, layout(size, 8))?;
            for triple in lives.chunks_exact(3).take(scaled(60).max(3)) {
                checked.free(triple[1])?;
                checked.resize_in_place(triple[0], layout(size * 2 + excess, 8))?;
            }
            fill(&mut checked, layout(size, 8))?;
            checked.free_all(|lives| lives.reverse())?;
        }
    }
    Ok(())
}

/// `resize_in_place`: a block shrinks where it is, to every size but zero.
pub fn shrinking_in_place_always_succeeds(subject: &Subject<'_>) -> Verdict {
    for align in ALIGNMENTS {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let Some(mut live) = checked.allocate(layout(700, align))? else {
            continue;
        };
        checked.allocate(layout(8, 8))?;
        for size in [700, 699, 696, 500, 256, 255, 100, 33, 32, 31, 8, 7, 1] {
            let answer = checked.resize_in_place(live, layout(size, align))?;
            ensure!(
                answer.is_some(),
                "resize_in_place to {size} bytes was refused, though the block was larger"
            );
            live = answer.unwrap_or(live);
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// `resize_in_place`: what a shrink gives up can be had again, though the heap is full otherwise.
pub fn the_tail_of_a_shrink_can_be_had_again(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let lives = fill_up(&mut checked, layout(1000, 8))?;
    for live in lives {
        checked.resize_in_place(live, layout(100, 8))?;
        // Half of the tail, as a heap may round up when it searches.
        let answer = checked.allocate(layout(450, 8))?;
        ensure!(
            answer.is_some(),
            "a block shrank from 1000 bytes to 100 in place, then 450 bytes were refused"
        );
    }
    checked.free_all(|_| {})
}
