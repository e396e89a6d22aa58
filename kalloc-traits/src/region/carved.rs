//! Memory that is one block of another heap.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::RawRegion;
use crate::error::RegionError;
use crate::heap::Heap;
use crate::span::Span;

/// A region that is one block of another heap: for a heap inside a heap, whose blocks all end together.
///
/// `H` is usually a reference, such as `&Pool`. The block is allocated when the region is claimed and freed when it is
/// dropped. Growing and shrinking resize it in place in the outer heap, so it grows only while the memory behind it is free
/// there. The span is the block's extent, which may be a little more than was asked for.
///
/// Each call costs one call of the outer heap.
///
/// ```
/// use std::alloc::{Layout, System};
/// use kalloc_traits::glue::global::GlobalHeap;
/// use kalloc_traits::{CarvedRegion, RawRegion, RegionError};
///
/// let outer = GlobalHeap(System);
/// let mut region = CarvedRegion::new(&outer, Layout::from_size_align(64 * 1024, 4096).unwrap());
/// region.claim()?;
/// assert_eq!(region.span().len(), 64 * 1024);
/// assert_eq!(region.span().start_addr() % 4096, 0);
/// # Ok::<(), RegionError>(())
/// ```
///
/// # Invariants
///
/// `block`, if there is one, is live in `heap`, belongs to this region alone, and `layout` fits it.
#[derive(Debug)]
pub struct CarvedRegion<H: Heap> {
    heap: H,
    layout: Layout,
    block: Option<NonNull<[u8]>>,
}

// SAFETY: the block is reached through the region only, and the heap may move to the other thread to free it there.
unsafe impl<H: Heap + Send> Send for CarvedRegion<H> {}

impl<H: Heap> CarvedRegion<H> {
    /// Returns a region that will be a block of `layout` in `heap`. Nothing is allocated before the first use. Can be
    /// called in a `const` context.
    #[inline]
    pub const fn new(heap: H, layout: Layout) -> Self {
        Self {
            heap,
            layout,
            block: None,
        }
    }

    /// Resizes the block in place to `size` bytes and returns its new extent, or `None` if the heap refuses.
    fn resize(&mut self, size: usize) -> Option<usize> {
        let new = Layout::from_size_align(size, self.layout.align()).ok()?;
        let block = self.block?.cast();
        // SAFETY: the block is live, and `layout` fits it.
        let resized = unsafe { self.heap.resize_in_place(block, self.layout, new) }.ok()?;
        self.layout = new;
        self.block = Some(resized);
        Some(resized.len())
    }
}

// SAFETY: the block is live, and nobody else's, from `claim` until the region is dropped. The heap resizes it where it is.
// A block that can be resized in place is a piece of larger memory: its pointer is valid for what it may grow by, too.
unsafe impl<H: Heap> RawRegion for CarvedRegion<H> {
    /// Allocates the block.
    ///
    /// # Errors
    ///
    /// [`RegionError::Exhausted`] if the outer heap refuses, [`RegionError::Claimed`] if there is a block already.
    fn claim(&mut self) -> Result<(), RegionError> {
        if self.block.is_some() {
            return Err(RegionError::Claimed);
        }
        self.block = Some(self.heap.allocate(self.layout).map_err(|_| RegionError::Exhausted)?);
        Ok(())
    }

    fn span(&self) -> Span {
        self.block
            .map_or(Span::EMPTY, |block| Span::new(block.cast(), block.len()))
    }

    /// Grows the block in place by `min_extra` bytes, rounded up as the outer heap rounds sizes.
    ///
    /// # Errors
    ///
    /// [`RegionError::Exhausted`] if the memory behind the block is not free or too small.
    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        if min_extra == 0 {
            return Ok(());
        }
        let wanted = self.span().len().checked_add(min_extra);
        wanted
            .and_then(|size| self.resize(size))
            .map(|_| ())
            .ok_or(RegionError::Exhausted)
    }

    /// Gives the block's last bytes back to the outer heap.
    ///
    /// # Errors
    ///
    /// [`RegionError::Shortfall`] if these are all of the block's bytes, or more, or too few for the outer heap to tell.
    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        if bytes == 0 {
            return Ok(());
        }
        let old = self.span().len();
        match old.checked_sub(bytes) {
            // A block of zero bytes is none, and could not grow again.
            None | Some(0) => Err(RegionError::Shortfall),
            Some(size) => match self.resize(size) {
                Some(new) if new < old => Ok(()),
                _ => Err(RegionError::Shortfall),
            },
        }
    }
}

