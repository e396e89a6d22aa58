//! One adapter per allocator, in a file of its own, all called directly: no lock, no dynamic dispatch.
//!
//! A further peer is one file with one `impl Peer`.

mod buddy;
mod bump;
mod kalloc;
mod linked_list;
mod locked;
mod nothing;
mod pool;
mod rlsf;
mod talc;

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Span;

pub use buddy::Buddy;
pub use bump::Bump;
pub use kalloc::Named;
pub use linked_list::LinkedList;
pub use locked::LockedPool;
pub use nothing::Nothing;
pub use pool::Pool;
pub use rlsf::Rlsf;
pub use talc::Talc;

/// An allocator that cuts one span of memory.
pub trait Peer: Sized {
    /// What tables call it, with its version.
    const NAME: &'static str;

    /// Returns the allocator, ready to use, or `None` if `memory` is too small to start with.
    ///
    /// Its value is its state outside of `memory`: comparisons of memory add `size_of::<Self>()`.
    ///
    /// # Safety
    ///
    /// Until the allocator and all of its blocks are no longer used, the bytes of `memory` are valid for reads and writes,
    /// and nobody else uses them.
    unsafe fn on(memory: Span) -> Option<Self>;

    /// Returns a block, or `None` if there is no room. Assumes that `layout.size()` is not zero.
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>>;

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` is live, and was last given `layout`.
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout);

    /// Allocates a block whose first `layout.size()` bytes are zero. Assumes that the size is not zero.
    #[inline]
    fn allocate_zeroed(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let block = self.allocate(layout)?;
        // SAFETY: the block is ours alone and holds `layout.size()` bytes.
        unsafe { block.write_bytes(0, layout.size()) };
        Some(block)
    }

    /// Gives a block another size and keeps its alignment; it may move. If there is no room, it stays as it is. Assumes
    /// that the new size is not zero. The default allocates, copies and frees.
    ///
    /// # Safety
    ///
    /// `block` is live, and was last given `old`. `new.align() == old.align()`.
    #[inline]
    unsafe fn reallocate(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        let moved = self.allocate(new)?;
        // SAFETY: both blocks are live, so they do not overlap, and each holds the smaller of the two sizes.
        unsafe { moved.copy_from_nonoverlapping(block, old.size().min(new.size())) };
        // SAFETY: the caller upholds the contract.
        unsafe { self.deallocate(block, old) };
        Some(moved)
    }
}

#[cfg(test)]
mod tests {
    use kalloc_pool::{AddressOrdered, BestFitting, RealTime, Tiny};

    use super::*;

    /// Allocates, grows, frees and runs out, looking at every byte.
    fn works<P: Peer>() {
        let mut memory = vec![0u64; 8192];
        let memory = Span::new(NonNull::from(memory.as_mut_slice()).cast(), 65_536);
        // SAFETY: the vector outlives the peer and is not used meanwhile.
        let mut peer = unsafe { P::on(memory) }.unwrap();
        let [small, large] = [100, 3000].map(|size| Layout::from_size_align(size, 64).unwrap());

        let block = peer.allocate(small).unwrap();
        // SAFETY: the block holds 100 bytes.
        unsafe { block.write_bytes(7, 100) };
        let zeros = peer.allocate_zeroed(large).unwrap();
        // SAFETY: `block` was given `small`.
        let block = unsafe { peer.reallocate(block, small, large) }.unwrap();
        // SAFETY: the first 100 bytes moved with the block, and nobody writes to them.
        let kept = unsafe { NonNull::slice_from_raw_parts(block, 100).as_ref() };
        // SAFETY: `allocate_zeroed` wrote them all.
        let cleared = unsafe { NonNull::slice_from_raw_parts(zeros, 3000).as_ref() };
        assert!(kept.iter().all(|&byte| byte == 7) && cleared.iter().all(|&byte| byte == 0));
        assert!(block.addr().get() % 64 == 0 && zeros.addr().get() % 64 == 0);
        for block in [block, zeros] {
            // SAFETY: both are live and were given `large`.
            unsafe { peer.deallocate(block, large) };
        }

        let filled = core::iter::from_fn(|| peer.allocate(large)).take(100).count();
        assert!(
            (15..=21).contains(&filled),
            "{} served {filled} blocks of 3000 bytes",
            P::NAME
        );
    }

    #[test]
    fn every_peer_serves_what_it_is_asked_and_refuses_when_full() {
        works::<Buddy>();
        works::<Bump>();
        works::<LinkedList>();
        works::<LockedPool>();
        works::<Rlsf>();
        works::<Talc>();
        works::<Pool>();
        works::<Pool<AddressOrdered>>();
        works::<Pool<BestFitting>>();
        works::<Pool<RealTime>>();
        works::<Pool<Tiny>>();
    }
}
