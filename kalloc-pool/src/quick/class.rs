//! Which sizes share a quick list, and how many blocks it may hold: integers only.
//!
//! Sizes below a power of two that depends on the region, the *exact* ones, have a class each, whose number is the size. Above,
//! a class holds what a bin of the index with sixteen subdivisions holds; the numbers go on without a gap.

#![forbid(unsafe_code)]

use crate::config::Config;
use crate::index::bins::{MAX_S, bin_of, least_of};

/// Subdivisions of a power of two above the exact classes, as a power of two.
const S: u32 = MAX_S;

/// A list behind the first `FEWEST` may hold one part in so many of what those may, but no more than `FEW` blocks, nor
/// more of them than have `FEW_BYTES`, one aside ..
const LARGE_SHARE: u32 = 64;

/// .. unless they take no more than one part in so many. Lists that hold much more than a program has live let the heap spread
/// over memory that no cache holds, until memory is scarce and all of them are closed.
const MANY_SHARE: u32 = 512;

/// How many blocks that is.
const FEW: u32 = 8;

/// And how many bytes.
const FEW_BYTES: usize = 1 << 14;

/// The exact lists are halved while they take more than one part in so many of the region's bytes.
const TABLE_SHARE: usize = 4096;

/// There are so many exact lists in the smallest region, if the configuration has them.
const FEWEST: u32 = 64;

/// In a small region there are as many exact lists as one in so many of the granules that each may hold, but no fewer than that:
/// the heads of all would be one part in a hundred of it.
const HEAD_SHARE: u32 = 16;

/// Words of the table that a list takes.
pub(super) const WORDS: u32 = 2;

/// Bytes of a list.
const LIST: usize = WORDS as usize * size_of::<u32>();

/// The classes of a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Classes {
    /// Sizes below this many granules have a class each.
    pub(super) exact: u32,
    /// What is added to a bin's number to make it a class.
    offset: u32,
}

impl Classes {
    /// Those of nothing.
    pub(super) const NONE: Self = Self { exact: 0, offset: 0 };

    /// Returns those of a region of `granules`.
    pub(super) fn of<C: Config>(granules: u32) -> Self {
        let has_exact_only = const { C::QUICK_LARGEST / C::GRANULE < C::QUICK_EXACT as usize };
        const {
            let starts_bin = C::QUICK_EXACT >= 2 << S && C::QUICK_EXACT.is_power_of_two();
            assert!(
                starts_bin || C::QUICK_LARGEST / C::GRANULE < C::QUICK_EXACT as usize,
                "above a power of two, from 32 on, sizes may share lists"
            );
            assert!(
                C::QUICK_LARGEST < 1 << 30,
                "a quick list is for blocks below a gibibyte"
            );
        }
        let mut exact = C::QUICK_EXACT;
        while !has_exact_only && exact > FEWEST && exact as usize * LIST > granules as usize / TABLE_SHARE * C::GRANULE
        {
            exact /= 2;
        }
        let offset = exact.wrapping_sub(bin_of(exact.max(1), S));
        Self { exact, offset }
    }

    /// Returns the class of blocks of `len` granules, of which no exact class is.
    #[inline]
    pub(super) const fn above_exact(self, len: u32) -> u32 {
        debug_assert!(len >= self.exact);
        bin_of(len, S).wrapping_add(self.offset)
    }

    /// Returns the class of blocks of `len` granules.
    pub(super) const fn class_of(self, len: u32) -> u32 {
        if len < self.exact { len } else { self.above_exact(len) }
    }

    /// Returns the size in granules of the smallest blocks of a class, which is not 0.
    const fn least(self, class: u32) -> u32 {
        if class < self.exact {
            class
        } else {
            least_of(class.wrapping_sub(self.offset), S)
        }
    }

    /// Returns how many classes there are if each list may hold `share` granules: one block at least.
    pub(super) fn count<C: Config>(self, share: u32) -> u32 {
        let worth = share.min((share / HEAD_SHARE).max(HEAD_SHARE));
        let exact = worth.min(self.exact.min(FEWEST).saturating_sub(1));
        match (C::QUICK_LARGEST / C::GRANULE).min((share / LARGE_SHARE).max(exact) as usize) as u32 {
            0 => 0,
            largest => self.class_of(largest) + 1,
        }
    }

