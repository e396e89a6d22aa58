//! How much memory is enough, whatever the order of requests: integers only. `docs/bounds.md` has the proofs and the sources.

#![forbid(unsafe_code)]

use kalloc_traits::Stats;

use crate::config::Config;
use crate::engine::Engine;
use crate::index::sealed::Index;

/// What a program asks of a heap at most. Sizes are in bytes, and count as blocks do: rounded up to a granule each.
///
/// ```
/// use kalloc_pool::{AddressOrdered, Demand, guaranteed};
///
/// // 64 KiB live at a time, in blocks of 64 bytes to 1 KiB, which are not resized.
/// const DEMAND: Demand = Demand::new(64 << 10, 1 << 10).smallest(64).without_resizing();
/// // The capacity in which no request fails.
/// const CAPACITY: usize = guaranteed::<AddressOrdered>(DEMAND).unwrap();
/// assert_eq!(CAPACITY, (64 << 10) * 8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    live: usize,
    largest: usize,
    smallest: usize,
    align: usize,
    resizes: bool,
}

impl Demand {
    /// Returns the demand of a program whose live blocks, the one that is being asked for included, never have more than `live`
    /// bytes, and none of which has more than `largest`.
    pub const fn new(live: usize, largest: usize) -> Self {
        Self {
            live,
            largest,
            smallest: 1,
            align: 1,
            resizes: true,
        }
    }

    /// Returns the demand with no block smaller than `smallest` bytes.
    pub const fn smallest(mut self, smallest: usize) -> Self {
        self.smallest = smallest;
        self
    }

    /// Returns the demand with alignments of up to `align` bytes.
    pub const fn align(mut self, align: usize) -> Self {
        self.align = align;
        self
    }

    /// Returns the demand of a program that allocates and frees, and does not resize a block in place.
    pub const fn without_resizing(mut self) -> Self {
        self.resizes = false;
        self
    }
}

/// Returns a capacity in bytes, as [`Stats::capacity`](kalloc_traits::Stats::capacity) tells it, in which no request of the
/// demand ever fails, whatever came before; `None` if no number says so much. Can be called in a `const` context.
///
/// For every policy this is the bound of *merging*, which is proved: if a request of `s` granules fails, each free block is
/// smaller than what it needs, and there is at most one more free block than live ones. With `M` granules live at most, the
/// smallest block of `k`, and `d` granules lost at most (to alignment, and in the configuration [`RealTime`](crate::RealTime) to blocks
/// of one bin, up to a sixteenth of the largest request and its alignment), that is (with `s` the worst size, `n` at most)
///
/// ```text
///   (M - s) + (M - s) (s + d - 1) / k + (s + d - 1) + 1
/// ```
///
/// For the policies that take the lowest address, `M (1 + ⌈log2 n⌉)` is less in most cases. It is from the literature (Robson, "Worst
/// case fragmentation of first fit and best fit storage allocation strategies", The Computer Journal 20(3), 1977, pp. 242–244),
/// whose model has neither alignment nor resizing. It is used where the demand has neither.
///
/// Holds for a region that has not grown and that was not [adopted](crate::Pool::adopt).
pub const fn guaranteed<C: Config>(demand: Demand) -> Option<usize> {
    let Some(live) = units(demand.live, C::GRANULE) else {
        return None;
    };
    let Some(largest) = units(demand.largest, C::GRANULE) else {
        return None;
    };
    let (Some(smallest), Some(align)) = (units(demand.smallest, C::GRANULE), units(demand.align, C::GRANULE)) else {
        return None;
    };
    if live == 0 || largest > live || smallest == 0 || smallest > largest || align == 0 {
        return None;
    }
    let lost = align - 1 + passed_over(largest + align - 1, C::Index::PASSES_OVER);
    let merging = merging(live, largest, smallest, lost);
    let has_model = C::Index::LOWEST_FIRST && !demand.resizes && align == 1;
    let granules = if has_model {
        let first_fit = live * (1 + ceil_log2(largest));
        if first_fit < merging { first_fit } else { merging }
    } else {
        merging
    };
    let bytes = granules * C::GRANULE as u128;
    if bytes <= isize::MAX as u128 {
        Some(bytes as usize)
    } else {
        None
    }
}

