//! More bits for each granule, where a configuration is checked: which granules are the first of a block.
//!
//! Each word of the boundary bitmap is followed by its words of the other planes, so that all bits of a granule lie side by side:
//!
//! ```text
//!   │ marks │ live │ starts │ marks │ live │ starts │ …
//! ```
//!
//! - *live*: the first granule of each block that is lent out.
//! - *starts*: the first granule of each block that is lent out or cached, and of the state run. Without quick lists nothing is
//!   cached, and there is no such plane.

use core::ptr::NonNull;

use super::Arena;
use crate::bitmap::{WORD_BITS, mask, mask_from, word, words};
use crate::config::Config;

/// The planes behind the marks.
const LIVE: usize = 1;
const STARTS: usize = 2;

impl<C: Config> Arena<C> {
    /// The plane that says where blocks start that are not free.
    const BLOCKS: usize = if C::QUICK_LARGEST > 0 { STARTS } else { LIVE };

    /// Returns the pointer to the word of a plane that holds the bit of `granule`.
    #[inline]
    fn plane(&self, plane: usize, granule: u32) -> NonNull<usize> {
        debug_assert!(C::CHECKED && granule <= self.granules());
        // SAFETY: the bitmap has a word for each granule and one behind the last.
        let marks = unsafe { self.bits(word(granule)) };
        // SAFETY: the planes' words follow those of the marks.
        unsafe { marks.add(plane) }
    }

    /// Returns the word of a plane that holds the bit of `granule`.
    #[inline]
    fn plane_word(&self, plane: usize, granule: u32) -> usize {
        // SAFETY: the planes are initialised and ours (P2).
        unsafe { self.plane(plane, granule).read() }
    }

    #[inline]
    fn set_plane_word(&mut self, plane: usize, granule: u32, bits: usize) {
        // SAFETY: the planes are ours (P2).
        unsafe { self.plane(plane, granule).write(bits) };
    }

    /// Notes that a block that starts at `granule` is lent out.
    #[inline]
    pub(crate) fn note_lent(&mut self, granule: u32) {
        let live = self.plane_word(LIVE, granule) | mask(granule);
        self.set_plane_word(LIVE, granule, live);
        if Self::BLOCKS != LIVE {
            self.note_start(granule);
        }
    }

    /// Notes that something starts at `granule` that is not free.
    #[inline]
    pub(crate) fn note_start(&mut self, granule: u32) {
        let starts = self.plane_word(Self::BLOCKS, granule) | mask(granule);
        self.set_plane_word(Self::BLOCKS, granule, starts);
    }

    /// Notes that the block that starts at `granule` has come back. It may be cached.
    #[inline]
    pub(crate) fn note_returned(&mut self, granule: u32) {
        let live = self.plane_word(LIVE, granule) & !mask(granule);
        self.set_plane_word(LIVE, granule, live);
    }

    /// Notes that what starts at `granule` is free.
    #[inline]
    pub(crate) fn note_free(&mut self, granule: u32) {
        let starts = self.plane_word(Self::BLOCKS, granule) & !mask(granule);
        self.set_plane_word(Self::BLOCKS, granule, starts);
    }

    /// Returns whether a live block starts at `granule`.
    #[inline]
    pub(crate) fn is_live(&self, granule: u32) -> bool {
        self.plane_word(LIVE, granule) & mask(granule) != 0
    }

    /// Returns the first granule behind `granule`, but not behind `end`, at which a block starts, free or not. `end` if there is
    /// none. Takes time linear in the distance over 64. Rest and top are not known here.
    #[inline]
    pub(crate) fn next_boundary(&self, granule: u32, end: u32) -> u32 {
        let at = granule + 1;
        let mut bits = self.boundaries(at) & mask_from(at);
        let mut first = at - at % WORD_BITS;
        loop {
            if bits != 0 {
                return (first + bits.trailing_zeros()).min(end);
            }
            first += WORD_BITS;
            if first >= end {
                return end;
            }
            bits = self.boundaries(first);
        }
    }

    /// Returns the bits of the word that holds that of `granule`, at which blocks start, or free ones end.
    #[inline]
    fn boundaries(&self, granule: u32) -> usize {
        self.plane_word(0, granule) | self.plane_word(Self::BLOCKS, granule)
    }

    /// Returns whether something starts at `granule` that is marked, lent out or cached, or the region ends there.
    #[inline]
    pub(crate) fn is_boundary(&self, granule: u32) -> bool {
        granule == self.granules() || self.boundaries(granule) & mask(granule) != 0
    }

    /// Returns how many blocks are live, by their bits; or a granule whose bits contradict each other.
    pub(crate) fn count_live(&self) -> Result<u32, u32> {
        let mut live = 0;
        for index in 0..words(self.granules()) {
            let granule = index as u32 * WORD_BITS;
            let bits = self.plane_word(LIVE, granule);
            let starts = self.plane_word(Self::BLOCKS, granule);
            if bits & !starts != 0 || starts & self.plane_word(0, granule) != 0 {
                return Err(granule);
            }
            live += bits.count_ones();
        }
        Ok(live)
    }
}
