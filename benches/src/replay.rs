//! One replay of a trace, for the clock or for the truth.
//!
//! For the clock, the first and the last byte of each block are written, as a program would touch what it asked for. For
//! the truth, all of its bytes are, and looked at again when the block moves or ends: nobody else may have written there.

use core::alloc::Layout;
use core::hint::black_box;
use core::ops::Range;
use core::ptr::NonNull;
use std::error::Error;
use std::fmt;

use kalloc_traits::Span;

use crate::peers::Peer;
use crate::trace::{Kind, Op, Trace};

/// How a replay ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The index of the operation at which it showed.
    pub op: usize,
    /// What happened.
    pub fault: Fault,
}

/// What an allocator does wrong, or cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has no room.
    Full,
    /// A block is not aligned, or not inside the allocator's memory.
    Misplaced,
    /// Memory that was asked for as zeros is not zero.
    NotZero,
    /// A block's contents changed while it was live.
    Spoiled,
}

/// What lives in a slot of the trace.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    block: NonNull<u8>,
    layout: Layout,
}

/// Returns room for what lives, for [`replay`].
pub fn room_for(trace: &Trace) -> Vec<Live> {
    let nothing = Live {
        block: NonNull::dangling(),
        layout: Layout::new::<()>(),
    };
    vec![nothing; trace.slots()]
}

/// What a replay does with the contents of blocks.
pub trait Contents {
    /// Writes to a block that was just allocated or resized.
    ///
    /// # Safety
    ///
    /// The block is live, its bytes were written once, and nobody else uses it.
    unsafe fn fill(&self, live: Live, op: Op) -> Result<(), Fault>;

    /// Looks whether the first `len` bytes of a block in `slot` are as [`fill`](Self::fill) left them.
    ///
    /// # Safety
    ///
    /// The block is live, was filled at least that far, and nobody else uses it.
    unsafe fn look(&self, block: NonNull<u8>, len: usize, slot: u32) -> Result<(), Fault>;
}

/// Touches blocks and believes the allocator.
#[derive(Clone, Copy, Debug)]
pub struct Touch;

impl Contents for Touch {
    #[inline]
    unsafe fn fill(&self, live: Live, op: Op) -> Result<(), Fault> {
        // SAFETY: the block is ours, and its size is not zero.
        let last = unsafe { live.block.add(live.layout.size() - 1) };
        // SAFETY: as above.
        unsafe { live.block.write(op.slot as u8) };
        // SAFETY: as above.
        unsafe { last.write(op.slot as u8) };
        Ok(())
    }

    #[inline]
    unsafe fn look(&self, _block: NonNull<u8>, _len: usize, _slot: u32) -> Result<(), Fault> {
        Ok(())
    }
}

/// Believes nothing. Knows the memory that the allocator was given.
#[derive(Clone, Copy, Debug)]
pub struct Check(pub Span);

impl Contents for Check {
    unsafe fn fill(&self, live: Live, op: Op) -> Result<(), Fault> {
        let (start, size) = (live.block.addr().get(), live.layout.size());
        let is_inside = self.0.contains(live.block) && self.0.end_addr() - start >= size;
        if !is_inside || start % live.layout.align() != 0 {
            return Err(Fault::Misplaced);
        }
        // SAFETY: the block lies inside memory whose bytes were all written once, and is ours.
        if op.kind == Kind::AllocateZeroed && !unsafe { is_all(live.block, size, 0) } {
            return Err(Fault::NotZero);
        }
        // SAFETY: the block is ours.
        unsafe { live.block.write_bytes(mark(op.slot), size) };
        Ok(())
    }

    unsafe fn look(&self, block: NonNull<u8>, len: usize, slot: u32) -> Result<(), Fault> {
        // SAFETY: the caller upholds the contract.
        let is_intact = unsafe { is_all(block, len, mark(slot)) };
        if is_intact { Ok(()) } else { Err(Fault::Spoiled) }
    }
}

/// Returns what the blocks of a slot are filled with: neighbours differ, and it is never zero.
fn mark(slot: u32) -> u8 {
    (slot % 255) as u8 + 1
}

/// Returns whether the `len` bytes from `start` are all `byte`.
///
/// # Safety
///
/// They are initialised, and nobody writes to them meanwhile.
unsafe fn is_all(start: NonNull<u8>, len: usize, byte: u8) -> bool {
    // SAFETY: the caller upholds the contract.
    let bytes = unsafe { NonNull::slice_from_raw_parts(start, len).as_ref() };
    bytes.iter().all(|&found| found == byte)
}

/// Runs `trace` on `peer`, a new allocator. `live` comes from [`room_for`] and may be used again and again.
///
/// # Errors
///
/// The first [`Failure`]; what lives then, stays.
pub fn replay<P: Peer, C: Contents>(
    peer: &mut P,
    trace: &Trace,
    live: &mut [Live],
    contents: &C,
) -> Result<(), Failure> {
    replay_part(peer, trace, 0..trace.ops().len(), live, contents)
}

/// Runs the operations `part` of `trace` on `peer`, which ran those before them, and `live` tells what lives.
///
/// It is a function of its own, not inlined, so that what it costs depends on its callers as little as can be.
///
/// # Errors
///
/// The first [`Failure`]; what lives then, stays.
///
/// # Panics
///
/// The trace has no such operations.
#[inline(never)]
pub fn replay_part<P: Peer, C: Contents>(
    peer: &mut P,
    trace: &Trace,
    part: Range<usize>,
    live: &mut [Live],
    contents: &C,
) -> Result<(), Failure> {
    // The compiler shall know nothing of the allocator's state.
    let peer = black_box(peer);
    for (index, &op) in part.clone().zip(&trace.ops()[part]) {
        step(peer, op, &mut live[op.slot as usize], contents).map_err(|fault| Failure { op: index, fault })?;
    }
    Ok(())
}

