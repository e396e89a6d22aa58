//! A range of memory that is safe to do arithmetic with.

use core::ptr::NonNull;

use crate::arith::{align_down, align_up};

/// A range of bytes: where a region lies.
///
/// A span says where memory is, not that the holder may use it; that is said by who hands it out.
///
/// # Invariants
///
/// - `start + len` is at most `usize::MAX`, so the last byte of the address space is never part of a span, and neither
///   is address 0.
/// - `len` is at most `isize::MAX`, so that every offset inside fits `pointer::add`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: NonNull<u8>,
    len: usize,
}

impl Span {
    /// The span without a byte.
    pub const EMPTY: Self = Self {
        start: NonNull::dangling(),
        len: 0,
    };

    /// Returns the span of `len` bytes from `start`, cut where it would reach the last byte of the address space or
    /// exceed `isize::MAX` bytes.
    #[inline]
    pub fn new(start: NonNull<u8>, len: usize) -> Self {
        let room = usize::MAX - start.addr().get();
        Self {
            start,
            len: len.min(room).min(isize::MAX as usize),
        }
    }

    /// Returns the pointer to the first byte, with the provenance it was made with.
    #[inline]
    pub const fn start(self) -> NonNull<u8> {
        self.start
    }

    /// Returns the length in bytes.
    #[inline]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Returns whether the span holds no byte.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Returns the address of the first byte.
    #[inline]
    pub fn start_addr(self) -> usize {
        self.start.addr().get()
    }

    /// Returns the address one past the last byte.
    #[inline]
    pub fn end_addr(self) -> usize {
        self.start_addr() + self.len
    }

    /// Returns whether `pointer` addresses a byte of the span. One past the end does not.
    #[inline]
    pub fn contains(self, pointer: NonNull<u8>) -> bool {
        // A pointer below the start wraps round to an offset that is past the end.
        pointer.addr().get().wrapping_sub(self.start_addr()) < self.len
    }

    /// Returns the largest part of the span that starts and ends at multiples of `align`, a power of two.
    #[inline]
    pub fn aligned(self, align: usize) -> Self {
        let end = align_down(self.end_addr(), align);
        match align_up(self.start_addr(), align) {
            Some(start) if start < end => {
                let skip = start - self.start_addr();
                // A span says where memory is, not that there is any: so this may not be pointer arithmetic in bounds.
                let pointer = self.start.map_addr(|addr| addr.saturating_add(skip));
                Self {
                    start: pointer,
                    len: end - start,
                }
            }
            _ => Self::EMPTY,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::ptr;

    use super::*;

    fn at(addr: usize) -> NonNull<u8> {
        NonNull::new(ptr::without_provenance_mut(addr)).unwrap()
    }

    #[test]
    fn the_last_byte_of_the_address_space_is_never_inside() {
        for back in 0..100 {
            let span = Span::new(at(usize::MAX - back), usize::MAX);
            assert_eq!(span.len(), back);
            assert!(!span.contains(at(usize::MAX)));
        }
        assert_eq!(Span::new(at(1), usize::MAX).len(), isize::MAX as usize);
    }

    #[test]
    fn contains_takes_the_first_byte_and_not_the_one_past_the_end() {
        let span = Span::new(at(100), 10);
        assert!(span.contains(at(100)) && span.contains(at(109)));
        assert!(!span.contains(at(99)) && !span.contains(at(110)) && !span.contains(at(usize::MAX)));
        assert!(!Span::EMPTY.contains(at(1)));
        assert_eq!([Span::EMPTY, span].map(Span::is_empty), [true, false]);
    }

    #[test]
    fn aligning_cuts_inward_and_never_outward() {
        let memory = [0u8; 200];
        let base = NonNull::from(&memory).cast::<u8>();
        for skip in 0..64 {
            for len in 0..130 {
                // SAFETY: `skip` is below the array's 200 bytes.
                let start = unsafe { base.add(skip) };
                let span = Span::new(start, len);
                let cut = span.aligned(32);
                assert!(cut.is_empty() || (cut.start_addr() >= span.start_addr() && cut.end_addr() <= span.end_addr()));
                assert_eq!(
                    (cut.len() % 32, cut.is_empty() || cut.start_addr() % 32 == 0),
                    (0, true)
                );
                assert!(cut.len() + 62 >= len);
            }
        }
    }
}