impl<H: Heap> Drop for CarvedRegion<H> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            // SAFETY: the block is live, and `layout` fits it.
            unsafe { self.heap.deallocate(block.cast(), self.layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::toy::{ToyHeap, UNIT};
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 64).unwrap()
    }

    #[test]
    fn the_block_is_allocated_by_the_claim_and_freed_by_the_drop() {
        let heap = ToyHeap::new(1024);
        let mut region = CarvedRegion::new(&heap, layout(1000));
        assert!(region.span().is_empty());
        assert_eq!(heap.nr_live.get(), 0);

        assert_eq!(region.claim(), Ok(()));
        assert_eq!(region.claim(), Err(RegionError::Claimed));
        assert_eq!(heap.nr_live.get(), 1);
        assert_eq!(region.span().len(), 1008, "the extent, not the size");
        assert_eq!(region.span().start_addr() % 64, 0);

        drop(region);
        assert_eq!(heap.nr_live.get(), 0);
        assert!(heap.allocate(layout(1024)).is_ok(), "all of it was given back");
    }

    #[test]
    fn a_refused_claim_can_be_repeated() {
        let heap = ToyHeap::new(1024);
        let other = heap.allocate(layout(512)).unwrap();
        let mut region = CarvedRegion::new(&heap, layout(1000));
        assert_eq!(region.claim(), Err(RegionError::Exhausted));
        assert!(region.span().is_empty());
        // SAFETY: the block is live and has this layout.
        unsafe { heap.deallocate(other.cast(), layout(512)) };
        assert_eq!(region.claim(), Ok(()));
    }

    #[test]
    fn it_grows_where_it_lies_until_something_stands_behind_it() {
        let heap = ToyHeap::new(4096);
        let mut region = CarvedRegion::new(&heap, layout(100));
        region.claim().unwrap();
        let first = region.span().start();
        // SAFETY: the region owns the byte.
        unsafe { first.write(7) };

        assert_eq!(region.grow(0), Ok(()));
        assert_eq!(region.grow(1), Ok(()));
        assert_eq!((region.span().start(), region.span().len()), (first, 112 + UNIT));
        // SAFETY: the byte is the last of the span, and the old pointer is valid for it.
        let last = unsafe { first.add(112 + UNIT - 1) };
        // SAFETY: as above.
        unsafe { last.write(8) };
        assert_eq!(region.grow(4096), Err(RegionError::Exhausted));
        assert_eq!(region.grow(usize::MAX), Err(RegionError::Exhausted));
        assert_eq!(region.span().len(), 112 + UNIT);

        let behind = heap.allocate(layout(64)).unwrap();
        assert_eq!(region.grow(1), Err(RegionError::Exhausted));
        // SAFETY: the region owns the byte.
        assert_eq!(unsafe { first.read() }, 7);
        // SAFETY: the block is live and has this layout.
        unsafe { heap.deallocate(behind.cast(), layout(64)) };
    }

    #[test]
    fn its_tail_is_given_back_but_never_more_than_asked() {
        let heap = ToyHeap::new(1024);
        let mut region = CarvedRegion::new(&heap, layout(1024));
        region.claim().unwrap();
        assert_eq!(region.shrink(1025), Err(RegionError::Shortfall));
        assert_eq!(region.shrink(1024), Err(RegionError::Shortfall));
        assert_eq!(region.shrink(UNIT - 1), Err(RegionError::Shortfall));
        assert_eq!(region.span().len(), 1024);

        assert_eq!(region.shrink(500), Ok(()));
        assert_eq!(region.span().len(), 528);
        let behind = heap.allocate(layout(400)).unwrap();
        assert_eq!(behind.cast::<u8>().addr().get() - region.span().start_addr(), 576);
        drop(region);
        assert_eq!(heap.nr_live.get(), 1);
    }

    #[test]
    fn a_moved_region_keeps_its_span_and_its_pointers() {
        let heap = ToyHeap::new(1024);
        let mut region = CarvedRegion::new(&heap, layout(128));
        region.claim().unwrap();
        let first = region.span().start();
        // SAFETY: the region owns the byte.
        unsafe { first.write(7) };
        let mut moved = [region];
        moved[0].grow(UNIT).unwrap();
        assert_eq!(moved[0].span().start(), first);
        // SAFETY: as above.
        assert_eq!(unsafe { first.read() }, 7);
    }
}
