//! What a bump knows, apart from its region: the cursor's addresses made pointers, and the steps of a growth.

use core::ptr::NonNull;

use kalloc_traits::growth::Step;
use kalloc_traits::request::Request;
use kalloc_traits::{Grown, RegionError, Span};

use crate::cursor::{Cursor, Position};
use crate::settings::{Settings, extent, is_up};

/// What a bump knows, apart from its region.
///
/// # Invariants
///
/// B1 to B7 of `inspect`. The bytes from the cursor's start to its end are the region's, or there are none.
pub(crate) struct State {
    /// Its start and its end lie in the region's span, of which `base` is the first byte.
    pub(crate) cursor: Cursor,
    /// Where the region starts. All pointers derive from this one.
    pub(crate) base: NonNull<u8>,
    /// The region is let grow to so many bytes.
    pub(crate) limit: usize,
    /// Requests that failed for good, saturating.
    pub(crate) nr_failed: usize,
    /// The innermost checkpoint that is open.
    pub(crate) innermost: Option<Mark>,
    /// Where the cursor was then; downwards, its negative. So one comparison tells whether a block is older: 0 if none can be.
    barrier: usize,
    /// How many checkpoints there were.
    pub(crate) nr_marks: usize,
    pub(crate) phase: Phase,
    /// Whether memory that was never part of a block is zero.
    pub(crate) is_zeroed: bool,
    /// The region has refused more than a request needed: it is asked for just that next.
    is_modest: bool,
    /// More is asked for than is needed.
    is_ample: bool,
}

/// A checkpoint, as the bump knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) number: usize,
    pub(crate) position: Position,
}

/// What the bump has done with its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing, or its claim was refused, which leaves it as it was.
    Unclaimed,
    /// It is being claimed.
    Claiming,
    /// It is claimed.
    Ready,
    /// It is being grown.
    Growing,
    /// It is claimed, and what it had left is given away: it never grows again.
    Sealed,
}

/// What a growth is for.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// A new block.
    Block(Request),
    /// The last block, which starts at this address and is to take so many bytes.
    LastBlock(usize, usize),
}

impl State {
    /// Returns the state before the region is claimed.
    pub(crate) const fn new() -> Self {
        Self {
            cursor: Cursor::new(1),
            base: Span::EMPTY.start(),
            limit: usize::MAX,
            nr_failed: 0,
            innermost: None,
            barrier: 0,
            nr_marks: 0,
            phase: Phase::Unclaimed,
            is_zeroed: true,
            is_modest: false,
            is_ample: false,
        }
    }

    /// Returns the pointer to the byte at `address`, with the region's provenance.
    ///
    /// # Safety
    ///
    /// `address` lies in the cursor's memory, or is its end.
    #[inline]
    pub(crate) unsafe fn pointer(&self, address: usize) -> NonNull<u8> {
        // By an offset: so the compiler knows that it is not null, and need not look whether a block that fits has failed.
        // SAFETY: the cursor's memory lies in the region's span, for all of which `base`, its first byte, is valid.
        unsafe { self.base.add(address.wrapping_sub(self.base.addr().get())) }
    }

    /// Ends all blocks, and with them all checkpoints.
    pub(crate) fn reset<S: Settings>(&mut self) {
        self.cursor.rewind::<S>();
        self.close_marks();
    }

    /// Notes that the block at `start` is about to be given back or to become smaller. If it is older than the innermost
    /// checkpoint, going back there would count it wrongly, so no checkpoint is valid any more.
    ///
    /// Downwards it may be a younger one, if the memory has grown since.
    #[inline]
    pub(crate) fn note_change<S: Settings>(&mut self, start: usize) {
        if S::COUNTS {
            self.note_growth::<S>(start);
        }
    }

    /// Notes that the block at `start` is about to change its size where it is. If it is older than the innermost checkpoint,
    /// going back there would cut through it.
    #[inline]
    pub(crate) fn note_growth<S: Settings>(&mut self, start: usize) {
        if self.is_old::<S>(start) {
            self.close_marks();
        }
    }

    /// Returns whether the block at `start` is older than the innermost checkpoint, or, downwards, may be.
    #[inline]
    pub(crate) fn is_old<S: Settings>(&self, start: usize) -> bool {
        if is_up::<S>() {
            start < self.barrier
        } else {
            start.wrapping_neg() <= self.barrier
        }
    }

