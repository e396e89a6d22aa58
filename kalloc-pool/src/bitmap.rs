//! Where a granule's bit lies: integers only.

#![forbid(unsafe_code)]

use crate::config::Config;

/// Bits of one word of the bitmap.
pub(crate) const WORD_BITS: u32 = usize::BITS;

/// Returns how many words lie before the bitmap of `granules`: a byte for each of them, where the configuration is checked.
#[inline]
pub(crate) const fn words_before<C: Config>(granules: u32) -> usize {
    if C::CHECKED {
        (granules as usize).div_ceil(size_of::<usize>())
    } else {
        0
    }
}

/// Returns the index of the word that holds the bit of `granule`.
#[inline]
pub(crate) const fn word(granule: u32) -> usize {
    (granule / WORD_BITS) as usize
}

/// Returns the bit of `granule` inside its word.
#[inline]
pub(crate) const fn mask(granule: u32) -> usize {
    1 << (granule % WORD_BITS)
}

/// Returns the bits of `granule`'s word that belong to it and to all granules behind it.
#[inline]
pub(crate) const fn mask_from(granule: u32) -> usize {
    usize::MAX << (granule % WORD_BITS)
}

/// Returns how many words the bitmap of `granules` has. It holds one bit more than there are granules: the bit behind the
/// last is a sentinel and always clear, so that the last block's right neighbour can be asked for.
#[inline]
pub(crate) const fn words(granules: u32) -> usize {
    word(granules) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Checked, RealTime, Standard};

    #[test]
    fn a_granule_has_a_byte_where_the_configuration_is_checked() {
        let granules = 10 * WORD_BITS + 1;
        assert_eq!(words_before::<Standard>(granules), 0);
        assert_eq!(words_before::<RealTime>(granules), 0);
        assert_eq!(words_before::<Checked<Standard>>(granules), 10 * 8 + 1);
        assert_eq!(words_before::<Checked<RealTime>>(granules), 10 * 8 + 1);
    }

    #[test]
    fn every_granule_has_a_bit_of_its_own() {
        let mut seen = [0usize; 10];
        for granule in 0..10 * WORD_BITS {
            assert_eq!(seen[word(granule)] & mask(granule), 0);
            seen[word(granule)] |= mask(granule);
            assert!(words(granule) > word(granule));
        }
        assert_eq!(seen, [usize::MAX; 10]);
    }

    #[test]
    fn mask_from_covers_the_granule_and_what_follows() {
        for granule in 0..WORD_BITS {
            let expected = (granule..WORD_BITS).fold(0, |bits, g| bits | mask(g));
            assert_eq!(mask_from(granule), expected);
        }
    }
}
