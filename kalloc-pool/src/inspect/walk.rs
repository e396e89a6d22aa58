//! The memory of a heap, run by run.

use kalloc_traits::{Run, RunKind};

use crate::block::Id;
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::whole_granules;

impl<C: Config> Engine<C> {
    /// Returns the run that holds `address`, or the first one if that lies below the region; cut so as to start
    /// there or later. `None` behind the end.
    pub(crate) fn next_run(&mut self, address: usize) -> Option<Run> {
        let base = self.arena.base().addr().get();
        let from = whole_granules::<C>(address.saturating_sub(base));
        if from >= self.arena.granules() {
            return None;
        }
        // What starts or ends at `from` is only known there, or by a search from the region's start.
        let mut boundary = if self.walked == from { from } else { 0 };
        let (kind, start, end) = loop {
            let (kind, end) = self.run_at(boundary);
            if end > from {
                break (kind, boundary.max(from), end);
            }
            boundary = end;
        };
        let (kind, end) = if kind == RunKind::Used {
            self.without_cached(start, end)
        } else {
            (kind, end)
        };
        // Where it is known where blocks end, each is a run.
        let end = if !C::CHECKED || kind != RunKind::Used {
            end
        } else if let Some(state) = self
            .state
            .as_ref()
            .filter(|state| state.start() <= start && start < state.end())
        {
            end.min(state.end())
        } else {
            self.arena.next_loan(start, end)
        };
        self.walked = end;
        let start = address.max(base + Self::bytes(start));
        Some(Run {
            kind,
            start,
            len: base + Self::bytes(end) - start,
        })
    }

    /// Returns the run that starts at the boundary `start` by the bitmap alone, to which cached blocks look used.
    fn run_at(&self, start: u32) -> (RunKind, u32) {
        let (kind, mut end) = self.marked_run_at(start);
        // Rest and top bear no mark: each interrupts a run that looks used.
        for loose in [&self.rest, &self.top].into_iter().filter(|loose| loose.len() > 0) {
            if start == loose.start() {
                let end = if loose.end() == self.top.start() {
                    self.top.end()
                } else {
                    loose.end()
                };
                return (RunKind::Free, end);
            }
            if (start..end).contains(&loose.start()) {
                end = loose.start();
            }
        }
        (kind, end)
    }

    /// Returns the run that starts at the boundary `start` by the bitmap alone, to which rest and top look used as well.
    fn marked_run_at(&self, start: u32) -> (RunKind, u32) {
        match self.arena.next_free(start) {
            // In a heap that somebody has overwritten, a block without a size that can be believed counts as one granule.
            Some(id) if id.0 == start => (RunKind::Free, start + self.arena.checked_size(id).unwrap_or(1)),
            Some(Id(next)) => (RunKind::Used, next),
            None => (RunKind::Used, self.arena.granules()),
        }
    }

    /// Cuts a used run where a cached block starts or, if one lies at its start, where that ends.
    fn without_cached(&self, start: u32, end: u32) -> (RunKind, u32) {
        match self.quick.next_from(&self.arena, self.capacity, start) {
            Some((cached, len)) if cached <= start => (RunKind::Cached, cached + len),
            Some((cached, _)) => (RunKind::Used, end.min(cached)),
            None => (RunKind::Used, end),
        }
    }
}
