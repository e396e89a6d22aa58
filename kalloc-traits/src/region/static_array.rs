//! Memory in a static, claimed at first use.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::RawRegion;
use crate::claim::Claim;
use crate::error::RegionError;
use crate::span::Span;

/// `N` bytes of memory for a static, aligned to 16. In `.bss`, so it takes no room in the image.
///
/// ```
/// use kalloc_traits::{RawRegion, StaticArray};
///
/// static MEMORY: StaticArray<4096> = StaticArray::new();
///
/// let mut region = MEMORY.region();
/// assert!(region.claim().is_ok());
/// assert!(MEMORY.region().claim().is_err(), "only one region owns it at a time");
/// ```
#[repr(C, align(16))]
pub struct StaticArray<const N: usize> {
    bytes: UnsafeCell<[MaybeUninit<u8>; N]>,
    claim: Claim,
}

// SAFETY: `bytes` is reached only through a region that holds `claim`, of which there is one at a time.
unsafe impl<const N: usize> Sync for StaticArray<N> {}

impl<const N: usize> StaticArray<N> {
    /// Returns the array, with undefined contents and no owner.
    #[expect(
        clippy::new_without_default,
        reason = "it is for statics; a default on the stack would be no use"
    )]
    pub const fn new() -> Self {
        Self {
            bytes: UnsafeCell::new([MaybeUninit::uninit(); N]),
            claim: Claim::new(),
        }
    }

    /// Returns a region that will own the array from its first use until it is dropped. Can be called in a `const`
    /// context. Of several regions over one array, the first that is used gets the memory, the others an error.
    pub const fn region(&'static self) -> StaticRegion<N> {
        StaticRegion {
            array: self,
            has_claim: false,
        }
    }
}

/// The region over a [`StaticArray`].
///
/// # Invariants
///
/// `has_claim` says that this value, and no other, took the array's claim.
pub struct StaticRegion<const N: usize> {
    array: &'static StaticArray<N>,
    has_claim: bool,
}

// SAFETY: the array is a static, so it does not move. Only the region that holds the claim has a span that is not empty,
// and it gives the claim back when it is dropped. The pointer always derives from the same `UnsafeCell`.
unsafe impl<const N: usize> RawRegion for StaticRegion<N> {
    const CAN_GROW: bool = false;

    fn claim(&mut self) -> Result<(), RegionError> {
        if self.has_claim || !self.array.claim.acquire() {
            return Err(RegionError::Claimed);
        }
        self.has_claim = true;
        Ok(())
    }

    fn span(&self) -> Span {
        match NonNull::new(self.array.bytes.get()) {
            Some(bytes) if self.has_claim => Span::new(bytes.cast(), N),
            _ => Span::EMPTY,
        }
    }
}

impl<const N: usize> Drop for StaticRegion<N> {
    fn drop(&mut self) {
        if self.has_claim {
            self.array.claim.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_claim_owns_the_array_until_it_is_dropped() {
        static MEMORY: StaticArray<100> = StaticArray::new();

        let mut first = MEMORY.region();
        let mut second = MEMORY.region();
        assert!(first.span().is_empty());
        assert_eq!(first.claim(), Ok(()));
        assert_eq!(first.span().len(), 100);
        assert_eq!(second.claim(), Err(RegionError::Claimed));
        assert!(second.span().is_empty());

        drop(second);
        assert_eq!(first.claim(), Err(RegionError::Claimed));
        drop(first);
        assert_eq!(MEMORY.region().claim(), Ok(()));
    }
}
