//! Plays programs on a heap, one after the other. What blocks hold is not touched, so that a region of 1 GiB costs no memory.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_benches::measure::area::{Area, Base};
use kalloc_testkit::workload::op::{Op, Slot};
use kalloc_traits::{Heap, RangeRegion};

use crate::counted::Counted;

/// A heap on memory of its own, and its live blocks by slot. Between two programs none is live, and all memory is in one piece.
pub(crate) struct Player {
    heap: Counted,
    live: Vec<Option<(NonNull<u8>, Layout)>>,
    len: usize,
    _area: Area,
}

impl Player {
    /// Returns the player of a fresh heap in a region of `len` bytes.
    ///
    /// # Panics
    ///
    /// The system or the region has no room.
    pub(crate) fn new(len: usize) -> Self {
        let area = Area::new(len, Base::Page).expect("the system has room");
        // SAFETY: the memory is the area's, which lasts as long as the heap, and nobody else uses it.
        let region = unsafe { RangeRegion::from_pointer(area.span().start(), len) };
        Self {
            heap: Counted::new(region),
            live: Vec::new(),
            len,
            _area: area,
        }
    }

    /// Returns the bytes of the region.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the size of a slot's block.
    pub(crate) fn size_of(&self, slot: Slot) -> Option<usize> {
        let held = self.live.get(usize::from(slot))?;
        held.map(|(_, layout)| layout.size())
    }

    /// Takes a step. To grow or to shrink is to do so in place, or not at all.
    pub(crate) fn step(&mut self, op: Op) {
        let slot = usize::from(op.slot());
        if slot >= self.live.len() {
            self.live.resize(slot + 1, None);
        }
        let held = &mut self.live[slot];
        match (op, *held) {
            (Op::Allocate(_, layout) | Op::AllocateZeroed(_, layout), None) => {
                let block = self.heap.allocate(layout).ok();
                *held = block.map(|block| (block.cast(), layout));
            }
            (Op::Free(_), Some((block, layout))) => {
                *held = None;
                // SAFETY: the block was live, with this layout.
                unsafe { self.heap.deallocate(block, layout) };
            }
            (
                Op::Resize(_, new) | Op::Grow(_, new) | Op::GrowZeroed(_, new) | Op::Shrink(_, new),
                Some((block, old)),
            ) => {
                // SAFETY: the block is live, with this layout.
                let resized = unsafe { self.heap.resize_in_place(block, old, new) };
                if resized.is_ok() {
                    *held = Some((block, new));
                }
            }
            _ => {}
        }
    }

    /// Takes many steps, then frees what lives.
    pub(crate) fn play(&mut self, program: &[Op]) {
        program.iter().for_each(|&op| self.step(op));
        self.end();
    }

    /// Returns the heap.
    #[cfg(test)]
    pub(crate) const fn heap(&self) -> &Counted {
        &self.heap
    }

    /// Frees what lives.
    pub(crate) fn end(&mut self) {
        (0..self.live.len()).for_each(|slot| self.step(Op::Free(slot as Slot)));
    }
}
