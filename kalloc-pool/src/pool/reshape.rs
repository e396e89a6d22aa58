//! A pool's region made longer or shorter, or taken back.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::growth::Step;
use kalloc_traits::{Heap, RawRegion, Refused, RegionError, Span};

use super::Pool;
use crate::config::Config;
use crate::granule::{bytes, granules};

/// What a region is asked to give back, and what it did.
struct Shrink {
    bytes: usize,
    result: Result<(), RegionError>,
    span: Span,
}

impl<R: RawRegion, C: Config> Pool<R, C> {
    /// Lets the region grow by at least `min_extra` bytes now, not when a request needs it. What it grows by is free at once.
    ///
    /// # Errors
    ///
    /// The region refuses, grows by less than the pool needs for its own state, or is being claimed or grown.
    pub fn extend(&self, min_extra: usize) -> Result<(), RegionError> {
        if !self.is_claimed.get() {
            self.init().map_err(|_| RegionError::Exhausted)?;
        }
        let growth = self.begin(Step::Grow(min_extra))?;
        // SAFETY: the pool is alive, does not use its region until `end_growth`, and gets the result.
        let grown = unsafe { growth.run() };
        self.end_growth(grown)
    }

    /// Gives up to `bytes` back to the region at its high end, and returns by how many bytes it is shorter now. Flushes the quick
    /// lists; moves no block.
    ///
    /// Only memory behind the last block that is live can go, and none if the region's end is in use. A pool whose region has grown
    /// may hold its own state there; it moves down if there is room for it below, which takes time linear in the region's size
    /// over 64.
    ///
    /// # Errors
    ///
    /// Nothing was given back: the region refuses, the memory is in use, or the region is being claimed or grown.
    pub fn truncate(&self, bytes: usize) -> Result<usize, RegionError> {
        if self.is_busy.replace(true) {
            return Err(RegionError::Busy);
        }
        let released = self.with(|engine| engine.release_tail(bytes));
        let done = match released {
            Some(released) => self.shrink_region(released),
            None => Err(RegionError::Shortfall),
        };
        self.is_busy.set(false);
        done
    }

    /// Returns a pool on a region that is claimed, laid out.
    pub(crate) fn on_claimed(region: R) -> Result<Self, Refused<R>> {
        let mut pool = Self::with_config(region);
        pool.is_claimed.set(true);
        let span = pool.region.get_mut().span();
        // SAFETY: the region is claimed, and promises that the span is ours.
        match unsafe { pool.engine.get_mut().lay_out(span) } {
            Ok(()) => Ok(pool),
            Err(reason) => Err(Refused::new(pool.region.into_inner(), reason)),
        }
    }

    /// Returns the memory that the pool cuts.
    pub(crate) fn memory(&self) -> Span {
        self.with(|engine| Span::new(engine.arena.base(), engine.extent()))
    }

    /// Returns whether `pointer` lies in that memory.
    #[inline]
    pub(crate) fn covers(&self, pointer: NonNull<u8>) -> bool {
        self.with(|engine| engine.arena.granule_of(pointer).is_some())
    }

    /// Takes a block back that is known to be permitted, and returns its extent.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`]. The size is not zero, and the block was not there before the pool was.
    #[inline]
    pub(crate) unsafe fn deallocate_permitted(&self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: the caller upholds the contract.
        self.with(|engine| unsafe { engine.deallocate(block, layout.size()) });
        bytes::<C>(granules::<C>(layout.size()) as u32)
    }

    /// Calls the region, with nothing borrowed, for `bytes` that the engine does not use any more.
    fn shrink_region(&self, bytes: usize) -> Result<usize, RegionError> {
        let mut shrink = Shrink {
            bytes,
            result: Ok(()),
            span: Span::EMPTY,
        };
        let region = NonNull::from(&self.region).cast::<R>();
        // SAFETY: the region is alive, and while the pool is busy nobody else uses it.
        unsafe { call::<R>(region, &mut shrink) };
        // What the region did not take is used again.
        let before = self.with(|engine| engine.extent());
        // SAFETY: the region promises that the span is ours, and that it starts where it did.
        let _ = self.with(|engine| unsafe { engine.take_in(shrink.span) });
        let kept = self.with(|engine| engine.extent()) - before;
        shrink.result?;
        Ok(bytes - kept.min(bytes))
    }

    /// Ends the pool and returns its region as it came, if no block is live. Its bytes are not, also if the region says that they are
    /// zero.
    ///
    /// # Errors
    ///
    /// The pool comes back: a block is live, or was there before the pool was ([`adopt`](Self::adopt)); or the region is being
    /// claimed or grown.
    #[expect(clippy::result_large_err, reason = "the pool is given back")]
    pub fn into_region(mut self) -> Result<R, Self> {
        if self.is_busy.get() || self.engine.get_mut().is_in_use() {
            return Err(self);
        }
        Ok(self.region.into_inner())
    }
}

/// Calls a region. As an `extern "C"` function it lets no unwinding pass, but aborts.
///
/// # Safety
///
/// `region` points to a live `R` that nobody else uses.
unsafe extern "C" fn call<R: RawRegion>(region: NonNull<R>, shrink: &mut Shrink) {
    let mut region = region;
    // SAFETY: the caller upholds the contract.
    let region = unsafe { region.as_mut() };
    shrink.result = region.shrink(shrink.bytes);
    shrink.span = region.span();
}
