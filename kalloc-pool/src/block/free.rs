//! What is written into a free block: its size at both ends, and two links for the index.
//!
//! In words of 32 bits, first and last granule of a block:
//!
//! ```text
//!   granule 16        │ prev  next  size   ·  │ …            … │  ·    ·     ·   size │
//!   granule  8        │ prev  next* size  ·  │ …                         … │ ·  size* │
//!            8, one granule           │ prev  next │
//! ```
//!
//! A free block of one granule of 8 bytes has no room for its size. There, the top bit of `next` (*) tells whether the
//! block is longer; the same word of the last granule holds the size with the same bit set, so one word read through the
//! tail tells which of the two it is. A block of two granules of 8 bytes holds `prev next* size size*`.

use super::{Arena, Id, Marked};
use crate::config::Config;

/// Set in the second word of a free block's first and last granule, if the block has more than one of 8 bytes.
const LONG: u32 = 1 << 31;

/// No block.
pub(crate) const NIL: u32 = 0;

const PREV: usize = 0;
const NEXT: usize = 1;

impl<C: Config> Arena<C> {
    /// Whether the flag in `next` is in use.
    const FLAGGED: bool = C::GRANULE == 8;

    /// The word of a free block that holds its size, counted from its start.
    const SIZE: usize = 2;

    /// The word of the last granule that holds the size.
    const TAIL: usize = if Self::FLAGGED { 1 } else { 3 };

    /// Returns what `next` holds in a block of `len` granules that is last in its list.
    #[inline]
    const fn flag(len: u32) -> u32 {
        if Self::FLAGGED && len > 1 { LONG } else { 0 }
    }

    /// Writes the size of `block` into it, but for what its index writes with the links: that it has more than one granule.
    #[inline]
    pub(super) fn write_size(&mut self, block: &Marked) {
        let (start, last, len) = (block.id().0, block.end() - 1, block.len());
        if Self::FLAGGED && len == 1 {
            return;
        }
        // SAFETY: the block is ours, and each word lies inside it: with granules of 8, it has at least two.
        unsafe { self.set_word(start, Self::SIZE, len) };
        // SAFETY: as above.
        unsafe { self.set_word(last, Self::TAIL, len | Self::flag(len)) };
    }

    /// Returns how many granules the free block `id` has.
    #[inline]
    pub(crate) fn size(&self, id: Id) -> u32 {
        // SAFETY: the block is marked, so this word is written.
        if Self::FLAGGED && unsafe { self.word(id.0, NEXT) } & LONG == 0 {
            return 1;
        }
        // SAFETY: the block is marked, and holds its size.
        unsafe { self.word(id.0, Self::SIZE) }
    }

    /// Returns how many granules the free block `id` has, which are more than one.
    #[inline]
    pub(crate) fn long_size(&self, id: Id) -> u32 {
        debug_assert!(self.size(id) > 1);
        // SAFETY: the block is marked, and holds its size.
        unsafe { self.word(id.0, Self::SIZE) }
    }

    /// Returns how many granules the free block has whose last granule is `last`.
    #[inline]
    pub(super) fn size_by_tail(&self, last: u32) -> u32 {
        // SAFETY: the block is marked, so this word is its size or, in a single granule, a link.
        let word = unsafe { self.word(last, Self::TAIL) };
        match Self::FLAGGED {
            true if word & LONG == 0 => 1,
            true => word & !LONG,
            false => word,
        }
    }

    /// Returns how many granules the free block `id` has, if there is a block that can be believed: both ends lie inside
    /// the region, are marked, and name the same size. For checks of a heap that somebody may have overwritten.
    pub(crate) fn checked_size(&self, id: Id) -> Option<u32> {
        let is_marked = |granule| granule > 0 && granule < self.granules() && self.bit(granule);
        if !is_marked(id.0) {
            return None;
        }
        // The size of a block that is longer than one granule of 8 bytes lies in its second granule.
        // SAFETY: the granule lies inside the region, and is marked, so this word is written.
        let is_short = Self::FLAGGED && unsafe { self.word(id.0, NEXT) } & LONG == 0;
        if !is_short && Self::FLAGGED && id.0 + 1 >= self.granules() {
            return None;
        }
        let len = self.size(id);
        let last = id.0.checked_add(len.checked_sub(1)?)?;
        (is_marked(last) && self.size_by_tail(last) == len).then_some(len)
    }

    /// Notes that the free block `id`, which stays in its list, has `len` granules now, more than one.
    #[inline]
    pub(super) fn set_size(&mut self, id: Id, len: u32) {
        // SAFETY: the block is ours, and each word lies inside it.
        unsafe { self.set_word(id.0, Self::SIZE, len) };
        // SAFETY: as above.
        unsafe { self.set_word(id.0 + len - 1, Self::TAIL, len | Self::flag(len)) };
    }

    /// Returns the link to the previous block of the list, or [`NIL`].
    #[inline]
    pub(crate) fn prev(&self, id: Id) -> u32 {
        // SAFETY: the block is held by a list, so the word is written.
        unsafe { self.word(id.0, PREV) }
    }

    /// Returns the link to the next block of the list, or [`NIL`].
    #[inline]
    pub(crate) fn next(&self, id: Id) -> u32 {
        // SAFETY: the block is marked, so the word is written.
        let word = unsafe { self.word(id.0, NEXT) };
        if Self::FLAGGED { word & !LONG } else { word }
    }

    /// Sets the link to the previous block.
    #[inline]
    pub(crate) fn set_prev(&mut self, id: Id, prev: u32) {
        // SAFETY: the block is marked, and its links are ours.
        unsafe { self.set_word(id.0, PREV, prev) };
    }

    /// Sets the link to the next block.
    #[inline]
    pub(crate) fn set_next(&mut self, id: Id, next: u32) {
        let flag = if Self::FLAGGED {
            // SAFETY: the block is marked, so the word is written.
            unsafe { self.word(id.0, NEXT) & LONG }
        } else {
            0
        };
        // SAFETY: the block is marked, and its links are ours.
        unsafe { self.set_word(id.0, NEXT, next | flag) };
    }

    /// Returns a link of a block whose two links lead to the two sides of a tree: `prev` to the left, `next` to the right.
    #[inline]
    pub(crate) fn link(&self, id: Id, is_right: bool) -> u32 {
        // SAFETY: the block is held by a tree, so the word is written.
        let word = unsafe { self.word(id.0, usize::from(is_right)) };
        if Self::FLAGGED { word & !LONG } else { word }
    }

    /// Sets a link of a block that is held by a tree.
    #[inline]
    pub(crate) fn set_link(&mut self, id: Id, is_right: bool, link: u32) {
        if is_right {
            self.set_next(id, link);
        } else {
            self.set_prev(id, link);
        }
    }

    /// Sets both links of a block that no list holds yet.
    #[inline]
    pub(crate) fn set_links(&mut self, block: &Marked, prev: u32, next: u32) {
        self.set_prev(block.id(), prev);
        // SAFETY: the block is ours.
        unsafe { self.set_word(block.id().0, NEXT, next | Self::flag(block.len())) };
    }
}