/// Returns whether a heap of the configuration `C` with these counters has all the capacity that its program needs for certain: a
/// certificate at run time. What was live at most is taken from the counters, so the heap counts nothing more; `sizes` says what the
/// program promises of its blocks, and its `live` is not used. So after a soak without a failure, this tells whether that was luck:
/// if it returns `true`, no other order of requests would have failed either, as long as no more is live than was.
///
/// Returns `false` if a request has failed, and if there is no bound. [`guaranteed`] says for which regions it holds.
///
/// ```
/// use core::alloc::Layout;
/// use kalloc_pool::{Demand, Pool, Standard, is_guaranteed};
/// use kalloc_traits::{Heap, Inspect, StaticArray};
///
/// static MEMORY: StaticArray<4096> = StaticArray::new();
/// let pool = Pool::new(MEMORY.region());
/// let sizes = Demand::new(0, 64).smallest(32);
/// let blocks = [32, 64, 48].map(|size| pool.allocate(Layout::from_size_align(size, 8).unwrap()).unwrap());
/// assert!(is_guaranteed::<Standard>(&pool.stats(), sizes));
/// # assert_eq!(blocks.len(), 3);
/// ```
pub const fn is_guaranteed<C: Config>(stats: &Stats, sizes: Demand) -> bool {
    let live = stats.peak_used;
    if live == 0 || stats.failed_requests > 0 {
        return live == 0 && stats.failed_requests == 0;
    }
    let demand = Demand {
        live,
        // No block was larger than all together.
        largest: least(sizes.largest, live),
        smallest: least(sizes.smallest, live),
        ..sizes
    };
    match guaranteed::<C>(demand) {
        Some(needed) => needed <= stats.capacity,
        None => false,
    }
}

const fn least(one: usize, other: usize) -> usize {
    if one < other { one } else { other }
}

/// Returns how long a region must be for a heap of the configuration `C` to have so much `capacity` in bytes, wherever it starts;
/// `None` if it would be too large.
pub fn region_for_capacity<C: Config>(capacity: usize) -> Option<usize> {
    Engine::<C>::region_for(capacity, 1)
}

/// Returns how many granules `bytes` are, rounded up. A product of two such numbers fits 128 bits, with room for a sum.
const fn units(bytes: usize, granule: usize) -> Option<u128> {
    if bytes > isize::MAX as usize {
        return None;
    }
    Some(bytes.div_ceil(granule) as u128)
}

/// Returns by how many granules a free block may be larger than the `needed` ones and be passed over: a bin's width.
const fn passed_over(needed: u128, share: Option<u32>) -> u128 {
    match share {
        Some(s) if needed >> s >= 2 => needed >> s,
        _ => 0,
    }
}

/// Returns the bound of merging, in granules.
const fn merging(live: u128, largest: u128, smallest: u128, lost: u128) -> u128 {
    // The term is a parabola in the failing size, so its greatest value for whole sizes lies beside the vertex.
    let vertex = (live + 1).saturating_sub(lost) / 2;
    let low = clamp(vertex, 1, largest);
    let high = clamp(vertex + 1, 1, largest);
    let (low, high) = (worst(live, low, smallest, lost), worst(live, high, smallest, lost));
    1 + if low > high { low } else { high }
}

/// Returns the most granules of a heap in which a request of `size` can fail.
const fn worst(live: u128, size: u128, smallest: u128, lost: u128) -> u128 {
    let (others, too_small) = (live - size, size + lost - 1);
    others + (others * too_small).div_ceil(smallest) + too_small
}

