//! What only some configurations keep, in the last words of the table: integers only.

#![forbid(unsafe_code)]

use crate::config::Config;

/// Where blocks of an earlier heap lie, in granules.
///
/// ```text
///   0            low                                  high             end
///   │ boot blocks │ state │ map │ the heap's own       │ boot blocks    │
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    /// They may lie below this granule,
    pub(crate) low: u32,
    /// and from this one
    pub(crate) high: u32,
    /// to this one, which may be one behind the region's last: only a part of it was the region's.
    pub(crate) end: u32,
    /// Granules inside the region that have not come back, and those of the map. Granule 0 does not count.
    pub(crate) kept: u32,
    /// The first granule of the map: a bit for each granule that may hold them, set until it comes back.
    pub(crate) map: u32,
    /// Their extents are multiples of so many bytes.
    pub(crate) unit: u32,
}

impl Boot {
    /// Words that it takes.
    pub(crate) const WORDS: u32 = 6;

    /// There are none.
    pub(crate) const NONE: Self = Self {
        low: 0,
        high: u32::MAX,
        end: u32::MAX,
        kept: 0,
        map: 0,
        unit: 1,
    };

    /// Returns the words that stand for it.
    pub(crate) const fn to_words(self) -> [u32; Self::WORDS as usize] {
        [self.low, self.high, self.end, self.kept, self.map, self.unit]
    }

    /// Returns what words stand for.
    pub(crate) const fn from_words([low, high, end, kept, map, unit]: [u32; Self::WORDS as usize]) -> Self {
        Self {
            low,
            high,
            end,
            kept,
            map,
            unit,
        }
    }

    /// Returns the bit of the map that belongs to `granule`, if it has one.
    #[inline]
    pub(crate) const fn bit_of(&self, granule: u32) -> Option<u32> {
        if granule < self.low {
            Some(granule)
        } else if granule >= self.high && granule < self.end {
            Some(self.low + (granule - self.high))
        } else {
            None
        }
    }

    /// Returns how many bits the map has; any number, if somebody has overwritten the notes.
    pub(crate) const fn bits(&self) -> u32 {
        self.low.wrapping_add(self.end.wrapping_sub(self.high))
    }
}

/// Words in which a checked heap counts the calls that it has refused.
const MISUSES: u32 = 1;

/// Returns how many words the notes of a configuration take.
pub(crate) const fn words<C: Config>() -> u32 {
    if C::CHECKED {
        MISUSES
    } else if C::ADOPTS {
        Boot::WORDS
    } else {
        0
    }
}

/// Bytes for the record of a heap that is left.
const HEADER_BYTES: usize = 96;

/// Words of that record.
pub(crate) const RECORD_WORDS: usize = HEADER_BYTES / size_of::<u32>();

/// Returns how many granules at the region's start are kept for that record.
pub(crate) const fn header_len<C: Config>() -> u32 {
    if C::RETAINS {
        (HEADER_BYTES / C::GRANULE) as u32
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_granule_that_may_hold_a_boot_block_has_a_bit_of_its_own() {
        for (low, high, end) in [(0, 0, 0), (5, 20, 20), (0, 7, 33), (9, 9, 40), (3, 30, 64)] {
            let boot = Boot {
                low,
                high,
                end,
                ..Boot::NONE
            };
            let bits: std::vec::Vec<u32> = (0..100).filter_map(|granule| boot.bit_of(granule)).collect();
            assert_eq!(bits, (0..boot.bits()).collect::<std::vec::Vec<_>>());
            assert_eq!(Boot::from_words(boot.to_words()), boot);
        }
        assert_eq!(Boot::NONE.bits(), 0);
    }

    extern crate std;
}
