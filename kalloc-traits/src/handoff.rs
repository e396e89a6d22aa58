//! Memory that goes from one heap to another, with the blocks in it.
//!
//! A boot allocator serves what must exist before there is a heap. When the heap comes, it takes over the memory with all
//! that is live in it: `kalloc_pool::Pool::adopt` takes any [`HandOver`], of which `kalloc_bump::Bump` is one. Neither crate knows
//! the other.

use core::fmt;

use crate::error::InitError;
use crate::region::RawRegion;
use crate::span::Span;

/// Where the memory of a heap lies that is to be handed over, and which part of it nobody uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// All memory of the region.
    pub span: Span,
    /// The part without a live block, inside `span`. What lies outside of it may hold blocks.
    pub free: Span,
    /// Each block starts at a multiple of so many bytes and has a multiple of them, a power of two.
    pub unit: usize,
}

/// A heap that can end and leave its region, and the blocks in it, to another.
///
/// # Safety
///
/// What [`prepare`](Self::prepare) returns is true until the heap is used again: `span` is that of the region, which is
/// claimed, `free` lies inside and overlaps no live block, and all live blocks are as `unit` says.
/// [`into_region`](Self::into_region) returns that region and ends no block.
pub unsafe trait HandOver {
    /// What the heap lies in.
    type Region: RawRegion;

    /// Claims the region, if that has not been done, and returns where it lies and what is free.
    ///
    /// # Errors
    ///
    /// The region refuses, has no byte, or is being claimed or grown. The heap stays usable.
    fn prepare(&self) -> Result<Handed, InitError>;

    /// Ends the heap, but not its blocks, and returns the region.
    fn into_region(self) -> Self::Region;
}

/// What could not be taken, given back as it was, and why.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refused<T, E = InitError> {
    /// What the call was given.
    pub value: T,
    /// Why it did not take it.
    pub reason: E,
}

impl<T, E> Refused<T, E> {
    /// Returns the refusal of `value`.
    #[inline]
    pub const fn new(value: T, reason: E) -> Self {
        Self { value, reason }
    }
}

impl<T, E: fmt::Debug> fmt::Debug for Refused<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<T, E: fmt::Display> fmt::Display for Refused<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<T, E: core::error::Error> core::error::Error for Refused<T, E> {}
