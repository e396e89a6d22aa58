//! Shrinking a block: it keeps what it still holds, and what it gives up is free once.

use super::probe::{ALIGNMENTS, demand, fill, fill_up};
use super::subject::Subject;
use crate::drive::{Checked, Verdict, ensure};
use crate::workload::op::layout;
use crate::workload::{ROOM, scaled};

/// A block that halves from a quarter of the heap to one byte keeps what is left, at every alignment.
pub fn shrinking_keeps_the_contents(subject: &Subject<'_>) -> Verdict {
    for align in ALIGNMENTS {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let mut size = ROOM / 4;
        let Some(mut live) = checked.allocate(layout(size, align))? else {
            continue;
        };
        checked.allocate(layout(8, 8))?;
        while size > 0 {
            size = size / 2 - size / 2 % 3;
            live = checked.shrink(live, layout(size, align))?.unwrap_or(live);
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// A block that goes up and down again, by other steps, keeps its bytes.
pub fn going_up_and_down_keeps_the_contents(subject: &Subject<'_>) -> Verdict {
    for align in ALIGNMENTS.into_iter().step_by(3) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let Some(mut live) = checked.allocate(layout(5, align))? else {
            continue;
        };
        for (up, down) in [(10, 3), (100, 40), (1000, 900), (ROOM / 8, 700), (1500, 2)] {
            let size = |checked: &Checked<'_>, live| checked.shadow().block(live).layout.size();
            live = checked
                .grow(live, layout(up.max(size(&checked, live)), align))?
                .unwrap_or(live);
            checked.allocate(layout(16, 8))?;
            live = checked
                .shrink(live, layout(down.min(size(&checked, live)), align))?
                .unwrap_or(live);
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// A block that shrinks to a larger alignment is aligned to it, and keeps what is left.
pub fn shrinking_to_a_larger_alignment_is_obeyed(subject: &Subject<'_>) -> Verdict {
    between_alignments(subject, |from, to| from < to)
}

/// A block that shrinks to a smaller alignment keeps what is left, and can be freed by the new layout.
pub fn shrinking_to_a_smaller_alignment_is_obeyed(subject: &Subject<'_>) -> Verdict {
    between_alignments(subject, |from, to| from > to)
}

/// A shrink to a larger alignment on a full heap succeeds, or leaves the block as it was.
pub fn a_refused_shrink_leaves_the_block(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let lives = fill(&mut checked, layout(200, 8))?;
    fill_up(&mut checked, layout(64, 8))?;
    for (index, live) in lives.into_iter().enumerate().take(scaled(200).max(9)) {
        checked.shrink(live, layout(200 - index % 2, 64 << (index % 6)))?;
        // Freed by mistake, it would be handed out again.
        checked.allocate(layout(64, 8))?;
    }
    checked.free_all(|lives| lives.reverse())
}

/// `shrink` to a larger size is refused.
pub fn shrinking_to_more_is_refused(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let live = demand(checked.allocate(layout(100, 8))?, layout(100, 8))?;
    for more in [101, 104, 200, ROOM / 2] {
        let answer = checked.shrink(live, layout(more, 8))?;
        ensure!(answer.is_none(), "shrink from 100 to {more} bytes succeeded");
    }
    checked.free(live)
}

/// A block can shrink to the size it has without a change.
pub fn shrinking_to_the_same_size_changes_nothing(subject: &Subject<'_>) -> Verdict {
    for size in [1, 8, 13, 24, 100, 500] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let mut live = demand(checked.allocate(layout(size, 8))?, layout(size, 8))?;
        checked.allocate(layout(size, 8))?;
        for _ in 0..4 {
            live = checked.shrink(live, layout(size, 8))?.unwrap_or(live);
        }
        fill_up(&mut checked, layout(64, 8))?;
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// What a shrink gives up is handed out once, and is no byte more.
pub fn what_a_shrink_gives_up_is_handed_out_once(subject: &Subject<'_>) -> Verdict {
    for (size, new) in [(64, 8), (64, 60), (100, 50), (256, 1), (1000, 500), (1000, 992)] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        for live in fill(&mut checked, layout(size, 8))?.into_iter().step_by(2) {
            checked.shrink(live, layout(new, 8))?;
        }
        checked.check_all()?;
        for small in [size - new, size - new + 8, 8] {
            fill(&mut checked, layout(small, 8))?;
        }
        checked.free_all(|lives| lives.reverse())?;
    }
    Ok(())
}

/// Shrinks blocks from each alignment to each other one that `applies`.
fn between_alignments(subject: &Subject<'_>, applies: impl Fn(usize, usize) -> bool) -> Verdict {
    for from in ALIGNMENTS {
        for to in ALIGNMENTS.into_iter().filter(|to| applies(from, *to)) {
            let heap = subject.make();
            let mut checked = Checked::new(&*heap);
            for (size, new) in [(24, 24), (100, 24), (101, 100)] {
                checked.allocate(layout(8, 8))?;
                let Some(live) = checked.allocate(layout(size, from))? else {
                    continue;
                };
                checked.shrink(live, layout(new, to))?;
            }
            checked.free_all(|_| {})?;
        }
    }
    Ok(())
}
