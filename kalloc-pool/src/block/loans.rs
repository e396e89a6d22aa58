//! A byte for each granule, where a configuration is checked: which blocks are lent out, and how long they are.
//!
//! ```text
//!   granule   8    9   10   11   12   13          20   21   22   23         30
//!   byte    │ 3    .    . │  .    . │ 1 │       │ EF   FC   F1   F0 …  F0   .  …
//!           │    three    │  free   │ one       │ 300 granules: digits of 12C, as a little-endian machine has them
//! ```
//!
//! The first granule of a block that is lent out has a byte from 1 to 239, which is EF: the block's size in granules or, if that is
//! 239 or more, 239, and the next eight bytes hold the size. These are greater, and all others are 0. So one comparison says of a
//! short block whether it is lent out and how long it is, and one byte is written when it comes and when it goes.
//!
//! A byte for eight is what the shadow memory of AddressSanitizer takes, too (Serebryany et al., USENIX ATC 2012, section 3.1).

use core::ops::Range;
use core::ptr::NonNull;

use super::Arena;
use crate::bitmap::words_before;
use crate::config::Config;

/// The least size in granules that does not fit the first granule's byte, and that byte.
pub(crate) const LONG: u32 = 0xef;

/// What the high half of each byte is that holds four bits of a long block's size, behind the first granule's byte.
const DIGIT: u64 = 0xf0f0_f0f0_f0f0_f0f0;

/// Returns the bytes that hold a size.
#[inline]
const fn digits(len: u32) -> u64 {
    let mut bits = len as u64;
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits | DIGIT
}

/// Returns the size that these bytes hold. Any number, if they hold none.
const fn undigits(digits: u64) -> u32 {
    let mut bits = digits & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}

impl<C: Config> Arena<C> {
    /// Returns the byte of `granule`, which is less than the capacity.
    #[inline(always)]
    fn tag(&self, granule: u32) -> u8 {
        // SAFETY: the granule has its byte.
        let pointer = unsafe { self.loan(granule) };
        // SAFETY: the bytes are initialised and ours (P2).
        unsafe { pointer.read() }
    }

    /// Writes the byte of `granule`, which is inside of the region.
    #[inline(always)]
    fn set_tag(&mut self, granule: u32, tag: u8) {
        // SAFETY: the granule has its byte.
        let pointer = unsafe { self.loan(granule) };
        // SAFETY: the bytes are ours (P2).
        unsafe { pointer.write(tag) };
    }

    /// Returns the pointer to the size of a long block.
    ///
    /// # Safety
    ///
    /// The region has [`LONG`] granules from `start`.
    #[inline(always)]
    unsafe fn digits_of(&self, start: u32) -> NonNull<u64> {
        // SAFETY: a long block has more granules than that.
        unsafe { self.loan(start + 1) }.cast()
    }

    /// Notes that the block of `len` granules from `start` is lent out.
    #[inline(always)]
    pub(crate) fn note_lent(&mut self, start: u32, len: u32) {
        if len < LONG {
            return self.set_tag(start, len as u8);
        }
        self.set_tag(start, LONG as u8);
        // SAFETY: the block is long.
        let size = unsafe { self.digits_of(start) };
        // SAFETY: the bytes are ours (P2).
        unsafe { size.write_unaligned(digits(len)) };
    }

    /// Notes that the block of `len` granules from `start` has come back.
    #[inline(always)]
    pub(crate) fn note_returned(&mut self, start: u32, len: u32) {
        self.set_tag(start, 0);
        if len >= LONG {
            // SAFETY: the block is long.
            let size = unsafe { self.digits_of(start) };
            // SAFETY: the bytes are ours (P2).
            unsafe { size.write_unaligned(0) };
        }
    }

    /// Notes that the block from `start` that is lent out has `new` granules, no longer `old`.
    pub(crate) fn note_resized(&mut self, start: u32, old: u32, new: u32) {
        self.note_returned(start, old);
        self.note_lent(start, new);
    }

    /// Returns whether a block of `len` granules from `start`, inside of the region, is lent out and short: it has fewer than
    /// [`LONG`].
    #[inline(always)]
    pub(crate) fn has_short_loan(&self, start: u32, len: usize) -> bool {
        len < LONG as usize && self.tag(start) == len as u8
    }

    /// Returns whether a block of `len` granules, not 0, from `start`, inside of the region, is lent out.
    #[inline]
    pub(crate) fn has_loan(&self, start: u32, len: usize) -> bool {
        if len < LONG as usize {
            return self.has_short_loan(start, len);
        }
        if len > (self.granules() - start) as usize || u32::from(self.tag(start)) != LONG {
            return false;
        }
        // SAFETY: the region is long enough.
        let size = unsafe { self.digits_of(start) };
        // SAFETY: the bytes are initialised and ours (P2).
        unsafe { size.read_unaligned() == digits(len as u32) }
    }

