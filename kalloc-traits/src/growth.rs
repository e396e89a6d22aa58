//! How a heap calls its region: in three steps, with nothing borrowed and no lock held during the second.
//!
//! ```text
//!   begin_growth      the heap marks itself busy and says what to call            under the lock
//!   Growth::run       the region is claimed or grown; it may call the heap        no lock
//!   end_growth        the heap takes in what came, and is no longer busy          under the lock
//! ```
//!
//! Meanwhile the heap serves requests from what it has. One that needs growth too gets [`RegionError::Busy`].

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::error::{AllocError, RegionError};
use crate::heap::{Heap, RawBlock};
use crate::region::RawRegion;
use crate::span::Span;

/// How often one request lets its memory grow: to claim it, to grow it, and once more if the first step was too short
/// because of alignment.
const ROUNDS: u32 = 3;

/// What a growth does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Claim the region.
    Claim,
    /// Make it at least this many bytes longer.
    Grow(usize),
}

/// A call into a region that a heap wants to be made.
///
/// Dropping it unused leaves the heap busy for ever: it serves what it has and never grows.
#[must_use = "the heap stays busy until the growth has been run and handed back"]
#[derive(Debug)]
pub struct Growth {
    region: NonNull<()>,
    call: unsafe extern "C" fn(NonNull<()>, &mut Grown),
    step: Step,
}

/// What a region did, as [`Growth::run`] says.
///
/// It is made there alone: a heap trusts the span that it tells.
#[must_use = "the heap stays busy until this is handed back"]
#[derive(Debug)]
pub struct Grown {
    step: Step,
    result: Result<(), RegionError>,
    span: Span,
    is_zeroed: bool,
}

impl Grown {
    /// Returns what was asked of the region.
    #[inline]
    pub const fn step(&self) -> Step {
        self.step
    }

    /// Returns whether the region agreed.
    ///
    /// # Errors
    ///
    /// The region's own.
    #[inline]
    pub const fn result(&self) -> Result<(), RegionError> {
        self.result
    }

    /// Returns where the region's memory lies now; nowhere if it could not be claimed.
    #[inline]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Returns whether memory that the region hands over for the first time is zero.
    #[inline]
    pub const fn is_zeroed(&self) -> bool {
        self.is_zeroed
    }
}

impl Growth {
    /// Returns the call of `step` on `region`.
    #[inline]
    pub fn new<R: RawRegion>(region: NonNull<R>, step: Step) -> Self {
        Self {
            region: region.cast(),
            call: call::<R>,
            step,
        }
    }

    /// Makes the call. No lock of the heap's may be held.
    ///
    /// If the region unwinds, the program is aborted: the heap could not go on.
    ///
    /// # Safety
    ///
    /// - The region is alive, and nobody else uses it until the result was handed back: a heap that is busy does not.
    /// - The result is handed to [`end_growth`](Heap::end_growth) of the heap that began the growth, and to no other: that
    ///   heap will use the span as its own.
    pub unsafe fn run(self) -> Grown {
        let mut grown = Grown {
            step: self.step,
            result: Err(RegionError::Busy),
            span: Span::EMPTY,
            is_zeroed: false,
        };
        // SAFETY: `call` was made for the type of `region`, which the caller promises to be alive and unused.
        unsafe { (self.call)(self.region, &mut grown) };
        grown
    }
}

/// Calls a region. As an `extern "C"` function it lets no unwinding pass, but aborts.
///
/// # Safety
///
/// `region` points to a live `R` that nobody else uses.
unsafe extern "C" fn call<R: RawRegion>(region: NonNull<()>, grown: &mut Grown) {
    // SAFETY: the caller upholds the contract.
    let region = unsafe { region.cast::<R>().as_mut() };
    grown.result = match grown.step {
        Step::Claim => region.claim(),
        Step::Grow(min_extra) => region.grow(min_extra),
    };
    if grown.step != Step::Claim || grown.result.is_ok() {
        grown.span = region.span();
        grown.is_zeroed = region.is_zeroed();
    }
}

/// Allocates from a heap, and lets its memory grow if that is needed. Waits up to `patience` turns of a spin loop for
/// a growth that somebody else has begun; it cannot tell whether that is another processor or this one's own region.
///
/// # Errors
///
/// The request does not fit and the region did not grow, or not enough. Counted by the heap.
pub fn allocate_growing<H: Heap + ?Sized>(heap: &H, layout: Layout, mut patience: u32) -> Result<RawBlock, AllocError> {
    let mut rounds = ROUNDS;
    loop {
        if let Ok(block) = heap.allocate_within(layout) {
            return Ok(block);
        }
        // A growth that has begun must be run and handed back, so count the rounds first.
        if rounds == 0 {
            break;
        }
        match heap.begin_growth(layout) {
            Ok(growth) => {
                rounds -= 1;
                // SAFETY: the heap is alive, and its region is not used until `end_growth`.
                let grown = unsafe { growth.run() };
                if heap.end_growth(grown).is_err() {
                    // What came in spite of the refusal may do.
                    rounds = 0;
                }
            }
            Err(RegionError::Busy) if patience > 0 => {
                patience -= 1;
                core::hint::spin_loop();
            }
            Err(_) => break,
        }
    }
    heap.count_failure();
    Err(AllocError)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A region without memory that answers as it was told.
    struct Told {
        answer: Result<(), RegionError>,
        is_zeroed: bool,
    }

    // SAFETY: the span is empty.
    unsafe impl RawRegion for Told {
        fn span(&self) -> Span {
            Span::EMPTY
        }

        fn grow(&mut self, _: usize) -> Result<(), RegionError> {
            self.answer
        }

        fn is_zeroed(&self) -> bool {
            self.is_zeroed
        }
    }

    #[test]
    fn what_a_region_answers_is_handed_back() {
        for (answer, is_zeroed) in [(Ok(()), true), (Err(RegionError::Exhausted), false)] {
            let mut region = Told { answer, is_zeroed };
            let growth = Growth::new(NonNull::from(&mut region), Step::Grow(8));
            // SAFETY: the region is alive and used by nobody else, and no heap has it.
            let grown = unsafe { growth.run() };
            assert_eq!(grown.step(), Step::Grow(8));
            assert_eq!((grown.result(), grown.is_zeroed()), (answer, is_zeroed));
        }
    }
}
