//! Counters and walk of a [`Planted`](super::Planted) heap, and the faults in them.

use core::ptr::NonNull;

use kalloc_traits::{Corruption, Inspect, RawRegion, Run, RunKind, Stats};

use super::fault::Fault;
use super::heap::Planted;
use super::state::{Phase, State};

impl<R: RawRegion> Inspect for Planted<R> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        let address = pointer.addr().get();
        self.with(|state| match state.fault {
            Fault::OwnsTheEnd => address >= state.memory.start && address <= state.memory.end,
            Fault::OwnsAll => true,
            Fault::OwnsNothing => false,
            _ => state.memory.contains(&address),
        })
    }

    fn stats(&self) -> Stats {
        self.with(|state| Stats {
            capacity: match state.fault {
                Fault::CapacityMoves => state.free.free(),
                _ => state.memory.len(),
            },
            free: state.free.free(),
            used: match (state.fault, state.phase) {
                (Fault::CountsBeforeUse, Phase::New) => 8,
                _ => state.stats.used,
            },
            ..state.stats
        })
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        self.with(|state| run(state, from))
    }

    fn verify(&self) -> Result<(), Corruption> {
        self.assert_mark();
        self.with(|state| {
            let is_torn = state.free.runs().len() > 1;
            if is_torn && state.has(Fault::VerifyAlarms) {
                return Err(Corruption {
                    invariant: "planted",
                    offset: 0,
                });
            }
            Ok(())
        })
    }
}

/// Returns the run that an address lies in, cut to start there, or the first one behind the address.
fn run(state: &State, from: usize) -> Option<Run> {
    let start = from.max(state.memory.start);
    if start >= state.memory.end {
        return None;
    }
    let free = state.free.runs().iter().find(|run| run.end > start).cloned();
    let (mut kind, mut run) = match free {
        Some(run) if run.start <= start => (RunKind::Free, start..run.end),
        Some(run) => (RunKind::Used, start..run.start),
        None => (RunKind::Used, start..state.memory.end),
    };
    match (state.fault, kind) {
        (Fault::WalkHidesFree, RunKind::Free) => kind = RunKind::Used,
        (Fault::WalkShowsUsedAsFree, RunKind::Used) => kind = RunKind::Free,
        (Fault::WalkLeavesGaps, RunKind::Used) if run.end < state.memory.end => return self::run(state, run.end),
        (Fault::RunIsNotCut, RunKind::Used) => run.start = run.start.saturating_sub(8).max(state.memory.start),
        _ => {}
    }
    Some(Run {
        kind,
        start: run.start,
        len: run.len(),
    })
}
