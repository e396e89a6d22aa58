//! Looking into a bump: the counters, the walk, and the invariants that `verify` checks.
//!
//! `start` and `end` are those of the memory, `next` is the cursor, and `edge` how far it may go. What is free lies from
//! `next` to `edge` upwards, and from `edge` to `next` downwards.
//!
//! | | invariant |
//! |---|---|
//! | B1 | The live blocks lie outside of what is free: `used` is at most the capacity less the free bytes. |
//! | B2 | What is free lies inside the memory, and does not end before it starts. |
//! | B3 | Every live block has a byte: `live <= used`. |
//! | B4 | When no block is live, all memory is free. |
//! | B5 | The memory is a span: it ends at or before `usize::MAX` and has at most `isize::MAX` bytes. |
//! | B6 | Before the region is claimed there is no memory. |
//! | B7 | `start`, `next` and `edge` are multiples of the least alignment. |
//!
//! B1, B3 and B4 are about counters, and hold of nothing where the settings have none.
//!
//! All methods take constant time, the walk included: a bump has at most three runs. Freed memory, padding, and what was left
//! behind downwards show as used, since nothing tells them from live blocks; [`Stats::cached`] says how much they are.

use core::fmt;
use core::ptr::NonNull;

use kalloc_traits::{Corruption, Inspect, Run, RunKind, Span, Stats};

use crate::bump::Bump;
use crate::settings::Settings;
use crate::state::{Phase, State};

impl<R, S: Settings> Inspect for Bump<R, S> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        let address = pointer.addr().get();
        self.with(|state| state.cursor.start() <= address && address < state.cursor.end())
    }

    fn stats(&self) -> Stats {
        self.with(|state| Stats {
            failed_requests: state.nr_failed,
            ..state.cursor.stats::<S>()
        })
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        self.with(|state| state.next_run::<S>(from))
    }

    fn verify(&self) -> Result<(), Corruption> {
        self.with(|state| state.verify::<S>())
    }
}

impl State {
    /// Returns the first run that ends after the address `from`, without what lies before `from`.
    fn next_run<S: Settings>(&self, from: usize) -> Option<Run> {
        let (free, free_end) = self.cursor.free::<S>();
        let (start, end) = (self.cursor.start(), self.cursor.end());
        let runs = [
            (RunKind::Used, start, free),
            (RunKind::Free, free, free_end),
            (RunKind::Used, free_end, end),
        ];
        let found = runs.into_iter().find(|(_, start, end)| from.max(*start) < *end);
        found.map(|(kind, start, end)| Run {
            kind,
            start: start.max(from),
            len: end - start.max(from),
        })
    }

    /// Returns the first invariant that does not hold.
    fn verify<S: Settings>(&self) -> Result<(), Corruption> {
        let (start, end, capacity) = (self.cursor.start(), self.cursor.end(), self.cursor.capacity());
        let is_claimed = !matches!(self.phase, Phase::Unclaimed | Phase::Claiming);
        let is_span = start <= end && Span::new(self.base, end - self.base.addr().get().min(end)).end_addr() >= end;
        let broken = if !is_span || capacity > isize::MAX as usize {
            ("B5", end)
        } else if let Some(broken) = self.cursor.broken::<S>() {
            broken
        } else if !is_claimed && capacity != 0 {
            ("B6", start)
        } else {
            return Ok(());
        };
        let (invariant, address) = broken;
        Err(Corruption {
            invariant,
            offset: address.wrapping_sub(self.base.addr().get()),
        })
    }
}

impl<R, S: Settings> fmt::Debug for Bump<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The counters are copied out first: a formatter is somebody else's code.
        let stats = self.stats();
        f.debug_struct("Bump").field("stats", &stats).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Cursor;
    use crate::settings::Standard;

    /// Returns what `verify` says of a state over `limit` bytes at the address `base`.
    fn verified(phase: Phase, base: usize, limit: usize) -> Result<(), &'static str> {
        let bump = Bump::new(());
        bump.with(|state| {
            state.phase = phase;
            state.base = NonNull::new(core::ptr::without_provenance_mut(base)).unwrap();
            state.cursor = Cursor::new(base);
            state.cursor.take_in::<Standard>(base, base.wrapping_add(limit));
        });
        bump.verify().map_err(|corruption| corruption.invariant)
    }

    #[test]
    fn memory_that_is_no_span_or_not_claimed_is_corruption() {
        let half = isize::MAX as usize;
        for phase in [Phase::Ready, Phase::Growing] {
            assert_eq!(verified(phase, 1, half), Ok(()));
            assert_eq!(verified(phase, 1, half + 1), Err("B5"));
            assert_eq!(verified(phase, usize::MAX - 100, 100), Ok(()));
        }
        for phase in [Phase::Unclaimed, Phase::Claiming] {
            assert_eq!(verified(phase, 1, 0), Ok(()));
            assert_eq!(verified(phase, 1, 1), Err("B6"));
        }
    }

    #[test]
    fn what_the_cursor_finds_is_passed_on_with_its_place() {
        let bump = Bump::new(());
        bump.with(|state| state.cursor.give_back::<Standard>(1, 1));
        let expected = Corruption {
            invariant: "B1",
            offset: 0,
        };
        assert_eq!(bump.verify(), Err(expected));
    }
}
