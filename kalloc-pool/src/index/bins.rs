//! Which sizes share a bin, and which bins hold blocks: integers only.
//!
//! With `2^S` subdivisions, sizes below `2^(S+1)` granules have a bin each; above, each power of two is cut into `2^S` bins
//! of equal width, as in TLSF (Masmano, Ripoll, Crespo, Real: "TLSF: a new dynamic memory allocator for real-time systems",
//! ECRTS 2004, §3). The numbering has no gap: `bin = (e << S) + (size >> e)` with `e` the width's logarithm.

#![forbid(unsafe_code)]

use crate::granule::MAX_GRANULES;

/// The largest number of subdivisions, as a power of two.
pub(crate) const MAX_S: u32 = 4;

/// Bits of one word of the occupancy map.
pub(super) const WORD_BITS: u32 = usize::BITS;

/// Words of the occupancy map: enough for the largest region's bins.
pub(super) const MAP_WORDS: usize = bins(MAX_GRANULES, MAX_S).div_ceil(WORD_BITS) as usize;

/// Returns the bin that a block of `len` granules belongs to, with `2^s` subdivisions: sizes are rounded down.
#[inline]
pub(crate) const fn bin_of(len: u32, s: u32) -> u32 {
    debug_assert!(len > 0);
    if len < 2 << s {
        return len;
    }
    let e = len.ilog2() - s;
    (e << s) + (len >> e)
}

/// Returns the size of the smallest blocks of a bin.
#[inline]
pub(crate) const fn least_of(bin: u32, s: u32) -> u32 {
    if bin < 2 << s {
        return bin;
    }
    let e = (bin >> s) - 1;
    (bin - (e << s)) << e
}

/// Returns the bin of `len` granules, and the first bin all of whose blocks have so many.
#[inline]
pub(super) const fn own_and_certain(len: u32, s: u32) -> (u32, u32) {
    debug_assert!(len > 0);
    if len < 2 << s {
        return (len, len);
    }
    let e = len.ilog2() - s;
    let own = (e << s) + (len >> e);
    let starts_bin = (len >> e) << e == len;
    (own, own + !starts_bin as u32)
}

/// Returns how many bins hold the blocks of a region of `granules`.
pub(super) const fn bins(granules: u32, s: u32) -> u32 {
    if granules == 0 { 0 } else { bin_of(granules, s) + 1 }
}

/// Returns the lowest set bit at or above `bit`, if there is one.
#[inline]
pub(super) const fn lowest_from(word: usize, bit: u32) -> Option<u32> {
    let rest = if bit < WORD_BITS { word & (usize::MAX << bit) } else { 0 };
    if rest == 0 { None } else { Some(rest.trailing_zeros()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: u32 = if cfg!(miri) { 2_000 } else { 200_000 };

    #[test]
    fn bins_are_numbered_without_a_gap_and_never_fall() {
        for s in 1..=MAX_S {
            for len in 1..TOP {
                let (here, next) = (bin_of(len, s), bin_of(len + 1, s));
                assert!(least_of(here, s) <= len && len < least_of(here + 1, s));
                assert!(next == here || next == here + 1, "{len}");
                assert_eq!(
                    own_and_certain(len + 1, s),
                    (next, if next == here { here + 1 } else { next })
                );
            }
        }
    }

    #[test]
    fn small_sizes_have_a_bin_each() {
        for s in 1..=MAX_S {
            for len in 1..(2 << s) {
                assert_eq!(bin_of(len, s), len);
                assert_eq!(own_and_certain(len, s), (len, len));
            }
        }
    }

    #[test]
    fn a_bin_is_at_most_one_part_in_two_to_the_s_wide() {
        for s in 1..=MAX_S {
            let mut first = 1;
            for len in 2..TOP {
                if bin_of(len, s) != bin_of(len - 1, s) {
                    assert!((len - first) << s <= first.max(1 << s), "{first}..{len}");
                    first = len;
                }
            }
        }
        assert!(MAP_WORDS < WORD_BITS as usize);
    }

    #[test]
    fn lowest_from_finds_the_next_bit() {
        for bit in 0..=WORD_BITS {
            for set in 0..WORD_BITS {
                assert_eq!(lowest_from(1 << set, bit), (set >= bit).then_some(set));
            }
            assert_eq!(lowest_from(0, bit), None);
        }
    }
}
