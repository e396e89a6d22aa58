//! The cost of the measuring loop.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Span;

use super::Peer;

/// Allocates nothing: it answers each request with the same memory, so what it takes is what the measurement takes.
///
/// Blocks overlap, of course; only loops that do not look at the contents can use it.
#[derive(Debug)]
pub struct Nothing(Span);

impl Peer for Nothing {
    const NAME: &'static str = "nothing";

    unsafe fn on(memory: Span) -> Option<Self> {
        Some(Self(memory))
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        (layout.size() <= self.0.len()).then_some(self.0.start())
    }

    #[inline]
    unsafe fn deallocate(&mut self, _block: NonNull<u8>, _layout: Layout) {}

    #[inline]
    fn allocate_zeroed(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate(layout)
    }

    #[inline]
    unsafe fn reallocate(&mut self, _block: NonNull<u8>, _old: Layout, new: Layout) -> Option<NonNull<u8>> {
        self.allocate(new)
    }
}
