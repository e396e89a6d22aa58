//! The allocator of a [`Planted`](super::Planted) heap, in numbers: addresses in, addresses out.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ops::Range;

use kalloc_traits::arith::{align_down, align_up};
use kalloc_traits::{Span, Stats};

use super::fault::Fault;
use crate::model::naive::Naive;

/// Bytes in the unit of size.
pub(super) const GRANULE: usize = 8;

/// How far the heap has come with its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was not claimed yet.
    New,
    /// It is laid out.
    Laid,
    /// The claim was refused.
    Refused,
}

/// What the heap knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) fault: Fault,
    pub(super) phase: Phase,
    pub(super) is_busy: bool,
    /// The memory that is cut, in whole granules.
    pub(super) memory: Range<usize>,
    pub(super) free: Naive,
    /// Where memory begins that was never handed out.
    fresh: usize,
    pub(super) is_zeroed: bool,
    pub(super) stats: Stats,
    pub(super) has_refused: bool,
    pub(super) freed_twice: Option<Range<usize>>,
    pub(super) has_taken_refused: bool,
    /// Blocks that wait for a request of their size.
    pub(super) cache: Vec<usize>,
    /// The live blocks with their extents, for a heap that knows what it may free.
    pub(super) live: BTreeMap<usize, usize>,
    /// The block that was handed out last.
    pub(super) last: Option<(usize, usize)>,
    /// How many blocks were handed out, and freed.
    pub(super) served: usize,
    pub(super) freed: usize,
}

impl State {
    /// Returns the state of a heap that has not touched its region.
    pub(super) const fn new(fault: Fault) -> Self {
        Self {
            fault,
            phase: Phase::New,
            is_busy: false,
            memory: 0..0,
            free: Naive::new(),
            fresh: 0,
            is_zeroed: false,
            stats: Stats {
                capacity: 0,
                used: 0,
                free: 0,
                cached: 0,
                peak_used: 0,
                live_blocks: 0,
                failed_requests: 0,
            },
            has_refused: false,
            freed_twice: None,
            has_taken_refused: false,
            cache: Vec::new(),
            live: BTreeMap::new(),
            last: None,
            served: 0,
            freed: 0,
        }
    }

    /// Returns whether the heap has this fault.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Takes the whole granules of a span in; `used` bytes at its start are in use already.
    pub(super) fn lay_out(&mut self, span: Span, used: usize) {
        let (start, end) = (span.start_addr(), span.end_addr());
        self.phase = Phase::Laid;
        self.memory = match self.fault {
            Fault::RoundsStartDown => align_down(start, GRANULE)..align_down(end, GRANULE),
            Fault::RoundsEndUp => start.next_multiple_of(GRANULE)..end.next_multiple_of(GRANULE),
            _ => start.next_multiple_of(GRANULE)..align_down(end, GRANULE),
        };
        self.memory.start = self.memory.start.saturating_add(used).min(end);
        self.memory.end = self.memory.end.max(self.memory.start);
        self.fresh = self.memory.start;
        if !self.memory.is_empty() {
            self.free.give(self.memory.clone());
        }
    }

    /// Takes in what lies behind the memory up to the address `end`.
    pub(super) fn extend(&mut self, end: usize) {
        let new = self.memory.end..align_down(end, GRANULE);
        if new.start >= new.end {
            return;
        }
        if self.has(Fault::ForgetsOldMemory) {
            self.free = Naive::new();
        }
        self.memory.end = new.end;
        self.free.give(new);
    }

    /// Returns the extent of a layout: whole granules.
    pub(super) fn extent(&self, layout: Layout) -> usize {
        let (size, align) = (layout.size(), layout.align());
        match self.fault {
            Fault::SizeWraps => size.wrapping_mul(2).wrapping_add(2 * GRANULE - 1) / (2 * GRANULE) * GRANULE,
            Fault::NarrowSize => (size & 0xFFFF).next_multiple_of(GRANULE),
            Fault::TagOverlapsSize => (size & 0xFF_FFFF).next_multiple_of(GRANULE).max(GRANULE),
            Fault::ExtentFollowsAlignment if align > GRANULE => size.checked_next_multiple_of(align).unwrap_or(size),
            Fault::ExtentKeepsGrowing => size.next_multiple_of(GRANULE) + GRANULE,
            // A layout's size is at most `isize::MAX`, so this cannot overflow.
            _ => size.next_multiple_of(GRANULE),
        }
    }

    /// Allocates, and returns the address and whether the memory is zero. Assumes that the size is not zero.
    pub(super) fn allocate(&mut self, layout: Layout) -> Option<(usize, bool)> {
        let len = self.extent(layout);
        let Some(start) = self.take(layout, len) else {
            if self.has(Fault::LeaksOnRefusal) {
                self.free.take(GRANULE, 1);
            }
            return None;
        };
        if self.is_strict() {
            self.live.insert(start, len);
        }
        self.last = Some((start, len));
        let is_fresh = start >= self.fresh;
        self.fresh = self.fresh.max(start + len);
        self.stats.used += len;
        self.stats.live_blocks += 1;
        self.stats.peak_used = self.stats.peak_used.max(self.stats.used);
        let is_zeroed = match self.fault {
            Fault::TrustsFreedMemory => self.is_zeroed,
            Fault::TrustsRegion => is_fresh,
            _ => is_fresh && self.is_zeroed,
        };
        Some((start, is_zeroed))
    }

