//! What the adapters of kalloc's own heaps share.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_pool::{AddressOrdered, BestFitting, Checked, Config, RealTime, Standard, Tiny};
use kalloc_traits::Heap;

/// A configuration of the pool, as tables call it.
pub trait Named: Config {
    /// What they call the pool.
    const NAME: &'static str;
}

impl Named for Standard {
    const NAME: &'static str = "kalloc-pool";
}

impl Named for RealTime {
    const NAME: &'static str = "kalloc-pool, RealTime";
}

impl Named for AddressOrdered {
    const NAME: &'static str = "kalloc-pool, AddressOrdered";
}

impl Named for BestFitting {
    const NAME: &'static str = "kalloc-pool, BestFitting";
}

impl Named for Tiny {
    const NAME: &'static str = "kalloc-pool, Tiny";
}

impl Named for Checked<Standard> {
    const NAME: &'static str = "kalloc-pool, Checked";
}

/// Grows or shrinks a block, whichever it takes; it may move.
///
/// # Safety
///
/// `block` is a live block of `heap`, and was last given `old`.
#[inline]
pub(super) unsafe fn resize<H: Heap>(heap: &H, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
    let moved = if new.size() >= old.size() {
        // SAFETY: the caller upholds the contract.
        unsafe { heap.grow(block, old, new) }
    } else {
        // SAFETY: the caller upholds the contract.
        unsafe { heap.shrink(block, old, new) }
    };
    Some(moved.ok()?.cast())
}
