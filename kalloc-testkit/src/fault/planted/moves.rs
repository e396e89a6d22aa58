//! How a planted heap resizes blocks that cannot stay where they are.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::arith::align_down;
use kalloc_traits::{AllocError, Heap, RawRegion};

use super::fault::Fault;
use super::heap::Planted;
use super::state::GRANULE;

impl<R: RawRegion> Planted<R> {
    /// Makes a block larger.
    ///
    /// # Safety
    ///
    /// As for [`Heap::grow`].
    pub(super) unsafe fn make_larger(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let fault = self.with(|state| state.fault);
        if new.size() < old.size() && fault != Fault::GrowsDown {
            return Err(AllocError);
        }
        if fault == Fault::RefusesGrowFromZero && old.size() == 0 {
            return Err(AllocError);
        }
        if fault == Fault::GrowsToSame && old.size() == new.size() {
            let longer = Layout::from_size_align(new.size() + GRANULE, new.align()).map_err(|_| AllocError)?;
            // SAFETY: the caller upholds the contract.
            return unsafe { self.make_larger(block, old, longer) };
        }
        if fault == Fault::SameSizeFrees && old.size() == new.size() {
            let end = block.addr().get() + self.with(|state| state.extent(old));
            self.with(|state| state.give(end - GRANULE..end));
        }
        if fault == Fault::GrowsLeftBackwards && old.size() > 0 {
            // SAFETY: the caller upholds the contract.
            if let Some(grown) = unsafe { self.grow_left(block, old, new) } {
                return Ok(grown);
            }
        }
        // SAFETY: the caller upholds the contract.
        if let Ok(resized) = unsafe { self.resize_in_place(block, old, new) } {
            return Ok(resized);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.relocate(block, old, new) }
    }

    /// Makes a block smaller.
    ///
    /// # Safety
    ///
    /// As for [`Heap::shrink`].
    pub(super) unsafe fn make_smaller(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() > old.size() {
            return match self.has(Fault::ShrinksUp) {
                true => Ok(NonNull::slice_from_raw_parts(
                    block,
                    self.with(|state| state.extent(new)),
                )),
                false => Err(AllocError),
            };
        }
        // SAFETY: the caller upholds the contract.
        if let Ok(resized) = unsafe { self.resize_in_place(block, old, new) } {
            return Ok(resized);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.relocate(block, old, new) }
    }

    /// Moves a block to a new one.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    unsafe fn relocate(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let is_shrink = new.size() < old.size();
        let wanted = match self.has(Fault::MoveLosesAlignment) {
            true => Layout::from_size_align(new.size(), 1).map_err(|_| AllocError)?,
            false => new,
        };
        let Ok(moved) = self.allocate(wanted) else {
            if self.has(if is_shrink {
                Fault::FailedShrinkFrees
            } else {
                Fault::FailedGrowFrees
            }) {
                // SAFETY: the caller gives the block.
                unsafe { self.deallocate(block, old) };
            }
            return Err(AllocError);
        };
        let kept = old.size().min(new.size());
        let copied = match self.with(|state| state.fault) {
            Fault::GrowCopiesTooLittle if !is_shrink => kept.saturating_sub(1),
            Fault::ShrinkForgetsContents if is_shrink => 0,
            Fault::CopiesByAlignment if old.align() != new.align() => align_down(kept, old.align().max(new.align())),
            _ => kept,
        };
        // SAFETY: both are live and hold that many bytes. A fault may have made them overlap.
        unsafe { moved.cast::<u8>().copy_from(block, copied) };
        if new.size() > 0 || !self.has(Fault::ShrinkToZeroLeaks) {
            // SAFETY: the caller gives the block.
            unsafe { self.deallocate(block, old) };
        }
        if self.has(Fault::MoveReturnsOld) && new.size() > 0 && old.size() > 0 {
            return Ok(NonNull::slice_from_raw_parts(block, moved.len()));
        }
        let longer = if self.has(Fault::ExtentOfMovedDiffers) {
            GRANULE
        } else {
            0
        };
        Ok(NonNull::slice_from_raw_parts(moved.cast(), moved.len() + longer))
    }

    /// Grows a block to the left, copying from the high end down: right only where the two do not overlap.
    ///
    /// # Safety
    ///
    /// As for [`Heap::deallocate`], with `old`.
    unsafe fn grow_left(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>> {
        let lower = self.with(|state| state.grow_left(block.addr().get(), old, new))?;
        let target = self.pointer(lower);
        for index in (0..old.size()).rev() {
            // SAFETY: the index is inside of the old block.
            let from = unsafe { block.add(index) };
            // SAFETY: the index is inside of the new block.
            let to = unsafe { target.add(index) };
            // SAFETY: as above.
            let byte = unsafe { from.read() };
            // SAFETY: as above.
            unsafe { to.write(byte) };
        }
        let len = self.with(|state| state.extent(new));
        Some(NonNull::slice_from_raw_parts(target, len))
    }
}
