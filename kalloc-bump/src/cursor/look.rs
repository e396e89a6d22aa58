//! The counters of a cursor, and its invariants.

use kalloc_traits::Stats;

use super::Cursor;
use crate::settings::{Settings, is_up};

impl Cursor {
    /// Returns the counters; failed requests are not known here.
    pub(crate) fn stats<S: Settings>(&self) -> Stats {
        let (from, to) = self.free::<S>();
        let capacity = self.capacity();
        let free = to.saturating_sub(from).min(capacity);
        let passed = capacity - free;
        if !S::COUNTS {
            return Stats {
                capacity,
                used: passed,
                free,
                peak_used: self.furthest::<S>().max(passed),
                live_blocks: usize::from(passed > 0),
                ..Stats::default()
            };
        }
        Stats {
            capacity,
            used: self.used,
            free,
            cached: passed.saturating_sub(self.used),
            peak_used: self.peak.max(self.used),
            live_blocks: self.live,
            failed_requests: 0,
        }
    }

    /// Returns the first of B1 to B4 and B7 that does not hold, and at which address it shows.
    pub(crate) fn broken<S: Settings>(&self) -> Option<(&'static str, usize)> {
        let (from, to) = self.free::<S>();
        let broken = self.broken_in_chain::<S>(self.capacity());
        let is_whole = to.wrapping_sub(from) == self.capacity();
        broken.or_else(|| (S::COUNTS && self.live == 0 && !is_whole).then_some(("B4", self.next)))
    }

    /// Does so without B4, for a cursor over one of several pieces of memory which have `capacity` bytes together.
    pub(crate) fn broken_in_chain<S: Settings>(&self, capacity: usize) -> Option<(&'static str, usize)> {
        let (from, to) = self.free::<S>();
        if from > to || from < self.start || to > self.end {
            return Some(("B2", self.next));
        }
        if S::COUNTS && self.used > capacity.wrapping_sub(to - from) {
            return Some(("B1", self.next));
        }
        if S::COUNTS && self.live > self.used {
            return Some(("B3", self.next));
        }
        if (self.next | self.edge | self.start) & (S::MIN_ALIGN - 1) != 0 && self.capacity() > 0 {
            return Some(("B7", self.next));
        }
        None
    }

    /// Returns how much a cursor that does not count has passed over at most.
    fn furthest<S: Settings>(&self) -> usize {
        let now = if is_up::<S>() {
            self.touched.max(self.next) - self.start
        } else {
            self.end - self.touched.min(self.next)
        };
        self.peak.max(now)
    }
}
