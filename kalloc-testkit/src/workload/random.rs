//! Programs from a seed.

use core::alloc::Layout;
use core::ops::RangeInclusive;

use super::op::{Op, Slot, layout};

/// A generator of numbers that look random: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014). The same seed gives the same numbers everywhere.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Returns the generator of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    #[inline]
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`, or 0 if the bound is 0.
    #[inline]
    pub const fn below(&mut self, bound: usize) -> usize {
        // The high half of a product is nearly uniform, and takes no division.
        ((self.next() as u128 * bound as u128) >> 64) as usize
    }

    /// Returns a number from a range.
    pub const fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        *range.start() + self.below(*range.end() - *range.start() + 1)
    }

    /// Returns `true` in `percent` of 100 cases.
    pub const fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Brings the items into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

/// Which sizes and alignments a program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mix {
    /// 1 to 128 bytes at alignments up to 16: objects.
    Small,
    /// Mostly small, some up to a quarter of the limit, and now and then nothing: a program.
    Mixed,
    /// One byte less than, exactly, and one more than where size classes tend to end.
    BinEdges,
    /// Few bytes at alignments up to 4096: descriptors and page tables.
    OverAligned,
    /// Up to the limit, and now and then far past it.
    Huge,
}

impl Mix {
    /// Every mix.
    pub const ALL: [Self; 5] = [Self::Small, Self::Mixed, Self::BinEdges, Self::OverAligned, Self::Huge];

    /// Returns a layout of the mix. `limit` is the largest size to be asked for in earnest.
    pub fn layout(self, rng: &mut Rng, limit: usize) -> Layout {
        let limit = limit.max(16);
        match self {
            Self::Small => layout(rng.within(1..=128), 1 << rng.below(5)),
            Self::Mixed => match rng.below(100) {
                0 => layout(0, 1 << rng.below(10)),
                1..80 => layout(rng.within(1..=256), 1 << rng.below(6)),
                _ => layout(rng.within(1..=limit / 4 + 1), 1 << rng.below(8)),
            },
            Self::BinEdges => layout(bin_edge(rng, limit), 1 << rng.below(5)),
            Self::OverAligned => layout(rng.within(1..=300), 1 << rng.within(5..=12)),
            Self::Huge if rng.chance(2) => layout(isize::MAX as usize - rng.below(1 << 20), 1),
            Self::Huge => layout(rng.within(limit / 8..=limit), 1 << rng.below(6)),
        }
    }
}

/// Returns a size beside a power of two or one of its sixteenths.
fn bin_edge(rng: &mut Rng, limit: usize) -> usize {
    let power = 8usize << rng.below(limit.ilog2() as usize - 3);
    let edge = power + power / 16 * rng.below(16);
    (edge + rng.below(3)).saturating_sub(1).clamp(1, limit)
}

/// A program without end, which fits itself to what became of its earlier steps.
#[derive(Clone, Debug)]
pub struct RandomOps {
    rng: Rng,
    mix: Mix,
    slots: Slot,
    limit: usize,
}

impl RandomOps {
    /// Returns the program of a seed over `slots` slots, at least one.
    pub const fn new(seed: u64, mix: Mix, slots: Slot, limit: usize) -> Self {
        let slots = if slots == 0 { 1 } else { slots };
        Self {
            rng: Rng::new(seed),
            mix,
            slots,
            limit,
        }
    }

    /// Returns the number of slots.
    pub const fn slots(&self) -> Slot {
        self.slots
    }

    /// Returns the next step. `size_of` tells a slot's size, `None` if it is empty.
    pub fn next(&mut self, size_of: impl FnOnce(Slot) -> Option<usize>) -> Op {
        let slot = self.rng.below(usize::from(self.slots)) as Slot;
        let wanted = self.mix.layout(&mut self.rng, self.limit);
        let chance = self.rng.below(100);
        let Some(size) = size_of(slot) else {
            return match chance {
                0..80 => Op::Allocate(slot, wanted),
                _ => Op::AllocateZeroed(slot, wanted),
            };
        };
        match chance {
            0..55 => Op::Free(slot),
            55..70 => Op::Resize(slot, wanted),
            70..75 if wanted.size() >= size => Op::GrowZeroed(slot, wanted),
            _ if wanted.size() >= size => Op::Grow(slot, wanted),
            _ => Op::Shrink(slot, wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_one_program() {
        let program = |seed| {
            let mut ops = RandomOps::new(seed, Mix::Mixed, 8, 4096);
            (0..100)
                .map(|_| ops.next(|slot| (slot % 2 == 0).then_some(64)))
                .collect::<alloc::vec::Vec<_>>()
        };
        assert_eq!(program(1), program(1));
        assert_ne!(program(1), program(2));
    }

    #[test]
    fn a_step_is_one_that_its_slot_can_take() {
        let mut ops = RandomOps::new(5, Mix::Mixed, 8, 4096);
        let mut seen = [0; 7];
        for _ in 0..2000 {
            let kind = match ops.next(|slot| (slot % 2 == 0).then_some(64)) {
                Op::Allocate(slot, _) if slot % 2 != 0 => 0,
                Op::AllocateZeroed(slot, _) if slot % 2 != 0 => 1,
                Op::Free(slot) if slot % 2 == 0 => 2,
                Op::Resize(slot, _) if slot % 2 == 0 => 3,
                Op::Grow(slot, wanted) if slot % 2 == 0 && wanted.size() >= 64 => 4,
                Op::GrowZeroed(slot, wanted) if slot % 2 == 0 && wanted.size() >= 64 => 5,
                Op::Shrink(slot, wanted) if slot % 2 == 0 && wanted.size() < 64 => 6,
                other => panic!("{other:?}"),
            };
            seen[kind] += 1;
        }
        assert!(seen.iter().all(|&times| times > 0), "{seen:?}");
    }

    #[test]
    fn every_mix_gives_legal_layouts_for_every_limit() {
        let mut rng = Rng::new(3);
        for mix in Mix::ALL {
            for limit in [0, 1, 16, 17, 100, 1 << 20] {
                (0..200).for_each(|_| _ = mix.layout(&mut rng, limit));
            }
        }
    }

    #[test]
    fn numbers_below_a_bound_reach_all_of_them() {
        let mut rng = Rng::new(9);
        let mut seen = [false; 7];
        (0..200).for_each(|_| seen[rng.below(7)] = true);
        assert_eq!(seen, [true; 7]);
        assert_eq!(rng.below(0), 0);
    }
}
