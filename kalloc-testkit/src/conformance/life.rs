//! A heap's life: laid out, trimmed, dropped.

use super::probe::{demand, fill};
use super::subject::{Builder, Subject};
use crate::drive::{Checked, Verdict, ensure};
use crate::fault::{FailingRegion, Plan};
use crate::region::Shape;
use crate::workload::op::layout;
use crate::workload::{ROOM, scaled};

/// `init` on a heap that is in use answers, and changes nothing: no block is lost, and none is handed out again.
pub fn laying_out_again_changes_nothing(subject: &Subject<'_>) -> Verdict {
    for size in [24, 100, 1000] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        for round in 0..3 {
            demand(checked.allocate(layout(size, 8))?, layout(size, 8))?;
            let answer = heap.init();
            ensure!(
                answer.is_ok(),
                "`init` of a heap that serves says {answer:?} in round {round}"
            );
            checked.check_all()?;
        }
        fill(&mut checked, layout(size, 8))?;
        checked.check_all()?;
        checked.free_all(|lives| lives.reverse())?;
    }
    Ok(())
}

/// `trim` on a heap in use leaves live blocks alone, however often.
pub fn trimming_leaves_live_blocks_alone(subject: &Subject<'_>) -> Verdict {
    for size in [16, 64, 300] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let lives = fill(&mut checked, layout(size, 8))?;
        for (index, live) in lives.into_iter().enumerate().take(scaled(200).max(9)) {
            if index % 3 != 0 {
                checked.free(live)?;
            }
            if index % 4 == 0 {
                heap.trim();
                heap.trim();
            }
        }
        checked.check_all()?;
        fill(&mut checked, layout(size, 8))?;
        heap.trim();
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// A heap that is dropped while blocks are live lets its region go, and does not panic.
pub fn a_heap_can_be_dropped_with_live_blocks(builder: &Builder<'_>) -> Verdict {
    for size in [8, 100, ROOM / 4] {
        let (region, watch) = FailingRegion::new(Shape::new(ROOM), Plan::default());
        let heap = builder.build(region);
        let mut checked = Checked::new(&*heap);
        (0..3).try_for_each(|_| checked.allocate(layout(size, 8)).map(drop))?;
        checked.check_all()?;
        drop(checked);
        drop(heap);
        ensure!(
            watch.guards().is_released(),
            "the region was not dropped with a heap whose blocks are live"
        );
        watch.check()?;
    }
    Ok(())
}
