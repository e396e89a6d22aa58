//! A heap that refuses requests by number, for whoever uses heaps: does a program bear a refusal, wherever it comes?
//!
//! SQLite and others test so: run a program once for each of its requests, and refuse that one.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use kalloc_traits::{AllocError, Heap, InitError, RawBlock, impl_allocator};

use super::failing_region::Refusal;

/// A heap that refuses by a plan, and otherwise is the heap that it was given.
///
/// Counted are requests for memory: to allocate, to grow, and to shrink, for that may have to move too. A refused one does
/// not reach the heap. Requests of no bytes are never refused, nor is a resizing in place, which may always fail.
///
/// ```
/// use kalloc_testkit::fault::{FailingHeap, Refusal};
/// use kalloc_traits::Heap;
/// use kalloc_traits::glue::global::GlobalHeap;
///
/// let heap = FailingHeap::new(GlobalHeap(std::alloc::System), Refusal::Only(1));
/// let wanted = core::alloc::Layout::new::<u64>();
/// let answers = [(); 3].map(|()| heap.allocate(wanted).is_ok());
/// assert_eq!(answers, [true, false, true]);
/// assert_eq!(heap.requests(), 3);
/// ```
#[derive(Debug)]
pub struct FailingHeap<H> {
    heap: H,
    refusal: Refusal,
    requests: AtomicU32,
}

impl<H> FailingHeap<H> {
    /// Returns a heap that refuses requests by their number, from 0.
    pub const fn new(heap: H, refusal: Refusal) -> Self {
        Self {
            heap,
            refusal,
            requests: AtomicU32::new(0),
        }
    }

    /// Returns the heap behind it.
    pub const fn heap(&self) -> &H {
        &self.heap
    }

    /// Returns how many requests there were.
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Counts a request, and says whether it may pass.
    fn pass(&self, layout: Layout) -> Result<(), AllocError> {
        if layout.size() == 0 {
            return Ok(());
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let is_refused = match self.refusal {
            Refusal::Never => false,
            Refusal::Only(index) => number == index,
            Refusal::From(index) => number >= index,
        };
        if is_refused { Err(AllocError) } else { Ok(()) }
    }
}

// SAFETY: every method is the heap's, or refuses and changes nothing.
unsafe impl<H: Heap> Heap for FailingHeap<H> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.pass(layout)?;
        self.heap.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.deallocate(block, layout) }
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.resize_in_place(block, old, new) }
    }

    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        self.pass(layout)?;
        self.heap.allocate_raw(layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.pass(layout)?;
        self.heap.allocate_zeroed(layout)
    }

    fn init(&self) -> Result<(), InitError> {
        self.heap.init()
    }

    fn trim(&self) {
        self.heap.trim();
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.pass(new)?;
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.grow(block, old, new) }
    }

    unsafe fn grow_zeroed(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.pass(new)?;
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.grow_zeroed(block, old, new) }
    }

    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.pass(new)?;
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.shrink(block, old, new) }
    }
}

impl_allocator!([H: Heap] FailingHeap<H>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::planted::{Fault, Planted};
    use crate::region::GuardedRegion;

    #[test]
    fn requests_are_refused_by_number_and_nothing_else_is() {
        for (refusal, answers) in [
            (Refusal::Never, [true; 4]),
            (Refusal::Only(2), [true, true, false, true]),
            (Refusal::From(1), [true, false, false, false]),
        ] {
            let heap = FailingHeap::new(Planted::new(GuardedRegion::new(1000), Fault::None), refusal);
            let wanted = Layout::new::<u64>();
            assert_eq!(
                [(); 4].map(|()| {
                    let nothing = heap.allocate(Layout::new::<()>());
                    assert!(nothing.is_ok());
                    heap.allocate_zeroed(wanted).is_ok()
                }),
                answers
            );
            assert_eq!(heap.requests(), 4);
        }
    }
}
