//! linked_list_allocator: free blocks in one list by address, no headers.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Span;
use linked_list_allocator::Heap;

use super::Peer;

/// `Heap` needs a few words to start with, and panics without them.
const LEAST_BYTES: usize = 1024;

/// linked_list_allocator's heap without its lock. It never resizes in place.
pub struct LinkedList(Heap);

impl Peer for LinkedList {
    const NAME: &'static str = "linked_list_allocator 0.10.6";

    unsafe fn on(memory: Span) -> Option<Self> {
        if memory.len() < LEAST_BYTES {
            return None;
        }
        // SAFETY: the caller hands the memory over, and it is large enough for a first hole.
        Some(Self(unsafe { Heap::new(memory.start().as_ptr(), memory.len()) }))
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.allocate_first_fit(layout).ok()
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.deallocate(block, layout) }
    }
}
