//! How a planted heap comes by its memory: it claims its region at the first request, and lets it grow.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::growth::Step;
use kalloc_traits::{AllocError, Grown, Growth, Heap, InitError, RawBlock, RawRegion, RegionError, Span};

use super::fault::Fault;
use super::heap::Planted;
use super::state::{GRANULE, Phase};

/// What a heap with [`Fault::TrustsOldImage`] writes at the start of its region.
const MAGIC: u64 = 0x6B61_6C6C_6F63_0001;

/// Bytes of that heap's mark: the magic number, and how much is used.
const MARK: usize = 16;

impl<R: RawRegion> Planted<R> {
    /// Starts a claim, or a growth for `layout`.
    pub(super) fn begin(&self, layout: Layout) -> Result<Growth, RegionError> {
        let step = self.with(|state| match state.phase {
            Phase::Refused if state.has(Fault::NeverRetries) => Err(RegionError::Claimed),
            Phase::New | Phase::Refused => Ok(Step::Claim),
            Phase::Laid if state.has(Fault::NeverGrows) => Err(RegionError::Fixed),
            Phase::Laid if state.has(Fault::ClaimsTwice) => Ok(Step::Claim),
            // The first byte behind the memory may be misaligned by less than the alignment.
            Phase::Laid => {
                let extra = state.extent(layout).checked_add(layout.align());
                extra.map(Step::Grow).ok_or(RegionError::Exhausted)
            }
        })?;
        self.start(step)
    }

    /// Starts a claim, unless the heap is laid out.
    pub(super) fn begin_first(&self) -> Result<Option<Growth>, InitError> {
        let (phase, len) = self.with(|state| (state.phase, state.memory.len()));
        match phase {
            Phase::Laid if self.has(Fault::InitForgets) => {
                self.with(|state| state.forget());
                Ok(None)
            }
            Phase::Laid if len == 0 => Err(InitError::TooSmall),
            Phase::Laid => Ok(None),
            Phase::New | Phase::Refused => Ok(Some(self.start(Step::Claim)?)),
        }
    }

    /// Marks the heap busy, and returns the call to be made.
    fn start(&self, step: Step) -> Result<Growth, RegionError> {
        if self.with(|state| state.is_busy && !state.has(Fault::NestsGrowth)) {
            return Err(RegionError::Busy);
        }
        if self.has(Fault::MeasuresBeforeClaim) && step == Step::Claim {
            // SAFETY: the region is not being claimed or grown.
            unsafe { self.region() }.span();
        }
        self.with(|state| state.is_busy = true);
        let region = NonNull::from(&self.region).cast::<R>();
        Ok(Growth::new(region, step))
    }

    /// Takes in what it brought.
    pub(super) fn end(&self, grown: Grown) -> Result<(), RegionError> {
        if !(self.has(Fault::StaysBusy) && grown.result().is_err()) {
            self.with(|state| state.is_busy = false);
        }
        let Step::Grow(asked) = grown.step() else {
            if self.with(|state| state.phase == Phase::Laid) {
                return Err(RegionError::Fixed);
            }
            let is_refused = grown.result().is_err();
            if is_refused && !self.has(Fault::UsesRefusedRegion) {
                self.with(|state| state.phase = Phase::Refused);
                return grown.result();
            }
            let span = match is_refused {
                // SAFETY: the claim is over, so nobody has the region.
                true => unsafe { self.region() }.span(),
                false => grown.span(),
            };
            self.lay_out(span, grown.is_zeroed());
            return Ok(());
        };
        let before = self.with(|state| state.memory.end);
        let came = grown.span().end_addr().saturating_sub(before);
        let is_short = came < asked;
        self.with(|state| match state.fault {
            Fault::BelievesGrowth if grown.result().is_ok() => state.extend(before + asked),
            // Once, and no more than the guards behind the region can take.
            Fault::TakesRefusedGrowth if grown.result().is_err() && !state.has_taken_refused => {
                state.has_taken_refused = true;
                state.extend(before + asked.min(64));
            }
            Fault::RoundsGrowthUp => state.extend(grown.span().end_addr().next_multiple_of(GRANULE)),
            Fault::IgnoresExcess => state.extend(grown.span().end_addr().min(before + asked + GRANULE)),
            Fault::LosesShortGrowth if is_short => state.memory.end = grown.span().end_addr(),
            _ => state.extend(grown.span().end_addr()),
        });
        grown.result()?;
        if is_short { Err(RegionError::Exhausted) } else { Ok(()) }
    }

