//! rlsf: two levels of segregated free lists, constant time, a header before each block.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Span;
use rlsf::Tlsf;

use super::Peer;

const FIRST_LEVELS: usize = usize::BITS as usize - 12;
const SECOND_LEVELS: usize = usize::BITS as usize;

/// rlsf as talc's benchmarks configure it: 52 by 64 lists on a 64-bit machine.
pub struct Rlsf(Tlsf<'static, usize, usize, FIRST_LEVELS, SECOND_LEVELS>);

impl Peer for Rlsf {
    const NAME: &'static str = "rlsf 0.2.3";

    unsafe fn on(memory: Span) -> Option<Self> {
        let mut tlsf = Tlsf::new();
        let memory = NonNull::slice_from_raw_parts(memory.start(), memory.len());
        // SAFETY: the caller hands the memory over for as long as the peer is used.
        unsafe { tlsf.insert_free_block_ptr(memory) }?;
        Some(Self(tlsf))
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.allocate(layout)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.deallocate(block, layout.align()) }
    }

    #[inline]
    unsafe fn reallocate(&mut self, block: NonNull<u8>, _old: Layout, new: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the caller upholds the contract, and the alignment stays.
        unsafe { self.0.reallocate(block, new) }
    }
}
