//! kalloc's pool, in the configurations that have a name.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_pool::{Config, Standard};
use kalloc_traits::{Heap, RangeRegion, Span};

use super::Peer;
use super::kalloc::{Named, resize};

/// kalloc's pool without a lock.
pub struct Pool<C: Config = Standard>(kalloc_pool::Pool<RangeRegion, C>);

impl<C: Config> Pool<C> {
    /// Returns the pool itself.
    pub fn heap(&self) -> &kalloc_pool::Pool<RangeRegion, C> {
        &self.0
    }
}

impl<C: Named> Peer for Pool<C> {
    const NAME: &'static str = C::NAME;

    unsafe fn on(memory: Span) -> Option<Self> {
        // SAFETY: the caller hands the memory over.
        let region = unsafe { RangeRegion::from_pointer(memory.start(), memory.len()) };
        let pool = kalloc_pool::Pool::with_config(region);
        pool.init().ok()?;
        Some(Self(pool))
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
    fn allocate_zeroed(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        Some(self.0.allocate_zeroed(layout).ok()?.cast())
    }

    #[inline]
    unsafe fn reallocate(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the caller upholds the contract.
        unsafe { resize(&self.0, block, old, new) }
    }
}
