//! Two more bits for each granule, where a configuration is checked: which blocks are lent out, and how long they are.
//!
//! ```text
//!   granule        8       9      10      11      12      13      14
//!   lent, last │ 1   0 │ 0   0 │ 0   1 │ 0   0 │ 0   1 │ 1   1 │ 0   0 │
//!              │    three granules     │   two, cached │  one  │ free …
//! ```
//!
//! - *lent*: the first granule of each block that is lent out.
//! - *last*: the last granule of each block that is lent out or cached. So a block that comes from a quick list or goes into one
//!   changes one bit.
//!
//! The bits lie side by side, so one shift shows a block's start, and the end that belongs to it as the next bit that is set. No
//! neighbour has a part in it. The words lie before those of the marks, at the start of the state run.

use core::ptr::NonNull;

use super::Arena;
use crate::bitmap::{WORD_BITS, loan_words, mask, mask_from};
use crate::config::Config;

/// Bits of a granule.
const BITS: u32 = 2;

/// Returns the number of the bit that says whether a block that starts at `granule` is lent out.
#[inline]
const fn lent(granule: u32) -> u32 {
    // A granule's number has 31 bits.
    granule * BITS
}

/// Returns the number of the bit that says whether a block ends with `granule`.
#[inline]
const fn last(granule: u32) -> u32 {
    granule * BITS + 1
}

/// Returns the index of the word that holds a bit.
#[inline]
const fn word_of(bit: u32) -> u32 {
    bit / WORD_BITS
}

/// Two words.
#[cfg(target_pointer_width = "64")]
type Pair = u128;
#[cfg(not(target_pointer_width = "64"))]
type Pair = u64;

/// Returns whether two words that follow each other show that the block whose first bit is `bit`, which is in the first word, is
/// lent out and ends after `len` granules. `false` if it has more granules than half of a word's bits.
#[inline(always)]
const fn shows(word: usize, next: usize, bit: u32, len: usize) -> bool {
    let pair = (next as Pair) << WORD_BITS | word as Pair;
    let window = (pair >> (bit % WORD_BITS)) as usize;
    // If the lowest bit is set, this clears it, and the next one that is set is the block's end. If not, this sets it, which is no
    // end: those have odd numbers.
    window.wrapping_sub(1).trailing_zeros() as usize == 2 * len - 1
}

impl<C: Config> Arena<C> {
    /// Returns a word.
    #[inline(always)]
    fn loans(&self, index: u32) -> usize {
        // SAFETY: only words that exist are asked for: those of granules of the region, and the one behind.
        let pointer = unsafe { self.loan_word(index) };
        // SAFETY: the words are initialised and ours (P2).
        unsafe { pointer.read() }
    }

    /// Writes a word.
    #[inline(always)]
    fn set_loans(&mut self, index: u32, bits: usize) {
        // SAFETY: as above.
        let pointer: NonNull<usize> = unsafe { self.loan_word(index) };
        // SAFETY: the words are ours (P2).
        unsafe { pointer.write(bits) };
    }

    /// Returns whether a bit is set.
    #[inline]
    fn loan_bit(&self, bit: u32) -> bool {
        self.loans(word_of(bit)) & mask(bit) != 0
    }

    /// Sets a bit.
    #[inline(always)]
    fn set_loan_bit(&mut self, bit: u32) {
        let bits = self.loans(word_of(bit)) | mask(bit);
        self.set_loans(word_of(bit), bits);
    }

    /// Clears a bit.
    #[inline(always)]
    fn clear_loan_bit(&mut self, bit: u32) {
        let bits = self.loans(word_of(bit)) & !mask(bit);
        self.set_loans(word_of(bit), bits);
    }

    /// Notes that the block that starts at `granule` is lent out. That it ends somewhere was noted before.
    #[inline(always)]
    pub(crate) fn note_lent(&mut self, granule: u32) {
        self.set_loan_bit(lent(granule));
    }

    /// Notes that the block that starts at `granule` has come back.
    #[inline]
    pub(crate) fn note_returned(&mut self, granule: u32) {
        self.clear_loan_bit(lent(granule));
    }

    /// Notes that a block ends right before `end`, which is not free.
    #[inline]
    pub(crate) fn note_end(&mut self, end: u32) {
        self.set_loan_bit(last(end - 1));
    }

    /// Notes that no such block ends there any more.
    #[inline]
    pub(crate) fn forget_end(&mut self, end: u32) {
        self.clear_loan_bit(last(end - 1));
    }

    /// Returns whether a block of `len` granules that starts at `start`, inside of the region, is lent out and short: it has no more
    /// granules than half of a word's bits. If so, notes that it has come back.
    #[inline(always)]
    pub(crate) fn take_short_loan(&mut self, start: u32, len: usize) -> bool {
        let bit = lent(start);
        // SAFETY: the granule has its bits.
        let here = unsafe { self.loan_word(word_of(bit)) };
        // SAFETY: there is a word behind.
        let next = unsafe { here.add(1) };
        // SAFETY: the words are initialised and ours (P2).
        let bits = unsafe { here.read() };
        // SAFETY: as above.
        if !shows(bits, unsafe { next.read() }, bit, len) {
            return false;
        }
        // SAFETY: as above.
        unsafe { here.write(bits ^ mask(bit)) };
        true
    }

