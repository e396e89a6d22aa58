//! The word that cores swap: where the next block goes, and how many blocks were taken. Integers only.
//!
//! ```text
//!   63      48 47                                              0
//!   ├─────────┼────────────────────────────────────────────────┤
//!   │  count  │                      next                      │
//!   └─────────┴────────────────────────────────────────────────┘
//! ```
//!
//! The atomic operations are what a shared bump costs, so one of them does both: the count is the number of blocks taken
//! so far, by its lowest bits. Whoever sees its highest bit change, at every 32,768th block, adds one to a counter of
//! *halves* elsewhere. Where `usize` has 32 bits the word has none to spare: all of it is `next`, and every block is a half.

#![forbid(unsafe_code)]

/// The bits that count blocks. Few in models, so that they see the count wrap.
const COUNT_BITS: u32 = match usize::BITS {
    64 if cfg!(all(test, loom)) => 2,
    64 => 16,
    _ => 0,
};
/// The bits that are `next`.
const NEXT_BITS: u32 = usize::BITS - COUNT_BITS;
const NEXT: usize = usize::MAX >> COUNT_BITS;
/// One block more.
const ONE: usize = if COUNT_BITS == 0 { 0 } else { 1 << NEXT_BITS };
/// The highest bit of the count.
const HALF: usize = if COUNT_BITS == 0 { 0 } else { 1 << (usize::BITS - 1) };
/// Blocks from one change of that bit to the next.
pub(super) const HALF_BLOCKS: usize = if COUNT_BITS == 0 { 1 } else { 1 << (COUNT_BITS - 1) };

/// The most bytes that a cursor can pass over.
pub(super) const LARGEST: usize = if NEXT < isize::MAX as usize {
    NEXT
} else {
    isize::MAX as usize
};

/// Returns where the next block goes.
#[inline]
pub(super) const fn next_of(word: usize) -> usize {
    word & NEXT
}

/// Returns the word after a block that ends `length` bytes behind its `next`, which is at most `LARGEST`.
#[inline]
pub(super) const fn with_block(word: usize, length: usize) -> usize {
    debug_assert!(length <= LARGEST - next_of(word));
    word.wrapping_add(length).wrapping_add(ONE)
}

/// Returns the word with another `next`, at most `LARGEST`, and the same count.
#[inline]
pub(super) const fn with_next(word: usize, next: usize) -> usize {
    (word & !NEXT) | (next & NEXT)
}

/// Returns whether a block that was taken from `before` to `after` is to be added to the halves.
#[inline]
pub(super) const fn is_half_turn(before: usize, after: usize) -> bool {
    COUNT_BITS == 0 || (before ^ after) & HALF != 0
}

/// Returns how many blocks were taken, if `halves` was loaded before the word.
///
/// The highest bit of the count is the lowest of `halves`, or somebody is about to add one. If that core is held up for as
/// long as others take `HALF_BLOCKS`, the answer is too low until it goes on; it never is too high.
pub(super) const fn taken(halves: usize, word: usize) -> usize {
    if COUNT_BITS == 0 {
        return halves;
    }
    let count = word >> NEXT_BITS;
    let is_behind = (halves ^ (count / HALF_BLOCKS)) & 1;
    let halves = halves.wrapping_add(is_behind);
    halves.wrapping_mul(HALF_BLOCKS).wrapping_add(count % HALF_BLOCKS)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_is_about_to_count_is_counted() {
        if COUNT_BITS == 0 {
            return;
        }
        let word = |count: usize| (count << NEXT_BITS) | 77;
        let wraps = 2 * HALF_BLOCKS;
        assert_eq!(taken(0, word(HALF_BLOCKS - 1)), HALF_BLOCKS - 1);
        assert_eq!(taken(0, word(HALF_BLOCKS)), HALF_BLOCKS);
        assert_eq!(taken(1, word(HALF_BLOCKS)), HALF_BLOCKS);
        assert_eq!(taken(1, word(wraps - 1)), wraps - 1);
        assert_eq!(taken(1, word(0)), wraps);
        assert_eq!(taken(2, word(0)), wraps);
    }

    #[test]
    fn next_and_count_do_not_touch() {
        let (mut word, mut halves) = (0, 0);
        let rounds = if cfg!(miri) { 10 } else { 5 * HALF_BLOCKS };
        for round in 1..=rounds {
            let next = if round % 2 == 0 { LARGEST - 1 } else { 0 };
            word = with_next(word, next);
            assert_eq!((next_of(word), taken(halves, word)), (next, round - 1));
            let after = with_block(word, LARGEST - next);
            halves += usize::from(is_half_turn(word, after));
            word = after;
            assert_eq!((next_of(word), taken(halves, word)), (LARGEST, round));
        }
    }
}