    /// Lays the heap out on the span that a claim has brought.
    fn lay_out(&self, span: Span, is_zeroed: bool) {
        self.base.set(span.start());
        let used = match self.with(|state| state.fault) {
            Fault::TrustsOldImage => self.read_mark(span),
            Fault::VerifyTrustsMemory | Fault::VerifyMissesState => self.write_mark(span),
            _ => 0,
        };
        if self.has(Fault::SweepsRegion) {
            // SAFETY: the memory was claimed, and nobody uses it yet.
            unsafe { span.start().write_bytes(0, span.len()) };
        }
        let stray = match self.with(|state| state.fault) {
            Fault::WritesPastRegion => Some(span.end_addr()),
            Fault::WritesBeforeRegion => Some(span.start_addr() - 1),
            _ => None,
        };
        if let Some(stray) = stray {
            // SAFETY: none. This is the fault; the guards of the region take it.
            unsafe { self.pointer(stray).write(0xBA) };
        }
        self.with(|state| {
            state.is_zeroed = is_zeroed;
            state.lay_out(span, used);
        });
    }

    /// Returns how much of a span is used by the heap that has left its mark there, and leaves one.
    fn read_mark(&self, span: Span) -> usize {
        if span.len() < MARK {
            return 0;
        }
        let mark = span.start().cast::<[u64; 2]>();
        // SAFETY: the span holds the mark; that its bytes may be uninitialised is the fault.
        let [magic, used] = unsafe { mark.read_unaligned() };
        // SAFETY: as above.
        unsafe { mark.write_unaligned([MAGIC, (span.len() / 2) as u64]) };
        if magic == MAGIC {
            used as usize
        } else {
            MARK.next_multiple_of(GRANULE)
        }
    }

    /// Leaves a mark at the start of a span, and returns how many bytes that takes.
    fn write_mark(&self, span: Span) -> usize {
        if span.len() < MARK {
            return 0;
        }
        // SAFETY: the span holds the mark, and nobody uses it yet.
        unsafe { span.start().cast::<[u64; 2]>().write_unaligned([MAGIC, 0]) };
        MARK.next_multiple_of(GRANULE)
    }

    /// Returns the mark that `write_mark` has left, if it has.
    fn mark(&self) -> Option<[u64; 2]> {
        let (phase, len) = self.with(|state| (state.phase, state.memory.len()));
        // Memory that is too short for a mark has none, and what is left of longer memory may be as short: neither is read.
        if phase != Phase::Laid || len < MARK {
            return None;
        }
        // SAFETY: the mark lies at the start of the memory, and was written when it was laid out.
        Some(unsafe { self.base.get().cast::<[u64; 2]>().read_unaligned() })
    }

    /// Returns what a heap with [`Fault::VerifyMissesState`] adds to each address: nothing, unless its memory was changed.
    pub(super) fn unchecked_offset(&self) -> usize {
        match self.has(Fault::VerifyMissesState) {
            true => self.mark().map_or(0, |mark| mark[1] as usize & 0xFF8),
            false => 0,
        }
    }

    /// Asserts that the mark of a heap with [`Fault::VerifyTrustsMemory`] is there.
    pub(super) fn assert_mark(&self) {
        if self.has(Fault::VerifyTrustsMemory) {
            assert!(
                self.mark().is_none_or(|mark| mark[0] == MAGIC),
                "the heap's memory is overwritten"
            );
        }
    }

    /// Allocates for as long as the region says that all went well.
    pub(super) fn allocate_for_ever(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        loop {
            if let Ok(block) = self.allocate_within(layout) {
                return Ok(block);
            }
            let Ok(growth) = self.begin_growth(layout) else {
                break;
            };
            // SAFETY: the region is ours, and busy.
            let grown = unsafe { growth.run() };
            let is_refused = grown.result().is_err();
            _ = self.end_growth(grown);
            if is_refused {
                break;
            }
        }
        self.count_failure();
        Err(AllocError)
    }
}
