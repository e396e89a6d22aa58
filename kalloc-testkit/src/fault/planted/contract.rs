//! The contract, kept with [`Fault::None`] and broken with the others.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::request::dangling;
use kalloc_traits::{
    AllocError, Grown, Growth, Heap, InitError, RawBlock, RawRegion, RegionError, allocate_growing, impl_allocator,
};

use super::fault::Fault;
use super::heap::Planted;
use super::state::{GRANULE, Phase};

impl<R: RawRegion> Planted<R> {
    /// Returns the answer to a request of no bytes, or the fault's.
    fn nothing(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        let granule = Layout::new::<u64>();
        let block = match self.with(|state| state.fault) {
            Fault::ZeroIsUnaligned => dangling(1),
            Fault::ZeroClaims => {
                _ = self.init();
                dangling(layout.align())
            }
            Fault::ZeroTakesBlock => {
                let block = self.allocate_raw(granule)?.block;
                return Ok(RawBlock {
                    block: NonNull::slice_from_raw_parts(block.cast(), 0),
                    is_zeroed: true,
                });
            }
            Fault::ZeroNeedsRoom => {
                let block = self.allocate_raw(granule)?.block.cast();
                // SAFETY: the block was just allocated.
                unsafe { self.deallocate(block, granule) };
                dangling(layout.align())
            }
            Fault::ZeroCountsLive => {
                self.with(|state| state.stats.live_blocks += 1);
                dangling(layout.align())
            }
            Fault::FreesZeroSize => {
                let (start, free) = self.with(|state| (state.memory.start, state.phase == Phase::Laid));
                let place = start.next_multiple_of(layout.align());
                if free {
                    self.block(place, 0)
                } else {
                    dangling(layout.align())
                }
            }
            _ => dangling(layout.align()),
        };
        Ok(RawBlock { block, is_zeroed: true })
    }
}

// SAFETY: with `Fault::None`, extents are sizes in whole granules on every path, and blocks are taken out of an interval
// list of the region's memory. With another fault it is a heap that must not be used for anything but tests.
unsafe impl<R: RawRegion> Heap for Planted<R> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Ok(self.allocate_raw(layout)?.block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let start = block.addr().get();
        match (layout.size(), self.with(|state| state.fault)) {
            (0, Fault::ZeroFreeCountsDown) => {
                self.with(|state| state.stats.live_blocks = state.stats.live_blocks.saturating_sub(1));
            }
            (0, Fault::ZeroCountsLive) => self.with(|state| state.stats.live_blocks -= 1),
            (0, Fault::FreesZeroSize) if self.with(|state| state.memory.contains(&start)) => {
                self.with(|state| state.free(start, Layout::new::<u64>()));
            }
            (0, _) => {}
            (_, fault) => {
                self.with(|state| state.free(start, layout));
                if fault == Fault::LinkTooWide {
                    // SAFETY: the first word is the freed block's, the second may be somebody else's. This is the fault.
                    unsafe { block.cast::<[u64; 2]>().write_unaligned([0; 2]) };
                }
                let behind = start + self.with(|state| state.extent(layout));
                if fault == Fault::ClearsBehindFreed && self.with(|state| state.memory.contains(&behind)) {
                    // SAFETY: the granule lies in the heap's memory, but need not be free. This is the fault.
                    unsafe { self.pointer(behind).write_bytes(0, GRANULE) };
                }
            }
        }
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let resized = self.with(|state| state.resize(block.addr().get(), old, new));
        let start = resized.ok_or(AllocError)?;
        if new.size() == 0 {
            return Ok(NonNull::slice_from_raw_parts(block, 0));
        }
        let len = match self.with(|state| state.fault) {
            Fault::ExtentFollowsPath => new.size(),
            _ => self.with(|state| state.extent(new)),
        };
        Ok(self.block(start, len))
    }

    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if layout.size() == 0 {
            return self.nothing(layout);
        }
        if self.has(Fault::GrowsForEver) {
            return self.allocate_for_ever(layout);
        }
        allocate_growing(self, layout, 0)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let RawBlock { block, is_zeroed } = self.allocate_raw(layout)?;
        let len = match self.with(|state| state.fault) {
            Fault::ZeroedIsDirty => 0,
            Fault::ZeroedIsShort => layout.size().saturating_sub(1),
            Fault::ZeroesTooFar => block.len() + GRANULE,
            _ => block.len(),
        };
        if !is_zeroed || self.has(Fault::SaysZero) {
            // SAFETY: the block is new, and at least that long, but for a fault.
            unsafe { block.cast::<u8>().write_bytes(0, len) };
        }
        let longer = if self.has(Fault::ExtentOfZeroedDiffers) {
            GRANULE
        } else {
            0
        };
        Ok(NonNull::slice_from_raw_parts(block.cast(), block.len() + longer))
    }

    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if layout.size() == 0 {
            return self.nothing(layout);
        }
        let (start, is_zeroed) = self.with(|state| state.allocate(layout)).ok_or(AllocError)?;
        let start = start + self.unchecked_offset();
        let len = self.with(|state| state.extent(layout)).max(layout.size());
        let block = self.block(start, len);
        let is_zeroed = is_zeroed || self.has(Fault::SaysZero);
        Ok(RawBlock { block, is_zeroed })
    }

    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        self.begin(layout)
    }

    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        self.end(grown)
    }

    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        self.begin_first()
    }

    fn init(&self) -> Result<(), InitError> {
        if let Some(growth) = self.begin_first()? {
            // SAFETY: the heap is alive and busy, and gets the result.
            let grown = unsafe { growth.run() };
            let result = self.end(grown);
            if !self.has(Fault::InitLies) {
                result?;
            }
        }
        Ok(())
    }

    fn count_failure(&self) {
        let by = match self.with(|state| state.fault) {
            Fault::FailuresUncounted => 0,
            Fault::FailuresCountedTwice => 2,
            _ => 1,
        };
        self.with(|state| {
            state.has_refused = true;
            state.stats.failed_requests = state.stats.failed_requests.saturating_add(by);
        });
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.make_larger(block, old, new) }
    }

    unsafe fn grow_zeroed(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        let grown = unsafe { self.make_larger(block, old, new) }?;
        let is_in_place = grown.cast() == block;
        let from = match self.with(|state| state.fault) {
            Fault::GrowZeroedIsDirty => return Ok(grown),
            Fault::GrowZeroedTrustsTail if is_in_place => return Ok(grown),
            Fault::GrowZeroedClearsAll => 0,
            _ => old.size(),
        };
        // SAFETY: the extent is at least the new size, which is at least the old one.
        let tail = unsafe { grown.cast::<u8>().add(from) };
        // SAFETY: these are the block's bytes from there on.
        unsafe { tail.write_bytes(0, grown.len() - from) };
        if self.has(Fault::GrowCopiesTooMuch) && !is_in_place {
            // The old block is free by now, and what lies behind it is somebody's. No further than the guards.
            let copied = new.size().min(old.size() + 64);
            // SAFETY: the bytes are the region's or its guards'. This is the fault.
            unsafe { grown.cast::<u8>().copy_from(block, copied) };
        }
        Ok(grown)
    }

    fn trim(&self) {
        self.with(|state| match state.fault {
            Fault::TrimDropsCache => state.cache.clear(),
            Fault::TrimFreesLive => {
                if let Some((start, len)) = state.last.take() {
                    state.give(start..start + len);
                }
            }
            _ => {}
        });
    }

    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.make_smaller(block, old, new) }
    }
}

impl_allocator!([R: RawRegion] Planted<R>);
