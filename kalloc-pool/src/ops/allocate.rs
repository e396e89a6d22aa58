//! Allocation: a quick list first, then the index, then the top; what is not needed goes back.

use core::alloc::Layout;
use core::mem;
use core::ptr::NonNull;

use kalloc_traits::RawBlock;

use crate::block::loans::LONG;
use crate::block::{Free, Marked, Used};
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::granules;
use crate::index::Place;
use crate::index::sealed::Index;
use crate::loose::Loose;

/// Granules that are cut off the top at once for small requests.
const CHUNK: u32 = 512;

/// The most granules of what lies before an aligned block and is cached, not indexed.
const SPLINTER: u32 = 7;

/// How many times its size a block that has outgrown its place finds in a free block.
const ROOM: u32 = 16;

/// The least granules of a block that moves to the top when it has outgrown its place.
const LARGE: u32 = 128;

/// How many free granules may lie below the top, besides half as many as are used, when a block moves there.
const SPREAD: u32 = 4096;

impl<C: Config> Engine<C> {
    /// Returns a block for `layout` out of a quick list. None has blocks for a size of zero.
    #[inline(always)]
    pub(crate) fn allocate_quickly(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        // Round up when taking.
        let len = granules::<C>(layout.size());
        if C::CHECKED && len >= LONG as usize {
            return None;
        }
        let block = self.quick.pop(&self.arena, len, layout.align())?;
        Some(self.lend(block))
    }