/// Runs `trace` on `peer`, which cuts `memory`, and looks at every byte of every block, at those that live at the end too.
///
/// # Errors
///
/// The first [`Failure`].
pub fn check<P: Peer>(peer: &mut P, memory: Span, trace: &Trace) -> Result<(), Failure> {
    let contents = Check(memory);
    let mut live = room_for(trace);
    replay(peer, trace, &mut live, &contents)?;
    for slot in trace.survivors() {
        let Live { block, layout } = live[slot as usize];
        // SAFETY: the block lives at the end of the trace, and it was filled when it was allocated.
        unsafe { contents.look(block, layout.size(), slot) }.map_err(|fault| Failure {
            op: trace.ops().len(),
            fault,
        })?;
    }
    Ok(())
}

#[inline]
fn step<P: Peer, C: Contents>(peer: &mut P, op: Op, live: &mut Live, contents: &C) -> Result<(), Fault> {
    let Live { block, layout: old } = *live;
    let block = match op.kind {
        Kind::Free => {
            // SAFETY: a consistent trace frees what is live, and it was filled when it was allocated.
            unsafe { contents.look(block, old.size(), op.slot) }?;
            // SAFETY: as above; `old` is what it was last given.
            unsafe { peer.deallocate(block, old) };
            return Ok(());
        }
        Kind::Reallocate => {
            let new = layout(op.size, old.align())?;
            // SAFETY: a consistent trace resizes what is live; `old` is what it was last given.
            let moved = unsafe { peer.reallocate(block, old, new) }.ok_or(Fault::Full)?;
            // SAFETY: the smaller of the two sizes was filled before, and moved with the block.
            unsafe { contents.look(moved, old.size().min(new.size()), op.slot) }?;
            Live {
                block: moved,
                layout: new,
            }
        }
        Kind::Allocate => {
            let layout = layout(op.size, 1 << op.align_log2)?;
            let block = peer.allocate(layout).ok_or(Fault::Full)?;
            Live { block, layout }
        }
        Kind::AllocateZeroed => {
            let layout = layout(op.size, 1 << op.align_log2)?;
            let block = peer.allocate_zeroed(layout).ok_or(Fault::Full)?;
            Live { block, layout }
        }
    };
    *live = block;
    // SAFETY: the allocator just returned it, from memory that was written to as a whole.
    unsafe { contents.fill(block, op) }
}

/// Returns the layout of a request; one that no `Layout` can hold has no room anywhere.
#[inline]
fn layout(size: u32, align: usize) -> Result<Layout, Fault> {
    Layout::from_size_align(size as usize, align).map_err(|_| Fault::Full)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            Fault::Full => "there was no room",
            Fault::Misplaced => "a block was misaligned or outside of the memory",
            Fault::NotZero => "zeroed memory was not zero",
            Fault::Spoiled => "a block's contents had changed",
        };
        write!(f, "at operation {} {what}", self.op)
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use crate::peers::{Nothing, Talc};

    use super::*;

    /// Returns a trace of `(kind, slot, size)`, all aligned to 8.
    fn trace(ops: &[(Kind, u32, u32)]) -> Trace {
        let ops = ops.iter().map(|&(kind, slot, size)| Op {
            kind,
            align_log2: 3,
            slot,
            size,
        });
        Trace::from_ops(ops.collect()).unwrap()
    }

    /// Checks a replay on `P` in 64 KiB that were written to once.
    fn outcome<P: Peer>(ops: &[(Kind, u32, u32)]) -> Result<(), Failure> {
        let mut memory = vec![0xa5a5_a5a5_a5a5_a5a5_u64; 8192];
        let span = Span::new(NonNull::from(memory.as_mut_slice()).cast(), 65_536);
        // SAFETY: the vector outlives the peer and is not used meanwhile.
        let mut peer = unsafe { P::on(span) }.unwrap();
        check(&mut peer, span, &trace(ops))
    }

    #[test]
    fn an_allocator_that_works_passes() {
        let ops = [
            (Kind::Allocate, 0, 100),
            (Kind::AllocateZeroed, 1, 1),
            (Kind::Reallocate, 0, 5000),
            (Kind::Free, 1, 0),
            (Kind::Reallocate, 0, 3),
        ];
        assert_eq!(outcome::<Talc>(&ops), Ok(()));
    }

    #[test]
    fn an_allocator_that_is_full_is_told_from_one_that_is_wrong() {
        let ops = [(Kind::Allocate, 0, 100), (Kind::Allocate, 1, 65_536)];
        let expected = Failure {
            op: 1,
            fault: Fault::Full,
        };
        assert_eq!(outcome::<Talc>(&ops), Err(expected));
    }

    #[test]
    fn overlapping_blocks_are_found_at_a_free_and_at_the_end() {
        let mut ops = vec![(Kind::Allocate, 0, 100), (Kind::Allocate, 1, 50)];
        let spoiled = |op| {
            Err(Failure {
                op,
                fault: Fault::Spoiled,
            })
        };
        assert_eq!(outcome::<Nothing>(&ops), spoiled(2));
        ops.push((Kind::Free, 0, 0));
        assert_eq!(outcome::<Nothing>(&ops), spoiled(2));
        ops.push((Kind::Allocate, 2, 8));
        assert_eq!(outcome::<Nothing>(&ops), spoiled(2));
    }

    #[test]
    fn zeroed_memory_that_is_not_zero_is_found() {
        let expected = Failure {
            op: 0,
            fault: Fault::NotZero,
        };
        assert_eq!(outcome::<Nothing>(&[(Kind::AllocateZeroed, 0, 10)]), Err(expected));
    }
}
