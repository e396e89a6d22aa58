//! Any `GlobalAlloc` as a heap.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use crate::error::AllocError;
use crate::heap::Heap;
use crate::request::dangling;

/// Any [`GlobalAlloc`] as a [`Heap`]: the system's allocator, or one that somebody else wrote.
///
/// `GlobalAlloc` must not be asked for zero bytes, so such requests are answered here. Slices come back with the
/// requested length, as `GlobalAlloc` tells of no other. Blocks are never resized in place.
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalHeap<A>(pub A);

/// Returns the block at `pointer`, or the error that null stands for.
#[inline]
fn block(pointer: *mut u8, size: usize) -> Result<NonNull<[u8]>, AllocError> {
    Ok(NonNull::slice_from_raw_parts(
        NonNull::new(pointer).ok_or(AllocError)?,
        size,
    ))
}

// SAFETY: `GlobalAlloc`'s contract covers `Heap`'s; sizes of zero never reach it, and the extent is the size.
unsafe impl<A: GlobalAlloc> Heap for GlobalHeap<A> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc(layout) }, layout.size())
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller upholds the contract, and the size is not zero.
            unsafe { self.0.dealloc(block.as_ptr(), layout) };
        }
    }

    #[inline]
    unsafe fn resize_in_place(
        &self,
        _block: NonNull<u8>,
        _old: Layout,
        _new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }
}
