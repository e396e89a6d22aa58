//! `inspect`: the counters say what is, after every step.

use kalloc_traits::{Inspect, Stats};

use super::probe::{FILL_BYTES, demand, fill, fill_up, largest_size};
use super::subject::Subject;
use crate::drive::{Checked, Failure, Player, Verdict, ensure};
use crate::workload::op::{Op, layout};
use crate::workload::random::{Mix, RandomOps};
use crate::workload::{ROOM, scaled};

/// Used, free and cached bytes add up to the capacity after every step.
pub fn counters_add_up(subject: &Subject<'_>) -> Verdict {
    after_every_step(subject, |_, inside| adds_up(inside.stats()))
}

/// The used bytes are the extents of all live blocks, after every step.
pub fn used_is_the_extents_of_live_blocks(subject: &Subject<'_>) -> Verdict {
    after_every_step(subject, |checked, inside| {
        let stats = inside.stats();
        let extents = checked.shadow().extents();
        ensure!(
            stats.used == extents,
            "{} bytes are said to be used, live blocks have {extents}",
            stats.used
        );
        Ok(())
    })
}

/// The live blocks are counted, but for those without bytes.
pub fn live_blocks_are_counted(subject: &Subject<'_>) -> Verdict {
    after_every_step(subject, |checked, inside| {
        let stats = inside.stats();
        let live = checked.shadow().len();
        ensure!(
            stats.live_blocks == live,
            "{} blocks are said to be live, there are {live}",
            stats.live_blocks
        );
        Ok(())
    })
}

/// The capacity never falls while a heap is used, and holds what is live.
pub fn the_capacity_stays(subject: &Subject<'_>) -> Verdict {
    let mut greatest = 0;
    after_every_step(subject, |checked, inside| {
        let (capacity, extents) = (inside.stats().capacity, checked.shadow().extents());
        ensure!(
            capacity >= extents,
            "{extents} live bytes are in a heap of {capacity} bytes"
        );
        // One live block and no more: another seed may have begun, with another heap.
        if checked.shadow().len() > 1 {
            ensure!(
                capacity >= greatest,
                "the capacity fell from {greatest} to {capacity} bytes"
            );
        }
        greatest = capacity;
        Ok(())
    })
}

/// The peak is the greatest number of used bytes so far, however they came to be used.
pub fn the_peak_is_the_greatest_used(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let inside = heap.inside()?;
    let mut ops = RandomOps::new(3, Mix::Mixed, 60, ROOM / 4);
    let mut player = Player::new(&*heap, 60);
    let mut greatest = 0;
    // One block alone first, which grows where it is if the heap can do that.
    let alone = [64, 65, 100, 1000, 500, 2000, 1].map(|size| Op::Resize(0, layout(size, 8)));
    let alone = core::iter::once(Op::Allocate(0, layout(8, 8))).chain(alone);
    let mut alone = alone.chain([Op::Free(0)]);
    for _ in 0..scaled(2000) {
        // A block that moves is live twice for a moment, so programs that move none tell the peak exactly.
        let op = match alone.next().unwrap_or_else(|| ops.next(|slot| player.size_of(slot))) {
            Op::Grow(slot, new) | Op::GrowZeroed(slot, new) | Op::Shrink(slot, new) => Op::Resize(slot, new),
            other => other,
        };
        player.play(op)?;
        greatest = greatest.max(player.checked().shadow().extents());
        let peak = inside.stats().peak_used;
        let told = || {
            player.told(Failure::new(alloc::format!(
                "the peak is said to be {peak}, it was {greatest}"
            )))
        };
        if peak != greatest {
            return Err(told());
        }
    }
    player.finish()
}

/// Each request that is refused is counted once, and nothing else is.
pub fn every_refusal_is_counted_once(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let inside = heap.inside()?;
    let mut checked = Checked::new(&*heap);
    let live = demand(checked.allocate(layout(100, 8))?, layout(100, 8))?;
    let mut expected = inside.stats().failed_requests;
    ensure!(expected == 0, "{expected} refusals are counted before there was one");
    for round in 0..100 {
        let size = [largest_size(8) - round, largest_size(8) / 2, FILL_BYTES * 64][round % 3];
        let wanted = layout(size, 8);
        let answer = match round % 4 {
            0 => checked.allocate_untouched(wanted)?,
            1 => checked.allocate_zeroed(layout(largest_size(8), 8))?,
            2 => checked.allocate_raw(layout(largest_size(8), 8))?,
            _ => checked.allocate(layout(0, 8))?,
        };
        expected += usize::from(answer.is_none());
        let counted = inside.stats().failed_requests;
        ensure!(
            counted == expected,
            "{counted} refusals are counted, there were {expected}"
        );
    }
    checked.grow(live, layout(largest_size(8), 8))?;
    let counted = inside.stats().failed_requests;
    ensure!(counted > expected, "a growth that was refused is not counted");
    checked.free_all(|_| {})
}

