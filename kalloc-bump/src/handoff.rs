//! A bump that ends, or gives up its rest, while its blocks live on: the boot allocator makes room for a heap.

use kalloc_traits::{HandOver, Handed, InitError, RawRegion, RegionError, SliceRegion, Span};

use crate::bump::Bump;
use crate::settings::Settings;
use crate::state::Phase;

// SAFETY: the region is claimed, and is asked for its span only while no growth of it is under way. Outside of what is free
// lies all that was ever handed out (B1 and B2 of `inspect`, and the cursor); starts and extents are multiples of the least
// alignment. A bump has no `Drop`, so taking it apart ends no block.
unsafe impl<R: RawRegion, S: Settings> HandOver for Bump<R, S> {
    type Region = R;

    fn prepare(&self) -> Result<Handed, InitError> {
        self.init()?;
        let (phase, (start, end), memory_end) =
            self.with(|state| (state.phase, state.cursor.free::<S>(), state.cursor.end()));
        if !matches!(phase, Phase::Ready | Phase::Sealed) {
            return Err(InitError::Busy);
        }
        // The region may call the bump meanwhile, but not be called by it.
        self.with(|state| state.phase = Phase::Growing);
        // SAFETY: nobody else uses the region, as no growth is under way, and none can begin.
        let span = unsafe { &*self.region.get() }.span();
        self.with(|state| state.phase = phase);
        if !span.contains(self.with(|state| state.base)) {
            return Err(InitError::Refused);
        }
        // What a limit has left out behind the memory is free as well, unless it was given away.
        let end = if end == memory_end && phase == Phase::Ready {
            span.end_addr()
        } else {
            end
        };
        let start = start.clamp(span.start_addr(), span.end_addr());
        let end = end.clamp(start, span.end_addr());
        // A span says where memory is: its pointer is the region's, moved inside of it.
        let pointer = span
            .start()
            .map_addr(|addr| addr.saturating_add(start - span.start_addr()));
        Ok(Handed {
            span,
            free: Span::new(pointer, end - start),
            unit: S::MIN_ALIGN,
        })
    }

    fn into_region(self) -> R {
        self.region.into_inner()
    }
}

impl<R: RawRegion, S: Settings> Bump<R, S> {
    /// Gives up all free memory, for another heap to use, for as long as the bump is borrowed. The bump keeps its blocks, is full,
    /// and neither grows nor gets this memory back when they are freed or [`reset`](Bump::reset). Takes constant time.
    ///
    /// A heap that shall take the blocks over as well is made by `kalloc_pool::Pool::adopt`; one whose memory shall come back, on
    /// a `kalloc_traits::CarvedRegion`.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use kalloc_bump::Bump;
    /// use kalloc_traits::{Heap, RawRegion, StaticArray};
    ///
    /// static MEMORY: StaticArray<4096> = StaticArray::new();
    ///
    /// let boot = Bump::new(MEMORY.region());
    /// let table = boot.allocate(Layout::new::<[u64; 64]>()).unwrap();
    /// let rest = boot.take_rest().unwrap();
    /// assert_eq!(rest.span().len(), 4096 - table.len());
    /// assert!(boot.allocate(Layout::new::<u8>()).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// The bump is as before.
    ///
    /// - [`RegionError::Exhausted`] if no byte is free, or blocks lie on both sides of what is, as may be where a bump cuts
    ///   downwards and its region has grown; or the region could not be claimed.
    /// - [`RegionError::Busy`] while the region is claimed or grown.
    pub fn take_rest(&self) -> Result<SliceRegion<'_>, RegionError> {
        self.init().map_err(|error| match error {
            InitError::Busy => RegionError::Busy,
            InitError::Claimed => RegionError::Claimed,
            _ => RegionError::Exhausted,
        })?;
        self.with(|state| {
            if state.phase == Phase::Growing {
                return Err(RegionError::Busy);
            }
            let (start, end) = state.cursor.cut_free::<S>().ok_or(RegionError::Exhausted)?;
            state.phase = Phase::Sealed;
            // SAFETY: the free memory lies in the cursor's memory.
            let span = Span::new(unsafe { state.pointer(start) }, end - start);
            // SAFETY: the cursor has given these bytes up for good, a sealed bump takes in no more, and they are the region's
            // for as long as the bump is borrowed.
            Ok(unsafe { SliceRegion::from_span(span) })
        })
    }
}
