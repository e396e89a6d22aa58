//! linked_list_allocator.

use std::alloc::Layout;
use std::cell::RefCell;
use std::ptr::NonNull;

use kalloc_testkit::region::Held;
use kalloc_traits::request::dangling;
use kalloc_traits::{AllocError, Heap, RawRegion};

/// Its heap. It serves requests of no bytes as it would others, so they are answered here.
pub(crate) struct LinkedList(RefCell<linked_list_allocator::Heap>);

impl LinkedList {
    /// Returns it over a region. It panics over less than three words, as documented; then it stays empty.
    pub(crate) fn over<R: RawRegion>(region: R) -> Held<Self, R> {
        Held::over(region, |span| {
            let mut heap = linked_list_allocator::Heap::empty();
            if span.len() >= 4 * size_of::<usize>() {
                // SAFETY: the span's bytes belong to the heap until both are dropped.
                unsafe { heap.init(span.start().as_ptr(), span.len()) };
            }
            Self(RefCell::new(heap))
        })
    }
}

// SAFETY: it serves blocks of at least the size, out of the memory that it was given; extents are cut to the size.
unsafe impl Heap for LinkedList {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        let block = self
            .0
            .borrow_mut()
            .allocate_first_fit(layout)
            .map_err(|()| AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller upholds the contract.
            unsafe { self.0.borrow_mut().deallocate(block, layout) };
        }
    }

    unsafe fn resize_in_place(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }
}