    /// Returns a block for `layout`, whose size is not zero, from elsewhere.
    #[inline(never)]
    pub(crate) fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let (len, align) = (granules::<C>(layout.size()), layout.align());
        if len > self.arena.granules() as usize {
            return None;
        }
        let len = len as u32;
        self.walked = 0;
        let block = if Self::KEEPS_REST && len <= self.small && align <= C::GRANULE {
            self.cut_small(len)
        } else if let Some(block) = self.pop_long(len, align) {
            Some(block)
        } else if align <= C::GRANULE {
            self.cut_large(len)
        } else {
            self.cut_aligned(len, align)
        };
        match block {
            Some(block) => Some(self.lend(block)),
            None => self.allocate_flushing(len, align),
        }
    }

    /// As [`allocate`](Self::allocate), and says whether the block is zero: it is if it was never used, in a region that is.
    #[inline]
    pub(crate) fn allocate_raw(&mut self, layout: Layout) -> Option<RawBlock> {
        let fresh = self.fresh;
        let block = self.allocate(layout)?;
        // SAFETY: the block was lent out just now.
        let is_zeroed = Self::KNOWS_FRESH && unsafe { self.arena.granule_at(block.cast()) } >= fresh;
        Some(RawBlock { block, is_zeroed })
    }

    /// Returns a block of `len` granules at a multiple of `align` bytes out of what the quick lists hold and closes a gap:
    /// one class at a time, the largest first.
    #[cold]
    #[inline(never)]
    fn allocate_flushing(&mut self, len: u32, align: usize) -> Option<NonNull<[u8]>> {
        // Twice as many classes each time: a search that finds nothing is repeated O(log classes) times.
        let mut batch = 1u32;
        while self.flush_one_class() {
            for _ in 1..batch {
                if !self.flush_one_class() {
                    break;
                }
            }
            batch = batch.saturating_mul(2);
            let block = match align <= C::GRANULE {
                true if Self::KEEPS_REST && len <= self.small => self.cut_small(len),
                true => self.cut_large(len),
                false => self.cut_aligned(len, align),
            };
            if let Some(block) = block {
                return Some(self.lend(block));
            }
        }
        None
    }

    /// Takes a block out of a quick list that [`allocate_quickly`](Self::allocate_quickly) has not asked.
    #[inline(always)]
    fn pop_long(&mut self, len: u32, align: usize) -> Option<Free> {
        if C::CHECKED {
            if let Some(block) = self.quick.pop(&self.arena, len as usize, align) {
                return Some(block);
            }
        }
        self.quick.pop_large(&self.arena, len, align)
    }

    /// Cuts `len` granules, for which there is an exact bin, out of a free block, off the rest, or off the top.
    #[inline(always)]
    fn cut_small(&mut self, len: u32) -> Option<Free> {
        if let Some(block) = self.index.take_exact(&mut self.arena, len) {
            return Some(self.arena.unmark(block));
        }
        if self.rest.len() < len {
            if let Some(block) = self.index.take_larger(&mut self.arena, len) {
                return Some(self.cut_to_rest(block, len));
            }
        }
        self.cut_loose(len)
    }

    /// Cuts `len` granules off the rest or, if that has not so many, off the top.
    #[inline(always)]
    fn cut_loose(&mut self, len: u32) -> Option<Free> {
        if !Self::KEEPS_REST {
            return self.cut_top(len);
        }
        // What is too large for any chunk need not ask for one.
        if self.rest.len() < len && (len > CHUNK / 8 || !self.stock_rest(len)) {
            return self.cut_top(len);
        }
        if self.reserve == 0 {
            return self.rest.cut(len);
        }
        let block = self.rest.cut(len);
        // One that will be shrunk gives its tail back to the rest, and one that will grow finds it there, if no other was cut
        // behind it.
        if len == mem::take(&mut self.resized) {
            return block;
        }
        self.quick.refill(&mut self.arena, len, &mut self.rest);
        block
    }

    /// Makes what is cut off the top the rest, for requests of `len` granules. Returns `false` if these are too large for that, or
    /// the top too small.
    #[inline]
    fn stock_rest(&mut self, len: u32) -> bool {
        // So blocks that grow at the top are seldom hemmed in by small ones.
        let most = if self.reserve == 0 { CHUNK / 16 } else { CHUNK };
        let chunk = most.min(self.top.len() / 64);
        // What closes the lists frees what they hold, next to the chunk perhaps, which must not be in nobody's hands then.
        if chunk / 8 < len || self.top.len() - chunk < self.reserve {
            return false;
        }
        self.join_rest_to_top();
        match self.cut_top(chunk) {
            Some(block) => self.renew_rest(block),
            None => return false,
        }
        true
    }

    /// Cuts `len` granules off the top.
    #[inline]
    fn cut_top(&mut self, len: u32) -> Option<Free> {
        if Self::KEEPS_REST && self.top.len() < len {
            self.join_rest_to_top();
        }
        let block = self.top.cut(len)?;
        self.note_cut_top();
        Some(block)
    }

    /// Notes that the top has become smaller at its low end.
    #[inline]
    pub(super) fn note_cut_top(&mut self) {
        if Self::KNOWS_FRESH {
            self.fresh = self.fresh.max(self.top.start());
        }
        if self.is_scarce() {
            self.close_quick();
        }
    }

    /// Cuts the first `len` granules off `block`, and keeps what is left of it as the rest. What was the rest goes
    /// into the index.
    #[inline(never)]
    fn cut_to_rest(&mut self, block: Marked, len: u32) -> Free {
        let (block, rest) = self.arena.unmark(block).split(len);
        if let Some(rest) = rest {
            self.renew_rest(rest);
        }
        block
    }

    /// Makes `block` the rest. What was the rest goes into the index.
    #[inline]
    fn renew_rest(&mut self, block: Free) {
        if let Some(old) = mem::replace(&mut self.rest, Loose::new(block)).take() {
            if old.end() == self.top.start() {
                return self.top.join(old);
            }
            let old = self.arena.mark(old);
            self.index.link(&mut self.arena, old);
        }
    }

    /// Cuts `len` granules, for which no bin is exact, out of the index's block or off the rest, whichever is smaller.
    #[inline(always)]
    fn cut_large(&mut self, len: u32) -> Option<Free> {
        if Self::HAS_LISTS && len == self.outgrown && len >= LARGE {
            if let Some(block) = self.cut_roomy(len) {
                return Some(block);
            }
        }
        let below = if Self::KEEPS_REST && self.rest.len() >= len {
            self.rest.len()
        } else {
            u32::MAX
        };
        let Some(block) = self.index.take(&mut self.arena, len, below) else {
            return self.cut_loose(len);
        };
        let (block, rest) = self.arena.cut(block, len);
        if let Some(rest) = rest {
            self.index.link(&mut self.arena, rest);
        }
        Some(block)
    }

    /// Cuts `len` granules where there is much room behind them, for a block that has outgrown its place: it is likely to
    /// grow again, and there it need not move. The top has such room, but is taken only while little is free below it.
    #[cold]
    fn cut_roomy(&mut self, len: u32) -> Option<Free> {
        let granules = self.arena.granules();
        if self.reserve == 0 || self.top.len() < granules / 4 * 3 || len > granules / 16 {
            return None;
        }
        let room = len.checked_mul(ROOM)?;
        if let Some(block) = self.index.take(&mut self.arena, room, u32::MAX) {
            let (block, rest) = self.arena.cut(block, len);
            if let Some(rest) = rest {
                self.index.link(&mut self.arena, rest);
            }
            return Some(block);
        }
        // More than that below the top is free already: the heap would spread over memory that no cache holds.
        let used = self.counters.used();
        if self.top.start().saturating_sub(used) > used / 2 + SPREAD {
            return None;
        }
        self.cut_top(len)
    }

    /// Cuts `len` granules at a multiple of `align` out of a free block, off the rest, or off the top; both remainders go
    /// back.
    #[inline(never)]
    fn cut_aligned(&mut self, len: u32, align: usize) -> Option<Free> {
        if let Some(block) = self.quick.pop_near(&mut self.arena, len, align) {
            return Some(block);
        }
        // While memory is plentiful, small blocks lie close to each other, whatever is between them.
        if Self::HAS_LISTS && self.reserve > 0 && len <= self.small {
            if let Some(block) = self.cut_small_aligned(len, align) {
                return Some(block);
            }
        } else if Self::KEEPS_REST && self.arena.is_aligned(self.rest.start(), align) {
            if let Some(block) = self.cut_loose_aligned(false, len, align) {
                return Some(block);
            }
        }
        if let Some(place) = self.index.find_aligned(&self.arena, len, align) {
            return Some(self.cut_at(place, len));
        }
        // No gap is better than one.
        if Self::KEEPS_REST && self.arena.is_aligned(self.top.start(), align) {
            if let Some(block) = self.cut_top_aligned(len, align) {
                return Some(block);
            }
        }
        if Self::KEEPS_REST {
            if let Some(block) = self.cut_loose_aligned(false, len, align) {
                return Some(block);
            }
        }
        self.join_rest_to_top();
        if let Some(block) = self.cut_top_aligned(len, align) {
            return Some(block);
        }
        let place = self.index.search_aligned(&self.arena, len, align)?;
        Some(self.cut_at(place, len))
    }

    /// Cuts `len` granules, for which there is an exact bin, at a multiple of `align` off the rest, and some more for those that
    /// are likely to follow.
    fn cut_small_aligned(&mut self, len: u32, align: usize) -> Option<Free> {
        let ample = len.saturating_add(u32::try_from(granules::<C>(align)).unwrap_or(u32::MAX));
        if self.rest.len() < ample {
            if let Some(place) = self.index.find_aligned(&self.arena, len, align) {
                return Some(self.cut_at(place, len));
            }
            self.stock_rest(ample);
        }
        let block = self.cut_loose_aligned(false, len, align)?;
        if len != mem::take(&mut self.resized) {
            self.quick.refill_aligned(&mut self.arena, len, align, &mut self.rest);
        }
        Some(block)
    }

    /// Cuts `len` granules at a multiple of `align` off the top. What lies before them goes back.
    fn cut_top_aligned(&mut self, len: u32, align: usize) -> Option<Free> {
        let block = self.cut_loose_aligned(true, len, align)?;
        self.note_cut_top();
        Some(block)
    }

    /// Cuts `len` granules at a multiple of `align` off the top or off the rest. What lies before them goes back.
    #[inline]
    fn cut_loose_aligned(&mut self, from_top: bool, len: u32, align: usize) -> Option<Free> {
        let loose = if from_top { &mut self.top } else { &mut self.rest };
        let start = u32::try_from(self.arena.align_up(loose.start(), align)).ok()?;
        let (gap, block) = loose.cut_at(start, len)?;
        if let Some(gap) = gap {
            // What is cached serves one size only, so that is for splinters.
            let kept = if gap.len() <= SPLINTER {
                self.quick.push(&mut self.arena, gap)
            } else {
                Err(gap)
            };
            if let Err(gap) = kept {
                // What lies before it is used, or would be part of it.
                let gap = self.arena.mark(gap);
                self.index.link(&mut self.arena, gap);
            }
        }
        Some(block)
    }

    /// Cuts `len` granules out of the middle of a free block.
    fn cut_at(&mut self, place: Place, len: u32) -> Free {
        let size = self.arena.size(place.id);
        let block = self.index.unlink(&mut self.arena, place.id, size);
        let (gap, block, rest) = self.arena.carve(block, place.start, len);
        if let Some(gap) = gap {
            self.index.link(&mut self.arena, gap);
        }
        match rest {
            // Small blocks of one alignment come in rows: the next one starts where this one ends.
            Some(rest) if Self::KEEPS_REST && len <= self.small => {
                let rest = self.arena.unmark(rest);
                self.renew_rest(rest);
            }
            Some(rest) => self.index.link(&mut self.arena, rest),
            None => {}
        }
        block
    }

    /// Lends `block` out, and counts it.
    #[inline(always)]
    fn lend(&mut self, block: Free) -> NonNull<[u8]> {
        self.counters.lend(block.len());
        if C::CHECKED {
            self.arena.note_lent(block.start(), block.len());
        }
        self.hand_out(block.lend())
    }

    /// Returns a lent block as the user sees it: from here on, the pointer stands for it.
    #[inline(always)]
    pub(super) fn hand_out(&self, block: Used) -> NonNull<[u8]> {
        // SAFETY: the block lies inside the region.
        let pointer = unsafe { self.arena.pointer(block.start()) };
        NonNull::slice_from_raw_parts(pointer, Self::bytes(block.len()))
    }
}
