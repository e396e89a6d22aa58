//! Memory at an address that the program knows as a number.

use core::ptr::{self, NonNull};

use super::RawRegion;
use crate::span::Span;

/// A region over a range of raw addresses: memory from a boot loader's map, a board's manual, a memory-mapped SRAM.
///
/// A range that starts at address 0 loses that byte, and one that reaches the end of the address space its last.
///
/// ```
/// use kalloc_traits::{RangeRegion, RawRegion};
///
/// const fn spare_ram() -> RangeRegion {
///     // SAFETY: the manual says that 64 KiB of RAM lie there, and nothing else uses them.
///     unsafe { RangeRegion::new(0x2000_4000, 64 * 1024) }
/// }
///
/// assert_eq!(spare_ram().span().end_addr(), 0x2001_4000);
/// ```
#[derive(Debug)]
pub struct RangeRegion {
    /// What the range was given as; the pointer is made at first use, as no integer becomes one in a `const`.
    source: Source,
}

/// How an address range was given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// As a number, so that it can be told in a `const`.
    Address { start: usize, len: usize },
    /// As a pointer, with its provenance.
    Pointer(Span),
}

impl Source {
    /// Returns the range as a span, without address 0 and the last byte of the address space.
    pub(super) fn span(self) -> Span {
        match self {
            Self::Pointer(span) => span,
            Self::Address { start, len } => {
                // Address 0 is never handed out: step over it.
                let skip = usize::from(start == 0);
                match NonNull::new(ptr::with_exposed_provenance_mut(start + skip)) {
                    Some(pointer) => Span::new(pointer, len.saturating_sub(skip)),
                    None => Span::EMPTY,
                }
            }
        }
    }
}

// SAFETY: the range belongs to the region alone, whichever thread it is on.
unsafe impl Send for RangeRegion {}

impl RangeRegion {
    /// Returns a region over the `len` bytes from address `start`. Can be called in a `const` context.
    ///
    /// # Safety
    ///
    /// The bytes are mapped, valid for reads and writes, and used by nobody else for as long as the region or a heap on it
    /// lives. Address 0 and the last byte of the address space need not be: they are never used.
    #[inline]
    pub const unsafe fn new(start: usize, len: usize) -> Self {
        Self {
            source: Source::Address { start, len },
        }
    }

    /// Returns a region over the `len` bytes from `start`, with the pointer's provenance. Where there is a pointer, this
    /// is the better constructor.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new), and the pointer is valid for all of the bytes.
    #[inline]
    pub unsafe fn from_pointer(start: NonNull<u8>, len: usize) -> Self {
        Self {
            source: Source::Pointer(Span::new(start, len)),
        }
    }
}

// SAFETY: the constructors' callers promise exclusive, valid and unmoved bytes. An address always gives the same
// pointer, whose provenance is whatever was exposed at that address: memory outside of Rust's own objects.
unsafe impl RawRegion for RangeRegion {
    const CAN_GROW: bool = false;

    fn span(&self) -> Span {
        self.source.span()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Under strict provenance, Miri takes no integer for a pointer.
    #[cfg(not(miri))]
    #[test]
    fn address_zero_and_the_last_byte_are_left_out() {
        // SAFETY: the memory is never touched.
        let whole = unsafe { RangeRegion::new(0, usize::MAX) };
        assert_eq!(whole.span().start_addr(), 1);
        assert!(whole.span().end_addr() < usize::MAX);
        // SAFETY: the memory is never touched.
        let top = unsafe { RangeRegion::new(usize::MAX - 9, 10) };
        assert_eq!(top.span().len(), 9);
        // SAFETY: the memory is never touched.
        let none = unsafe { RangeRegion::new(0, 0) };
        assert!(none.span().is_empty());
    }

    #[test]
    fn a_pointer_keeps_its_provenance() {
        let mut memory = [0u8; 64];
        // SAFETY: the array outlives the region, and nobody else uses it meanwhile.
        let region = unsafe { RangeRegion::from_pointer(NonNull::from(&mut memory).cast(), 64) };
        // SAFETY: the span is the array.
        unsafe { region.span().start().write_bytes(7, 64) };
        assert_eq!(memory, [7; 64]);
    }
}
