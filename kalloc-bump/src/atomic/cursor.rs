//! Where the next block goes, agreed upon by any number of cores: integers in, integers out, no lock.
//!
//! ```text
//!   0              floor                                        next                   limit
//!   ├──────────────┼──────┬┄┄┄┄┄┬───────────┬┄┄┄┄┄┄┄┄┄┬─────────┼──────────────────────┤
//!   │ of before a  │      ┊lost ┊           ┊  lost   ┊  last   │         free         │
//!   │ checkpoint   │      ┊     ┊           ┊         ┊  block  │                      │
//!   └──────────────┴──────┴┄┄┄┄┄┴───────────┴┄┄┄┄┄┄┄┄┄┴─────────┴──────────────────────┘
//!                       padding           freed, not last
//! ```
//!
//! # Why a swap and not an addition
//!
//! `fetch_add` would be one instruction without a loop. But it adds also for those who are refused: each pushes `next`
//! further past the limit, and after a storm of refusals it wraps, and hands out memory that is in use. To take the sum
//! back does not help, since others have added meanwhile. It cannot align either. So `next` is moved by
//! compare-and-swap: who is refused writes nothing. The loop is lock-free: a swap fails only because another one has
//! succeeded.
//!
//! # Why a swap that succeeds is right, whatever came in between
//!
//! A compare-and-swap cannot see that a value went away and came back (the ABA problem). Here it need not, because **the
//! value of `next` says all that matters**: every byte from `next` on is free, and no live block reaches past it. Whoever
//! took the last block, freed it, and took it again in between, `next` means the same.
//!
//! - *Take*, from `next` to `next + n`: the bytes in between are free, by what `next` means, and now the caller's.
//! - *Free or shrink the last block*, from `end` to a place inside of it: the caller owns a live block that ends at `end`.
//!   While it is live, `next` never falls below `end`: only an owner moves `next` down, and no further than to the start of a
//!   block that ends at `next`. So if `next` *is* `end`, no block is behind this one, even if there were some a moment
//!   ago. If one is there now, `next` is greater and the swap fails.
//! - *Grow the last block*, from `end` upwards: by the same argument the bytes from `end` on are free.
//!
//! What must not be decided by a swap of `next` is whether *no* block is live: that says nothing of `next`, and a core that
//! sets `next` to 0, because it has seen no block a moment ago, may find the old value there again and blocks below it.
//! So this cursor does not start over by itself when the last block is freed, as `Bump` does; that takes a `reset`.
//!
//! # Orders
//!
//! Whoever moves `next` down *releases*: its accesses to the bytes come before. Whoever moves it up *acquires*: its
//! accesses come after those of all who gave the bytes back. The word is written by swaps alone, apart from `&mut self`, so
//! each of them continues the release sequences of all before it. Everything else is counters; their orders say what they
//! are for.

#![forbid(unsafe_code)]

use core::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

use kalloc_traits::Stats;
use kalloc_traits::request::Request;

use super::primitive::{Alone, AtomicUsize};
use super::word::{LARGEST, is_half_turn, next_of, taken, with_block, with_next};

/// How often `has_empty_blocks` looks again because somebody gave a block back meanwhile.
const PATIENCE: u32 = 16;

/// The position of the next block, and the counters. Offsets are bytes from the start of the region.
///
/// # Invariants
///
/// A1, A2, A3 and A6 of `inspect`, which [`broken`](Self::broken) checks. The caller sees to A4: `base + limit` is at
/// most `usize::MAX`, and `limit` at most [`LARGEST`]; both are the same at every call.
pub(super) struct SharedCursor {
    /// `next`, the end of the last block: the next one starts there or, aligned, shortly behind. In the bits above, how many
    /// blocks were taken.
    word: Alone<AtomicUsize>,
    /// Bytes below `next` that are in no live block: padding, and what was freed elsewhere than at the end.
    lost: AtomicUsize,
    /// How often the highest bit of the count in the word has changed.
    halves: AtomicUsize,
    /// Blocks given back so far. One counter of live blocks, which goes up and down, could look the same twice: see
    /// `has_empty_blocks`.
    given: AtomicUsize,
    /// No block ever reached past the greater of this and `next`.
    touched: AtomicUsize,
    /// The greater of this and the bytes in use is the most that was in use so far.
    peak: AtomicUsize,
    /// `next` does not fall below this, and no block that starts below it grows. Changes under `&mut self` alone.
    floor: AtomicUsize,
}

/// A block that the cursor has passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Where it starts.
    pub(super) offset: usize,
    /// Whether none of its bytes was ever part of a block.
    pub(super) is_fresh: bool,
}

