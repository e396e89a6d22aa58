//! `inspect`: the walk shows the heap's memory as it is, and `owns` knows it.

use alloc::vec::Vec;
use core::ops::Range;
use core::ptr::{self, NonNull};

use kalloc_traits::{Inspect, Run, RunKind};

use super::probe::{demand, fill};
use super::subject::Subject;
use crate::drive::{Checked, Player, Verdict, ensure};
use crate::workload::op::layout;
use crate::workload::random::{Mix, RandomOps, Rng};
use crate::workload::{ROOM, scaled};

/// More runs than any heap here can have; a walk that is longer does not end.
const RUN_LIMIT: usize = 1 << 20;

/// The runs lie one behind the other, without a gap, and none is empty. Only what the heap does not own may lie between two, as
/// between the pieces of a heap that lies in several.
pub fn the_walk_leaves_no_gap(subject: &Subject<'_>) -> Verdict {
    now_and_then(subject, |_, inside| {
        let runs = runs(inside)?;
        for pair in runs.windows(2) {
            let gap = pair[0].start + pair[0].len..pair[1].start;
            let owned = first_owned(inside, gap);
            ensure!(
                owned.is_none(),
                "there is a gap between {:?} and {:?}, in which {owned:x?} is owned",
                pair[0],
                pair[1]
            );
        }
        Ok(())
    })
}

/// Returns an address in a gap that the heap owns, if there is one at either edge or at one of a few hundred places.
fn first_owned(inside: &dyn Inspect, gap: Range<usize>) -> Option<usize> {
    let step = (gap.len() / 256).max(1);
    let mut places = gap.clone().step_by(step).chain(gap.last());
    places.find(|&address| {
        let pointer = NonNull::new(ptr::without_provenance_mut::<u8>(address));
        pointer.is_some_and(|pointer| inside.owns(pointer))
    })
}

/// Each live block lies in used runs from its first byte to its last.
pub fn live_blocks_lie_in_used_runs(subject: &Subject<'_>) -> Verdict {
    now_and_then(subject, |checked, inside| {
        let runs = runs(inside)?;
        for (_, block) in checked.shadow().by_address() {
            let range = block.range();
            let first = runs.partition_point(|run| run.start + run.len <= range.start);
            let ranging = runs[first..].iter().take_while(|run| run.start < range.end);
            let shown: Vec<&Run> = ranging.collect();
            let is_covered = shown.first().is_some_and(|run| run.start <= range.start)
                && shown.last().is_some_and(|run| run.start + run.len >= range.end);
            ensure!(is_covered, "the walk does not show the live block {range:x?}");
            let other = shown.iter().find(|run| run.kind != RunKind::Used);
            ensure!(other.is_none(), "the live block {range:x?} lies in {other:x?}");
        }
        Ok(())
    })
}

/// The free runs have as many bytes as are said to be free.
pub fn free_runs_add_up_to_the_free_bytes(subject: &Subject<'_>) -> Verdict {
    now_and_then(subject, |_, inside| {
        let runs = runs(inside)?;
        let stats = inside.stats();
        let sum = |kind| {
            runs.iter()
                .filter(|run| run.kind == kind)
                .map(|run| run.len)
                .sum::<usize>()
        };
        let (free, cached, used) = (sum(RunKind::Free), sum(RunKind::Cached), sum(RunKind::Used));
        ensure!(
            free == stats.free,
            "free runs have {free} bytes, {} are said to be free",
            stats.free
        );
        // A heap may be unable to tell freed bytes that wait from used ones.
        ensure!(
            cached <= stats.cached,
            "cached runs have {cached} bytes, {} are said to be",
            stats.cached
        );
        ensure!(
            used >= stats.used,
            "used runs have {used} bytes, {} are said to be used",
            stats.used
        );
        Ok(())
    })
}

/// The run behind any address is what the walk shows there, cut to begin at the address if that lies in it.
pub fn a_run_can_be_asked_for_by_any_address(subject: &Subject<'_>) -> Verdict {
    let mut rng = Rng::new(2);
    now_and_then(subject, |_, inside| {
        let runs = runs(inside)?;
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
            return Ok(());
        };
        let end = last.start + last.len;
        for _ in 0..16 {
            let from = first.start + rng.below(end - first.start);
            let index = runs.partition_point(|run| run.start + run.len <= from);
            let mut expected = runs[index];
            let cut = from.saturating_sub(expected.start);
            expected.start += cut;
            expected.len -= cut;
            let found = inside.next_run(from);
            ensure!(
                found == Some(expected),
                "the run from {from:#x} is {found:x?}, the walk shows {expected:x?}"
            );
        }
        let behind = inside.next_run(end);
        ensure!(behind.is_none(), "behind the last run there is {behind:x?}");
        Ok(())
    })
}