    /// Opens or closes the innermost checkpoint.
    pub(crate) fn set_mark<S: Settings>(&mut self, mark: Option<Mark>) {
        self.innermost = mark;
        let next = mark.and_then(|mark| mark.position.last());
        // Nothing is below 0, and no block starts at 0.
        self.barrier = next.map_or(0, |next| if is_up::<S>() { next } else { next.wrapping_neg() });
    }

    #[cold]
    fn close_marks(&mut self) {
        self.innermost = None;
        self.barrier = 0;
    }

    /// Marks the bump busy, and returns what to ask of the region. One that cannot grow is asked too: it may have memory that a
    /// limit kept out until now.
    pub(crate) fn begin_growth<S: Settings>(&mut self, need: Need) -> Result<Step, RegionError> {
        match self.phase {
            Phase::Unclaimed => {
                self.phase = Phase::Claiming;
                Ok(Step::Claim)
            }
            Phase::Ready => {
                let shortfall = self.shortfall::<S>(need).ok_or(RegionError::Fixed)?;
                let room = self.limit.saturating_sub(self.cursor.capacity());
                if shortfall > room {
                    return Err(RegionError::Exhausted);
                }
                self.phase = Phase::Growing;
                let asked = self.ample::<S>(shortfall).min(room);
                self.is_ample = asked > shortfall;
                Ok(Step::Grow(asked))
            }
            Phase::Claiming | Phase::Growing => Err(RegionError::Busy),
            Phase::Sealed => Err(RegionError::Fixed),
        }
    }

    /// Returns by how much the memory must grow.
    fn shortfall<S: Settings>(&self, need: Need) -> Option<usize> {
        match need {
            Need::Block(request) => {
                let extent = extent::<S>(request.size.get())?;
                self.cursor.shortfall::<S>(extent, request.align)
            }
            Need::LastBlock(start, extent) => self.cursor.shortfall_of_last::<S>(start, extent),
        }
    }

    /// Returns what to ask for where `shortfall` is needed.
    fn ample<S: Settings>(&self, shortfall: usize) -> usize {
        if self.is_modest {
            return shortfall;
        }
        let percent = (self.cursor.capacity() / 100).saturating_mul(S::GROWTH_PERCENT);
        shortfall.max(S::GROWTH_STEP).max(percent)
    }

    /// Takes in what the region did. An answer to something that was not asked changes nothing.
    pub(crate) fn end_growth<S: Settings>(&mut self, grown: Grown) -> Result<(), RegionError> {
        match (self.phase, grown.step()) {
            (Phase::Claiming, Step::Claim) => {
                self.phase = Phase::Unclaimed;
                grown.result()?;
                self.phase = Phase::Ready;
                self.take_in::<S>(grown.span(), grown.is_zeroed());
                Ok(())
            }
            (Phase::Growing, Step::Grow(min_extra)) => {
                self.phase = Phase::Ready;
                let extra = self.take_in::<S>(grown.span(), grown.is_zeroed());
                // The next try asks for less.
                self.is_modest = self.is_ample && grown.result().is_err();
                if self.is_modest {
                    return Ok(());
                }
                grown.result()?;
                if extra < min_extra {
                    return Err(RegionError::Exhausted);
                }
                Ok(())
            }
            _ => Err(RegionError::Busy),
        }
    }

    /// Makes the memory as long as the span or the limit, and returns by how much longer it is.
    ///
    /// A region must not move its start or lower its end. One that does is not followed: a moved span is ignored, unless
    /// there was no memory yet; a lowered end is followed down to the last block, and fresh memory counts as zero no more.
    fn take_in<S: Settings>(&mut self, span: Span, is_zeroed: bool) -> usize {
        let before = self.cursor.capacity();
        if before == 0 {
            self.base = span.start();
        }
        if span.start_addr() != self.base.addr().get() {
            return 0;
        }
        let skipped = self.cursor.start().saturating_sub(span.start_addr());
        self.is_zeroed = self.is_zeroed && is_zeroed && (before == 0 || span.end_addr() >= self.cursor.end());
        let held = if before == 0 { 0 } else { skipped + before };
        let len = span.len().min(self.limit.saturating_add(skipped).max(held));
        self.cursor.take_in::<S>(span.start_addr(), span.start_addr() + len);
        self.cursor.capacity().saturating_sub(before)
    }
}
