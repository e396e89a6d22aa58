//! A `Layout` made checked numbers.

use core::alloc::Layout;
use core::num::NonZeroUsize;
use core::ptr::{self, NonNull};

use crate::arith::align_up;

/// A request for memory that is worth looking for: its size is not zero.
///
/// # Invariants
///
/// `align` is a power of two, and `size` rounded up to `align` is at most `isize::MAX` (both are `Layout`'s).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bytes asked for.
    pub size: NonZeroUsize,
    /// Alignment in bytes, a power of two.
    pub align: usize,
}

impl Request {
    /// Returns `layout` as a request, or `None` if its size is zero; then [`dangling`] is the answer to it.
    #[inline]
    pub const fn new(layout: Layout) -> Option<Self> {
        match NonZeroUsize::new(layout.size()) {
            Some(size) => Some(Self {
                size,
                align: layout.align(),
            }),
            None => None,
        }
    }

    /// Returns how many units of `unit` bytes hold the request.
    ///
    /// Assumes that `unit` is a power of two. It cannot overflow: a layout's size is at most `isize::MAX`.
    #[inline]
    pub const fn units(self, unit: usize) -> usize {
        units(self.size.get(), unit)
    }
}

/// Returns how many units of `unit` bytes hold `size` bytes; `size` is that of a layout.
///
/// Assumes that `unit` is a power of two, and `size` at most `isize::MAX`.
#[inline]
pub const fn units(size: usize, unit: usize) -> usize {
    debug_assert!(unit.is_power_of_two());
    debug_assert!(size <= isize::MAX as usize);
    (size + (unit - 1)) >> unit.trailing_zeros()
}

/// Returns the answer to a request of zero bytes: an aligned pointer to nothing.
#[inline]
pub const fn dangling(align: usize) -> NonNull<[u8]> {
    debug_assert!(align.is_power_of_two());
    let pointer = ptr::without_provenance_mut::<u8>(align);
    match NonNull::new(ptr::slice_from_raw_parts_mut(pointer, 0)) {
        Some(slice) => slice,
        // A layout's alignment is never zero; `align` as an address is as good as any other.
        None => NonNull::slice_from_raw_parts(NonNull::dangling(), 0),
    }
}

/// Returns the first address at or after `address` that is a multiple of `align`, provided that `size` bytes from
/// there end at or before `end`.
#[inline]
pub const fn place(address: usize, size: usize, align: usize, end: usize) -> Option<usize> {
    let Some(start) = align_up(address, align) else {
        return None;
    };
    match start.checked_add(size) {
        Some(stop) if stop <= end => Some(start),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_round_up_over_the_whole_range() {
        let largest = isize::MAX as usize;
        let near = if cfg!(miri) { 100 } else { 5000 };
        for unit in [1, 8, 16, 4096] {
            for size in (1..near).chain(largest - near..=largest) {
                let n = units(size, unit);
                assert!(n * unit >= size && (n - 1) * unit < size);
                let layout = Layout::from_size_align(size, 1).unwrap();
                assert_eq!(Request::new(layout).map(|request| request.units(unit)), Some(n));
            }
        }
    }

    #[test]
    fn a_zero_sized_request_is_answered_by_an_aligned_empty_slice() {
        for shift in 0..usize::BITS - 1 {
            let slice = dangling(1 << shift);
            assert_eq!(slice.len(), 0);
            assert_eq!(slice.cast::<u8>().addr().get(), 1 << shift);
        }
        assert_eq!(Request::new(Layout::new::<()>()), None);
    }

    #[test]
    fn place_never_passes_the_end_and_never_wraps() {
        assert_eq!(place(9, 4, 8, 20), Some(16));
        assert_eq!(place(9, 5, 8, 20), None);
        assert_eq!(place(usize::MAX - 3, 1, 8, usize::MAX), None);
        assert_eq!(place(usize::MAX - 15, usize::MAX / 2, 8, usize::MAX), None);
    }
}
