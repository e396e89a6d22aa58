//! The region over a guarded buffer.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ptr::NonNull;

use kalloc_traits::{RawRegion, RegionError, Span};

use super::buffer::{Buffer, Damage};
use super::shape::Shape;

/// A region over memory of its own, with guard bytes around it.
///
/// It grows by exactly what is asked, into its reserve, and gives bytes back. Dropping it checks the guards.
///
/// ```
/// use kalloc_testkit::region::{GuardedRegion, Shape};
/// use kalloc_traits::RawRegion;
///
/// let shape = Shape::new(1001).with_base(64, 3).with_reserve(5000);
/// let mut region = GuardedRegion::of(shape);
/// assert_eq!(region.span().start_addr() % 64, 3);
///
/// region.grow(999).unwrap();
/// assert_eq!(region.span().len(), 2000);
/// assert!(region.grow(5000).is_err());
/// ```
///
/// # Panics
///
/// Dropping it panics if a guard byte was written. With the `std` feature it does not while the thread unwinds already.
pub struct GuardedRegion {
    buffer: Arc<Buffer>,
}

impl GuardedRegion {
    /// Returns a region of `len` bytes, which starts at a multiple of 4096 and cannot grow.
    pub fn new(len: usize) -> Self {
        Self::of(Shape::new(len))
    }

    /// Returns a region of the given shape.
    ///
    /// # Panics
    ///
    /// There is not that much memory.
    pub fn of(shape: Shape) -> Self {
        Self {
            buffer: Arc::new(Buffer::new(shape)),
        }
    }

    /// Returns the guards, which can still be asked when the region belongs to a heap.
    pub fn guards(&self) -> Guards {
        Guards {
            buffer: Arc::clone(&self.buffer),
        }
    }

    /// Returns how many bytes the region can still grow.
    pub fn room(&self) -> usize {
        self.buffer.reserve() - self.buffer.len()
    }
}

impl fmt::Debug for GuardedRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedRegion").field("span", &self.span()).finish()
    }
}

// SAFETY:
// - The buffer is an allocation that stays alive and in place until the last handle on it is dropped, and this region
//   is the only one that hands it out. It is valid up to the reserve.
// - The buffer touches bytes of the span only in `grow` and `shrink`: those that enter or leave it at the high end.
// - The pointer is always derived from the same allocation's, which is raw.
unsafe impl RawRegion for GuardedRegion {
    fn span(&self) -> Span {
        Span::new(self.buffer.start(), self.buffer.len())
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        if min_extra > self.room() {
            let is_fixed = self.room() == 0;
            return Err(if is_fixed {
                RegionError::Fixed
            } else {
                RegionError::Exhausted
            });
        }
        self.buffer.set_len(self.buffer.len() + min_extra);
        Ok(())
    }

    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        let len = self.buffer.len();
        self.buffer
            .set_len(len.checked_sub(bytes).ok_or(RegionError::Shortfall)?);
        Ok(())
    }

    fn is_zeroed(&self) -> bool {
        self.buffer.is_zeroed()
    }

    fn translate(&self, pointer: NonNull<u8>) -> Option<usize> {
        // A bus that sees the region at address 0.
        let offset = pointer.addr().get().wrapping_sub(self.buffer.start().addr().get());
        (offset < self.buffer.len()).then_some(offset)
    }
}

impl Drop for GuardedRegion {
    fn drop(&mut self) {
        if let Err(damage) = self.buffer.check() {
            // A second panic would abort the process and hide the first. Without std nothing unwinds.
            #[cfg(feature = "std")]
            if std::thread::panicking() {
                return;
            }
            panic!("{damage}");
        }
    }
}

/// The guards of a [`GuardedRegion`], for whoever has given the region away.
#[derive(Clone)]
pub struct Guards {
    buffer: Arc<Buffer>,
}

impl Guards {
    /// Checks the bytes around the region. Takes time linear in the guards and in what the region may still grow.
    ///
    /// # Errors
    ///
    /// The first byte that somebody wrote.
    pub fn check(&self) -> Result<(), Damage> {
        self.buffer.check()
    }

    /// Returns where the region lies. The pointer is for comparisons: the bytes belong to the region.
    pub fn span(&self) -> Span {
        Span::new(self.buffer.start(), self.buffer.len())
    }

    /// Returns whether the region was dropped.
    pub fn is_released(&self) -> bool {
        // Guards never share the count with anything but other guards and the one region.
        Arc::strong_count(&self.buffer) == 1
    }

    /// Returns a copy of the region's bytes, once the region was dropped; `None` before, as they belong to it. They must not
    /// have been [`Undefined`](super::Fill::Undefined).
    pub fn image(&self) -> Option<Vec<u8>> {
        self.is_released().then(|| self.buffer.image())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::Fill;

    #[test]
    fn a_byte_written_on_either_side_is_noticed() {
        for offset in [-128, -1, 10, 100, 227] {
            let region = GuardedRegion::of(Shape::new(10).with_base(32, 5).with_reserve(100));
            assert_eq!(region.guards().check(), Ok(()));
            // SAFETY: the guards are 128 bytes long, on either side of the reserve.
            let beside = unsafe { region.span().start().offset(offset) };
            // SAFETY: as above; nobody uses the byte.
            let old = unsafe { beside.read() };
            // SAFETY: as above.
            unsafe { beside.write(!old) };
            assert_eq!(region.guards().check(), Err(Damage { offset, len: 10 }));
            // SAFETY: as above.
            unsafe { beside.write(old) };
        }
    }

    #[test]
    #[cfg(feature = "std")]
    fn a_dropped_region_reports_damage() {
        let region = GuardedRegion::new(10);
        // SAFETY: the first guard byte behind the region.
        let beside = unsafe { region.span().start().add(10) };
        // SAFETY: nobody uses the byte.
        let old = unsafe { beside.read() };
        // SAFETY: as above.
        unsafe { beside.write(!old) };
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(region)));
        assert!(dropped.is_err());
    }

    #[test]
    fn what_a_region_hands_over_is_as_its_shape_says() {
        let mut region = GuardedRegion::of(Shape::new(3).with_reserve(9).with_fill(Fill::Image([1, 2].into())));
        region.grow(4).unwrap();
        let guards = region.guards();
        assert!(!region.is_zeroed() && guards.image().is_none());
        drop(region);
        assert_eq!(guards.image().unwrap(), [1, 2, 1, 2, 1, 2, 1]);
    }

    #[test]
    fn a_region_grows_into_its_reserve_and_shrinks_to_nothing() {
        let mut region = GuardedRegion::of(Shape::new(3).with_reserve(9).zeroed());
        assert_eq!(region.grow(7), Err(RegionError::Exhausted));
        assert_eq!(region.grow(6), Ok(()));
        assert_eq!(region.grow(1), Err(RegionError::Fixed));
        assert_eq!(region.shrink(10), Err(RegionError::Shortfall));
        assert_eq!(region.shrink(9), Ok(()));
        assert!(region.span().is_empty() && region.is_zeroed());
        assert_eq!(region.guards().check(), Ok(()));
    }
}
