//! Where the next block goes: the bump's arithmetic, integers in and integers out.
//!
//! ```text
//!   up      start ├─────── blocks ───────┤ next ──►   free   edge = end
//!   down    start ├┄ left behind ┄┤ edge   free   ◄── next ├─────── blocks ───────┤ end
//! ```
//!
//! Every position is an address; `Bump` turns them into pointers. Upwards the edge is the end of the memory. Downwards it
//! is the start, until the memory grows at its high end while blocks are live: then the bump goes on in what came, and
//! what was free below is left behind until all blocks are gone.
//!
//! Every operation takes constant time. To allocate costs an addition, a mask, a comparison and the stores; the two
//! high-water marks are brought up to date when something is given back, since only then they can fall behind.
//!
//! **One comparison is enough**, although an address may be anything. What is free, and the padding and the extent together,
//! are at most `isize::MAX` each. So their difference fits an `isize`, wherever in the address space the sums wrap, and is
//! negative exactly if the block does not fit.

#![forbid(unsafe_code)]

mod extend;
mod look;
mod position;

pub(crate) use position::Position;

use crate::settings::{Direction, Settings, is_up};

/// The position of the next block, and the counters.
///
/// # Invariants
///
/// B1 to B4 and B7 of `inspect`, which [`broken`](Self::broken) checks, and B5: `end` is not `usize::MAX + 1`, and
/// `end - start` at most `isize::MAX`.
/// The fields stand in this order, so that the two counters are not taken for a vector: two additions in memory are fewer
/// instructions than to load, to add and to store one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub(crate) struct Cursor {
    /// Where the last block ends: its end upwards, its start downwards.
    next: usize,
    /// How far `next` may go.
    edge: usize,
    /// The extents of all live blocks.
    used: usize,
    /// Where the memory starts.
    start: usize,
    /// The number of live blocks.
    live: usize,
    /// Where the memory ends.
    end: usize,
    /// The furthest that `next` ever was, or it is there now.
    touched: usize,
    /// The greater of this and `used` is the greatest `used` so far.
    peak: usize,
}

impl Cursor {
    /// Returns a cursor over no memory, which starts and ends at `start`.
    pub(crate) const fn new(start: usize) -> Self {
        Self {
            next: start,
            edge: start,
            used: 0,
            start,
            live: 0,
            end: start,
            touched: start,
            peak: 0,
        }
    }

    /// Takes the next block of `extent` bytes, which is what [`extent`](crate::settings::extent) returned and not zero, and
    /// returns where it starts; nothing if it does not fit. The fewest instructions where the layout is known ahead.
    #[inline]
    pub(crate) fn take_known<S: Settings>(&mut self, extent: usize, align: usize) -> Option<usize> {
        let is_aligned = S::MIN_ALIGN > 1 && align <= S::MIN_ALIGN;
        let mask = if is_aligned { usize::MAX } else { !(align - 1) };
        let (start, next) = if is_up::<S>() {
            let start = self.next.wrapping_add(!mask) & mask;
            (start, start.wrapping_add(extent))
        } else {
            let start = self.next.wrapping_sub(extent) & mask;
            (start, start)
        };
        self.advance::<S>(next, extent).then_some(start)
    }

    /// Does what [`take_known`](Self::take_known) does, in the fewest instructions where the layout is not known ahead.
    #[inline]
    pub(crate) fn take<S: Settings>(&mut self, extent: usize, align: usize) -> Option<usize> {
        if is_up::<S>() {
            // The byte before an aligned start has all the low bits set. This needs no second register for the mask.
            let before = self.next.wrapping_sub(1) | (align - 1);
            let next = before.wrapping_add(extent).wrapping_add(1);
            self.advance::<S>(next, extent).then_some(before.wrapping_add(1))
        } else {
            let start = self.next.wrapping_sub(extent) & align.wrapping_neg();
            self.advance::<S>(start, extent).then_some(start)
        }
    }

    /// Moves to `next` behind a new block of `extent` bytes, and counts it. Returns whether there was room.
    #[inline]
    fn advance<S: Settings>(&mut self, next: usize, extent: usize) -> bool {
        if !self.reaches::<S>(next) {
            return false;
        }
        self.next = next;
        if S::COUNTS {
            self.used = self.used.wrapping_add(extent);
            self.live = self.live.wrapping_add(1);
        }
        true
    }

    /// Returns whether the cursor may move to `next`, which is at most `isize::MAX` bytes on from where it is.
    #[inline]
    fn reaches<S: Settings>(&self, next: usize) -> bool {
        let room = match S::DIRECTION {
            Direction::Up => self.edge.wrapping_sub(next),
            Direction::Down => next.wrapping_sub(self.edge),
        };
        room <= isize::MAX as usize
    }

    /// Returns whether no byte of the block that was taken last was ever part of another. Without counters, nobody knows.
    #[inline]
    pub(crate) fn is_fresh<S: Settings>(&self, start: usize, extent: usize) -> bool {
        if !S::COUNTS {
            false
        } else if is_up::<S>() {
            start >= self.touched
        } else {
            start + extent <= self.touched
        }
    }

