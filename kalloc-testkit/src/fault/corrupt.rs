//! Bits of a heap's memory that turn over: what a cosmic ray does, or somebody's stray write.
//!
//! Lent blocks are their owners'. The rest of the region, free memory and whatever the heap keeps there of its own, is what
//! `verify` answers for.

use alloc::vec::Vec;
use core::ops::Range;

use kalloc_traits::Span;

/// A bit of a region's memory, which can be turned over, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bit {
    /// The byte, in bytes from the region's start.
    pub offset: usize,
    /// Which bit of it, from 0.
    pub bit: u32,
}

impl Bit {
    /// Returns every bit of a span's bytes that are in none of the `lent` ranges of addresses, with the byte's first.
    ///
    /// ```
    /// use kalloc_testkit::fault::Bit;
    /// use kalloc_testkit::region::GuardedRegion;
    /// use kalloc_traits::RawRegion;
    ///
    /// let region = GuardedRegion::new(10);
    /// let start = region.span().start_addr();
    /// let bits = Bit::outside_of(region.span(), &[start + 1..start + 9]);
    /// assert_eq!(bits.len(), 16);
    /// assert_eq!((bits[0].offset, bits[8].offset), (0, 9));
    /// ```
    pub fn outside_of(span: Span, lent: &[Range<usize>]) -> Vec<Self> {
        let is_lent = |offset: usize| {
            let address = span.start_addr() + offset;
            lent.iter().any(|range| range.contains(&address))
        };
        let bytes = (0..span.len()).filter(|offset| !is_lent(*offset));
        bytes
            .flat_map(|offset| (0..u8::BITS).map(move |bit| Self { offset, bit }))
            .collect()
    }

    /// Turns the bit over.
    ///
    /// # Safety
    ///
    /// - The bit lies in the span, whose bytes are valid and initialised.
    /// - Nobody else reads or writes the byte meanwhile.
    /// - Whoever owns the memory bears that it changed.
    pub unsafe fn flip(self, span: Span) {
        assert!(self.offset < span.len(), "a bit of the region");
        // SAFETY: the offset was just checked.
        let byte = unsafe { span.start().add(self.offset) };
        // SAFETY: the caller says that the byte is valid and initialised.
        let old = unsafe { byte.read() };
        // SAFETY: as above, and the owner bears it.
        unsafe { byte.write(old ^ 1 << self.bit) };
    }
}

#[cfg(test)]
mod tests {
    use kalloc_traits::RawRegion;

    use super::*;
    use crate::region::{Fill, GuardedRegion, Shape};

    #[test]
    fn a_bit_is_turned_over_and_back() {
        let region = GuardedRegion::of(Shape::new(4).with_fill(Fill::Byte(0b1010)));
        let (span, bit) = (region.span(), Bit { offset: 2, bit: 1 });
        let guards = region.guards();
        // SAFETY: the bit is the region's, which nobody uses.
        unsafe { bit.flip(span) };
        drop(region);
        assert_eq!(guards.image().unwrap(), [0b1010, 0b1010, 0b1000, 0b1010]);
    }
}
