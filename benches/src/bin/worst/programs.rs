//! What is asked of the heap: patterns that hurt, random programs, and every program there is in a small region.

use core::alloc::Layout;

use kalloc_testkit::drive::explore::{Explored, Explorer, InPlace, Kept};
use kalloc_testkit::workload::op::{Op, Slot, layout};
use kalloc_testkit::workload::patterns;
use kalloc_testkit::workload::random::{Mix, RandomOps, Rng};

use crate::counted::Counted;
use crate::player::Player;

/// How much is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A part of it, in less than a minute.
    Quick,
    /// All of it.
    Whole,
}

impl Extent {
    /// Returns `quick` or `whole`.
    const fn choose(self, quick: usize, whole: usize) -> usize {
        match self {
            Self::Quick => quick,
            Self::Whole => whole,
        }
    }
}

/// Plays each pattern of the testkit on the player's heap, with blocks that together fill most of it, few and large ones
/// or many and small ones.
pub(crate) fn patterns(player: &mut Player, extent: Extent) {
    let len = player.len();
    let most = extent.choose(24, 80);
    let room = len / 8 * 7;
    for unit in [40, (room / most).max(64)] {
        let count = (room / unit).min(most) as Slot;
        for program in [
            patterns::sawtooth(unit, count),
            patterns::comb(unit, count, 3),
            patterns::robson(8, count),
            patterns::slivers((unit / 8).next_power_of_two().clamp(8, 4096), count),
            patterns::aligned_and_not(unit.next_power_of_two().clamp(64, 4096), count),
            patterns::doubling_vectors(count.min(16), room / 8),
            patterns::ping_pong(unit, usize::from(count)),
            patterns::two_sizes(unit, 8, count),
            patterns::pins(unit, count),
            patterns::low_holes(unit, count),
            patterns::tight_holes(unit, count),
            patterns::rounding_up(room / 32, count.min(48)),
            patterns::last_one_last(unit, count),
        ] {
            player.play(&program);
        }
    }
}

/// Plays random programs of each mix of the testkit on the player's heap, with sizes up to three limits, with few blocks
/// and with many.
pub(crate) fn random(player: &mut Player, extent: Extent) {
    let len = player.len();
    let steps = extent.choose(150, 600);
    for (nth, mix) in Mix::ALL.into_iter().enumerate() {
        for limit in [len / 4, (len / 64).min(64 << 10), 1 << 10] {
            for slots in [12, 1000] {
                let mut ops = RandomOps::new(nth as u64, mix, slots, limit.min(len / 4));
                for _ in 0..steps {
                    let op = ops.next(|slot| player.size_of(slot));
                    player.step(op);
                }
                player.end();
            }
        }
    }
}

/// Plays random programs that crowd a bin of the player's heap with blocks that are a little too small for what is then asked for,
/// so that each of a search's probes fails; for each power of two.
pub(crate) fn crowds(player: &mut Player, extent: Extent) {
    // The least size of a bin that holds more than one, in bytes.
    const SMALLEST: usize = 256;
    let powers = (player.len() / 4 / SMALLEST).ilog2() as usize + 1;
    // Small regions, with few powers, get as many steps as large ones.
    let steps = extent.choose(4000, 24_000) / powers;
    (0..powers).for_each(|power| crowd(player, SMALLEST << power, steps));
}

/// Takes so many random steps with blocks of `least` bytes, which a bin begins with, and some of other sizes.
fn crowd(player: &mut Player, least: usize, steps: usize) {
    const SLOTS: usize = 40;
    let mut rng = Rng::new(least as u64);
    for _ in 0..steps {
        let slot = rng.below(SLOTS) as Slot;
        let align = if rng.chance(30) { 16 << rng.below(6) } else { 8 };
        let size = match rng.below(16) {
            0..8 => least,
            8..12 => 8,
            12 => least * 3,
            _ => least + 8,
        };
        player.step(match player.size_of(slot) {
            None => Op::Allocate(slot, layout(size, align)),
            Some(_) => Op::Free(slot),
        });
    }
    player.end();
}

/// The layouts that `cargo xtask explore` asks of this pool.
const LAYOUTS: [Layout; 6] = [
    layout(8, 8),
    layout(16, 8),
    layout(40, 8),
    layout(56, 8),
    layout(24, 32),
    layout(0, 16),
];

/// Plays every program there is in a region so small that they come to an end.
pub(crate) fn explored(extent: Extent) -> Explored {
    // SAFETY: a pool's state lies in its value and in the region, and nothing there points into the value.
    let mut place = unsafe { InPlace::open(extent.choose(104, 120), Counted::new) };
    let free = Kept {
        from: 0,
        to: 12,
        tail: 4,
    };
    let cached = Kept {
        from: 0,
        to: 8,
        tail: 0,
    };
    // SAFETY: a pool keeps two links and the size at a free block's start, and the size at its end. It has no cached ones.
    let explorer = unsafe { Explorer::new(&LAYOUTS).filled_once().scrubbed(free, cached) };
    let explored = explorer.run(&mut place).expect("the pool is sound");
    assert!(explored.is_closed, "{explored}");
    explored
}
