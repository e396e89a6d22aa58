//! The chain as a heap, and as an arena.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::request::dangling;
use kalloc_traits::{AllocError, Heap, RawBlock, impl_allocator};

use super::Chain;
use crate::arena::Lends;
use crate::settings::{Settings, extent};

// SAFETY:
// - The extent of a block is that of `layout.size()` on every path: `take_within` and `resize_in_place` are the only ones.
// - A block lies in the newest chunk, which is a live block of a heap, on the free side of all that were taken from it.
unsafe impl<H: Heap, S: Settings> Heap for Chain<H, S> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.allocate_raw(layout).map(|block| block.block)
    }

    #[inline]
    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if layout.size() == 0 {
            return Ok(RawBlock {
                block: dangling(layout.align()),
                is_zeroed: true,
            });
        }
        let block = match self.take_within(layout) {
            Some(block) => Some(block),
            None => self.take_from_another(layout),
        };
        Ok(RawBlock {
            block: block.ok_or(AllocError)?,
            is_zeroed: false,
        })
    }

    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        self.allocate_within(layout)
            .inspect_err(|AllocError| self.count_failure())
    }

    fn count_failure(&self) {
        self.with(|links| links.nr_failed = links.nr_failed.saturating_add(1));
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        if let Some(extent) = extent::<S>(layout.size()) {
            let start = block.addr().get();
            self.with(|links| {
                links.note_change::<S>(start);
                links.cursor.give_back::<S>(start, extent);
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
        let start = block.addr().get();
        if old.size() == 0 || new.size() == 0 || start & (new.align() - 1) != 0 {
            return Err(AllocError);
        }
        let (Some(old), Some(new)) = (extent::<S>(old.size()), extent::<S>(new.size())) else {
            return Err(AllocError);
        };
        self.with(|links| {
            links.note_change::<S>(start);
            if new <= old {
                links.cursor.shrink::<S>(start, old, new);
            } else if !links.cursor.grow::<S>(start, old, new) {
                return Err(AllocError);
            }
            Ok(NonNull::slice_from_raw_parts(block, new))
        })
    }
}

impl_allocator!([H: Heap, S: Settings] Chain<H, S>);

// SAFETY: blocks stay until the chain is dropped or taken by `&mut`, and neither can be while it is borrowed.
unsafe impl<'a, H: Heap, S: Settings> Lends<'a> for &'a Chain<H, S> {
    type Heap = Chain<H, S>;

    #[inline]
    fn heap(&self) -> &Self::Heap {
        self
    }

    #[inline]
    fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.size() == 0 {
            return Some(dangling(layout.align()).cast());
        }
        Some(self.take_within(layout)?.cast())
    }
}