/// A visitor of the walk may use the heap: allocate, free, and look into it.
pub fn a_visitor_may_use_the_heap(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let inside = heap.inside()?;
    let mut checked = Checked::new(&*heap);
    fill(&mut checked, layout(100, 8))?
        .into_iter()
        .step_by(3)
        .try_for_each(|live| checked.free(live))?;
    let mut visited = 0;
    let mut verdict = Ok(());
    inside.walk(&mut |_| {
        visited += 1;
        if visited < RUN_LIMIT && verdict.is_ok() {
            verdict = use_heap(&mut checked, inside, visited);
        }
    });
    verdict?;
    ensure!(visited > 0, "the walk of a used heap shows nothing");
    ensure!(visited < RUN_LIMIT, "the walk does not end");
    inside.verify()?;
    checked.free_all(|_| {})
}

/// What the visitor does.
fn use_heap(checked: &mut Checked<'_>, inside: &dyn Inspect, step: usize) -> Verdict {
    if let Some(live) = checked.shadow().nth(step % 7) {
        checked.free(live)?;
    }
    checked.allocate(layout(1 + step % 200, 8))?;
    inside.stats();
    Ok(inside.verify()?)
}

/// Every byte of a live block is owned.
pub fn live_blocks_are_owned(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let inside = heap.inside()?;
    let mut checked = Checked::new(&*heap);
    for size in [1, 8, 24, 100, 1000] {
        demand(checked.allocate(layout(size, 8))?, layout(size, 8))?;
    }
    for (_, block) in checked.shadow().by_address() {
        for offset in 0..block.extent {
            // SAFETY: the offset is inside of the block.
            let byte = unsafe { block.start.add(offset) };
            ensure!(
                inside.owns(byte),
                "byte {offset} of a live block of {} bytes is not owned",
                block.extent
            );
        }
    }
    checked.free_all(|_| {})
}

/// The byte behind the memory, address 1, the last byte of the address space and the stack are not owned.
pub fn foreign_memory_is_not_owned(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let inside = heap.inside()?;
    let mut checked = Checked::new(&*heap);
    demand(checked.allocate(layout(100, 8))?, layout(100, 8))?;
    let local = 0u8;
    let end = runs(inside)?.last().map_or(0, |run| run.start + run.len);
    for (name, address) in [
        ("the byte behind the memory", end),
        ("address 1", 1),
        ("the last byte of the address space", usize::MAX),
        ("a local variable", (&raw const local).addr()),
    ] {
        let Some(pointer) = NonNull::new(ptr::without_provenance_mut::<u8>(address)) else {
            continue;
        };
        ensure!(!inside.owns(pointer), "{name}, {address:#x}, is owned");
    }
    checked.free_all(|_| {})
}

/// The blocks of another heap of the same kind are not owned.
pub fn blocks_of_another_heap_are_not_owned(subject: &Subject<'_>) -> Verdict {
    let (heap, other) = (subject.make(), subject.make());
    let (inside, other_inside) = (heap.inside()?, other.inside()?);
    let mut checked = [Checked::new(&*heap), Checked::new(&*other)];
    for size in [1, 24, 100, 1000] {
        demand(checked[0].allocate(layout(size, 8))?, layout(size, 8))?;
        demand(checked[1].allocate(layout(size, 8))?, layout(size, 8))?;
    }
    for (_, block) in checked[1].shadow().by_address() {
        ensure!(!inside.owns(block.start), "a heap owns a block of another");
        ensure!(other_inside.owns(block.start), "a heap does not own its block");
    }
    checked.iter_mut().try_for_each(|one| one.free_all(|_| {}))
}

/// Returns the runs of a heap, each longer than nothing and behind the one before.
fn runs(inside: &dyn Inspect) -> Verdict<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut from = 0;
    while let Some(run) = inside.next_run(from) {
        ensure!(run.len > 0, "an empty run: {run:x?}");
        ensure!(
            run.start >= from,
            "the run {run:x?} starts before {from:#x}, where it was asked for"
        );
        ensure!(runs.len() < RUN_LIMIT, "the walk does not end");
        from = run.start + run.len;
        runs.push(run);
    }
    let mut walked = Vec::new();
    inside.walk(&mut |run| walked.push(run));
    ensure!(walked == runs, "`walk` does not show what `next_run` does");
    Ok(runs)
}

/// Plays random programs of every mix, with a check now and then.
fn now_and_then(subject: &Subject<'_>, mut check: impl FnMut(&Checked<'_>, &dyn Inspect) -> Verdict) -> Verdict {
    for (seed, mix) in Mix::ALL.into_iter().enumerate() {
        let heap = subject.make();
        let inside = heap.inside()?;
        let mut ops = RandomOps::new(seed as u64 + 50, mix, 60, ROOM / 4);
        let mut player = Player::new(&*heap, 60);
        for step in 0..scaled(800) {
            let op = ops.next(|slot| player.size_of(slot));
            player.play(op)?;
            if step % 16 == 0 {
                check(player.checked(), inside)
                    .map_err(|failure| player.told(failure).during(format_args!("{mix:?}, seed {seed}")))?;
            }
        }
        player.finish()?;
    }
    Ok(())
}
