//! Where a cursor was, and how it goes back there.

use super::Cursor;
use crate::settings::{Settings, is_up};

/// Where a cursor was, and what it had counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    next: usize,
    edge: usize,
    used: usize,
    live: usize,
    /// Nothing had been taken. There may have been no memory either.
    is_first: bool,
}

impl Cursor {
    /// Returns where the cursor is.
    #[inline]
    pub(crate) fn position<S: Settings>(&self) -> Position {
        let (from, to) = self.free::<S>();
        Position {
            next: self.next,
            edge: self.edge,
            used: self.used,
            live: self.live,
            is_first: from == self.start && to == self.end,
        }
    }

    /// Ends all blocks that were taken since the cursor was at `position`. Assumes that [`can_go_back`](Self::can_go_back).
    #[inline]
    pub(crate) fn go_back<S: Settings>(&mut self, position: Position) {
        self.mark::<S>();
        self.used = position.used;
        self.live = position.live;
        if position.is_first {
            // Where the first block is cut may have changed: the memory was claimed, or became longer.
            self.start_over::<S>();
            return;
        }
        self.next = position.next;
        // Upwards, what came in the meantime prolongs the memory. Downwards it waits until all blocks are gone.
        if !is_up::<S>() {
            self.edge = position.edge;
        }
    }

    /// Goes back to `before`, what the cursor was when it was over a memory of its own. The most that was ever in use, `peak`, is
    /// kept.
    pub(crate) fn return_to(&mut self, before: Self, peak: usize) {
        *self = Self {
            peak: peak.max(before.peak),
            ..before
        };
    }

    /// Returns whether a block that starts at `start`, in the same memory, was taken later than the cursor was here.
    pub(crate) fn is_before<S: Settings>(&self, start: usize) -> bool {
        if is_up::<S>() {
            start >= self.next
        } else {
            start < self.next
        }
    }

    /// Returns whether the cursor was at `position`, as far as can be told, and has not gone behind it since. If so, going back
    /// leaves all invariants as they are.
    pub(crate) fn can_go_back<S: Settings>(&self, position: Position) -> bool {
        let has_passed = if is_up::<S>() {
            self.next >= position.next
        } else {
            self.edge > position.edge || self.next <= position.next
        };
        let mut there = *self;
        there.go_back::<S>(position);
        (has_passed || position.is_first) && there.broken::<S>().is_none()
    }
}

impl Position {
    /// Returns where the cursor was, if a block had been taken.
    pub(crate) fn last(self) -> Option<usize> {
        (!self.is_first).then_some(self.next)
    }
}
