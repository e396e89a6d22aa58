//! The bump as a heap.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::request::{Request, dangling};
use kalloc_traits::{AllocError, Grown, Growth, Heap, InitError, RawBlock, RawRegion, RegionError, allocate_growing};

use crate::bump::Bump;
use crate::resize::Way;
use crate::settings::{Settings, extent};
use crate::state::{Need, Phase};

// SAFETY:
// - The extent of a block is that of `layout.size()` on every path: `take`, `resize_where_it_is` and `move_last` are the only ones.
// - A block starts at or behind the end of every block that is live (`Cursor::take`), downwards it ends before their start; it
//   ends in the memory, and resizing moves the free side of the last block only. A region's span has neither address 0 nor
//   the last byte.
unsafe impl<R: RawRegion, S: Settings> Heap for Bump<R, S> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let at_hand = if layout.size() == 0 { None } else { self.take(layout) };
        match at_hand {
            Some(block) => Ok(block.block),
            None => {
                let block = self.allocate_slowly(layout).ok_or(AllocError)?;
                let extent = extent::<S>(layout.size()).ok_or(AllocError)?;
                Ok(NonNull::slice_from_raw_parts(block, extent))
            }
        }
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // Without counters, to free a block of no byte does nothing in any case.
        if S::COUNTS && layout.size() == 0 {
            return;
        }
        if let Some(extent) = extent::<S>(layout.size()) {
            let start = block.addr().get();
            self.with(|state| {
                state.note_change::<S>(start);
                state.cursor.give_back::<S>(start, extent);
            });
        }
    }

    #[inline]
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 || new.size() == 0 {
            return Err(AllocError);
        }
        let way = if new.size() > old.size() {
            Way::Grow
        } else {
            Way::Shrink
        };
        if way == Way::Grow {
            self.with(|state| state.note_growth::<S>(block.addr().get()));
        }
        // SAFETY: the caller upholds the contract.
        let is_done = unsafe { self.resize_where_it_is(block, old, new, way) };
        is_done.ok_or(AllocError)
    }

    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        match self.allocate_within(layout) {
            Ok(block) => Ok(block),
            Err(AllocError) => allocate_growing(self, layout, 0),
        }
    }

    #[inline]
    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if layout.size() == 0 {
            return Ok(RawBlock {
                block: dangling(layout.align()),
                is_zeroed: true,
            });
        }
        self.take(layout).ok_or(AllocError)
    }

    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        let request = Request::new(layout).ok_or(RegionError::Fixed)?;
        let step = self.with(|state| state.begin_growth::<S>(Need::Block(request)))?;
        Ok(Growth::new(NonNull::from(&self.region).cast::<R>(), step))
    }

    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        self.with(|state| state.end_growth::<S>(grown))
    }

    fn count_failure(&self) {
        self.with(|state| state.nr_failed = state.nr_failed.saturating_add(1));
    }

    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        match self.with(|state| (state.phase, state.cursor.capacity())) {
            (Phase::Ready | Phase::Growing | Phase::Sealed, 0) => Err(InitError::TooSmall),
            (Phase::Ready | Phase::Growing | Phase::Sealed, _) => Ok(None),
            (Phase::Unclaimed | Phase::Claiming, _) => Ok(Some(self.begin_growth(Layout::new::<u8>())?)),
        }
    }

    #[inline]
    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        let grown = unsafe { self.resize_at_hand(block, old, new, Way::Grow) };
        match grown {
            Some(grown) => Ok(grown),
            None => {
                // SAFETY: the caller upholds the contract.
                let grown = unsafe { self.grow_slowly(block, old, new) }.ok_or(AllocError)?;
                // Downwards, what was the last block may have moved, with its bytes, to where it reaches over its old start.
                let distance = block.addr().get().wrapping_sub(grown.cast::<u8>().addr().get());
                if distance >= grown.len() {
                    // Here and not there: so the compiler keeps this path apart from the fast one, and a vector that pushes in a
                    // loop takes six instructions for each push, not ten.
                    // SAFETY: the block has moved. Both places have `old.size()` bytes, do not overlap, and are nobody else's.
                    unsafe { grown.cast::<u8>().copy_from_nonoverlapping(block, old.size()) };
                }
                Ok(grown)
            }
        }
    }

    #[inline]
    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        let shrunk = unsafe { self.resize_at_hand(block, old, new, Way::Shrink) };
        match shrunk {
            Some(shrunk) => Ok(shrunk),
            // SAFETY: the caller upholds the contract.
            None => unsafe { self.shrink_slowly(block, old, new) }.ok_or(AllocError),
        }
    }
}

kalloc_traits::impl_allocator!([R: RawRegion, S: Settings] Bump<R, S>, trusting if S::TRUSTS);
