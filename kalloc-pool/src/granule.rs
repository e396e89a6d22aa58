//! The unit of size: integers only.
//!
//! A region is cut into granules of 8 or 16 bytes, numbered from 0 at its base. A granule's number fits 31 bits, so that
//! the top bit of a 32-bit word is left for a flag; a larger region is cut.

#![forbid(unsafe_code)]

use crate::config::Config;

/// The most granules of a region: their numbers fit 31 bits, and their bytes an `isize`.
pub(crate) const MAX_GRANULES: u32 = {
    let addressable = isize::MAX as usize / 16;
    if addressable < (1 << 31) - 2 {
        addressable as u32
    } else {
        (1 << 31) - 2
    }
};

/// Returns the shift that turns granules of the configuration into bytes.
pub(crate) const fn shift<C: Config>() -> u32 {
    const {
        assert!(C::GRANULE == 8 || C::GRANULE == 16, "a granule has 8 or 16 bytes");
        C::GRANULE.trailing_zeros()
    }
}

/// Returns how many bytes `granules` are.
#[inline]
pub(crate) const fn bytes<C: Config>(granules: u32) -> usize {
    (granules as usize) << shift::<C>()
}

/// Returns how many granules hold `size` bytes, the size of a layout. It may exceed what a region can have.
#[inline]
pub(crate) const fn granules<C: Config>(size: usize) -> usize {
    kalloc_traits::request::units(size, C::GRANULE)
}

/// Returns how many whole granules lie in `len` bytes, cut to what a region can have.
#[inline]
pub(crate) const fn whole_granules<C: Config>(len: usize) -> u32 {
    let count = len >> shift::<C>();
    if count < MAX_GRANULES as usize {
        count as u32
    } else {
        MAX_GRANULES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AddressOrdered, Standard};

    #[test]
    fn sizes_round_up_when_taken_and_down_when_stored() {
        for size in 1..1000 {
            let g = granules::<Standard>(size);
            assert!(g * 8 >= size && (g - 1) * 8 < size);
            assert_eq!(whole_granules::<AddressOrdered>(size), (size / 8) as u32);
        }
        assert_eq!(whole_granules::<Standard>(usize::MAX), MAX_GRANULES);
    }
}