/// What a cursor was at a moment when nobody moved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    next: usize,
    used: usize,
    live: usize,
}

impl Mark {
    /// The beginning.
    pub(super) const START: Self = Self {
        next: 0,
        used: 0,
        live: 0,
    };

    /// Returns where the next block went.
    pub(super) const fn next(self) -> usize {
        self.next
    }
}

impl SharedCursor {
    /// Returns a cursor at the beginning.
    pub(super) const fn new() -> Self {
        Self {
            word: Alone(AtomicUsize::new(0)),
            lost: AtomicUsize::new(0),
            halves: AtomicUsize::new(0),
            given: AtomicUsize::new(0),
            touched: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            floor: AtomicUsize::new(0),
        }
    }

    /// Takes the next block, or nothing if it does not fit below `limit`.
    #[inline]
    pub(super) fn take(&self, base: usize, limit: usize, request: Request) -> Option<Taken> {
        let mut word = self.word.load(Relaxed);
        loop {
            let next = next_of(word);
            let padding = (base + next).wrapping_neg() & (request.align - 1);
            // At most `isize::MAX`: the padding is below the alignment, and `Layout` has room for that.
            let length = padding + request.size.get();
            // A2, in any order that this thread may see: the limit never changes.
            if length > limit - next {
                return None;
            }
            let after = with_block(word, length);
            match self.word.compare_exchange_weak(word, after, Acquire, Relaxed) {
                Ok(_) => {
                    // What counts comes after the swap, and says so: see `broken` and `has_empty_blocks`.
                    if padding != 0 {
                        self.lost.fetch_add(padding, Release);
                    }
                    if is_half_turn(word, after) {
                        self.halves.fetch_add(1, Release);
                    }
                    let offset = next + padding;
                    // The swap has acquired what those stored who gave these bytes back before.
                    let is_fresh = offset >= self.touched.load(Relaxed);
                    return Some(Taken { offset, is_fresh });
                }
                Err(found) => word = found,
            }
        }
    }

    /// Gives back the block of `size` bytes at `offset`. If it is the last one, its bytes are free at once.
    #[inline]
    pub(super) fn give_back(&self, offset: usize, size: usize) {
        self.note_peak();
        // Before the bytes go, and after the block was taken, by whomever: see `has_empty_blocks`.
        self.given.fetch_add(1, Release);
        if !self.lower(offset.wrapping_add(size), offset) {
            self.lost.fetch_add(size, Release);
        }
    }

    /// Changes the size of the block at `offset` from `old` to `new`, neither of which is zero. Returns whether it could.
    ///
    /// The last block can be made as large as the memory allows. Any block can be made smaller, but only the last one's
    /// tail is free at once.
    #[inline]
    pub(super) fn resize(&self, offset: usize, old: usize, new: usize, limit: usize) -> bool {
        let end = offset.wrapping_add(old);
        if new > old {
            let is_pinned = offset < self.floor.load(Relaxed);
            // A block that starts behind the limit is none; it must not make this wrap.
            if is_pinned || new > limit.saturating_sub(offset) {
                return false;
            }
            return self.shift(end, offset + new, Acquire);
        }
        self.note_peak();
        if new < old && !self.lower(end, offset.wrapping_add(new)) {
            self.lost.fetch_add(old - new, Release);
        }
        true
    }

    /// Moves `next` from `end` down to `place`, both of which are in a block of the caller's. Returns whether `next` was
    /// at `end`, and may fall that low.
    #[inline]
    fn lower(&self, end: usize, place: usize) -> bool {
        if place < self.floor.load(Relaxed) || self.next() != end {
            return false;
        }
        // Before the bytes can be taken again. That they are behind the mark already may be somebody else's doing: who
        // acquires the swap below sees that as well, since this load comes before it.
        if self.touched.load(Relaxed) < end {
            self.touched.fetch_max(end, Relaxed);
        }
        self.shift(end, place, Release)
    }

    /// Moves `next` from `end` to `place`, which is at most the limit. Returns whether `next` was at `end`.
    #[inline]
    fn shift(&self, end: usize, place: usize, order: Ordering) -> bool {
        let mut word = self.word.load(Relaxed);
        while next_of(word) == end {
            let after = with_next(word, place);
            match self.word.compare_exchange_weak(word, after, order, Relaxed) {
                Ok(_) => return true,
                // Perhaps the count alone is another, and `next` where it was.
                Err(found) => word = found,
            }
        }
        false
    }

    /// Keeps the bytes in use if they are more than ever, before they become fewer.
    #[inline]
    fn note_peak(&self) {
        let used = self.used();
        if used > self.peak.load(Relaxed) {
            self.peak.fetch_max(used, Relaxed);
        }
    }

