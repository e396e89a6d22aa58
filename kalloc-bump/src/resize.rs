//! Resizing a block: where it is, by moving the last one, or by moving to another.
//!
//! ```text
//!   up      ├──A──┼──B──┤┄┄┄┄►        the last block's end moves, and the region may grow behind it
//!   down    ◄┄┄┄┄├──B──┼──A──┤        its start moves, and its bytes with it
//! ```

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::arith::is_aligned;
use kalloc_traits::{Growth, Heap, RawRegion};

use crate::bump::Bump;
use crate::settings::{Settings, extent, is_up};
use crate::state::Need;

/// Whether a block is to become larger or smaller; the same size is either. It is known where it is asked, so that each way is
/// compiled apart.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Way {
    Grow,
    Shrink,
}

impl Way {
    /// Returns whether a block of `old` bytes does not become one of `new` bytes this way, or, if zero counts, one of them is zero.
    #[inline]
    fn is_wrong<S: Settings>(self, old: usize, new: usize) -> bool {
        let (less, more) = match self {
            Self::Grow => (old, new),
            Self::Shrink => (new, old),
        };
        if S::COUNTS || S::MIN_ALIGN > 1 {
            // One comparison for both: less one, a size of zero is the greatest number.
            less.wrapping_sub(1) >= more
        } else {
            // A block of zero bytes is as good as any where neither blocks are counted nor pointers renewed.
            less > more
        }
    }
}

impl<R: RawRegion, S: Settings> Bump<R, S> {
    /// Resizes a block without moving it to another and without a region's help: where it is, but that downwards the last block's
    /// end stays, and its bytes move. Returns nothing where that cannot be, and where [`grow_slowly`](Self::grow_slowly) has to look
    /// again.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    #[inline]
    pub(crate) unsafe fn resize_at_hand(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
        way: Way,
    ) -> Option<NonNull<[u8]>> {
        if !is_up::<S>() {
            // SAFETY: the caller upholds the contract.
            let moved = unsafe { self.move_last(block, old, new, way) };
            if moved.is_some() || way == Way::Grow {
                return moved;
            }
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.resize_where_it_is(block, old, new, way) }
    }

    /// Resizes the last block where blocks are cut downwards: its end stays, and its bytes move. Returns nothing if the block
    /// is not the last one, or there is no room, or it is older than a checkpoint.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    #[inline]
    unsafe fn move_last(&self, block: NonNull<u8>, old: Layout, new: Layout, way: Way) -> Option<NonNull<[u8]>> {
        if way.is_wrong::<S>(old.size(), new.size()) {
            return None;
        }
        let (old_extent, new_extent) = (extent::<S>(old.size())?, extent::<S>(new.size())?);
        let start = block.addr().get();
        let moved = self.with(|state| {
            if !state.cursor.is_last::<S>(start, old_extent) {
                return None;
            }
            match way {
                Way::Grow if state.is_old::<S>(start) => return None,
                Way::Grow => {}
                Way::Shrink => state.note_change::<S>(start),
            }
            let start = if way == Way::Shrink && new.align() <= old.align() {
                state
                    .cursor
                    .shrink_last_downwards::<S>(old_extent, new_extent, new.align())
            } else {
                state
                    .cursor
                    .resize_last_downwards::<S>(old_extent, new_extent, new.align())?
            };
            // SAFETY: the cursor has found the block to lie in the memory.
            Some(unsafe { state.pointer(start) })
        })?;
        let kept = match way {
            Way::Grow => old.size(),
            Way::Shrink => new.size(),
        };
        // SAFETY: the bytes from the lower of the two starts to the block's old end are in the memory and nobody else's: they
        // were the block's, or free. As many as are copied lie in both.
        unsafe { moved.copy_from(block, kept) };
        Some(NonNull::slice_from_raw_parts(moved, new_extent))
    }

