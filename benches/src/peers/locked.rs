//! kalloc's pool behind kalloc-sync's lock.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_sync::{Locked, SpinLock};
use kalloc_traits::{Heap, RangeRegion, Span};

use super::Peer;
use super::kalloc::resize;

/// The pool in its standard configuration, behind a spin lock that nobody else wants.
pub struct LockedPool(Locked<kalloc_pool::Pool<RangeRegion>, SpinLock>);

impl Peer for LockedPool {
    const NAME: &'static str = "kalloc-pool, Locked";

    unsafe fn on(memory: Span) -> Option<Self> {
        // SAFETY: the caller hands the memory over.
        let region = unsafe { RangeRegion::from_pointer(memory.start(), memory.len()) };
        let heap = Locked::new(kalloc_pool::Pool::new(region));
        heap.init().ok()?;
        Some(Self(heap))
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        Some(self.0.allocate(layout).ok()?.cast())
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.deallocate(block, layout) }
    }

    #[inline]
    unsafe fn reallocate(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the caller upholds the contract.
        unsafe { resize(&self.0, block, old, new) }
    }
}