const fn clamp(value: u128, low: u128, high: u128) -> u128 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// Returns the logarithm to the base 2, rounded up.
const fn ceil_log2(value: u128) -> u128 {
    (u128::BITS - (value - 1).leading_zeros()) as u128
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AddressOrdered, BestFitting, RealTime, Standard};
    use crate::granule::MAX_GRANULES;
    use crate::index::bins::{bin_of, least_of};

    fn of<C: Config>(live: usize, largest: usize) -> usize {
        guaranteed::<C>(Demand::new(live * 8, largest * 8).without_resizing()).unwrap() / 8
    }

    #[test]
    fn the_vertex_is_where_the_bound_is_greatest() {
        for live in 1..40u128 {
            for largest in 1..=live {
                for (smallest, lost) in [(1, 0), (1, 3), (1, 15), (2, 0), (3, 7)] {
                    let greatest = (1..=largest).map(|size| worst(live, size, smallest, lost)).max();
                    assert_eq!(
                        greatest.map(|worst| worst + 1),
                        Some(merging(live, largest, smallest, lost))
                    );
                }
            }
        }
    }

    /// The smallest heaps in which an exhaustive search over all sequences has found no failure: `(n, M, granules)`.
    #[test]
    fn no_bound_is_below_what_an_exhaustive_search_has_found() {
        let first_fit = [
            (2, 4, 6),
            (2, 6, 9),
            (2, 8, 12),
            (2, 10, 16),
            (2, 12, 19),
            (2, 14, 22),
            (2, 16, 26),
            (4, 4, 6),
            (4, 6, 10),
            (4, 8, 16),
            (4, 10, 20),
            (4, 12, 26),
            (4, 14, 30),
            (8, 8, 16),
            (8, 12, 28),
            (8, 14, 35),
        ];
        for (largest, live, needed) in first_fit {
            assert!(
                of::<AddressOrdered>(live, largest) >= needed,
                "first fit, n = {largest}, M = {live}"
            );
        }
        let best_fit = [
            (2, 4, 6),
            (2, 6, 9),
            (2, 8, 13),
            (2, 10, 16),
            (4, 4, 6),
            (4, 6, 12),
            (4, 8, 19),
            (8, 8, 20),
        ];
        for (largest, live, needed) in best_fit {
            assert!(
                of::<BestFitting>(live, largest) >= needed,
                "best fit, n = {largest}, M = {live}"
            );
        }
        // There it is met.
        assert_eq!(
            [of::<BestFitting>(4, 2), of::<BestFitting>(6, 4), of::<Standard>(8, 8)],
            [6, 12, 20]
        );
    }

    /// What is not searched to its end loses what a bin is wide.
    #[test]
    fn blocks_that_are_passed_over_are_counted() {
        for s in 1..=4 {
            for needed in 1..if cfg!(miri) { 50 } else { 5000u32 } {
                let found = (needed..).find(|&len| least_of(bin_of(len, s), s) == len).unwrap();
                let most = u128::from(found - needed);
                assert!(most <= passed_over(needed.into(), Some(s)), "{needed}, s = {s}");
                assert!(bin_of(found, s) <= bin_of(needed, s) + 1);
            }
        }
        assert_eq!(passed_over(1000, Some(4)), 1000 / 16);
        assert_eq!(of::<RealTime>(64, 31), of::<Standard>(64, 31));
        assert!(of::<RealTime>(64, 32) > of::<Standard>(64, 32));
    }

    #[test]
    fn the_bound_of_first_fit_is_for_programs_that_neither_resize_nor_align() {
        let demand = Demand::new(64 * 8, 8 * 8);
        let both = |demand| [guaranteed::<AddressOrdered>(demand), guaranteed::<Standard>(demand)];
        let [first_fit, merging] = both(demand.without_resizing());
        assert_eq!(first_fit, Some(64 * 8 * 4));
        assert!(first_fit < merging);
        assert_eq!(both(demand), [merging; 2]);
        let [first_fit, merging] = both(demand.without_resizing().align(16));
        assert_eq!(first_fit, merging);
    }

    #[test]
    fn what_cannot_be_has_no_bound() {
        for demand in [
            Demand::new(0, 0),
            Demand::new(8, 16),
            Demand::new(64, 0),
            Demand::new(64, 8).smallest(16),
            Demand::new(64, 8).align(0),
            Demand::new(usize::MAX, 8),
            Demand::new(isize::MAX as usize, isize::MAX as usize),
        ] {
            assert_eq!(guaranteed::<Standard>(demand), None, "{demand:?}");
        }
        assert_eq!(guaranteed::<Standard>(Demand::new(8, 8)), Some(8));
        let demand = Demand::new(isize::MAX as usize / 64, 64).without_resizing();
        assert!(guaranteed::<AddressOrdered>(demand).is_some());
        let failed = Stats {
            failed_requests: 1,
            ..Stats::default()
        };
        assert!(!is_guaranteed::<Standard>(&failed, Demand::new(0, 8)));
    }

    #[test]
    fn a_region_for_half_of_the_most_granules_has_a_length_and_a_longer_one_has_none() {
        // Three granules more are for a request's alignment and for the region's edges.
        let most = (MAX_GRANULES / 2 - 3) as usize * 8;
        assert!(region_for_capacity::<Standard>(most).is_some_and(|len| len > most));
        assert_eq!(region_for_capacity::<Standard>(most + 1), None);
    }

    #[test]
    fn what_was_never_live_needs_no_room() {
        let stats = Stats {
            peak_used: 32,
            capacity: 40,
            ..Stats::default()
        };
        // One block of 64 bytes would have been more than all that was live.
        assert!(is_guaranteed::<Standard>(&stats, Demand::new(0, 64).smallest(32)));
        assert!(is_guaranteed::<Standard>(&stats, Demand::new(0, 64).smallest(64)));
        assert!(!is_guaranteed::<Standard>(&stats, Demand::new(0, 64)));
    }

    #[test]
    fn logarithms_round_up() {
        let expected = [0, 1, 2, 2, 3, 3, 3, 3, 4];
        for (value, expected) in (1..).zip(expected) {
            assert_eq!(ceil_log2(value), expected);
        }
    }
}
