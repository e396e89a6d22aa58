//! Programs from bytes, for fuzzers: every string of bytes is a program, and small changes of the bytes make small changes
//! of the program.
//!
//! ```text
//!   byte 0          byte 1    bytes 2 and 3, little-endian
//!   verb, alignment slot      size                            `f` takes the first two bytes only
//! ```
//!
//! | bits of byte 0 | meaning |
//! |---|---|
//! | 0–2 | 0, 1 allocate, 2 allocate zeroed, 3, 4 free, 5 grow (cleared, if the slot is odd), 6 shrink, 7 resize in place |
//! | 3–6 | the alignment, 1 to 4096; more counts from 1 again |
//! | 7 | the size is in a table of sizes at the edges of what a number can hold |
//!
//! What is missing at the end counts as zero. Cost: linear in the bytes.

use alloc::vec::Vec;
use core::alloc::Layout;

use super::op::{Op, Slot};

/// Slots of such programs. Few, so that bytes hit slots that hold blocks.
pub const SLOTS: Slot = 64;

/// Sizes that numbers trip over. Those above `isize::MAX` less an alignment are cut down to it.
const EDGES: [usize; 16] = [
    0,
    1,
    255,
    256,
    257,
    4095,
    4096,
    4097,
    65_535,
    65_536,
    65_537,
    1 << 24,
    1 << (usize::BITS - 2),
    (1 << (usize::BITS - 2)) + 1,
    isize::MAX as usize - 4095,
    isize::MAX as usize,
];

/// Returns the program that the bytes stand for.
///
/// ```
/// use kalloc_testkit::workload::bytes::program;
/// use kalloc_testkit::workload::text;
///
/// assert_eq!(text::write(&program(&[0x18, 2, 100, 0, 3, 2])), "a2:100@8 f2");
/// assert_eq!(program(&[]), []);
/// ```
pub fn program(bytes: &[u8]) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut rest = bytes.iter().copied();
    while let Some(first) = rest.next() {
        let slot = Slot::from(rest.next().unwrap_or(0)) % SLOTS;
        if matches!(first & 7, 3 | 4) {
            ops.push(Op::Free(slot));
            continue;
        }
        let size = u16::from_le_bytes([rest.next().unwrap_or(0), rest.next().unwrap_or(0)]);
        ops.push(step(first, slot, usize::from(size)));
    }
    ops
}

/// Returns the step of a verb that is not `free`.
fn step(first: u8, slot: Slot, size: usize) -> Op {
    let align = 1 << ((first >> 3 & 15) % 13);
    let size = if first & 0x80 == 0 {
        size
    } else {
        EDGES[size % EDGES.len()]
    };
    let layout = legal(size, align);
    match first & 7 {
        0 | 1 => Op::Allocate(slot, layout),
        2 => Op::AllocateZeroed(slot, layout),
        5 if slot % 2 == 1 => Op::GrowZeroed(slot, layout),
        5 => Op::Grow(slot, layout),
        6 => Op::Shrink(slot, layout),
        _ => Op::Resize(slot, layout),
    }
}

/// Returns the layout of a size and an alignment, whose size is cut down to what is legal.
fn legal(size: usize, align: usize) -> Layout {
    let size = size.min(isize::MAX as usize - (align - 1));
    super::op::layout(size, align)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::random::Rng;

    #[test]
    fn every_string_of_bytes_is_a_program() {
        let mut rng = Rng::new(4);
        for len in 0..if cfg!(miri) { 20 } else { 400 } {
            let bytes: Vec<u8> = (0..len).map(|_| rng.next() as u8).collect();
            let ops = program(&bytes);
            assert!(ops.iter().all(|op| op.slot() < SLOTS));
            assert!(ops.len() >= len / 4 && ops.len() <= len);
        }
    }

    #[test]
    fn every_verb_alignment_and_edge_can_be_written() {
        let every: Vec<Op> = (0..=255u8)
            .flat_map(|first| (0..16).map(move |size| (first, size)))
            .flat_map(|(first, size)| program(&[first, first % 3, size, 0]))
            .collect();
        let layouts = || every.iter().filter_map(|op| op.layout());
        for shift in 0..13 {
            assert!(layouts().any(|layout| layout.align() == 1 << shift));
        }
        for edge in EDGES {
            assert!(layouts().any(|layout| layout.size() == edge));
        }
        let mut verbs: Vec<_> = Vec::new();
        for verb in every.iter().map(core::mem::discriminant) {
            if !verbs.contains(&verb) {
                verbs.push(verb);
            }
        }
        assert_eq!(verbs.len(), 7);
    }
}
