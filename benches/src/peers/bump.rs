//! kalloc's bump.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::{Heap, RangeRegion, Span};

use super::Peer;

/// kalloc's bump without a lock. What is freed in its midst waits for the reset.
pub struct Bump(kalloc_bump::Bump<RangeRegion>);

impl Bump {
    /// Ends all blocks at once.
    pub fn reset(&mut self) {
        self.0.reset();
    }
}

impl Peer for Bump {
    const NAME: &'static str = "kalloc-bump";

    unsafe fn on(memory: Span) -> Option<Self> {
        // SAFETY: the caller hands the memory over.
        let region = unsafe { RangeRegion::from_pointer(memory.start(), memory.len()) };
        let bump = kalloc_bump::Bump::new(region);
        bump.init().ok()?;
        Some(Self(bump))
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
}
