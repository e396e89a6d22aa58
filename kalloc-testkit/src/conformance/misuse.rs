//! `hardened`: frees that the contract forbids are noticed. The heap ignores them, or panics; what it must not do is go on
//! and hand the same bytes out twice.
//!
//! To be judged so, a heap must be what it says: on any other, these rules are undefined behaviour.

use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Heap;

use super::probe::{demand, fill_up};
use super::subject::{Fresh, Subject};
use crate::drive::{Checked, Verdict, caught, ensure};
use crate::workload::op::layout;

/// Sizes of blocks that are misused, at most 1600.
const SIZES: [usize; 5] = [8, 24, 100, 64, 1000];

/// A block that is freed twice is not handed out twice.
pub fn a_double_free_is_refused(subject: &Subject<'_>) -> Verdict {
    misused(subject, |heap, block, held| {
        free(heap, block, held);
        free(heap, block, held);
        Outcome::Freed
    })
}

/// Memory that no heap has handed out is not taken in.
pub fn freeing_foreign_memory_is_refused(subject: &Subject<'_>) -> Verdict {
    // Somebody else's, who writes it once and never again.
    let mut foreign: Vec<u64> = alloc::vec![0x5A; 200];
    let start = NonNull::from(foreign.as_mut_slice()).cast();
    misused(subject, |heap, _, held| {
        free(heap, start, held);
        Outcome::StaysLive
    })?;
    // SAFETY: the vector is alive, and whoever has written to it does not any more.
    let words = unsafe { NonNull::slice_from_raw_parts(start.cast::<u64>(), 200).as_ref() };
    ensure!(
        words.iter().all(|word| *word == 0x5A),
        "memory that is not the heap's was freed, and then handed out"
    );
    Ok(())
}

/// A pointer into the middle of a block frees nothing.
pub fn freeing_inside_of_a_block_is_refused(subject: &Subject<'_>) -> Verdict {
    misused(subject, |heap, block, held| {
        for offset in [1, 8, 16].into_iter().filter(|offset| *offset < held.size()) {
            // SAFETY: the offset lies inside of the block.
            free(heap, unsafe { block.add(offset) }, layout(held.size() - offset, 1));
        }
        Outcome::StaysLive
    })
}

/// A block is not freed by a size that is not its own: one that is larger than its extent, or so small that the extent
/// would be another.
pub fn freeing_by_another_size_is_refused(subject: &Subject<'_>) -> Verdict {
    misused(subject, |heap, block, held| {
        let own = extent(heap, held);
        let larger = [own + 64, own * 2 + 200];
        let smaller = (extent(heap, layout(1, 8)) < own).then_some(1);
        for size in larger.into_iter().chain(smaller) {
            free(heap, block, layout(size, held.align()));
        }
        Outcome::StaysLive
    })
}

/// A block is not freed at another heap of its kind.
pub fn freeing_at_another_heap_is_refused(subject: &Subject<'_>) -> Verdict {
    let other = subject.make();
    ensure!(other.allocate(layout(64, 8)).is_ok(), "a fresh heap refused 64 bytes");
    misused(subject, |_, block, held| {
        free(&other, block, held);
        Outcome::StaysLive
    })?;
    // What it would have taken in is handed out now, and is another heap's.
    let heap = subject.make();
    let mut mine = Checked::new(&*heap);
    let live = demand(mine.allocate(layout(64, 8))?, layout(64, 8))?;
    free(&other, mine.shadow().block(live).start, layout(64, 8));
    let mut theirs = Checked::new(&*other);
    fill_up(&mut theirs, layout(64, 8))?;
    mine.check_all()?;
    theirs.free_all(|_| {})
}

/// What a misuse leaves of the block.
#[derive(PartialEq)]
enum Outcome {
    /// It is free, by the right call among the wrong ones.
    Freed,
    /// It is live, as no call was right.
    StaysLive,
}

/// Returns the extent of a layout, or its size if the heap has no room to show it.
fn extent(heap: &Fresh, wanted: Layout) -> usize {
    heap.allocate(wanted).map_or(wanted.size(), |block| {
        // SAFETY: the block was just allocated with this layout.
        unsafe { heap.deallocate(block.cast(), wanted) };
        block.len()
    })
}

/// Frees what must not be freed. A panic is an answer.
fn free(heap: &Fresh, block: NonNull<u8>, held: Layout) {
    let heap: &dyn Heap = &**heap;
    _ = caught(|| {
        // SAFETY: none, in general. The heap says of itself that it bears this.
        unsafe { heap.deallocate(block, held) };
        Ok(())
    });
}

/// Misuses a block in the midst of others, and then uses the heap up: no two blocks may overlap.
fn misused(subject: &Subject<'_>, misuse: impl Fn(&Fresh, NonNull<u8>, Layout) -> Outcome) -> Verdict {
    for size in SIZES {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let held = layout(size, 8);
        let mut lives = Vec::new();
        for _ in 0..5 {
            lives.push(demand(checked.allocate(held)?, held)?);
        }
        let victim = checked.shadow().block(lives[2]);
        if misuse(&heap, victim.start, held) == Outcome::Freed {
            checked.forget(lives[2]);
        }
        checked.check_all()?;
        for wanted in [size, 8, 24] {
            fill_up(&mut checked, layout(wanted, 8))?;
        }
        let used = checked.check_all().and_then(|()| checked.free_all(|_| {}));
        used.map_err(|failure| failure.during(format_args!("a block of {size} bytes was misused")))?;
    }
    Ok(())
}
