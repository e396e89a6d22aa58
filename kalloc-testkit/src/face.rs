//! Any `GlobalAlloc` as a heap, with each of its four functions in use.
//!
//! [`GlobalHeap`](kalloc_traits::glue::global::GlobalHeap) of kalloc-traits never calls `realloc`, which is where many
//! allocators have been wrong: it copied too much or too little, or forgot the alignment.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use kalloc_traits::request::dangling;
use kalloc_traits::{AllocError, Heap};

/// Any [`GlobalAlloc`] as a [`Heap`] to be judged: growing and shrinking at one alignment is its `realloc`.
///
/// `GlobalAlloc` must not be asked for zero bytes, so such requests are answered here, and `dealloc` and `realloc` get the
/// layout of the last call, as they must. Slices come back with the requested length, as `GlobalAlloc` tells of no other.
///
/// ```
/// use kalloc_testkit::conformance;
/// use kalloc_testkit::face::GlobalFace;
///
/// conformance!(system, || GlobalFace(std::alloc::System), quality: [reuses]);
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalFace<A>(pub A);

/// Returns the block at `pointer`, or the error that null stands for.
fn block(pointer: *mut u8, size: usize) -> Result<NonNull<[u8]>, AllocError> {
    let start = NonNull::new(pointer).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(start, size))
}

impl<A: GlobalAlloc> GlobalFace<A> {
    /// Resizes a block, by `realloc` if it can.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    unsafe fn resize(&self, start: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() > 0 && new.size() > 0 && old.align() == new.align() {
            // SAFETY: the caller gives the block with its layout; the size is not zero and makes a layout with the
            // alignment.
            return block(unsafe { self.0.realloc(start.as_ptr(), old, new.size()) }, new.size());
        }
        let moved = self.allocate(new)?;
        let kept = old.size().min(new.size());
        // SAFETY: both blocks are live, hold `kept` bytes, and do not overlap; or nothing is copied.
        unsafe { moved.cast::<u8>().copy_from(start, kept) };
        // SAFETY: the caller gives the block.
        unsafe { self.deallocate(start, old) };
        Ok(moved)
    }
}

// SAFETY: `GlobalAlloc`'s contract covers `Heap`'s; sizes of zero never reach it, and the extent is the size.
unsafe impl<A: GlobalAlloc> Heap for GlobalFace<A> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc(layout) }, layout.size())
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller upholds the contract, and the size is not zero.
            unsafe { self.0.dealloc(block.as_ptr(), layout) };
        }
    }

    unsafe fn resize_in_place(
        &self,
        _block: NonNull<u8>,
        _old: Layout,
        _new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() < old.size() {
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.resize(block, old, new) }
    }

    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() > old.size() {
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.resize(block, old, new) }
    }
}
