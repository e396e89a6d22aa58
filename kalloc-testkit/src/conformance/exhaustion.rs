//! A heap that is full: it refuses, nothing is lost, and nothing changes.

use super::probe::{FILL_BYTES, fill, fill_up, serves, storm};
use super::subject::Subject;
use crate::drive::{Checked, Verdict, ensure};
use crate::workload::op::layout;
use crate::workload::scaled;

/// A full heap refuses a thousand requests of every kind, and its blocks keep their bytes.
pub fn a_full_heap_refuses_and_keeps_its_blocks(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    fill_up(&mut checked, layout(300, 8))?;
    for round in 0..scaled(1000) {
        serves(&*heap, layout(FILL_BYTES + round, 8));
        checked.allocate_zeroed(layout(1 + round % 100, 1 << (round % 8)))?;
    }
    storm(&mut checked, scaled(1000))?;
    checked.check_all()?;
    checked.free_all(|_| {})
}

/// Requests that cannot be served change nothing: as much fits afterwards as would have.
pub fn refusals_change_nothing(subject: &Subject<'_>) -> Verdict {
    let fits = |refusals| -> Verdict<usize> {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        fill(&mut checked, layout(1000, 8))?
            .into_iter()
            .skip(8)
            .try_for_each(|live| checked.free(live))?;
        storm(&mut checked, refusals)?;
        let served = fill(&mut checked, layout(64, 8))?.len();
        checked.free_all(|_| {})?;
        Ok(served)
    };
    let (without, with) = (fits(0)?, fits(scaled(2000))?);
    // The one heap may lie a little less well than the other.
    ensure!(
        with >= without - without / 8,
        "{without} blocks of 64 bytes fit into a heap, {with} after requests that it refused"
    );
    Ok(())
}

/// Every block of a full heap can be resized, or is left as it was.
pub fn a_full_heap_resizes_or_refuses(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let lives = fill(&mut checked, layout(200, 8))?;
    fill_up(&mut checked, layout(64, 8))?;
    for (index, live) in lives.into_iter().enumerate() {
        let new = layout([150, 250, 200, 0][index % 4], 8 << (index % 5));
        if new.size() < 200 {
            checked.shrink(live, new)?;
        } else if index % 2 == 0 {
            checked.grow(live, new)?;
        } else {
            checked.grow_zeroed(live, new)?;
        }
    }
    checked.check_all()?;
    // Freed by mistake, it is handed out now.
    fill_up(&mut checked, layout(64, 8))?;
    checked.free_all(|lives| lives.reverse())
}
