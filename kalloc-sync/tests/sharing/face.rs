//! What `Global` makes of a heap, called as a collection would call it.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;

use kalloc_pool::Pool;
use kalloc_sync::{Global, Locked, SpinLock};
use kalloc_traits::{Inspect, RawRegion};

use crate::growing::Memory;

const BYTES: usize = 256 * 1024;

/// Returns the face of a pool on `region`.
fn face<R: RawRegion>(region: R) -> Global<Locked<Pool<R>, SpinLock>> {
    Global::new(Locked::new(Pool::new(region)))
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 16).unwrap()
}

/// Returns whether the first `len` bytes of `block` are all `byte`.
///
/// # Safety
///
/// They are part of a live block, and initialised.
unsafe fn are_all(block: *mut u8, len: usize, byte: u8) -> bool {
    // SAFETY: the caller upholds the contract.
    unsafe { std::slice::from_raw_parts(block, len) }
        .iter()
        .all(|&other| other == byte)
}

#[test]
fn a_block_keeps_its_bytes_over_every_reallocation() {
    let mut memory = Box::new(Memory::<BYTES>::new());
    let global = face(memory.growing(|_| {}));
    // SAFETY: the size is not zero.
    let mut block = unsafe { global.alloc_zeroed(layout(10)) };
    let mut len = 10;
    for new_len in [10, 400, 20_000, 30, 31, 7, 9000, 1] {
        // SAFETY: the block is live and initialised.
        unsafe { ptr::write_bytes(block, 7, len) };
        // SAFETY: the block is live, and this is its layout; the new size is neither zero nor too large.
        block = unsafe { global.realloc(block, layout(len), new_len) };
        assert!(!block.is_null());
        // SAFETY: the block is live, and that much was filled before.
        assert!(unsafe { are_all(block, len.min(new_len), 7) });
        len = new_len;
    }
    // SAFETY: the block is live, and this is its layout.
    unsafe { global.dealloc(block, layout(len)) };
    assert_eq!(global.heap().stats().live_blocks, 0);
    assert_eq!(global.into_inner().verify(), Ok(()));
}

#[test]
fn what_cannot_be_had_is_null_and_the_block_is_as_before() {
    let mut memory = Box::new(Memory::<BYTES>::new());
    let global = face(memory.growing(|_| {}));
    // SAFETY: the size is not zero.
    let block = unsafe { global.alloc(layout(100)) };
    // SAFETY: the block is as long as that.
    unsafe { block.write_bytes(7, 100) };
    let before = global.heap().stats();

    // No layout has the first size, which only a broken caller would pass. The last two are more than there is.
    for size in [usize::MAX, isize::MAX.unsigned_abs() - 15, BYTES] {
        // SAFETY: the block is live, and this is its layout. `Global` looks at the size before it believes it.
        assert!(unsafe { global.realloc(block, layout(100), size) }.is_null());
    }
    // SAFETY: the sizes are not zero.
    assert!(unsafe { global.alloc(layout(BYTES)) }.is_null());
    // SAFETY: the sizes are not zero.
    assert!(unsafe { global.alloc_zeroed(layout(BYTES)) }.is_null());

    let after = global.heap().stats();
    assert_eq!((after.used, after.live_blocks), (before.used, before.live_blocks));
    assert_eq!(after.failed_requests, before.failed_requests + 4);
    // SAFETY: the block is live and filled.
    assert!(unsafe { are_all(block, 100, 7) });
    // SAFETY: the block is live, and this is its layout.
    unsafe { global.dealloc(block, layout(100)) };
    assert_eq!(global.heap().stats().live_blocks, 0);
}

#[test]
fn zeroed_blocks_are_zero_and_aligned_as_far_as_asked() {
    let mut memory = Box::new(Memory::<BYTES>::new());
    let global = face(memory.growing(|_| {}));
    for shift in 0..=14 {
        let layout = Layout::from_size_align(24, 1 << shift).unwrap();
        // SAFETY: the size is not zero.
        let block = unsafe { global.alloc_zeroed(layout) };
        assert!(!block.is_null() && block.addr() % layout.align() == 0);
        // SAFETY: the block is live and zeroed.
        assert!(unsafe { are_all(block, 24, 0) });
        // SAFETY: the block is live and as long as that.
        unsafe { block.write_bytes(7, 24) };
        // SAFETY: the block is live, and this is its layout.
        unsafe { global.dealloc(block, layout) };
    }
}
