//! Where the memory of a heap lies.

pub mod carved;
pub mod growable;
pub mod linker;
#[cfg(all(feature = "mmap", unix))]
pub mod mmap;
pub mod pages;
pub mod range;
pub mod slice;
pub mod static_array;
#[cfg(test)]
mod toy;

use core::ptr::NonNull;

use crate::error::RegionError;
use crate::span::Span;

/// Exclusive ownership of one contiguous span of memory.
///
/// A heap takes a region by value, claims it at first use, reads its span, and asks it to grow when it runs out. The
/// least that a region must implement is [`span`](Self::span).
///
/// The heap calls a region only while none of its own state is borrowed. A region whose `grow` calls the heap that it
/// feeds is served from what the heap has; asking for more growth meanwhile fails.
///
/// # Safety
///
/// From a successful [`claim`](Self::claim) until the region is dropped:
///
/// - The bytes of [`span`](Self::span) are valid for reads and writes, and nobody else uses them. They may be
///   uninitialised.
/// - The span stays where it is, even when the region *value* moves. So an array inside the value is not a region.
/// - It changes only in [`grow`](Self::grow) and [`shrink`](Self::shrink), and only at its high end.
/// - Its pointer is valid for the whole reservable range, and no method invalidates pointers derived from it before: do
///   not store the memory as a reference or a `Box`, whose move would. `NonNull<u8>` and a `PhantomData` will do.
pub unsafe trait RawRegion {
    /// Whether [`grow`](Self::grow) may ever succeed. If it may not, a heap need not call it: a pool leaves the code out that
    /// would take the new memory in, some 500 bytes of it on a small machine. The default is that it may.
    const CAN_GROW: bool = true;

    /// Takes possession of the memory. The heap calls it before any other method, and again only after it has refused:
    /// a heap retries at its next request. It is not called again once it has succeeded.
    ///
    /// Regions over statics and linker symbols refuse a second claimant here. After a refusal [`span`](Self::span) is
    /// not asked for. The default succeeds.
    ///
    /// # Errors
    ///
    /// [`RegionError::Claimed`] if another region value owns the memory, or the region's own reason.
    #[inline]
    fn claim(&mut self) -> Result<(), RegionError> {
        Ok(())
    }

    /// Returns where the memory lies. The span may be empty.
    fn span(&self) -> Span;

    /// Makes the span at least `min_extra` bytes longer at its high end.
    ///
    /// The heap reads the span again afterwards and treats a shortfall as failure, but uses what it got.
    ///
    /// # Errors
    ///
    /// [`RegionError::Fixed`], which is the default, or [`RegionError::Exhausted`]. The span is as before.
    #[inline]
    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        let _ = min_extra;
        Err(RegionError::Fixed)
    }

    /// Takes `bytes` back from the high end of the span. The heap does not use them any more.
    ///
    /// A region that can only give whole units back, such as pages, gives as many as lie in these bytes, and never more
    /// than `bytes`; the heap reads the span again afterwards.
    ///
    /// # Errors
    ///
    /// [`RegionError::Fixed`], which is the default, or [`RegionError::Shortfall`]. The span is as before.
    #[inline]
    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        let _ = bytes;
        Err(RegionError::Fixed)
    }

    /// Returns whether memory that the region hands over for the first time is known to be zero. A region that may be claimed
    /// again, by another heap, says so no more.
    #[inline]
    fn is_zeroed(&self) -> bool {
        false
    }

    /// Returns the address of `pointer` for another observer: physical, on a bus, in another mapping. `None`, which is the
    /// default, if the region knows of none or the pointer is not inside.
    #[inline]
    fn translate(&self, pointer: NonNull<u8>) -> Option<usize> {
        let _ = pointer;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A region that says no more than it must.
    struct Plain;

    // SAFETY: the span is empty.
    unsafe impl RawRegion for Plain {
        fn span(&self) -> Span {
            Span::EMPTY
        }
    }

    #[test]
    fn a_region_is_fixed_and_knows_nothing_unless_it_says_otherwise() {
        let mut region = Plain;
        assert_eq!(region.claim(), Ok(()));
        assert_eq!(region.grow(8), Err(RegionError::Fixed));
        assert_eq!(region.shrink(8), Err(RegionError::Fixed));
        assert!(!region.is_zeroed());
        assert_eq!(region.translate(NonNull::dangling()), None);
    }
}