    /// Takes a block back. Assumes that it is live and its size not zero.
    pub(super) fn free(&mut self, start: usize, layout: Layout) {
        if self.is_strict() && !self.lets_free(start, layout) {
            return;
        }
        let len = match self.fault {
            Fault::FreesBySize => align_down(layout.size(), GRANULE).max(GRANULE),
            Fault::FreesOneMore => layout.size() / GRANULE * GRANULE + GRANULE,
            _ => self.extent(layout),
        };
        self.stats.used = self.stats.used.saturating_sub(len);
        self.stats.live_blocks = self.stats.live_blocks.saturating_sub(1);
        if self.has(Fault::HandsOutTwice) {
            self.freed_twice = Some(start..start + len);
        }
        match self.fault {
            Fault::LosesFreesWhileGrowing if self.is_busy => {
                self.stats.used += len;
                self.stats.live_blocks += 1;
            }
            Fault::TrimDropsCache if len == 64 => self.cache.push(start),
            _ => self.give(start..start + len),
        }
    }

    /// Resizes a block in place, and returns where it is then.
    pub(super) fn resize(&mut self, start: usize, old: Layout, new: Layout) -> Option<usize> {
        let is_nothing = old.size() == 0 || new.size() == 0;
        if is_nothing {
            return (self.has(Fault::ResizesZero) && old.size() > 0).then_some(start);
        }
        if start % new.align() != 0 && !self.has(Fault::ResizeIgnoresAlignment) {
            return None;
        }
        let old_len = match self.fault {
            Fault::ResizesBySize => align_down(old.size(), GRANULE).max(GRANULE),
            Fault::ResizesOneMore => old.size() / GRANULE * GRANULE + GRANULE,
            _ => self.extent(old),
        };
        let new_len = self.extent(new);
        let resized = self.resize_extent(start, old_len, new_len);
        if self.is_strict() && resized.is_some() {
            self.live.insert(start, new_len);
        }
        resized
    }

    /// Resizes a block of `old_len` bytes.
    fn resize_extent(&mut self, start: usize, old_len: usize, new_len: usize) -> Option<usize> {
        if new_len <= old_len {
            self.shrink(start, old_len, new_len)
        } else {
            self.grow(start, old_len, new_len)
        }
    }

    /// Cuts a block off.
    fn shrink(&mut self, start: usize, old_len: usize, new_len: usize) -> Option<usize> {
        let tail = start + new_len..start + old_len;
        match self.fault {
            Fault::RefusesToShrinkInPlace => return None,
            Fault::ShrinkKeepsTail => return Some(start),
            Fault::ShrinkFreesTooMuch if new_len > GRANULE && !tail.is_empty() => {
                self.give(tail.start - GRANULE..tail.end);
            }
            Fault::ResizeMoves if !tail.is_empty() => {
                self.stats.used -= tail.len();
                self.give(start..start + tail.len());
                return Some(start + tail.len());
            }
            _ => self.give(tail.clone()),
        }
        self.stats.used = self.stats.used.saturating_sub(tail.len());
        Some(start)
    }

    /// Takes the memory behind a block.
    fn grow(&mut self, start: usize, old_len: usize, new_len: usize) -> Option<usize> {
        let behind = start + old_len..start.checked_add(new_len)?;
        let has_room = self.free.take_at(behind.clone());
        if !has_room {
            match self.fault {
                Fault::FailedResizeFreesTail if old_len > GRANULE => {
                    self.give(start + old_len - GRANULE..start + old_len);
                    return None;
                }
                Fault::GrowsPastEnd if behind.start == self.memory.end && behind.len() <= 64 => {}
                Fault::GrowsTooFar if self.free.take_at(behind.start..behind.end - GRANULE) => {}
                _ => return None,
            }
        }
        self.fresh = self.fresh.max(behind.end);
        self.stats.used += behind.len();
        if !self.has(Fault::PeakStale) {
            self.stats.peak_used = self.stats.peak_used.max(self.stats.used);
        }
        Some(start)
    }

    /// Takes the free memory before a block so that a larger one may begin there; returns where.
    pub(super) fn grow_left(&mut self, start: usize, old: Layout, new: Layout) -> Option<usize> {
        let (old_len, new_len) = (self.extent(old), self.extent(new));
        let before = self.free.runs().iter().find(|run| run.end == start).cloned()?;
        let lower = align_up(before.start, new.align().max(GRANULE))?;
        if lower >= start || new_len < old_len || new_len - old_len > start - lower {
            return None;
        }
        self.free.take_at(lower..start);
        self.give(lower + new_len..start + old_len);
        self.stats.used += new_len - old_len;
        self.stats.peak_used = self.stats.peak_used.max(self.stats.used);
        Some(lower)
    }

    /// Forgets which memory is used.
    pub(super) fn forget(&mut self) {
        self.free = Naive::new();
        self.free.give(self.memory.clone());
        self.live.clear();
    }
}
