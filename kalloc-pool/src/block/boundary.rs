//! The boundary bitmap: one bit a granule, set on the first and on the last granule of each free block that is marked.
//!
//! When the granules `i..j` are freed, two bits say all about the neighbours:
//!
//! ```text
//!   bit i-1 set ⇒ the block to the left is free, and ends there       bit j set ⇒ the one to the right is, and starts there
//!
//!        …│ 1 0 0 0 1 │ 0 0 0 0 0 0 0 │ 1 0 1 │…
//!          free        i  being freed   j  free
//! ```
//!
//! A used block has no bit anywhere, so a neighbour that is used, lent out or cached shows as clear.

use super::{Arena, Free, HalfMarked, Id, Marked};
use crate::bitmap::{mask, mask_from, word, words};
use crate::config::Config;

impl<C: Config> Arena<C> {
    /// Returns the bit of `granule`, which may be the sentinel behind the last.
    #[inline]
    pub(crate) fn bit(&self, granule: u32) -> bool {
        debug_assert!(granule <= self.granules());
        // SAFETY: the bitmap has a bit for each granule and one behind the last.
        let pointer = unsafe { self.bits(word(granule)) };
        // SAFETY: the bitmap was initialised when it was laid out, and is ours (P2).
        unsafe { pointer.read() & mask(granule) != 0 }
    }

    /// Changes the word that holds the bit of `granule`.
    #[inline]
    fn update(&mut self, granule: u32, change: impl FnOnce(usize) -> usize) {
        debug_assert!(granule < self.granules());
        // SAFETY: the bitmap has a bit for each granule.
        let pointer = unsafe { self.bits(word(granule)) };
        // SAFETY: the bitmap is initialised and ours (P2).
        let bits = unsafe { pointer.read() };
        // SAFETY: as above.
        unsafe { pointer.write(change(bits)) };
    }

    /// Sets the bit of `granule`.
    #[inline]
    fn set_bit(&mut self, granule: u32) {
        self.update(granule, |bits| bits | mask(granule));
    }

    /// Clears the bit of `granule`.
    #[inline]
    fn clear_bit(&mut self, granule: u32) {
        self.update(granule, |bits| bits & !mask(granule));
    }

    /// Marks `block` as free: sets its two bits and writes its size.
    #[inline]
    pub(crate) fn mark(&mut self, block: Free) -> Marked {
        let block = self.join_left(None, block);
        self.join_right(block, None)
    }

    /// Joins `block` with the free block right before it, if there is one, and marks the low end. A neighbour's outer mark
    /// stays, so this changes one bit.
    #[inline]
    pub(crate) fn join_left(&mut self, left: Option<Marked>, block: Free) -> HalfMarked {
        let Some(left) = left else {
            self.set_bit(block.start());
            return HalfMarked(block);
        };
        debug_assert_eq!(left.end(), block.start());
        // In a block of one granule this bit is the outer mark too.
        if left.len() > 1 {
            self.clear_bit(block.start() - 1);
        }
        // SAFETY: the granules are those of the two, which are gone.
        HalfMarked(unsafe { Free::new(left.id().0, left.len() + block.len()) })
    }

    /// Joins `block` with the free block right behind it, if there is one, marks the high end, and writes the size.
    #[inline]
    pub(crate) fn join_right(&mut self, HalfMarked(block): HalfMarked, right: Option<Marked>) -> Marked {
        let mut len = block.len();
        match right {
            Some(right) => {
                debug_assert_eq!(right.id().0, block.end());
                if right.len() > 1 {
                    self.clear_bit(block.end());
                }
                len += right.len();
            }
            None => self.set_bit(block.end() - 1),
        }
        // SAFETY: the granules are those of the two, which are gone; both marks are set.
        let whole = unsafe { Marked::new(block.start(), len) };
        self.write_size(&whole);
        whole
    }

    /// Joins `block` with the block `left` of `len` granules, more than one, right before it, which its index goes on to
    /// hold. What lies behind is not free.
    #[inline]
    pub(crate) fn extend(&mut self, left: Id, len: u32, block: Free) {
        debug_assert!(len > 1 && left.0 + len == block.start());
        self.clear_bit(block.start() - 1);
        self.set_bit(block.end() - 1);
        self.set_size(left, len + block.len());
    }

