//! What a chain knows: its chunks, where it cuts them, and where it was.
//!
//! A chunk is a block of another heap. What stands at its start links it with the one before; the newest is cut, and a spare one,
//! if there is any, waits to be the next.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Stats;

use crate::cursor::Cursor;
use crate::settings::{Settings, extent};

/// What a chain knows.
pub(super) struct Links {
    /// Over the newest chunk, behind what stands at its start; over nothing if there is none. Its counters are of all chunks.
    pub(super) cursor: Cursor,
    pub(super) newest: Option<NonNull<Chunk>>,
    /// The largest of the chunks that have ended, for the next time that one is needed. It is not linked.
    pub(super) spare: Option<NonNull<Chunk>>,
    /// The bytes that can be cut in all chunks but the spare one.
    pub(super) capacity: usize,
    /// The bytes of all chunks.
    pub(super) total: usize,
    /// `total` is let grow to so many.
    pub(super) limit: usize,
    pub(super) nr_failed: usize,
    /// The innermost checkpoint that is open.
    pub(super) innermost: Option<Mark>,
    /// How many checkpoints there were.
    pub(super) nr_marks: usize,
}

/// What stands at the start of a chunk.
pub(super) struct Chunk {
    pub(super) before: Option<NonNull<Chunk>>,
    /// The layout of the block.
    pub(super) layout: Layout,
}

/// Where a chain was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) cursor: Cursor,
    pub(super) newest: Option<NonNull<Chunk>>,
    pub(super) capacity: usize,
}

impl Place {
    /// Returns where a chain is at first.
    pub(super) const fn first<S: Settings>() -> Self {
        Self {
            cursor: Cursor::new(S::MIN_ALIGN),
            newest: None,
            capacity: 0,
        }
    }
}

/// A checkpoint, as the chain knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) number: usize,
    pub(super) place: Place,
}

/// Chunks are aligned so.
pub(super) const CHUNK_ALIGN: usize = 16;

const _: () = assert!(align_of::<Chunk>() <= CHUNK_ALIGN);

/// Returns how long a chunk is.
pub(super) fn len_of(chunk: NonNull<Chunk>) -> usize {
    // SAFETY: a chunk is a live block whose start is initialised, until it is given back, and then nobody asks.
    unsafe { chunk.as_ref() }.layout.size()
}

impl Links {
    /// Returns what a chain without a chunk knows.
    pub(super) const fn new<S: Settings>() -> Self {
        Self {
            cursor: Cursor::new(S::MIN_ALIGN),
            newest: None,
            spare: None,
            capacity: 0,
            total: 0,
            limit: usize::MAX,
            nr_failed: 0,
            innermost: None,
            nr_marks: 0,
        }
    }

    /// Links `chunk`, which is counted and not linked, and cuts from it on.
    pub(super) fn begin<S: Settings>(&mut self, mut chunk: NonNull<Chunk>) {
        let (start, len) = (chunk.addr().get(), len_of(chunk));
        // SAFETY: the chunk is live, and nobody else refers to it.
        unsafe { chunk.as_mut() }.before = self.newest;
        self.newest = Some(chunk);
        self.cursor.move_to::<S>(start + size_of::<Chunk>(), start + len);
        self.capacity += self.cursor.capacity();
    }

    /// Returns the bytes of the least chunk that serves `layout`, of one that is worth its while, and how many there may be.
    pub(super) fn needs<S: Settings>(&self, layout: Layout) -> Option<(usize, usize, usize)> {
        let padding = layout.align().max(S::MIN_ALIGN) - 1;
        let least = extent::<S>(layout.size())?.checked_add(size_of::<Chunk>() + S::MIN_ALIGN)?;
        let least = least.checked_add(padding)?;
        let ample = least.max(self.total).max(S::GROWTH_STEP).max(LEAST_CHUNK);
        Some((least, ample, self.limit.saturating_sub(self.total)))
    }

    /// Returns the counters.
    pub(super) fn stats<S: Settings>(&self) -> Stats {
        let stats = self.cursor.stats::<S>();
        let older = self.capacity - stats.capacity;
        let used = if S::COUNTS { stats.used } else { stats.used + older };
        Stats {
            capacity: self.capacity,
            used,
            cached: self.capacity - stats.free - used,
            peak_used: stats.peak_used.max(used),
            live_blocks: if S::COUNTS {
                stats.live_blocks
            } else {
                usize::from(used > 0)
            },
            failed_requests: self.nr_failed,
            ..stats
        }
    }

    /// Goes back to `place`, and returns the chunks that have ended, linked, but for the largest, which becomes the spare.
    pub(super) fn cut_off<S: Settings>(&mut self, place: Place) -> Option<NonNull<Chunk>> {
        let peak = self.stats::<S>().peak_used;
        self.cursor.return_to(place.cursor, peak);
        self.capacity = place.capacity;

        let mut ended = None;
        while self.newest != place.newest {
            let Some(chunk) = self.newest else { break };
            // SAFETY: chunks in the chain are live.
            self.newest = unsafe { chunk.as_ref() }.before;
            let smaller = match self.spare {
                Some(spare) if len_of(spare) >= len_of(chunk) => Some(chunk),
                _ => self.spare.replace(chunk),
            };
            let Some(mut smaller) = smaller else { continue };
            self.total -= len_of(smaller);
            // SAFETY: as before, and nobody else refers to it.
            unsafe { smaller.as_mut() }.before = ended.replace(smaller);
        }
        ended
    }

    /// Notes that the block at `start` is about to be given back or to change its size. If it is older than the innermost
    /// checkpoint, going back there would cut through it, or count it wrongly, so no checkpoint is valid any more.
    #[inline]
    pub(super) fn note_change<S: Settings>(&mut self, start: usize) {
        if let Some(mark) = self.innermost {
            if !self.is_younger::<S>(start, mark.place) {
                self.innermost = None;
            }
        }
    }

    /// Returns whether the block at `start` was taken since the chain was at `place`, which it has not gone back behind.
    #[cold]
    fn is_younger<S: Settings>(&self, start: usize, place: Place) -> bool {
        let mut next = self.newest;
        while let Some(chunk) = next {
            let is_inside = (chunk.addr().get()..chunk.addr().get() + len_of(chunk)).contains(&start);
            if Some(chunk) == place.newest {
                return is_inside && place.cursor.is_before::<S>(start);
            }
            if is_inside {
                return true;
            }
            // SAFETY: chunks in the chain are live.
            next = unsafe { chunk.as_ref() }.before;
        }
        false
    }
}

/// A chunk has at least so many bytes, if the heap has them.
const LEAST_CHUNK: usize = 512;
