//! A correct region with a switch for one bug, for the rules that judge regions.

use alloc::rc::Rc;
use core::cell::Cell;
use core::ptr::NonNull;

use kalloc_traits::{RawRegion, RegionError, Span};

use crate::region::{Fill, GuardedRegion, Shape};

/// A bug that a [`PlantedRegion`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegionFault {
    /// None: the region is sound.
    None,
    /// It cannot be claimed.
    RefusesClaim,
    /// Several regions over one memory can be claimed.
    SharesClaim,
    /// The claim is not given back.
    KeepsClaim,
    /// Refusing a claim gives the other region's claim back.
    RefusalReleases,
    /// Every other answer about the span is a byte shorter.
    SpanWobbles,
    /// The memory is inside the region's value.
    InsideItself,
    /// The memory is said to be zero, and is not.
    SaysZero,
    /// What a growth brings is said to be zero, and is not.
    SaysZeroWhenGrown,
    /// It never grows.
    NeverGrows,
    /// A growth brings a byte less than was asked for.
    GrowsShort,
    /// A growth that is refused brings a byte all the same.
    GrowsThoughRefused,
    /// A growth overwrites the first byte.
    GrowthOverwrites,
    /// Any growth that cannot be served is said to have been.
    AgreesToAnything,
    /// A shrink takes from the low end.
    ShrinksLowEnd,
    /// A shrink takes a byte more than was asked for.
    ShrinksTooMuch,
    /// A shrink by more than there is takes all there is.
    ShrinksBelowNothing,
    /// A shrink that is refused takes a byte all the same.
    ShrinksThoughRefused,
    /// A shrink says that all went well, and takes nothing.
    ShrinksNothing,
    /// Pointers outside are translated.
    TranslatesAnything,
}

impl RegionFault {
    /// Every fault but [`None`](Self::None).
    pub const ALL: [Self; 19] = [
        Self::RefusesClaim,
        Self::SharesClaim,
        Self::KeepsClaim,
        Self::RefusalReleases,
        Self::SpanWobbles,
        Self::InsideItself,
        Self::SaysZero,
        Self::SaysZeroWhenGrown,
        Self::NeverGrows,
        Self::GrowsShort,
        Self::GrowsThoughRefused,
        Self::GrowthOverwrites,
        Self::AgreesToAnything,
        Self::ShrinksLowEnd,
        Self::ShrinksTooMuch,
        Self::ShrinksBelowNothing,
        Self::ShrinksThoughRefused,
        Self::ShrinksNothing,
        Self::TranslatesAnything,
    ];
}

/// A region of 1000 bytes that can grow to 9000: sound with [`RegionFault::None`], and with the one fault otherwise.
pub struct PlantedRegion {
    inner: GuardedRegion,
    fault: RegionFault,
    /// Whether a region over the same memory is claimed.
    is_taken: Rc<Cell<bool>>,
    has_claim: bool,
    /// Bytes that a fault has cut off the low end.
    cut: usize,
    asked: Cell<u32>,
    inside: [u8; 64],
}

impl PlantedRegion {
    /// Returns a region with a fault. All regions with the same `is_taken` stand for one memory, which one of them can
    /// have at a time.
    pub fn new(is_taken: &Rc<Cell<bool>>, fault: RegionFault) -> Self {
        let shape = Shape::new(1000).with_reserve(9000);
        let shape = match fault {
            RegionFault::SaysZero | RegionFault::SaysZeroWhenGrown => shape.with_fill(Fill::Byte(1)),
            _ => shape.zeroed(),
        };
        Self {
            inner: GuardedRegion::of(shape),
            fault,
            is_taken: Rc::clone(is_taken),
            has_claim: false,
            cut: 0,
            asked: Cell::new(0),
            inside: [0; 64],
        }
    }
}

// SAFETY: with `RegionFault::None`, it is the guarded region, behind a flag that one at a time can set. With another fault
// it must not be used for anything but tests.
unsafe impl RawRegion for PlantedRegion {
    fn claim(&mut self) -> Result<(), RegionError> {
        if self.fault == RegionFault::RefusesClaim {
            return Err(RegionError::Exhausted);
        }
        if self.is_taken.replace(true) && self.fault != RegionFault::SharesClaim {
            self.is_taken.set(self.fault != RegionFault::RefusalReleases);
            return Err(RegionError::Claimed);
        }
        self.has_claim = true;
        Ok(())
    }

    fn span(&self) -> Span {
        let span = self.inner.span();
        self.asked.set(self.asked.get() + 1);
        match self.fault {
            RegionFault::SpanWobbles => Span::new(span.start(), span.len() - self.asked.get() as usize % 2),
            RegionFault::InsideItself => Span::new(NonNull::from(&self.inside).cast(), self.inside.len()),
            // SAFETY: as many bytes were cut off the span.
            _ => Span::new(unsafe { span.start().add(self.cut) }, span.len() - self.cut),
        }
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        match self.fault {
            RegionFault::NeverGrows => return Err(RegionError::Fixed),
            RegionFault::GrowsShort => return self.inner.grow(min_extra - 1),
            RegionFault::GrowthOverwrites => {
                // SAFETY: the region's first byte, which is a user's. This is the fault.
                unsafe { self.inner.span().start().write_bytes(0xEE, 1) };
            }
            _ => {}
        }
        let result = self.inner.grow(min_extra);
        match (self.fault, result) {
            (RegionFault::AgreesToAnything, Err(_)) => Ok(()),
            (RegionFault::GrowsThoughRefused, Err(_)) => self.inner.grow(1).and(result),
            _ => result,
        }
    }

    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        let len = self.inner.span().len();
        match self.fault {
            RegionFault::ShrinksLowEnd if bytes < len - self.cut => {
                self.cut += bytes;
                Ok(())
            }
            RegionFault::ShrinksNothing if bytes <= len => Ok(()),
            RegionFault::ShrinksTooMuch => self.inner.shrink(bytes.saturating_add(1)),
            RegionFault::ShrinksBelowNothing => self.inner.shrink(bytes.min(len)),
            RegionFault::ShrinksThoughRefused if bytes > len => self.inner.shrink(1).and(Err(RegionError::Shortfall)),
            _ => self.inner.shrink(bytes),
        }
    }

    fn is_zeroed(&self) -> bool {
        match self.fault {
            RegionFault::SaysZero => true,
            RegionFault::SaysZeroWhenGrown => self.inner.span().len() > 1000,
            _ => self.inner.is_zeroed(),
        }
    }

    fn translate(&self, pointer: NonNull<u8>) -> Option<usize> {
        match self.fault {
            RegionFault::TranslatesAnything => Some(pointer.addr().get()),
            _ => self.inner.translate(pointer),
        }
    }
}

impl Drop for PlantedRegion {
    fn drop(&mut self) {
        if self.has_claim && self.fault != RegionFault::KeepsClaim {
            self.is_taken.set(false);
        }
    }
}
