//! Looking into a shared bump: the counters, the walk, and the invariants that `verify` checks.
//!
//! Offsets count from the start of the region; `next` is the cursor, `limit` the end of the memory, and `lost` the bytes
//! below the cursor that are in no live block.
//!
//! | | invariant |
//! |---|---|
//! | A1 | What is lost lies below the cursor: `lost <= next`. |
//! | A2 | The cursor lies inside the memory: `next <= limit`. |
//! | A3 | Every live block has a byte: `live <= next - lost`. |
//! | A4 | The memory is a span, not longer than a cursor can pass over: 2^48 - 1 bytes, or `isize::MAX` if that is less. |
//! | A5 | Claimed first: before the region is claimed there is no memory. |
//! | A6 | What a checkpoint pins lies below the cursor: `floor <= next`. |
//!
//! # While other cores work
//!
//! The counters are exact whenever no call is under way. Otherwise each of them is what it was at some moment of the
//! look, and not all at the same: `used + free + cached == capacity` holds always; `live_blocks` and `used` may differ by
//! the blocks that are being taken and given back (and if a core is held up in the middle of a count while others take
//! 32,768 blocks, `live_blocks` is too low by as many until it goes on); `peak_used` may miss, or exceed, the true peak by them. No count is lost.
//! `verify` raises no false alarm, and finds at the next quiet moment what it overlooked.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

use kalloc_traits::{Corruption, Inspect, Run, RunKind, Stats};

use super::AtomicBump;
use super::memory::phase;
use super::word::LARGEST;

impl<R> Inspect for AtomicBump<R> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        self.memory.place().is_some_and(|place| place.span().contains(pointer))
    }

    fn stats(&self) -> Stats {
        let failed_requests = self.nr_failed.load(Relaxed);
        match self.memory.place() {
            Some(place) => Stats {
                failed_requests,
                ..self.cursor.stats(place.limit)
            },
            None => Stats {
                failed_requests,
                ..Stats::default()
            },
        }
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        let place = self.memory.place()?;
        let start = place.base.addr().get();
        let (cursor, end) = (start + self.cursor.next(), start + place.limit);
        let is_used = start < cursor && from < cursor;
        let (kind, start, end) = if is_used {
            (RunKind::Used, start, cursor)
        } else {
            (RunKind::Free, cursor, end)
        };
        let start = start.max(from);
        (start < end).then(|| Run {
            kind,
            start,
            len: end - start,
        })
    }

    fn verify(&self) -> Result<(), Corruption> {
        let Some(place) = self.memory.place() else {
            return Ok(());
        };
        // The phase is loaded after the place, so it says `CLAIMING` at least.
        let broken = if self.memory.phase() == phase::UNCLAIMED {
            ("A5", 0)
        } else if place.span().len().min(LARGEST) != place.limit {
            ("A4", place.limit)
        } else if let Some(broken) = self.cursor.broken(place.limit) {
            broken
        } else {
            return Ok(());
        };
        let (invariant, offset) = broken;
        Err(Corruption { invariant, offset })
    }
}

impl<R> fmt::Debug for AtomicBump<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("AtomicBump")
            .field("stats", &stats)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::ptr;

    use kalloc_traits::Span;

    use super::*;

    /// Returns what `verify` says of a bump over memory that it was told of without a claim.
    fn verified(base: usize, len: usize) -> Result<(), &'static str> {
        let bump = AtomicBump::new(());
        let base = NonNull::new(ptr::without_provenance_mut(base)).unwrap();
        bump.memory.publish(Span::new(base, len), false);
        bump.memory.lengthen(len);
        bump.verify().map_err(|corruption| corruption.invariant)
    }

    #[test]
    fn a_bump_takes_384_bytes_beside_its_region_or_15_words_of_32_bits() {
        let most = if usize::BITS == 64 { 384 } else { 60 };
        assert!(size_of::<AtomicBump<()>>() <= most);
    }

    #[test]
    fn memory_that_is_no_span_is_corruption() {
        assert_eq!(verified(1, LARGEST), Ok(()));
        assert_eq!(verified(1, LARGEST + 1), Err("A4"));
        assert_eq!(verified(usize::MAX - 100, 100), Ok(()));
        assert_eq!(verified(usize::MAX - 100, 101), Err("A4"));
    }

    #[test]
    fn memory_that_nobody_claimed_is_corruption() {
        let bump = AtomicBump::new(());
        assert_eq!(bump.verify(), Ok(()));
        bump.memory.publish(Span::EMPTY, false);
        assert_eq!(bump.verify(), Ok(()));
        bump.memory.unclaim();
        let expected = Corruption {
            invariant: "A5",
            offset: 0,
        };
        assert_eq!(bump.verify(), Err(expected));
    }

    #[test]
    fn what_the_cursor_finds_is_passed_on_with_its_place() {
        let bump = AtomicBump::new(());
        bump.memory.publish(Span::EMPTY, false);
        bump.cursor.give_back(0, 1);
        let expected = Corruption {
            invariant: "A1",
            offset: 0,
        };
        assert_eq!(bump.verify(), Err(expected));
    }
}
