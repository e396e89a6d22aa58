//! A heap behind a lock among one thread.

use std::alloc::Layout;

use kalloc_sync::{Locked, Single, SingleThread};
use kalloc_traits::{Heap, Inspect};

use crate::growing::Memory;
use crate::tiny::Tiny;
use crate::watchdog::guarded;

struct ThisTest;

// SAFETY: the only heap of that kind is a local variable of one thread.
unsafe impl SingleThread for ThisTest {}

#[test]
fn one_thread_needs_no_compare_and_swap() {
    guarded(|| {
        let mut memory = Memory::<1024>::new();
        let region = memory.growing(|_| {});
        let heap = Locked::<_, Single<ThisTest>>::new(Tiny::new(region));
        let (one, two) = (Layout::new::<[u8; 100]>(), Layout::new::<[u8; 300]>());
        let block = heap.allocate_zeroed(one).unwrap();
        // SAFETY: the block is live, and this is its layout.
        let block = unsafe { heap.grow_zeroed(block.cast(), one, two) }.unwrap();
        // SAFETY: the block is live.
        assert!(unsafe { block.as_ref() }.iter().all(|&byte| byte == 0));
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.deallocate(block.cast(), two) };
        assert_eq!(heap.stats().live_blocks, 0);
    });
}
