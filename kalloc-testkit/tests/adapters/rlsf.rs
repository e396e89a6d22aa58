//! rlsf's two-level segregated fit.

use std::alloc::Layout;
use std::cell::RefCell;
use std::ptr::NonNull;

use kalloc_testkit::region::Held;
use kalloc_traits::request::dangling;
use kalloc_traits::{AllocError, Heap, RawRegion};

/// Its heap, with 16 classes for each power of two.
pub(crate) struct Rlsf(RefCell<rlsf::Tlsf<'static, u32, u16, 20, 16>>);

impl Rlsf {
    /// Returns it over a region.
    pub(crate) fn over<R: RawRegion>(region: R) -> Held<Self, R> {
        Held::over(region, |span| {
            let mut heap = rlsf::Tlsf::new();
            // SAFETY: the span's bytes belong to the heap until both are dropped.
            unsafe { heap.insert_free_block_ptr(NonNull::slice_from_raw_parts(span.start(), span.len())) };
            Self(RefCell::new(heap))
        })
    }
}

/// Cuts a block to its size, which is its extent.
fn cut(block: Option<NonNull<u8>>, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    Ok(NonNull::slice_from_raw_parts(block.ok_or(AllocError)?, layout.size()))
}

// SAFETY: it serves blocks of at least the size, out of the memory that it was given; extents are cut to the size.
unsafe impl Heap for Rlsf {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        cut(self.0.borrow_mut().allocate(layout), layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller upholds the contract.
            unsafe { self.0.borrow_mut().deallocate(block, layout.align()) };
        }
    }

    unsafe fn resize_in_place(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() < old.size() {
            return Err(AllocError);
        }
        if old.size() != 0 && old.align() == new.align() {
            // SAFETY: the caller upholds the contract, and the alignment is the same.
            return cut(unsafe { self.0.borrow_mut().reallocate(block, new) }, new);
        }
        let moved = self.allocate(new)?;
        // SAFETY: both blocks are live and hold the old size.
        unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, old.size()) };
        // SAFETY: the caller upholds the contract.
        unsafe { self.deallocate(block, old) };
        Ok(moved)
    }
}