    /// Returns how many blocks the list of a class may hold, if each list may hold `share` granules.
    pub(super) fn bound<C: Config>(self, share: u32, class: u32) -> u32 {
        match class {
            0 => 0,
            _ if class < FEWEST.min(self.exact) => (share / class).min(C::QUICK_BOUND),
            _ => {
                let least = self.least(class);
                let blocks = share / least;
                let few = (FEW_BYTES / C::GRANULE) as u32 / least;
                let few = few.clamp(1, FEW).min(blocks / LARGE_SHARE);
                few.max(blocks / MANY_SHARE).min(C::QUICK_BOUND)
            }
        }
    }
}

/// Returns how many granules each list may hold in a region of `granules`.
pub(super) fn share<C: Config>(granules: u32) -> u32 {
    const { assert!(C::QUICK_SHARE > 0, "a quick list's share is one part in so many") };
    granules / C::QUICK_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Standard;

    /// Regions with each number of exact classes.
    fn regions() -> impl Iterator<Item = (u32, Classes)> {
        (4..24)
            .map(|log| 1 << log)
            .map(|granules| (granules, Classes::of::<Standard>(granules)))
    }

    #[test]
    fn a_larger_region_has_more_exact_classes_and_they_take_one_part_in_4096() {
        let mut last = FEWEST;
        for (granules, classes) in regions() {
            assert!(
                classes.exact >= last && classes.exact <= Standard::QUICK_EXACT,
                "{granules}"
            );
            let table = classes.exact as usize * LIST;
            let bytes = granules as usize * Standard::GRANULE;
            assert!(classes.exact == FEWEST || table * TABLE_SHARE <= bytes);
            assert!(classes.exact == Standard::QUICK_EXACT || 2 * table * TABLE_SHARE > bytes);
            last = classes.exact;
        }
        assert_eq!(last, Standard::QUICK_EXACT);
    }

    #[test]
    fn the_heads_of_the_first_lists_take_one_part_in_256_of_a_region() {
        for (granules, classes) in regions() {
            let count = classes.count::<Standard>(share::<Standard>(granules)).min(FEWEST);
            let heads = (count as usize).saturating_sub(1) * LIST;
            assert!(
                heads * 256 <= granules as usize * Standard::GRANULE || count <= HEAD_SHARE + 1,
                "{granules}"
            );
        }
        let (full, small) = (share::<Standard>(1 << 14), share::<Standard>(1 << 12));
        assert_eq!(Classes::of::<Standard>(1 << 14).count::<Standard>(full), FEWEST);
        assert_eq!(
            Classes::of::<Standard>(1 << 12).count::<Standard>(small),
            HEAD_SHARE + 1
        );
    }

    #[test]
    fn the_last_class_of_a_large_region_is_that_of_the_largest_block_that_is_kept() {
        let (granules, largest) = (1 << 28, Standard::QUICK_LARGEST as u32 / 8);
        let classes = Classes::of::<Standard>(granules);
        let last = classes.count::<Standard>(share::<Standard>(granules)) - 1;
        assert_eq!(last, classes.class_of(largest));
    }

    #[test]
    fn classes_have_no_gap_and_their_least_size_is_their_own() {
        for (_, classes) in regions() {
            let mut last = 0;
            for len in 1..if cfg!(miri) { 100 } else { 10_000 } {
                let class = classes.class_of(len);
                assert!(class == last || class == last + 1, "{len}");
                assert_eq!(class != last, classes.least(class) == len, "{len}");
                last = class;
            }
        }
    }

    #[test]
    fn every_list_holds_one_block_at_least() {
        for (_, classes) in regions() {
            for share in 0..if cfg!(miri) { 20 } else { 5000 } {
                let count = classes.count::<Standard>(share);
                assert!(
                    (1..count).all(|class| classes.bound::<Standard>(share, class) > 0),
                    "{share}"
                );
                assert_eq!(classes.bound::<Standard>(share, 0), 0);
            }
        }
    }

    #[test]
    fn lists_of_large_blocks_hold_no_more_than_a_part_of_what_those_of_small_ones_may() {
        for (granules, classes) in regions() {
            let share = share::<Standard>(granules);
            for class in 1..classes.count::<Standard>(share) {
                let held = classes.bound::<Standard>(share, class) * classes.least(class);
                let parts = if class < FEWEST { 1 } else { LARGE_SHARE };
                assert!(held <= share / parts, "{class} of {granules}");
                let most = (FEW_BYTES / Standard::GRANULE) as u32;
                let is_much = held > most.max(classes.least(class)).max(share / MANY_SHARE);
                assert!(class < FEWEST || !is_much, "{class} of {granules}");
            }
        }
    }
}
