//! buddy_system_allocator: blocks of powers of two, a list of free ones per power.

use core::alloc::Layout;
use core::ptr::NonNull;

use buddy_system_allocator::Heap;
use kalloc_traits::Span;

use super::Peer;

/// Lists for blocks of up to 2^31 bytes.
const ORDER: usize = 32;

/// `Heap` rounds the bounds of its memory to words, and needs one for a block.
const LEAST_BYTES: usize = 64;

/// buddy_system_allocator's heap without its lock. It never resizes in place.
pub struct Buddy(Heap<ORDER>);

impl Peer for Buddy {
    const NAME: &'static str = "buddy_system_allocator 0.13.0";

    unsafe fn on(memory: Span) -> Option<Self> {
        if memory.len() < LEAST_BYTES {
            return None;
        }
        let mut heap = Heap::new();
        let start = memory.start().as_ptr().expose_provenance();
        // SAFETY: the caller hands the memory over.
        unsafe { heap.add_to_heap(start, start + memory.len()) };
        Some(Self(heap))
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.alloc(layout).ok()
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.dealloc(block, layout) }
    }
}
