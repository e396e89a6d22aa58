//! talc: bins of free blocks, a tag behind each block.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use kalloc_traits::Span;
use talc::TalcCell;
use talc::source::Manual;

use super::Peer;

/// talc with its default bins, which it keeps in its memory, and without a lock.
pub struct Talc(TalcCell<Manual>);

impl Peer for Talc {
    const NAME: &'static str = "talc 5.1.1";

    unsafe fn on(memory: Span) -> Option<Self> {
        let talc = TalcCell::new(Manual);
        // SAFETY: the caller hands the memory over.
        unsafe { talc.claim(memory.start().as_ptr(), memory.len()) }?;
        Some(Self(talc))
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { self.0.alloc(layout) })
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.dealloc(block.as_ptr(), layout) }
    }

    #[inline]
    unsafe fn reallocate(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the caller upholds the contract, and `new` is a layout of the same alignment.
        NonNull::new(unsafe { self.0.realloc(block.as_ptr(), old, new.size()) })
    }
}
