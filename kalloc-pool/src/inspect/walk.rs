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
        let end = if C::CHECKED && kind == RunKind::Used {
            self.used_end(start, end)
        } else {
            end
        };
        self.walked = end;
        let start = address.max(base + Self::bytes(start));
        Some(Run {
            kind,
            start,
            len: base + Self::bytes(end) - start,
        })
    }

    /// Returns where the live block, or the state run, ends that has the granule `start`; `end` if that comes first.
    fn used_end(&self, start: u32, end: u32) -> u32 {
        match self.state.as_ref().filter(|state| start < state.end()) {
            Some(state) if start >= state.start() => end.min(state.end()),
            Some(state) => self.arena.next_loan(start, end.min(state.start())),
            None => self.arena.next_loan(start, end),
        }
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

#[cfg(test)]
mod tests {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    use kalloc_traits::Span;

    use super::*;
    use crate::config::{Checked, RealTime};

    #[test]
    fn a_run_from_inside_of_a_block_ends_where_the_state_starts() {
        let mut memory = [0u64; 500];
        let start = NonNull::from(&mut memory).cast::<u8>();
        let mut engine = Engine::<Checked<RealTime>>::EMPTY;
        // SAFETY: the memory outlives the heap, and is nobody else's.
        unsafe { engine.lay_out(Span::new(start, 2000)) }.unwrap();
        // SAFETY: as above. The state run moves to the end.
        unsafe { engine.take_in(Span::new(start, 4000)) }.unwrap();
        let whole = Layout::from_size_align(engine.stats().free, 8).unwrap();
        let block = engine.allocate(whole).unwrap().cast::<u8>().addr().get();
        let run = engine.next_run(block + 16).unwrap();
        assert_eq!(
            (run.start, run.len, run.kind),
            (block + 16, whole.size() - 16, RunKind::Used)
        );
        let state = engine.next_run(block + whole.size()).unwrap();
        assert_eq!(
            state.start + state.len,
            engine.arena.base().addr().get() + engine.extent()
        );
    }
}
