//! Memory that is borrowed from its owner.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::RawRegion;
use crate::span::Span;

/// A region over a borrowed slice: an array on the stack, a leaked box, a part of another buffer.
///
/// ```
/// use core::mem::MaybeUninit;
/// use kalloc_traits::{RawRegion, SliceRegion};
///
/// let mut memory = [MaybeUninit::uninit(); 1024];
/// let region = SliceRegion::new(&mut memory);
/// assert_eq!(region.span().len(), 1024);
/// ```
#[derive(Debug)]
pub struct SliceRegion<'a> {
    span: Span,
    /// The slice is borrowed, but not stored as a reference: moving a `&mut` would end the blocks' permission.
    borrow: PhantomData<&'a mut [MaybeUninit<u8>]>,
}

// SAFETY: the region is the only access to the slice, which may move to another thread as `&mut [u8]` may.
unsafe impl Send for SliceRegion<'_> {}

impl<'a> SliceRegion<'a> {
    /// Returns a region over `memory`, of any length and alignment.
    #[inline]
    pub fn new(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        let len = memory.len();
        Self {
            span: Span::new(NonNull::from(memory).cast(), len),
            borrow: PhantomData,
        }
    }

    /// Returns a region over the bytes of `span`, with its pointer's provenance.
    ///
    /// # Safety
    ///
    /// For as long as `'a` lasts, the bytes are valid for reads and writes through that pointer, and nobody else uses them.
    #[inline]
    pub const unsafe fn from_span(span: Span) -> Self {
        Self {
            span,
            borrow: PhantomData,
        }
    }
}

// SAFETY: the slice is borrowed for as long as the region lives, it does not move with the region, and the pointer was
// derived once, over the whole slice.
unsafe impl RawRegion for SliceRegion<'_> {
    const CAN_GROW: bool = false;

    #[inline]
    fn span(&self) -> Span {
        self.span
    }
}