    /// Gives back the block of `extent` bytes at `start`.
    ///
    /// If it is the last one, its bytes are free at once; if no other is counted, all memory is. Otherwise they wait.
    #[inline]
    pub(crate) fn give_back<S: Settings>(&mut self, start: usize, extent: usize) {
        self.mark_used::<S>();
        if S::COUNTS {
            // A block that is freed twice makes these wrap; it must not panic, and `broken` sees it.
            self.used = self.used.wrapping_sub(extent);
            self.live = self.live.wrapping_sub(1);
            if self.live == 0 {
                self.mark_for_one::<S>();
                self.start_over::<S>();
                return;
            }
        }
        if self.is_last::<S>(start, extent) {
            self.mark_for_one::<S>();
            self.next = if is_up::<S>() {
                start
            } else {
                start.wrapping_add(extent)
            };
        }
    }

    /// Makes the block at `start` larger where it is, from `old` to `new` bytes. Returns whether it could: the block is the last
    /// one and there is room, and blocks are cut upwards; or its extent is that already, which only a least alignment brings about
    /// where a size becomes larger.
    #[inline]
    pub(crate) fn grow<S: Settings>(&mut self, start: usize, old: usize, new: usize) -> bool {
        if !is_up::<S>() || !self.is_last::<S>(start, old) {
            return S::MIN_ALIGN > 1 && new == old;
        }
        let next = start.wrapping_add(new);
        if !self.reaches::<S>(next) {
            return false;
        }
        self.next = next;
        self.recount::<S>(old, new);
        true
    }

    /// Makes the block at `start` smaller where it is, from `old` to `new` bytes, neither of which is zero. The tail is free at
    /// once if the block is the last one and blocks are cut upwards; otherwise it waits.
    #[inline]
    pub(crate) fn shrink<S: Settings>(&mut self, start: usize, old: usize, new: usize) {
        if is_up::<S>() && self.is_last::<S>(start, old) {
            self.mark_for_one::<S>();
            self.next = start.wrapping_add(new);
        }
        self.mark_used::<S>();
        self.recount::<S>(old, new);
    }

    /// Changes the extent of the last block from `old` to `new` where blocks are cut downwards: its end stays, and its start moves.
    /// Returns the new start, or nothing if there is no room for it.
    #[inline]
    pub(crate) fn resize_last_downwards<S: Settings>(&mut self, old: usize, new: usize, align: usize) -> Option<usize> {
        let start = self.next.wrapping_add(old).wrapping_sub(new) & !(align - 1);
        if !self.reaches::<S>(start) {
            return None;
        }
        self.move_last_to::<S>(start, old, new);
        Some(start)
    }

    /// Does so for a block that becomes no larger and starts at a multiple of `align`: there is room.
    #[inline]
    pub(crate) fn shrink_last_downwards<S: Settings>(&mut self, old: usize, new: usize, align: usize) -> usize {
        let start = self.next.wrapping_add(old.wrapping_sub(new) & !(align - 1));
        self.move_last_to::<S>(start, old, new);
        start
    }

    /// Lets the last block start at `start`, as its extent goes from `old` to `new`.
    #[inline]
    fn move_last_to<S: Settings>(&mut self, start: usize, old: usize, new: usize) {
        self.mark_for_one::<S>();
        self.next = start;
        self.recount::<S>(old, new);
    }

    /// Ends all blocks.
    pub(crate) fn rewind<S: Settings>(&mut self) {
        self.mark::<S>();
        self.used = 0;
        self.live = 0;
        self.start_over::<S>();
    }

    /// Returns where the memory starts.
    #[inline]
    pub(crate) const fn start(&self) -> usize {
        self.start
    }

    /// Returns where the memory ends.
    #[inline]
    pub(crate) const fn end(&self) -> usize {
        self.end
    }

    /// Returns how long the memory is.
    #[inline]
    pub(crate) const fn capacity(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Returns where the free memory starts and ends.
    #[inline]
    pub(crate) fn free<S: Settings>(&self) -> (usize, usize) {
        if is_up::<S>() {
            (self.next, self.edge)
        } else {
            (self.edge, self.next)
        }
    }

    /// Returns whether the block of `extent` bytes at `start` is the last one.
    #[inline]
    pub(crate) fn is_last<S: Settings>(&self, start: usize, extent: usize) -> bool {
        if is_up::<S>() {
            start.wrapping_add(extent) == self.next
        } else {
            start == self.next
        }
    }

    /// Goes back to where the first block is cut.
    #[inline]
    fn start_over<S: Settings>(&mut self) {
        (self.next, self.edge) = if is_up::<S>() {
            (self.start, self.end)
        } else {
            (self.end, self.start)
        };
    }

    /// Counts that a block's extent went from `old` to `new`.
    #[inline]
    fn recount<S: Settings>(&mut self, old: usize, new: usize) {
        if S::COUNTS {
            self.used = self.used.wrapping_sub(old).wrapping_add(new);
        }
    }

    /// Brings the high-water marks up to date, before `next` goes back and `used` down.
    #[inline]
    fn mark<S: Settings>(&mut self) {
        let is_further = if is_up::<S>() {
            self.next > self.touched
        } else {
            self.next < self.touched
        };
        if is_further {
            self.touched = self.next;
        }
        self.mark_used::<S>();
    }

    /// Does so before a single block is given back or becomes smaller. Without counters, nothing is marked then.
    #[inline]
    fn mark_for_one<S: Settings>(&mut self) {
        if S::COUNTS {
            self.mark::<S>();
        }
    }

    /// Brings the mark of `used` up to date, before that goes down.
    #[inline]
    fn mark_used<S: Settings>(&mut self) {
        if S::COUNTS && self.used > self.peak {
            self.peak = self.used;
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