    /// Returns the bytes in live blocks: exactly, if nobody moves the cursor meanwhile.
    #[inline]
    fn used(&self) -> usize {
        let lost = self.lost.load(Acquire);
        self.next().saturating_sub(lost)
    }

    /// Returns the number of live blocks: exactly, if nobody moves the cursor meanwhile.
    fn live(&self) -> usize {
        let given = self.given.load(Acquire);
        let halves = self.halves.load(Acquire);
        live(halves, self.word.load(Relaxed), given)
    }

    /// Returns what the cursor is now.
    pub(super) fn mark(&mut self) -> Mark {
        Mark {
            next: self.next(),
            used: self.used(),
            live: self.live(),
        }
    }

    /// Ends the blocks that were taken since `mark`, which is one of this cursor's, and not above it.
    ///
    /// The counters become the lesser of what they are and what they were. That is exact if, of the blocks of before,
    /// none has been freed since, or if none of those after it is live.
    pub(super) fn rewind(&mut self, mark: Mark) {
        // Plain loads and stores do: whoever has the cursor alone comes after all who shared it, and before all who will.
        self.note_peak();
        let word = self.word.load(Relaxed);
        let next = next_of(word);
        debug_assert!(mark.next <= next);
        let touched = self.touched.load(Relaxed);
        self.touched.store(touched.max(next), Relaxed);
        let (used, live) = (self.used().min(mark.used), self.live().min(mark.live));
        self.word.store(with_next(word, mark.next), Relaxed);
        self.lost.store(mark.next - used, Relaxed);
        self.given
            .store(taken(self.halves.load(Relaxed), word).wrapping_sub(live), Relaxed);
    }

    /// Keeps everything below `floor` where it is: what is freed there is lost, and what lies there does not grow. Returns
    /// the floor of before.
    pub(super) fn pin(&mut self, floor: usize) -> usize {
        let before = self.floor.load(Relaxed);
        self.floor.store(floor, Relaxed);
        before
    }

    /// Returns the end of the last block.
    #[inline]
    pub(super) fn next(&self) -> usize {
        next_of(self.word.load(Relaxed))
    }

    /// Returns the counters; failed requests are not known here.
    pub(super) fn stats(&self, limit: usize) -> Stats {
        // In this order, as `lost` is at most the `next` that is loaded after it: so the sum is right in any case.
        let lost = self.lost.load(Acquire);
        let next = self.next();
        let used = next.saturating_sub(lost);
        Stats {
            capacity: limit,
            used,
            free: limit.saturating_sub(next),
            cached: next - used,
            peak_used: self.peak.load(Relaxed).max(used),
            live_blocks: self.live(),
            failed_requests: 0,
        }
    }

    /// Returns the first of A1, A2, A3 and A6 that does not hold, and at which offset it shows. Raises no false alarm if
    /// other cores move the cursor meanwhile.
    pub(super) fn broken(&self, limit: usize) -> Option<(&'static str, usize)> {
        // What adds to `lost` comes after the swap that took the bytes, and releases it. So the `next` below counts every
        // byte that is lost here.
        let lost = self.lost.load(Acquire);
        let next = self.next();
        if lost > next {
            return Some(("A1", next));
        }
        if next > limit {
            return Some(("A2", limit));
        }
        if self.has_empty_blocks() {
            return Some(("A3", next));
        }
        if self.floor.load(Relaxed) > next {
            return Some(("A6", next));
        }
        None
    }

    /// Returns whether there are more live blocks than bytes in use.
    ///
    /// The counters are loaded one after the other, while others change them, and it must not matter. A block is in `given`
    /// before its bytes go, and padding is lost after the swap; all of that is released, and acquired here. So the word
    /// below has every block that is in `given`, and the bytes that are lost. Whose bytes are gone by then is in `given`,
    /// loaded again: if that has not changed, there *was* no byte for some block. If it has, this is tried again, some
    /// times: then the cursor is in use, and no proof is to be had.
    fn has_empty_blocks(&self) -> bool {
        for _ in 0..PATIENCE {
            let given = self.given.load(Acquire);
            let halves = self.halves.load(Acquire);
            let lost = self.lost.load(Acquire);
            let word = self.word.load(Acquire);
            if live(halves, word, given) <= next_of(word).saturating_sub(lost) {
                return false;
            }
            if self.given.load(Acquire) == given {
                return true;
            }
        }
        false
    }
}

/// Returns how many of the blocks taken are live; none if that would be less.
fn live(halves: usize, word: usize, given: usize) -> usize {
    let live = taken(halves, word).wrapping_sub(given);
    if live > LARGEST { 0 } else { live }
}

#[cfg(all(test, not(loom)))]
mod tests;