    /// Returns the block `id` of `len` granules as a value. Only an index calls this, for a block that it has held and that
    /// it has just forgotten.
    #[inline]
    pub(crate) fn unlinked(&mut self, id: Id, len: u32) -> Marked {
        debug_assert!(self.bit(id.0) && self.bit(id.0 + len - 1) && self.size(id) == len);
        // SAFETY: the index owned the block, and has given it up. It is marked, as all blocks of an index are (P5).
        unsafe { Marked::new(id.0, len) }
    }

    /// Takes the marks of `block` off.
    #[inline]
    pub(crate) fn unmark(&mut self, block: Marked) -> Free {
        self.clear_bit(block.id().0);
        self.clear_bit(block.end() - 1);
        // SAFETY: the granules are the value's, which is gone; without marks nobody will find them.
        unsafe { Free::new(block.id().0, block.len()) }
    }

    /// Cuts the first `len` granules off a marked block; what is left behind them stays marked.
    ///
    /// Assumes that `len` is neither 0 nor more than the block has.
    #[inline]
    pub(crate) fn cut(&mut self, block: Marked, len: u32) -> (Free, Option<Marked>) {
        let start = block.id().0;
        let (_, front, rest) = self.carve(block, start, len);
        (front, rest)
    }

    /// Cuts `len` granules from `start` on out of a marked block; what is left before and behind them stays marked. The block's
    /// outer marks stay where they are still right, so this changes two bits.
    ///
    /// Assumes that these granules, one at least, are the block's.
    #[inline]
    pub(crate) fn carve(&mut self, block: Marked, start: u32, len: u32) -> (Option<Marked>, Free, Option<Marked>) {
        let (first, middle, end) = (block.id().0, start + len, block.end());
        debug_assert!(len > 0 && first <= start && middle <= end);
        let gap = if start > first {
            // In a gap of one granule this is the block's own mark.
            self.set_bit(start - 1);
            // SAFETY: the granules are the block's, which is gone; both marks are set.
            let gap = unsafe { Marked::new(first, start - first) };
            self.write_size(&gap);
            Some(gap)
        } else {
            self.clear_bit(first);
            None
        };
        let rest = if middle < end {
            // Likewise.
            self.set_bit(middle);
            // SAFETY: as above.
            let rest = unsafe { Marked::new(middle, end - middle) };
            self.write_size(&rest);
            Some(rest)
        } else {
            self.clear_bit(end - 1);
            None
        };
        // SAFETY: the granules are the block's, which is gone.
        (gap, unsafe { Free::new(start, len) }, rest)
    }

    /// Returns the free block that ends right before `granule`, and its size.
    #[inline]
    pub(crate) fn free_before(&self, granule: u32) -> Option<(Id, u32)> {
        // Granule 0 is never free, so every block has a granule before it.
        if !self.bit(granule - 1) {
            return None;
        }
        let len = self.size_by_tail(granule - 1);
        Some((Id(granule - len), len))
    }

    /// Returns the free block that starts at `granule`.
    ///
    /// Assumes that `granule` is a boundary: the end of a block, or the end of the region.
    #[inline]
    pub(crate) fn free_at(&self, granule: u32) -> Option<Id> {
        self.bit(granule).then_some(Id(granule))
    }

    /// Returns the first free block that starts at or behind `granule`, in time linear in the distance over 64.
    ///
    /// Assumes that `granule` does not lie inside a free block, but for its first granule.
    pub(crate) fn next_free(&self, granule: u32) -> Option<Id> {
        if granule >= self.granules() {
            return None;
        }
        let mut mask = mask_from(granule);
        for index in word(granule)..words(self.granules()) {
            // SAFETY: the index is that of a word.
            let pointer = unsafe { self.bits(index) };
            // SAFETY: the bitmap is initialised and ours (P2).
            let bits = unsafe { pointer.read() } & mask;
            if bits != 0 {
                let found = index * usize::BITS as usize + bits.trailing_zeros() as usize;
                return (found < self.granules() as usize).then_some(Id(found as u32));
            }
            mask = usize::MAX;
        }
        None
    }
}
