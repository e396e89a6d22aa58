//! Programs that are known to hurt heaps: each is a page of history.
//!
//! `unit` is the size of the usual block in bytes, `count` how many there are; together they should come near to what the
//! heap holds. Slots are numbered from 0 to `count` or a little more.

use alloc::vec::Vec;

use super::op::{Op, Slot, layout};

/// Fills with blocks and frees them all, several times, in order and against it, with the same size and another.
pub fn sawtooth(unit: usize, count: Slot) -> Vec<Op> {
    let mut ops = Vec::new();
    for (tooth, size) in [unit, unit, unit * 3 / 2, unit * 2, unit * 2].into_iter().enumerate() {
        ops.extend((0..count).map(|slot| Op::Allocate(slot, layout(size + 1, 8))));
        if tooth % 2 == 0 {
            ops.extend((0..count).map(Op::Free));
        } else {
            ops.extend((0..count).rev().map(Op::Free));
        }
    }
    ops
}

/// Keeps every `keep`-th block, and asks for the same in the holes between them, for larger ones, and again.
pub fn comb(unit: usize, count: Slot, keep: Slot) -> Vec<Op> {
    let keep = keep.max(2);
    let mut ops: Vec<Op> = (0..count).map(|slot| Op::Allocate(slot, layout(unit, 8))).collect();
    let holes = || (0..count).filter(move |slot| slot % keep != 0);
    for size in [unit, unit * usize::from(keep - 1) + 1, unit] {
        ops.extend(holes().map(Op::Free));
        ops.extend(holes().map(|slot| Op::Allocate(slot, layout(size, 8))));
    }
    ops
}

/// Robson's adversary, on powers of two: fills with a size, frees all but one block in each stretch of the next size,
/// doubles the size. (J. M. Robson: "An estimate of the store size necessary for dynamic storage allocation", JACM 18(3),
/// 1971.)
pub fn robson(smallest: usize, count: Slot) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut size = smallest;
    let mut stride = 1;
    while stride < count {
        ops.extend((0..count).map(|slot| Op::Allocate(slot, layout(size, 1))));
        stride *= 2;
        ops.extend((0..count).filter(|slot| slot % stride != 0).map(Op::Free));
        size *= 2;
    }
    ops
}

/// Leaves holes of a few bytes between live blocks, as small as a heap can have them, and closes them again.
pub fn slivers(granule: usize, count: Slot) -> Vec<Op> {
    let mut ops = Vec::new();
    let large = layout(granule * 6, granule);
    ops.extend((0..count).map(|slot| Op::Allocate(slot, large)));
    ops.extend((0..count).step_by(2).map(Op::Free));
    for rest in 1..6 {
        let smaller = layout(granule * (6 - rest), granule);
        ops.extend((0..count).step_by(2).map(|slot| Op::Allocate(slot, smaller)));
        ops.extend((0..count).step_by(2).map(Op::Free));
    }
    ops.extend((0..count).map(Op::Free));
    ops.extend((0..count).map(|slot| Op::Allocate(slot, large)));
    ops
}

/// Sets aligned blocks and small ones side by side, and frees the one kind, then the other.
pub fn aligned_and_not(align: usize, count: Slot) -> Vec<Op> {
    let mut ops = Vec::new();
    for (kept, freed) in [(0, 1), (1, 0)] {
        ops.extend((0..count).map(|slot| match slot % 2 {
            0 => Op::Allocate(slot, layout(24, align)),
            _ => Op::Allocate(slot, layout(40, 8)),
        }));
        ops.extend((freed..count).step_by(2).map(Op::Free));
        ops.extend(
            (freed..count)
                .step_by(2)
                .map(|slot| Op::Allocate(slot, layout(align / 2 + 8, align / 2))),
        );
        ops.extend((kept..count).step_by(2).map(Op::Free));
        ops.extend((0..count).map(Op::Free));
    }
    ops
}

/// Grows several vectors in turn, each to double its size when it is full.
pub fn doubling_vectors(vectors: Slot, largest: usize) -> Vec<Op> {
    let mut ops: Vec<Op> = (0..vectors).map(|slot| Op::Allocate(slot, layout(8, 8))).collect();
    let mut size = 16;
    while size <= largest {
        ops.extend((0..vectors).map(|slot| Op::Grow(slot, layout(size, 8))));
        size *= 2;
    }
    ops.extend((0..vectors).rev().map(|slot| Op::Shrink(slot, layout(24, 8))));
    ops.extend((0..vectors).map(Op::Free));
    ops
}

/// Grows and shrinks two neighbours against each other, with a third behind them.
pub fn ping_pong(unit: usize, rounds: usize) -> Vec<Op> {
    let mut ops: Vec<Op> = (0..3).map(|slot| Op::Allocate(slot, layout(unit, 8))).collect();
    for round in 0..rounds {
        let (up, down) = if round % 2 == 0 { (0, 1) } else { (1, 0) };
        ops.push(Op::Shrink(down, layout(unit / 2 + round % 7, 8)));
        ops.push(Op::Resize(up, layout(unit + unit / 2, 8)));
        ops.push(Op::Grow(up, layout(unit * 2 + round % 5, 8)));
        ops.push(Op::Shrink(up, layout(unit, 8)));
        ops.push(Op::Grow(down, layout(unit, 8)));
    }
    ops
}

