//! What is in a block: zeros if they were asked for, and then only what its owner writes.

use alloc::vec::Vec;
use core::alloc::Layout;

use super::probe::{ALIGNMENTS, demand, fill, fill_up};
use super::subject::Subject;
use crate::drive::{Checked, Verdict};
use crate::model::shadow::Live;
use crate::workload::op::layout;
use crate::workload::random::{Mix, Rng};
use crate::workload::{ROOM, scaled, some};

/// Sizes from one byte to half of the heap.
const SIZES: [usize; 9] = [1, 13, 256, 7, 8, 100, 255, 1000, ROOM / 4];

/// A cleared block is zero to its extent, on memory that nobody used.
pub fn zeroed_blocks_are_zero(subject: &Subject<'_>) -> Verdict {
    for &size in some(&SIZES) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        demand(checked.allocate_zeroed(layout(size, 8))?, layout(size, 8))?;
        for align in ALIGNMENTS {
            checked.allocate_zeroed(layout(size, align))?;
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// A cleared block is zero to its extent where other blocks were before.
pub fn zeroed_blocks_are_zero_after_use(subject: &Subject<'_>) -> Verdict {
    after_use(subject, |checked, wanted| checked.allocate_zeroed(wanted))
}

/// A block that is said to be zero is, whatever was there before.
pub fn blocks_said_to_be_zero_are(subject: &Subject<'_>) -> Verdict {
    after_use(subject, |checked, wanted| checked.allocate_raw(wanted))
}

/// A block may be written to its extent without harm to others.
pub fn blocks_can_be_written_to_their_extent(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[9, 33, 1, 3, 24, 100]) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        fill(&mut checked, layout(size, 1))?;
        checked.check_all()?;
        checked.free_all(|lives| lives.reverse())?;
    }
    Ok(())
}

/// A block keeps its bytes while its neighbours are freed, replaced and freed again.
pub fn freeing_the_neighbours_leaves_a_block_alone(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[24, 100, 8, 16, 40, 256]) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let lives = fill(&mut checked, layout(size, 8))?;
        let (mut freed, kept): (Vec<_>, Vec<_>) = lives.into_iter().enumerate().partition(|(index, _)| index % 3 != 0);
        Rng::new(size as u64).shuffle(&mut freed);
        for (_, live) in freed {
            checked.free(live)?;
        }
        checked.check_all()?;
        fill_up(&mut checked, layout(size * 2, 8))?;
        checked.check_all()?;
        for (index, live) in kept {
            checked.free(live)?;
            if index % 32 == 0 {
                checked.check_all()?;
            }
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// Writes to all of the heap, frees it, and asks for blocks again.
fn after_use(subject: &Subject<'_>, allocate: impl Fn(&mut Checked<'_>, Layout) -> Verdict<Option<Live>>) -> Verdict {
    for mix in [Mix::Small, Mix::Mixed, Mix::OverAligned] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let mut rng = Rng::new(5);
        fill_up(&mut checked, layout(500, 8))?;
        checked.free_all(|lives| rng.shuffle(lives))?;
        for _ in 0..scaled(300) {
            if allocate(&mut checked, mix.layout(&mut rng, ROOM / 8))?.is_none() {
                checked.free_all(|lives| rng.shuffle(lives))?;
            }
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}
