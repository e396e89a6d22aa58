//! Looking into a chain: the counters, the walk, and the invariants that `verify` checks.
//!
//! Those of the cursor, but for B4, and one of the chunks:
//!
//! | | invariant |
//! |---|---|
//! | B8 | All chunks together have the bytes that are counted, and no fewer than can be cut. |

use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

use kalloc_traits::{Corruption, Heap, Inspect, Run, RunKind, Span, Stats};

use super::Chain;
use super::links::{Chunk, Links, len_of};
use crate::settings::Settings;

impl<H: Heap, S: Settings> Chain<H, S> {
    /// Calls `visit` with the memory of each chunk, the newest first, and last with that which is kept for the next time: all of it,
    /// with the three words at its start. The chain is not borrowed meanwhile; chunks that come in the meantime are not shown.
    pub fn chunks(&self, visit: &mut dyn FnMut(Span)) {
        let (newest, spare) = self.with(|links| (links.newest, links.spare));
        let spare = spare.map(span_of);
        Links::each(newest, |chunk| visit(span_of(chunk)));
        spare.into_iter().for_each(visit);
    }
}

/// Every method takes time linear in the number of chunks, but for `stats`; a walk as a whole takes the square of it, since
/// chunks have no order. The runs cover each chunk, but for the three words at its start; between chunks there are gaps.
impl<H: Heap, S: Settings> Inspect for Chain<H, S> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        let mut is_inside = false;
        let newest = self.with(|links| links.newest);
        Links::each(newest, |chunk| {
            is_inside |= cut_of(chunk).contains(&pointer.addr().get())
        });
        is_inside
    }

    /// What is free in older chunks counts as cached.
    fn stats(&self) -> Stats {
        self.with(|links| links.stats::<S>())
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        self.with(|links| links.next_run::<S>(from))
    }

    fn verify(&self) -> Result<(), Corruption> {
        self.with(|links| links.broken::<S>()).map_or(Ok(()), Err)
    }
}

/// Returns the memory of a chunk.
fn span_of(chunk: NonNull<Chunk>) -> Span {
    Span::new(chunk.cast(), len_of(chunk))
}

/// Returns the addresses in a chunk from which blocks are cut.
fn cut_of(chunk: NonNull<Chunk>) -> Range<usize> {
    let span = span_of(chunk);
    span.start_addr() + size_of::<Chunk>()..span.end_addr()
}

impl Links {
    /// Calls `visit` with `newest` and each chunk before it.
    fn each(newest: Option<NonNull<Chunk>>, mut visit: impl FnMut(NonNull<Chunk>)) {
        let mut next = newest;
        while let Some(chunk) = next {
            visit(chunk);
            // SAFETY: chunks in the chain are live, and leave it in `go_back` alone, when nobody is at work here.
            next = unsafe { chunk.as_ref() }.before;
        }
    }

    /// Returns the run of the lowest address that ends after `from`, without what lies before `from`.
    fn next_run<S: Settings>(&self, from: usize) -> Option<Run> {
        let (free, free_end) = self.cursor.free::<S>();
        let mut lowest: Option<Run> = None;
        let mut offer = |kind, start: usize, end: usize| {
            let start = start.max(from);
            if start < end && lowest.is_none_or(|run| start < run.start) {
                let len = end - start;
                lowest = Some(Run { kind, start, len });
            }
        };
        Self::each(self.newest, |chunk| {
            let Range { start, end } = cut_of(chunk);
            if Some(chunk) == self.newest {
                offer(RunKind::Used, start, free);
                offer(RunKind::Free, free, free_end);
                offer(RunKind::Used, free_end, end);
            } else {
                offer(RunKind::Used, start, end);
            }
        });
        lowest
    }

    /// Returns the first invariant that does not hold, with an offset from the start of the newest chunk.
    fn broken<S: Settings>(&self) -> Option<Corruption> {
        let base = self.newest.map_or(0, |chunk| chunk.addr().get());
        let mut total = self.spare.map_or(0, len_of);
        Self::each(self.newest, |chunk| total = total.wrapping_add(len_of(chunk)));
        let (invariant, address) = if total != self.total || self.capacity > total {
            ("B8", base)
        } else {
            self.cursor.broken_in_chain::<S>(self.capacity)?
        };
        Some(Corruption {
            invariant,
            offset: address.wrapping_sub(base),
        })
    }
}

impl<H: Heap, S: Settings> fmt::Debug for Chain<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Chain").field("stats", &stats).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;

    use kalloc_traits::SliceRegion;

    use super::*;
    use crate::bump::Bump;

    /// Memory that is aligned by its type, as Miri's check of alignments wants it.
    #[repr(align(16))]
    struct Memory([core::mem::MaybeUninit<u8>; 2000]);

    fn broken(damage: impl FnOnce(&mut Links)) -> Result<(), &'static str> {
        let mut memory = Memory([core::mem::MaybeUninit::uninit(); 2000]);
        let chain = Chain::new(Bump::new(SliceRegion::new(&mut memory.0)));
        chain.allocate(Layout::new::<u64>()).unwrap();
        chain.with(damage);
        let verified = chain.verify().map_err(|corruption| corruption.invariant);
        // What was damaged must not be freed.
        core::mem::forget(chain);
        verified
    }

    #[test]
    fn bytes_that_no_chunk_has_are_corruption() {
        assert_eq!(broken(|_| {}), Ok(()));
        assert_eq!(broken(|links| links.total += 1), Err("B8"));
        assert_eq!(broken(|links| links.capacity = links.total + 1), Err("B8"));
    }
}