    /// Returns whether a block that starts at `granule` is lent out.
    pub(crate) fn is_lent(&self, granule: u32) -> bool {
        (1..=LONG as u8).contains(&self.tag(granule))
    }

    /// Returns the size of the block that is lent out and starts at `granule`, if there is one: any number from 1 on, if somebody has
    /// overwritten the bytes.
    pub(crate) fn loan_len(&self, granule: u32) -> Option<u32> {
        if !self.is_lent(granule) {
            return None;
        }
        let tag = u32::from(self.tag(granule));
        if tag < LONG || self.granules() - granule < LONG {
            return Some(tag);
        }
        // SAFETY: the region is long enough.
        let size = unsafe { self.digits_of(granule) };
        // SAFETY: the bytes are initialised and ours (P2).
        Some(undigits(unsafe { size.read_unaligned() }).max(1))
    }

    /// Returns where the block ends that is lent out and starts at `granule`; or, if there is none, where the next one starts behind
    /// it. `end` if that comes first.
    pub(crate) fn next_loan(&self, granule: u32, end: u32) -> u32 {
        match self.loan_len(granule) {
            Some(len) => granule.saturating_add(len).min(end),
            None => (granule + 1..end).find(|&granule| self.is_lent(granule)).unwrap_or(end),
        }
    }

    /// Returns how many blocks are lent out, and how many granules they have; or a granule whose byte contradicts others, or with
    /// which a block starts that has some of the granules `apart` or of a marked block. `capacity` is that of [`new`](Self::new).
    ///
    /// Assumes that the marked blocks were checked.
    pub(crate) fn count_loans(&self, capacity: u32, apart: &[Range<u32>]) -> Result<(u32, u32), u32> {
        let (mut blocks, mut granules) = (0, 0);
        let (mut end, mut sized) = (0, 0);
        let mut marked = 0..0;
        for granule in (0..words_before::<C>(capacity)).flat_map(|word| self.tagged(word)) {
            if granule < sized {
                continue;
            }
            // The region may be shorter than the capacity.
            if granule < end || granule >= self.granules() {
                return Err(granule.min(self.granules()));
            }
            let len = self.loan_len(granule).unwrap_or(0);
            if len == 0 || len > self.granules() - granule || !self.has_loan(granule, len as usize) {
                return Err(granule);
            }
            sized = granule + if len < LONG { 1 } else { 1 + size_of::<u64>() as u32 };
            end = granule + len;
            while marked.end <= granule {
                marked = self.marked_from(marked.end);
            }
            let overlaps = |other: &Range<u32>| granule.max(other.start) < end.min(other.end);
            if overlaps(&marked) || apart.iter().any(overlaps) {
                return Err(granule);
            }
            (blocks, granules) = (blocks + 1, granules + len);
        }
        Ok((blocks, granules))
    }

    /// Returns the granules of the first marked block from `granule` on, where none goes on; those behind all others, if there is none.
    fn marked_from(&self, granule: u32) -> Range<u32> {
        match self.next_free(granule) {
            Some(id) => id.0..id.0 + self.checked_size(id).unwrap_or(1),
            None => u32::MAX..u32::MAX,
        }
    }

    /// Returns the granules whose bytes lie in a word, which exists, and are not 0.
    fn tagged(&self, word: usize) -> impl Iterator<Item = u32> {
        let first = (word * size_of::<usize>()) as u32;
        // SAFETY: the granule has its byte.
        let pointer = unsafe { self.loan(first) }.cast::<usize>();
        // SAFETY: the state run has so many words, which are initialised and ours (P2).
        let bytes = unsafe { pointer.read() }.to_ne_bytes();
        (first..)
            .zip(bytes)
            .filter(|&(_, byte)| byte != 0)
            .map(|(granule, _)| granule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::granule::MAX_GRANULES;

    #[test]
    fn a_size_is_read_as_it_was_written_and_none_of_its_bytes_is_a_blocks_first() {
        for bit in 0..31 {
            for len in [1 << bit, (1 << bit) - 1, (1 << bit) + 1, MAX_GRANULES - bit] {
                assert_eq!(undigits(digits(len)), len);
                assert!(digits(len).to_ne_bytes().iter().all(|&byte| u32::from(byte) > LONG));
            }
        }
    }

    #[test]
    fn sizes_that_differ_have_other_digits() {
        let most = if cfg!(miri) { 1 << 9 } else { 1 << 16 };
        assert!((0..most).all(|len| digits(len) != digits(len + 1)));
    }
}
