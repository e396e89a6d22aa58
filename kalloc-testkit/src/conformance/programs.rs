//! Random programs: allocate, free, grow, shrink and resize, in every mix of sizes, with every answer checked.

use super::subject::Subject;
use crate::drive::{Player, Verdict, ensure};
use crate::workload::op::Slot;
use crate::workload::random::{Mix, RandomOps};
use crate::workload::{ROOM, scaled};

/// Programs of a mix per rule, each on a fresh heap.
const SEEDS: u64 = if cfg!(miri) { 1 } else { 6 };

/// Steps of a program.
const STEPS: usize = 2500;

/// Objects of up to 128 bytes.
pub fn random_programs_of_small_blocks(subject: &Subject<'_>) -> Verdict {
    play(subject, Mix::Small, 400, ROOM)
}

/// Many small blocks, a few large ones, and some without bytes.
pub fn random_programs_of_mixed_blocks(subject: &Subject<'_>) -> Verdict {
    play(subject, Mix::Mixed, 100, ROOM / 4)
}

/// Sizes beside those where size classes tend to end.
pub fn random_programs_at_bin_edges(subject: &Subject<'_>) -> Verdict {
    play(subject, Mix::BinEdges, 60, ROOM / 8)
}

/// Few bytes at alignments of up to a page.
pub fn random_programs_of_over_aligned_blocks(subject: &Subject<'_>) -> Verdict {
    play(subject, Mix::OverAligned, 100, ROOM)
}

/// Blocks of an eighth of the heap and more, and requests that no heap can serve.
pub fn random_programs_of_huge_blocks(subject: &Subject<'_>) -> Verdict {
    play(subject, Mix::Huge, 8, ROOM / 2)
}

/// A heap that is nearly always full.
pub fn random_programs_on_a_full_heap(subject: &Subject<'_>) -> Verdict {
    play(subject, Mix::Mixed, 1200, ROOM / 2)
}

/// Plays the programs of a mix.
fn play(subject: &Subject<'_>, mix: Mix, slots: Slot, limit: usize) -> Verdict {
    for seed in 0..SEEDS {
        let heap = subject.make();
        let mut ops = RandomOps::new(seed, mix, slots, limit);
        let mut player = Player::new(&*heap, slots);
        for _ in 0..scaled(STEPS) {
            let op = ops.next(|slot| player.size_of(slot));
            player
                .play(op)
                .map_err(|failure| failure.during(format_args!("{mix:?}, seed {seed}")))?;
        }
        player
            .finish()
            .map_err(|failure| failure.during(format_args!("{mix:?}, seed {seed}")))?;
        ensure!(player.summary().served > 0, "the heap served nothing at all");
    }
    Ok(())
}
