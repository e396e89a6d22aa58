//! Looking into a shared heap, from inside the look as well.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_sync::Locked;
use kalloc_traits::{Corruption, Heap, Inspect, Run, RunKind, Stats};

use crate::growing::Memory;
use crate::log::{LoggingLock, is_held};
use crate::tiny::{SLOT, Tiny};
use crate::watchdog::guarded;

const ONE: Layout = match Layout::from_size_align(SLOT, 8) {
    Ok(layout) => layout,
    Err(_) => panic!(),
};

#[test]
fn the_closure_of_a_walk_may_use_the_heap() {
    guarded(|| {
        let mut memory = Memory::<{ 64 * SLOT }>::new();
        let heap = Locked::<_, LoggingLock>::new(Tiny::new(memory.growing(|_| {})));
        let mut blocks: Vec<NonNull<[u8]>> = (0..6).map(|_| heap.allocate(ONE).unwrap()).collect();
        // Used, free, used: 0-1, 2, 3-5.
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.deallocate(blocks.remove(2).cast(), ONE) };

        let mut seen = Vec::new();
        heap.walk(&mut |run| {
            assert!(!is_held(), "the closure was called under the lock");
            seen.push((run.kind, run.len / SLOT));
            assert_eq!(heap.stats().live_blocks, 5);
            assert_eq!(heap.verify(), Ok(()));
            // The hole is the only free slot, so the walk finds it used if the first run is being visited.
            let block = heap.allocate(ONE).unwrap();
            assert!(heap.owns(block.cast()));
            if run.kind == RunKind::Free {
                // SAFETY: the block is live, and this is its layout.
                unsafe { heap.deallocate(blocks.pop().unwrap().cast(), ONE) };
                blocks.push(block);
                return;
            }
            // SAFETY: the block is live, and this is its layout.
            unsafe { heap.deallocate(block.cast(), ONE) };
        });
        // What changed behind the current run is seen: the last used block is free by the time the walk gets there.
        let expected = [
            (RunKind::Used, 2),
            (RunKind::Free, 1),
            (RunKind::Used, 2),
            (RunKind::Free, 1),
        ];
        assert_eq!(seen, expected);
        assert_eq!(heap.stats().live_blocks, 5);
        assert!(!heap.owns(NonNull::from(&seen).cast()));
    });
}

/// A heap that has been overwritten.
struct Broken;

const BROKEN: Corruption = Corruption {
    invariant: "B1",
    offset: 8,
};

impl Inspect for Broken {
    fn owns(&self, _: NonNull<u8>) -> bool {
        false
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    fn next_run(&self, _: usize) -> Option<Run> {
        None
    }

    fn verify(&self) -> Result<(), Corruption> {
        Err(BROKEN)
    }
}

#[test]
fn what_the_heap_says_of_its_corruption_is_passed_on() {
    assert_eq!(Locked::<_, LoggingLock>::new(Broken).verify(), Err(BROKEN));
}
