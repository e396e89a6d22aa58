//! Integer arithmetic that cannot wrap: integers in, integers out.

#![forbid(unsafe_code)]

/// Returns the least multiple of `align` that is at least `n`, or `None` if it exceeds `usize::MAX`.
///
/// Assumes that `align` is a power of two.
#[inline]
pub const fn align_up(n: usize, align: usize) -> Option<usize> {
    debug_assert!(align.is_power_of_two());
    match n.checked_add(align - 1) {
        Some(sum) => Some(sum & !(align - 1)),
        None => None,
    }
}

/// Returns the greatest multiple of `align` that is at most `n`.
///
/// Assumes that `align` is a power of two.
#[inline]
pub const fn align_down(n: usize, align: usize) -> usize {
    debug_assert!(align.is_power_of_two());
    n & !(align - 1)
}

/// Returns whether `n` is a multiple of `align`.
///
/// Assumes that `align` is a power of two.
#[inline]
pub const fn is_aligned(n: usize, align: usize) -> bool {
    debug_assert!(align.is_power_of_two());
    n & (align - 1) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many values near an end are tried.
    const NEAR: usize = if cfg!(miri) { 20 } else { 300 };

    /// Each alignment, beside each value near zero and near the top.
    fn cases() -> impl Iterator<Item = (usize, usize)> {
        (0..usize::BITS).flat_map(|shift| {
            let align = 1 << shift;
            (0..=NEAR).flat_map(move |n| {
                [
                    (n, align),
                    (usize::MAX - n, align),
                    ((usize::MAX >> 1) - NEAR / 2 + n, align),
                ]
            })
        })
    }

    #[test]
    fn align_up_is_the_least_multiple_not_below() {
        for (n, align) in cases() {
            match align_up(n, align) {
                Some(up) => assert!(up >= n && up - n < align && up % align == 0),
                None => assert!((usize::MAX / align) * align < n),
            }
        }
    }

    #[test]
    fn align_down_is_the_greatest_multiple_not_above() {
        for (n, align) in cases() {
            let down = align_down(n, align);
            assert!(down <= n && n - down < align && down % align == 0);
        }
    }

    #[test]
    fn is_aligned_agrees_with_the_remainder() {
        for (n, align) in cases() {
            assert_eq!(is_aligned(n, align), n % align == 0);
        }
    }
}
