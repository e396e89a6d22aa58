//! The smallest heap that resizes in place, for the tests of regions that are carved from one.

extern crate std;

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;
use std::alloc::{alloc, dealloc, handle_alloc_error};

use crate::error::AllocError;
use crate::heap::Heap;
use crate::request::place;

/// Extents are multiples of this.
pub(super) const UNIT: usize = 16;

/// Cuts blocks off its memory one behind the other. The last block can be freed and resized.
pub(super) struct ToyHeap {
    memory: NonNull<u8>,
    layout: Layout,
    used: Cell<usize>,
    pub(super) nr_live: Cell<usize>,
}

impl ToyHeap {
    /// Returns a heap of `size` bytes.
    pub(super) fn new(size: usize) -> Self {
        let layout = Layout::from_size_align(size, 4096).unwrap();
        assert!(size > 0);
        // SAFETY: the size is not zero.
        let memory = NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        Self {
            memory,
            layout,
            used: Cell::new(0),
            nr_live: Cell::new(0),
        }
    }

    fn extent(size: usize) -> usize {
        size.next_multiple_of(UNIT)
    }

    fn offset(&self, block: NonNull<u8>) -> usize {
        block.addr().get() - self.memory.addr().get()
    }
}

// SAFETY: an extent is a function of the size, and blocks lie one behind the other up to `used`.
unsafe impl Heap for ToyHeap {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        assert!(layout.size() > 0 && layout.align() <= self.layout.align());
        let extent = Self::extent(layout.size());
        let offset = place(self.used.get(), extent, layout.align().max(UNIT), self.layout.size()).ok_or(AllocError)?;
        self.used.set(offset + extent);
        self.nr_live.set(self.nr_live.get() + 1);
        // SAFETY: `place` ends inside the memory.
        let block = unsafe { self.memory.add(offset) };
        Ok(NonNull::slice_from_raw_parts(block, extent))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let offset = self.offset(block);
        if offset + Self::extent(layout.size()) == self.used.get() {
            self.used.set(offset);
        }
        self.nr_live.set(self.nr_live.get() - 1);
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let offset = self.offset(block);
        let is_last = offset + Self::extent(old.size()) == self.used.get();
        let end = offset.checked_add(Self::extent(new.size())).ok_or(AllocError)?;
        if new.size() == 0 || !is_last || end > self.layout.size() {
            return Err(AllocError);
        }
        self.used.set(end);
        Ok(NonNull::slice_from_raw_parts(block, Self::extent(new.size())))
    }
}

impl Drop for ToyHeap {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) };
    }
}