/// A request that is refused changes no counter but that of refusals.
pub fn refusals_change_no_other_counter(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let inside = heap.inside()?;
    let mut checked = Checked::new(&*heap);
    let lives = fill(&mut checked, layout(200, 8))?;
    fill_up(&mut checked, layout(64, 8))?;
    let before = inside.stats();
    for (index, live) in lives.into_iter().enumerate().take(scaled(100).max(8)) {
        let size = largest_size(64) - index;
        let refused = match index % 4 {
            0 => checked.allocate(layout(size, 64))?,
            1 => checked.grow(live, layout(size, 64))?,
            2 => checked.resize_in_place(live, layout(size, 8))?,
            _ => checked.allocate_zeroed(layout(size, 1))?,
        };
        ensure!(refused.is_none(), "{size} bytes were served");
        let after = Stats {
            failed_requests: before.failed_requests,
            ..inside.stats()
        };
        ensure!(
            after == before,
            "a refusal changed the counters from {before:?} to {after:?}"
        );
    }
    checked.free_all(|_| {})
}

/// Requests of no bytes count nowhere.
pub fn no_bytes_count_nowhere(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let inside = heap.inside()?;
    let mut checked = Checked::new(&*heap);
    demand(checked.allocate(layout(100, 8))?, layout(100, 8))?;
    let before = inside.stats();
    for shift in 0..12 {
        let none = layout(0, 1 << shift);
        let live = demand(checked.allocate(none)?, none)?;
        demand(checked.allocate_zeroed(none)?, none)?;
        ensure!(
            inside.stats() == before,
            "0 bytes changed the counters from {before:?} to {:?}",
            inside.stats()
        );
        checked.free(live)?;
        ensure!(
            inside.stats() == before,
            "freeing 0 bytes changed the counters to {:?}",
            inside.stats()
        );
    }
    checked.free_all(|_| {})
}

/// A heap without live blocks uses nothing, whatever came before.
pub fn an_emptied_heap_uses_nothing(subject: &Subject<'_>) -> Verdict {
    for mix in Mix::ALL {
        let heap = subject.make();
        let inside = heap.inside()?;
        let mut ops = RandomOps::new(8, mix, 60, ROOM / 4);
        let mut player = Player::new(&*heap, 60);
        for _ in 0..scaled(500) {
            let op = ops.next(|slot| player.size_of(slot));
            player.play(op)?;
        }
        player.finish()?;
        let stats = inside.stats();
        ensure!(
            stats.used == 0 && stats.live_blocks == 0,
            "nothing is live, but the counters say {stats:?}"
        );
        adds_up(stats)?;
        heap.trim();
        adds_up(inside.stats())?;
    }
    Ok(())
}

/// A heap that was never used says so, and verifies.
pub fn an_untouched_heap_uses_nothing(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let inside = heap.inside()?;
    let stats = inside.stats();
    let is_unused = stats.used == 0 && stats.live_blocks == 0 && stats.failed_requests == 0 && stats.peak_used == 0;
    ensure!(is_unused, "a heap that was never used has the counters {stats:?}");
    adds_up(stats)?;
    Ok(inside.verify()?)
}

/// The invariants hold after every step.
pub fn the_invariants_hold(subject: &Subject<'_>) -> Verdict {
    after_every_step(subject, |_, inside| Ok(inside.verify()?))
}

/// Checks that the counters add up.
pub(super) fn adds_up(stats: Stats) -> Verdict {
    let sum = stats.used + stats.free + stats.cached;
    ensure!(
        sum == stats.capacity,
        "used, free and cached add up to {sum}, not to the capacity: {stats:?}"
    );
    ensure!(stats.used <= stats.peak_used, "more is used than the peak: {stats:?}");
    Ok(())
}

/// Plays random programs of every mix, with a check after each step.
fn after_every_step(subject: &Subject<'_>, mut check: impl FnMut(&Checked<'_>, &dyn Inspect) -> Verdict) -> Verdict {
    for (seed, mix) in Mix::ALL.into_iter().enumerate() {
        let heap = subject.make();
        let inside = heap.inside()?;
        let mut ops = RandomOps::new(seed as u64, mix, 60, ROOM / 4);
        let mut player = Player::new(&*heap, 60);
        for _ in 0..scaled(800) {
            let op = ops.next(|slot| player.size_of(slot));
            player
                .play(op)
                .map_err(|failure| failure.during(format_args!("{mix:?}, seed {seed}")))?;
            check(player.checked(), inside)
                .map_err(|failure| player.told(failure).during(format_args!("{mix:?}, seed {seed}")))?;
        }
        player.finish()?;
    }
    Ok(())
}