    /// Returns whether a block of `len` granules that starts at `start`, inside of the region, is lent out and short.
    #[inline(always)]
    pub(crate) fn has_short_loan(&self, start: u32, len: usize) -> bool {
        let bit = lent(start);
        shows(self.loans(word_of(bit)), self.loans(word_of(bit) + 1), bit, len)
    }

    /// Returns whether a block that starts at `granule` is lent out.
    pub(crate) fn is_lent(&self, granule: u32) -> bool {
        self.loan_bit(lent(granule))
    }

    /// Returns whether a block of `len` granules that starts at `start`, inside of the region, is lent out. Takes time linear in the
    /// size over half of a word's bits.
    #[inline]
    pub(crate) fn has_loan(&self, start: u32, len: usize) -> bool {
        if len > (self.granules() - start) as usize {
            return false;
        }
        let (from, to) = (lent(start), last(start + len as u32 - 1));
        let nr_words = (word_of(to) - word_of(from)) as usize;
        if nr_words == 0 {
            return self.has_short_loan(start, len);
        }
        // SAFETY: the granule has its bits.
        let here = unsafe { self.loan_word(word_of(from)) };
        let word = |index: usize| {
            // SAFETY: the words up to that of the last granule exist.
            let pointer = unsafe { here.add(index) };
            // SAFETY: they are initialised and ours (P2).
            unsafe { pointer.read() }
        };
        // Without a way out the compiler takes several words at a time.
        let between = (1..nr_words).fold(0, |bits, index| bits | word(index));
        // The first bit, and no other; none; and the last bit, with none before it.
        let is_first = word(0) >> (from % WORD_BITS) == 1;
        let is_last = word(nr_words) << (!to % WORD_BITS) == 1 << (WORD_BITS - 1);
        is_first && between == 0 && is_last
    }

    /// Returns the first granule behind `granule`, but not behind `end`, at which a block starts or ends that is lent out. `end` if
    /// there is none. Takes time linear in the distance over half of a word's bits.
    pub(crate) fn next_loan(&self, granule: u32, end: u32) -> u32 {
        let (from, to) = (last(granule), last(end - 1));
        let mut index = word_of(from);
        let mut bits = self.loans(index) & mask_from(from);
        // By words: behind the last one of the largest region a bit's number has more than 32 bits.
        while bits == 0 {
            if index >= word_of(to) {
                return end;
            }
            index += 1;
            bits = self.loans(index);
        }
        // What follows a block's last granule, or its first one.
        (index * WORD_BITS + bits.trailing_zeros()).div_ceil(BITS).min(end)
    }

    /// Returns how many blocks are lent out, and how many end, by their bits; or a granule whose bits contradict others.
    pub(crate) fn count_loans(&self) -> Result<(u32, u32), u32> {
        let (mut nr_lent, mut nr_ends) = (0, 0);
        let mut is_open = false;
        for index in 0..loan_words(self.granules()) as u32 {
            let mut bits = self.loans(index);
            while bits != 0 {
                let bit = index * WORD_BITS + bits.trailing_zeros();
                let granule = bit / BITS;
                let is_end = bit == last(granule);
                if granule >= self.granules() || self.bit(granule) || is_open && !is_end {
                    return Err(granule.min(self.granules()));
                }
                (nr_lent, nr_ends) = (nr_lent + u32::from(!is_end), nr_ends + u32::from(is_end));
                is_open = !is_end;
                bits &= bits - 1;
            }
        }
        if is_open {
            Err(self.granules())
        } else {
            Ok((nr_lent, nr_ends))
        }
    }

    /// Returns whether a block ends right before `end`, lent out or cached.
    pub(crate) fn is_end(&self, end: u32) -> bool {
        self.loan_bit(last(end - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: u32 = WORD_BITS / BITS;

    /// Returns the words in which the bits of a block are set, if they are to be, and none between them; and all others or none.
    fn words(start: u32, len: u32, is_lent: bool, others: Pair) -> (usize, usize) {
        let (first, end) = ((1 as Pair) << lent(start), (1 as Pair) << last(start + len - 1));
        let own = end | (end - first);
        let pair = others & !own | end | if is_lent { first } else { 0 };
        (pair as usize, (pair >> WORD_BITS) as usize)
    }

    #[test]
    fn words_show_a_block_that_is_lent_out_with_its_own_extent_only() {
        for (start, len) in (0..SHORT).flat_map(|start| (1..=SHORT).map(move |len| (start, len))) {
            for others in [0, !0] {
                let (word, next) = words(start, len, true, others);
                let (cached, behind) = words(start, len, false, others);
                for claimed in 1..100 {
                    assert_eq!(shows(word, next, lent(start), claimed), claimed == len as usize);
                    assert!(!shows(cached, behind, lent(start), claimed));
                }
            }
        }
    }

    #[test]
    fn a_long_block_is_shown_with_no_extent() {
        for start in 0..SHORT {
            let (word, next) = (mask(lent(start)), 0);
            assert!((1..100).all(|claimed| !shows(word, next, lent(start), claimed)));
        }
    }
}
