//! Programs that are known to hurt heaps: see [`workload::patterns`](crate::workload::patterns).

use alloc::vec::Vec;

use super::subject::Subject;
use crate::drive::{self, Verdict, ensure};
use crate::workload::op::{Op, Slot};
use crate::workload::{ROOM, patterns, scaled};

/// Filling up and emptying, in order and against it.
pub fn a_sawtooth_is_survived(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [24, 100, 600].map(|unit| patterns::sawtooth(unit, count(unit))),
    )
}

/// Holes between blocks that stay, and requests a little too large for them.
pub fn a_comb_is_survived(subject: &Subject<'_>) -> Verdict {
    play(subject, [2, 3, 5, 16].map(|keep| patterns::comb(64, count(64), keep)))
}

/// Robson's adversary, which no heap that does not move blocks can beat.
pub fn robsons_adversary_is_survived(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [1, 8, 16, 32].map(|smallest| patterns::robson(smallest, count(smallest * 2))),
    )
}

/// Remainders of one granule and a few.
pub fn slivers_are_survived(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [4, 8, 16, 32].map(|granule| patterns::slivers(granule, count(granule * 6))),
    )
}

/// Aligned blocks and small ones side by side.
pub fn aligned_and_small_blocks_get_along(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [16, 64, 256, 2048].map(|align| patterns::aligned_and_not(align, count(align + 64))),
    )
}

/// Vectors that double in turn.
pub fn doubling_vectors_keep_their_contents(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [2, 5, 10].map(|vectors| patterns::doubling_vectors(vectors, ROOM / 4)),
    )
}

/// Neighbours that grow and shrink against each other.
pub fn neighbours_that_resize_get_along(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [24, 100, 1000].map(|unit| patterns::ping_pong(unit, scaled(100).max(8))),
    )
}

/// Two sizes that differ by little, in turn.
pub fn alternating_sizes_get_along(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [(24, 8), (64, 16), (256, 8), (100, 1)].map(|(unit, step)| patterns::two_sizes(unit, step, count(unit))),
    )
}

/// A few blocks that stay among many that come and go.
pub fn pins_among_short_lives_are_survived(subject: &Subject<'_>) -> Verdict {
    play(subject, [16, 64, 200].map(|unit| patterns::pins(unit, count(unit + 8))))
}

/// Many holes at low addresses that are all too small.
pub fn a_thousand_holes_are_survived(subject: &Subject<'_>) -> Verdict {
    play(subject, [8, 24, 64].map(|unit| patterns::low_holes(unit, count(unit))))
}

/// Holes that fit by all but a little.
pub fn the_killer_of_best_fit_is_survived(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [64, 136, 500].map(|unit| patterns::tight_holes(unit, count(unit * 2))),
    )
}

/// Sizes a byte past where size classes tend to end.
pub fn sizes_that_round_up_get_along(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [64, 512, ROOM / 8].map(|largest| patterns::rounding_up(largest, count(largest * 2))),
    )
}

/// All but the last block freed, then the last.
pub fn the_last_block_is_freed_last(subject: &Subject<'_>) -> Verdict {
    play(
        subject,
        [8, 24, 100].map(|unit| patterns::last_one_last(unit, count(unit * 2))),
    )
}

/// Returns how many blocks of a size nearly fill the heap, within reason.
fn count(unit: usize) -> Slot {
    let most = scaled(1000).max(10);
    (ROOM / unit).clamp(8, most) as Slot
}

/// Plays programs, each on a fresh heap.
fn play(subject: &Subject<'_>, programs: impl IntoIterator<Item = Vec<Op>>) -> Verdict {
    for (index, program) in programs.into_iter().enumerate() {
        let heap = subject.make();
        let summary = drive::run(&*heap, program).map_err(|failure| failure.during(format_args!("program {index}")))?;
        ensure!(summary.served > 0, "program {index}: the heap served nothing at all");
    }
    Ok(())
}
