//! Blocks as values with one owner.
//!
//! ```text
//!             mark               link                        lend
//!   ┌──────┐ ─────▶ ┌────────┐ ─────▶ the index     ┌──────┐ ─────▶ ┌──────┐
//!   │ Free │        │ Marked │         holds it     │ Free │        │ Used │
//!   └──────┘ ◀───── └────────┘ ◀───── (an Id)       └──────┘ ◀───── └──────┘
//!            unmark             unlink                      release
//! ```
//!
//! Whoever holds one of these values owns its granules: nobody else names them. So losing or doubling memory is a type error
//! in most of the code. [`Id`] is a mere name, and gives no right but to look.

pub(crate) mod arena;
pub(crate) mod boundary;
pub(crate) mod free;
pub(crate) mod loans;

use core::num::NonZeroU32;

pub(crate) use arena::Arena;

/// The name of a free block that the index holds: its first granule. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) u32);

/// A free block that no index holds.
///
/// # Invariants
///
/// The granules `start..start + len` lie inside the region, `len > 0`, and nobody else owns any of them.
#[must_use = "dropping a block loses its memory"]
#[derive(Debug)]
pub(crate) struct Free {
    start: u32,
    len: NonZeroU32,
}

/// A free block that is marked in the bitmap and holds its size, but that no index holds.
///
/// # Invariants
///
/// As for [`Free`], and its marks and sizes are as P3 says.
#[must_use = "dropping a block loses its memory"]
#[derive(Debug)]
pub(crate) struct Marked {
    start: u32,
    len: NonZeroU32,
}

/// A free block whose low end is marked, and whose high end is not yet.
#[must_use = "dropping a block loses its memory"]
#[derive(Debug)]
pub(crate) struct HalfMarked(Free);

/// A block that is lent to the user, or that holds the heap's own tables.
///
/// # Invariants
///
/// As for [`Free`].
#[must_use = "dropping a block loses its memory"]
#[derive(Debug)]
pub(crate) struct Used {
    start: u32,
    len: NonZeroU32,
}

impl Free {
    /// Returns the block of `len` granules from `start`.
    ///
    /// # Safety
    ///
    /// The caller owns these granules, and gives them up to the value.
    #[inline]
    pub(crate) unsafe fn new(start: u32, len: u32) -> Self {
        debug_assert!(start > 0 && len > 0);
        // SAFETY: a block has a granule at least.
        let len = unsafe { NonZeroU32::new_unchecked(len) };
        Self { start, len }
    }

    /// Returns the first granule.
    #[inline]
    pub(crate) const fn start(&self) -> u32 {
        self.start
    }

    /// Returns the number of granules.
    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.len.get()
    }

    /// Returns the granule behind the last.
    #[inline]
    pub(crate) const fn end(&self) -> u32 {
        self.start + self.len.get()
    }

    /// Cuts the block behind its first `len` granules, and returns what is left of it behind the cut.
    ///
    /// Assumes that `len` is neither 0 nor more than the block has.
    #[inline]
    pub(crate) fn split(self, len: u32) -> (Self, Option<Self>) {
        debug_assert!(len > 0 && len <= self.len());
        let Some(rest) = NonZeroU32::new(self.len() - len) else {
            return (self, None);
        };
        let start = self.start;
        let rest = Self {
            start: start + len,
            len: rest,
        };
        // SAFETY: these granules are the block's, and not of the rest.
        (unsafe { Self::new(start, len) }, Some(rest))
    }

    /// Joins the block with the one that starts where it ends.
    #[inline]
    pub(crate) fn merge(self, next: Self) -> Self {
        debug_assert_eq!(self.end(), next.start);
        // SAFETY: these granules are those of the two.
        unsafe { Self::new(self.start, self.len() + next.len()) }
    }

    /// Lends the block out.
    #[inline]
    pub(crate) fn lend(self) -> Used {
        Used {
            start: self.start,
            len: self.len,
        }
    }
}

impl Marked {
    /// Returns the marked block of `len` granules from `start`.
    ///
    /// # Safety
    ///
    /// The caller owns these granules, which bear the marks and the size of one free block, and gives them up to the value.
    #[inline]
    pub(crate) unsafe fn new(start: u32, len: u32) -> Self {
        debug_assert!(start > 0 && len > 0);
        // SAFETY: a block has a granule at least.
        let len = unsafe { NonZeroU32::new_unchecked(len) };
        Self { start, len }
    }

    /// Returns the block's name.
    #[inline]
    pub(crate) const fn id(&self) -> Id {
        Id(self.start)
    }

    /// Returns the number of granules.
    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.len.get()
    }

    /// Returns the granule behind the last.
    #[inline]
    pub(crate) const fn end(&self) -> u32 {
        self.start + self.len.get()
    }
}

impl Used {
    /// Returns the block of `len` granules from `start`.
    ///
    /// # Safety
    ///
    /// As for [`Free::new`].
    #[inline]
    pub(crate) unsafe fn new(start: u32, len: u32) -> Self {
        debug_assert!(len > 0);
        // SAFETY: a block has a granule at least.
        let len = unsafe { NonZeroU32::new_unchecked(len) };
        Self { start, len }
    }

    /// Returns the first granule.
    #[inline]
    pub(crate) const fn start(&self) -> u32 {
        self.start
    }

    /// Returns the number of granules.
    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.len.get()
    }

    /// Returns the granule behind the last.
    #[inline]
    pub(crate) const fn end(&self) -> u32 {
        self.start + self.len.get()
    }

    /// Takes the block back from the user.
    #[inline]
    pub(crate) fn release(self) -> Free {
        Free {
            start: self.start,
            len: self.len,
        }
    }
}