    /// Resizes a block and leaves it where it is. Returns nothing if it cannot, or goes the other way, or is to grow and older than a
    /// checkpoint.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    #[inline]
    pub(crate) unsafe fn resize_where_it_is(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
        way: Way,
    ) -> Option<NonNull<[u8]>> {
        let start = block.addr().get();
        if way.is_wrong::<S>(old.size(), new.size()) || !keeps_place(start, old, new) {
            return None;
        }
        let (old, new) = (extent::<S>(old.size())?, extent::<S>(new.size())?);
        self.with(|state| {
            match way {
                Way::Grow if state.is_old::<S>(start) || !state.cursor.grow::<S>(start, old, new) => return None,
                Way::Grow => {}
                Way::Shrink => {
                    state.note_change::<S>(start);
                    state.cursor.shrink::<S>(start, old, new);
                    if S::MIN_ALIGN == 1 {
                        return Some(NonNull::slice_from_raw_parts(block, new));
                    }
                }
            }
            // The user's pointer may reach the end of what was asked for only; this one reaches the extent's.
            // SAFETY: the block is the heap's and has a byte, or is the last one: it lies in the memory.
            let pointer = unsafe { state.pointer(start) };
            Some(NonNull::slice_from_raw_parts(pointer, new))
        })
    }

    /// Makes a block larger where [`resize_at_hand`](Self::resize_at_hand) did not. If the block that comes back does not hold the old
    /// one's start, its bytes are still to be copied: the old block is free by then, and holds what it held.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    #[cold]
    #[inline(never)]
    #[expect(
        improper_ctypes_definitions,
        reason = "only Rust calls it; see `Bump::allocate_slowly`"
    )]
    pub(crate) unsafe extern "C" fn grow_slowly(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<[u8]>> {
        if new.size() < old.size() {
            return None;
        }
        // SAFETY: the caller upholds the contract.
        let kept = unsafe { self.grow_with_region(block, old, new) };
        if kept.is_some() {
            return kept;
        }
        let moved = self.allocate(new).ok()?;
        // SAFETY: the caller upholds the contract.
        unsafe { self.deallocate(block, old) };
        Some(moved)
    }

    /// Makes a block larger without moving it to another: if it has that size already, or is older than a checkpoint, which is closed,
    /// or upwards if the region becomes longer behind it.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    unsafe fn grow_with_region(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        if old.size() == new.size() {
            // SAFETY: the caller upholds the contract.
            return unsafe { self.resize_at_hand(block, old, new, Way::Shrink) };
        }
        if old.size() == 0 {
            return None;
        }
        let start = block.addr().get();
        let (old_extent, new_extent) = (extent::<S>(old.size())?, extent::<S>(new.size())?);
        self.with(|state| state.note_growth::<S>(start));
        // SAFETY: the caller upholds the contract.
        let grown = unsafe { self.resize_at_hand(block, old, new, Way::Grow) };
        let is_last = self.with(|state| state.cursor.is_last::<S>(start, old_extent));
        if grown.is_some() || !is_up::<S>() || !is_last || !keeps_place(start, old, new) {
            return grown;
        }
        if !self.grow_for_last(start, new_extent) {
            return None;
        }
        // SAFETY: the caller upholds the contract: nothing has happened to the block.
        unsafe { self.resize_where_it_is(block, old, new, Way::Grow) }
    }

    /// Makes a block smaller that cannot stay where it is, or shall have no byte.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    #[inline(never)]
    #[expect(
        improper_ctypes_definitions,
        reason = "only Rust calls it; see `Bump::allocate_slowly`"
    )]
    pub(crate) unsafe extern "C" fn shrink_slowly(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<[u8]>> {
        if new.size() > old.size() {
            return None;
        }
        let moved = self.allocate(new).ok()?;
        // SAFETY: both blocks are live, hold `new.size()` bytes, and do not overlap.
        unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, new.size()) };
        // SAFETY: the caller upholds the contract.
        unsafe { self.deallocate(block, old) };
        Some(moved)
    }

    /// Lets the region grow, so that the last block may reach `extent` bytes. Returns whether it was worth a try.
    #[cold]
    fn grow_for_last(&self, start: usize, extent: usize) -> bool {
        // Once for more than is needed, and once for no more.
        for _ in 0..2 {
            let Ok(step) = self.with(|state| state.begin_growth::<S>(Need::LastBlock(start, extent))) else {
                return false;
            };
            let growth = Growth::new(NonNull::from(&self.region).cast::<R>(), step);
            // SAFETY: the region is alive, and not used until `end_growth`, since the phase is `Growing`.
            let grown = unsafe { growth.run() };
            let outcome = self.end_growth(grown);
            if outcome.is_err() || self.with(|state| state.cursor.end() >= start + extent) {
                break;
            }
        }
        true
    }
}

/// Returns whether a block that starts at `start` may stay there with the layout `new`.
#[inline]
fn keeps_place(start: usize, old: Layout, new: Layout) -> bool {
    new.align() <= old.align() || is_aligned(start, new.align())
}
