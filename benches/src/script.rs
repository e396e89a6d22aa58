//! Writing a trace: names for the blocks are found here.

use crate::trace::{Kind, Op, Trace};

/// A trace that is being written.
#[derive(Debug, Default)]
pub(crate) struct Script {
    ops: Vec<Op>,
    live: Vec<Block>,
    unused_slots: Vec<u32>,
    nr_slots: u32,
}

/// A block that lives.
#[derive(Clone, Copy, Debug)]
struct Block {
    slot: u32,
    align_log2: u8,
}

impl Script {
    /// Allocates a block of `size` bytes at a multiple of `align`, a power of two. It is the last of those that live.
    pub(crate) fn allocate(&mut self, size: u32, align: u32) {
        let slot = self.unused_slots.pop().unwrap_or_else(|| {
            self.nr_slots += 1;
            self.nr_slots - 1
        });
        let block = Block {
            slot,
            align_log2: align.trailing_zeros() as u8,
        };
        self.live.push(block);
        self.push(Kind::Allocate, block, size);
    }

    /// Gives the live block `index` another size.
    pub(crate) fn reallocate(&mut self, index: u32, size: u32) {
        self.push(Kind::Reallocate, self.live[index as usize], size);
    }

    /// Frees the live block `index`; those behind it move down by one.
    pub(crate) fn free(&mut self, index: u32) {
        let block = self.live.remove(index as usize);
        self.unused_slots.push(block.slot);
        self.push(Kind::Free, block, 0);
    }

    /// Frees the live block `index`; the last one takes its place.
    pub(crate) fn free_swapping(&mut self, index: u32) {
        let block = self.live.swap_remove(index as usize);
        self.unused_slots.push(block.slot);
        self.push(Kind::Free, block, 0);
    }

    /// Returns how many blocks live.
    pub(crate) fn nr_live(&self) -> u32 {
        self.live.len() as u32
    }

    /// Returns how many operations there are so far.
    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    /// Returns the trace.
    pub(crate) fn finish(self) -> Trace {
        Trace::from_ops(self.ops).expect("blocks that live are named by slots that are taken")
    }

    fn push(&mut self, kind: Kind, block: Block, size: u32) {
        self.ops.push(Op {
            kind,
            align_log2: block.align_log2,
            slot: block.slot,
            size,
        });
    }
}
