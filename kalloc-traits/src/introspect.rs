//! Looking into a heap: counters, a walk over its memory, and a check of its invariants.

use core::ptr::NonNull;

use crate::error::Corruption;

/// A heap's counters, in bytes unless they say otherwise. Reading them takes constant time.
///
/// `used + free + cached == capacity` at all times. The heap's own state and the region's unusable edges are in none of
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// What the heap could hand out if nothing were live. It changes only with the region.
    pub capacity: usize,
    /// The extents of all live blocks.
    pub used: usize,
    /// What can be handed out now, though perhaps not in one piece.
    pub free: usize,
    /// Freed memory that waits for reuse by its own size, for a trim or for a reset.
    pub cached: usize,
    /// The greatest `used` so far.
    pub peak_used: usize,
    /// The number of live blocks; blocks of size zero do not count.
    pub live_blocks: usize,
    /// The number of requests that failed, saturating.
    pub failed_requests: usize,
}

/// What a run of memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunKind {
    /// One free block.
    Free,
    /// Freed memory that is held for reuse.
    Cached,
    /// Live blocks and heap state, without a gap. A heap without headers cannot tell two used neighbours apart.
    Used,
}

/// A run of memory inside a heap, as [`Inspect::walk`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// What it is.
    pub kind: RunKind,
    /// The address of its first byte.
    pub start: usize,
    /// Its length in bytes, never zero.
    pub len: usize,
}

/// A heap that can be looked into.
pub trait Inspect {
    /// Returns whether `pointer` lies inside memory that this heap cuts. One past the end does not.
    ///
    /// Before the heap is laid out on its region, it owns nothing.
    fn owns(&self, pointer: NonNull<u8>) -> bool;

    /// Returns the counters.
    fn stats(&self) -> Stats;

    /// Returns the first run that ends after the address `from`, cut so as to start at `from` or later; `None` behind
    /// the last. The runs cover the heap's memory without a gap, or each piece of it, if it lies in several.
    ///
    /// Following one run after the other takes time linear in the heap; an arbitrary `from`, or a heap that changed since,
    /// may cost a search from the start.
    fn next_run(&self, from: usize) -> Option<Run>;

    /// Calls `visit` with every run, by ascending address.
    ///
    /// The heap is not borrowed meanwhile, so `visit` may call it; what it changes behind the current run is seen.
    fn walk(&self, visit: &mut dyn FnMut(Run)) {
        let mut from = 0;
        while let Some(run) = self.next_run(from) {
            from = run.start + run.len;
            visit(run);
        }
    }

    /// Checks every invariant of the heap's state, in release builds too. Takes time linear in the heap and allocates
    /// nothing.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold, and where.
    fn verify(&self) -> Result<(), Corruption>;
}

impl<H: Inspect + ?Sized> Inspect for &H {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        (**self).owns(pointer)
    }

    fn stats(&self) -> Stats {
        (**self).stats()
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        (**self).next_run(from)
    }

    fn verify(&self) -> Result<(), Corruption> {
        (**self).verify()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A heap that answers what it is asked for, and nothing that a default could be taken for.
    struct Told;

    const STATS: Stats = Stats {
        capacity: 96,
        used: 48,
        free: 32,
        cached: 16,
        peak_used: 64,
        live_blocks: 3,
        failed_requests: 1,
    };

    const CORRUPTION: Corruption = Corruption {
        invariant: "T1",
        offset: 8,
    };

    /// Returns the run that starts at `from`, and ends at 96.
    fn run(from: usize) -> Option<Run> {
        (from < 96).then_some(Run {
            kind: RunKind::Used,
            start: from,
            len: 96 - from,
        })
    }

    impl Inspect for Told {
        fn owns(&self, pointer: NonNull<u8>) -> bool {
            pointer.addr().get() < 96
        }

        fn stats(&self) -> Stats {
            STATS
        }

        fn next_run(&self, from: usize) -> Option<Run> {
            run(from)
        }

        fn verify(&self) -> Result<(), Corruption> {
            Err(CORRUPTION)
        }
    }

    #[test]
    fn a_reference_says_what_its_heap_says() {
        let heap: &dyn Inspect = &&Told;
        let pointer = |address| NonNull::new(core::ptr::without_provenance_mut(address)).unwrap();
        assert_eq!([95, 96].map(|address| heap.owns(pointer(address))), [true, false]);
        assert_eq!(heap.stats(), STATS);
        assert_eq!([40, 96].map(|from| heap.next_run(from)), [run(40), None]);
        assert_eq!(heap.verify(), Err(CORRUPTION));
    }
}
