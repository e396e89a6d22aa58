//! The memory becomes longer: how much is needed, and what becomes of the cursor.

use kalloc_traits::arith::{align_down, align_up};

use super::Cursor;
use crate::settings::{Settings, is_up};

impl Cursor {
    /// Returns by how much the memory must grow for a block to fit, or `None` if no region could be that long.
    pub(crate) fn shortfall<S: Settings>(&self, extent: usize, align: usize) -> Option<usize> {
        // Where the block may start at the lowest: downwards, what is free now goes together with what comes if no block lies
        // between the two.
        let from = if is_up::<S>() {
            self.next
        } else if self.next == self.end {
            self.edge
        } else {
            self.end
        };
        // Memory that there is none of may start anywhere.
        let padding = from.wrapping_neg() & (align.max(S::MIN_ALIGN) - 1);
        // Each of the two summands is at most `isize::MAX`.
        let length = (from - self.start) + (padding + extent);
        if length > isize::MAX as usize || length > usize::MAX - self.start {
            return None;
        }
        Some((self.start + length).saturating_sub(self.end))
    }

    /// Returns by how much the memory must grow for the last block, which starts at `start`, to take `extent` bytes; `None`
    /// if no region could be that long, or a block cannot grow so.
    pub(crate) fn shortfall_of_last<S: Settings>(&self, start: usize, extent: usize) -> Option<usize> {
        let length = (start.checked_sub(self.start)?).checked_add(extent)?;
        if !is_up::<S>() || length > isize::MAX as usize || length > usize::MAX - self.start {
            return None;
        }
        Some((self.start + length).saturating_sub(self.end))
    }

    /// Takes in the memory from `start` to `end`, of which the parts outside of multiples of the least alignment are not
    /// used.
    ///
    /// If there was memory, `start` must be as it was, and the end never falls below a block: downwards, not at all.
    pub(crate) fn take_in<S: Settings>(&mut self, start: usize, end: usize) {
        let start = align_up(start, S::MIN_ALIGN).map_or(end, |start| start.min(end));
        let end = align_down(end, S::MIN_ALIGN).max(start);
        if self.start == self.end {
            *self = Self {
                used: self.used,
                live: self.live,
                peak: self.peak,
                ..Self::new(start)
            };
            self.end = end;
            self.start_over::<S>();
            self.touched = self.next;
        } else if is_up::<S>() {
            self.end = end.max(self.next);
            self.edge = self.end;
        } else if end > self.end {
            self.mark::<S>();
            if self.next != self.end {
                self.edge = self.end;
            }
            self.end = end;
            self.next = end;
            if !S::COUNTS {
                self.peak = self.peak.max(self.edge - self.start);
            }
        }
    }

    /// Gives up the free memory for good, and returns where it starts and ends. Nothing if there is none, or if blocks lie on
    /// both sides of it, as may be downwards in memory that has grown.
    pub(crate) fn cut_free<S: Settings>(&mut self) -> Option<(usize, usize)> {
        let (start, end) = self.free::<S>();
        let is_at_end = if is_up::<S>() {
            end == self.end
        } else {
            start == self.start
        };
        if start >= end || !is_at_end {
            return None;
        }
        self.mark::<S>();
        self.edge = self.next;
        if is_up::<S>() {
            self.end = self.next;
        } else {
            self.start = self.next;
        }
        Some((start, end))
    }

    /// Leaves the memory for another, from `start` to `end`. What is counted stays counted.
    pub(crate) fn move_to<S: Settings>(&mut self, start: usize, end: usize) {
        self.mark::<S>();
        if !S::COUNTS {
            self.peak = self.peak.max(self.capacity());
        }
        (self.start, self.end) = (start, start);
        self.take_in::<S>(start, end);
    }
}
