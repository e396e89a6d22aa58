//! Where the memory of a shared bump lies: nowhere at first, then in one place for good.
//!
//! ```text
//!   Unclaimed ──► Claiming ──► Claimed: the place is public, and never changes again
//!       ▲             │
//!       └─ refused ───┘
//! ```
//!
//! One core at a time claims, by winning the swap from `Unclaimed` to `Claiming`. What it found becomes public by a single
//! store, that of the start: whoever loads a start that is not null has everything that was stored before.

#![forbid(unsafe_code)]

use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use kalloc_traits::growth::Step;
use kalloc_traits::{Grown, RegionError, Span};

use super::primitive::{AtomicBool, AtomicPtr, AtomicUsize};
use super::word::LARGEST;

/// What has been done with the region, as numbers, since atomics hold these.
pub(super) mod phase {
    /// Nothing, or its claim was refused, which leaves it as it was.
    pub(in super::super) const UNCLAIMED: usize = 0;
    /// One core is claiming it.
    pub(in super::super) const CLAIMING: usize = 1;
    /// It is claimed, and nobody calls it any more.
    pub(in super::super) const CLAIMED: usize = 2;
}

/// The memory, as far as it is known.
///
/// # Invariants
///
/// A4 and A5 of `inspect`. `limit` and `is_zeroed` are stored before `base`, once, by the core that went through
/// `Claiming`.
pub(super) struct Memory {
    phase: AtomicUsize,
    /// Where the region starts, with its provenance; null before it is claimed. All pointers derive from this one.
    base: AtomicPtr<u8>,
    limit: AtomicUsize,
    is_zeroed: AtomicBool,
}

/// Memory that has been claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The region's start.
    pub(super) base: NonNull<u8>,
    /// Bytes from there to its end.
    pub(super) limit: usize,
}

impl Place {
    /// Returns the place as a span.
    pub(super) fn span(self) -> Span {
        Span::new(self.base, self.limit)
    }

    /// Returns where `block` starts. A pointer below the region wraps.
    #[inline]
    pub(super) fn offset(self, block: NonNull<u8>) -> usize {
        block.addr().get().wrapping_sub(self.base.addr().get())
    }
}

impl Memory {
    /// Returns the memory of a region that nobody has claimed.
    pub(super) const fn new() -> Self {
        Self {
            phase: AtomicUsize::new(phase::UNCLAIMED),
            base: AtomicPtr::new(ptr::null_mut()),
            limit: AtomicUsize::new(0),
            is_zeroed: AtomicBool::new(false),
        }
    }

    /// Returns where the memory lies, or `None` before it is claimed.
    #[inline]
    pub(super) fn place(&self) -> Option<Place> {
        // Pairs with the store in `end_claim`: the limit below is the one that was stored before it.
        let base = NonNull::new(self.base.load(Acquire))?;
        Some(Place {
            base,
            limit: self.limit.load(Relaxed),
        })
    }

    /// Returns whether memory that was never part of a block is zero. Assumes that the caller has seen the place.
    #[inline]
    pub(super) fn is_zeroed(&self) -> bool {
        self.is_zeroed.load(Relaxed)
    }

    /// Returns what has been done with the region. If it is claimed, the caller sees the place from now on.
    pub(super) fn phase(&self) -> usize {
        self.phase.load(Acquire)
    }

    /// Lets the caller claim the region, and nobody else until [`end_claim`](Self::end_claim).
    ///
    /// # Errors
    ///
    /// [`RegionError::Busy`] while somebody claims it, [`RegionError::Fixed`] if it is claimed.
    pub(super) fn begin_claim(&self) -> Result<(), RegionError> {
        // Those who wait come here again and again. A load leaves the line where it is; a swap would take it away from the
        // core that claims.
        let mut found = self.phase();
        if found == phase::UNCLAIMED {
            // Pairs with the store of a claim that was refused: the region is as that core left it.
            match self
                .phase
                .compare_exchange(phase::UNCLAIMED, phase::CLAIMING, Acquire, Acquire)
            {
                Ok(_) => return Ok(()),
                Err(other) => found = other,
            }
        }
        Err(if found == phase::CLAIMED {
            RegionError::Fixed
        } else {
            RegionError::Busy
        })
    }

    /// Makes public what the region said. An answer to something that was not asked changes nothing.
    ///
    /// # Errors
    ///
    /// The region's refusal; it can be claimed again then.
    pub(super) fn end_claim(&self, grown: &Grown) -> Result<(), RegionError> {
        if self.phase.load(Relaxed) != phase::CLAIMING || grown.step() != Step::Claim {
            return Err(RegionError::Busy);
        }
        if let Err(refusal) = grown.result() {
            self.phase.store(phase::UNCLAIMED, Release);
            return Err(refusal);
        }
        self.publish(grown.span(), grown.is_zeroed());
        Ok(())
    }

    /// Makes `span` the memory, or as much of it as a cursor can pass over. Assumes that the phase is `Claiming`, and that of
    /// this caller.
    pub(super) fn publish(&self, span: Span, is_zeroed: bool) {
        self.limit.store(span.len().min(LARGEST), Relaxed);
        self.is_zeroed.store(is_zeroed, Relaxed);
        self.base.store(span.start().as_ptr(), Release);
        self.phase.store(phase::CLAIMED, Release);
    }
}

#[cfg(all(test, not(loom)))]
impl Memory {
    /// Makes the memory longer than it is.
    pub(super) fn lengthen(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }

    /// Forgets that the region was claimed, and nothing else.
    pub(super) fn unclaim(&self) {
        self.phase.store(phase::UNCLAIMED, Relaxed);
    }
}