/// Alternates two sizes that differ little, and replaces the ones by the others again and again.
pub fn two_sizes(unit: usize, step: usize, count: Slot) -> Vec<Op> {
    let size = |odd: bool| layout(if odd { unit + step } else { unit }, 8);
    let mut ops = Vec::new();
    for round in 0..4 {
        for parity in [0, 1] {
            let half = || (parity..count).step_by(2);
            ops.extend(half().map(|slot| Op::Allocate(slot, size((slot + round) % 2 == 1))));
            ops.extend((1 - parity..count).step_by(2).map(Op::Free));
        }
    }
    ops
}

/// Sets a few blocks that stay among many that come and go: half of what is free is then lost between them.
/// (Knuth: "The Art of Computer Programming", volume 1, 2.5: the fifty-percent rule.)
pub fn pins(unit: usize, count: Slot) -> Vec<Op> {
    let mut ops = Vec::new();
    for round in 0..4 {
        let is_pin = |slot: Slot| slot % 7 == round;
        ops.extend((0..count).map(|slot| Op::Allocate(slot, layout(unit + usize::from(slot % 3) * 8, 8))));
        ops.extend((0..count).filter(|slot| !is_pin(*slot)).map(Op::Free));
        // Twice as large, between pins.
        let between = || (0..count).filter(move |slot| slot % 7 != round && slot % 2 == 0);
        ops.extend(between().map(|slot| Op::Allocate(slot, layout(unit * 2, 8))));
        ops.extend(between().map(Op::Free));
    }
    ops
}

/// Makes many holes at low addresses that are too small for what is then asked for, again and again: a search by address
/// looks at each of them.
pub fn low_holes(unit: usize, count: Slot) -> Vec<Op> {
    let (low, high) = (0..count * 3 / 4, count * 3 / 4..count);
    let mut ops: Vec<Op> = low.clone().map(|slot| Op::Allocate(slot, layout(unit, 8))).collect();
    ops.extend(low.clone().step_by(2).map(Op::Free));
    for _ in 0..3 {
        ops.extend(high.clone().map(|slot| Op::Allocate(slot, layout(unit + 8, 8))));
        ops.extend(high.clone().rev().map(Op::Free));
    }
    ops.extend(low.step_by(2).map(|slot| Op::Allocate(slot, layout(unit, 8))));
    ops
}

/// Leaves holes that fit by all but a little, so that each that is taken leaves a sliver: what best fit seeks out.
/// (J. M. Robson: "Worst case fragmentation of first fit and best fit storage allocation strategies", The Computer Journal
/// 20(3), 1977.)
pub fn tight_holes(unit: usize, count: Slot) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut size = unit;
    while size > 8 {
        ops.extend((0..count).map(|slot| Op::Allocate(slot, layout(size, 8))));
        ops.extend((0..count).step_by(2).map(Op::Free));
        size -= 8.min(size - 8);
        ops.extend((0..count).step_by(2).map(|slot| Op::Allocate(slot, layout(size, 8))));
        ops.extend((0..count).filter(|slot| slot % 4 != 1).map(Op::Free));
        size /= 2;
    }
    ops
}

/// Asks again and again for a byte more than where size classes tend to end, which a good fit rounds up, and frees by turns.
pub fn rounding_up(largest: usize, count: Slot) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut power = 16;
    while power * 2 <= largest {
        let edge = |slot: Slot| power + power / 8 * usize::from(slot % 8) + 1;
        ops.extend((0..count).map(|slot| Op::Allocate(slot, layout(edge(slot), 8))));
        ops.extend((0..count).filter(|slot| slot % 3 != 0).map(Op::Free));
        ops.extend((0..count).map(|slot| Op::Allocate(slot, layout(edge(slot) - 1, 8))));
        ops.extend((0..count).rev().map(Op::Free));
        power *= 2;
    }
    ops
}

/// Frees every block but the last, then the last, in rounds of more and more: what a bump must remember.
pub fn last_one_last(unit: usize, count: Slot) -> Vec<Op> {
    let mut ops = Vec::new();
    for blocks in [2, 3, 5, count / 2, count] {
        let blocks = blocks.clamp(2, count.max(2));
        for _ in 0..3 {
            ops.extend((0..blocks).map(|slot| Op::Allocate(slot, layout(unit, 8))));
            // The last is also resized while the others are free by now.
            ops.extend((0..blocks - 1).map(Op::Free));
            ops.push(Op::Resize(blocks - 1, layout(unit * 2, 8)));
            ops.push(Op::Allocate(0, layout(unit, 16)));
            ops.push(Op::Free(blocks - 1));
            ops.push(Op::Free(0));
        }
    }
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_not_empty_and_keep_to_their_slots() {
        let patterns = [
            sawtooth(64, 10),
            comb(64, 10, 3),
            robson(8, 10),
            slivers(8, 10),
            aligned_and_not(64, 10),
            doubling_vectors(10, 1000),
            ping_pong(64, 10),
            two_sizes(64, 8, 10),
            pins(64, 10),
            low_holes(64, 10),
            tight_holes(64, 10),
            rounding_up(64, 10),
            last_one_last(64, 10),
        ];
        for pattern in patterns {
            assert!(pattern.len() > 20);
            assert!(pattern.iter().all(|op| op.slot() < 10));
        }
    }
}
