//! Taking more of the region in, after it has grown at its high end.
//!
//! While the state run has room for the region's new size, nothing moves. Otherwise a larger one is laid out at the new
//! high end, bitmap and table are copied, and the old run becomes free memory. It is made an eighth larger than needed, so
//! that a heap which grows by small steps copies its bitmap O(log n) times. Links are numbers from the region's start and
//! stay as they are.

use core::mem;

use kalloc_traits::{RegionError, Span};

use crate::block::{Arena, Free, Used};
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::{MAX_GRANULES, bytes, granules, whole_granules};
use crate::index::sealed::Index;
use crate::loose::Loose;
use crate::quick::Quick;

impl<C: Config> Engine<C> {
    /// Returns how many bytes the region should grow by, so that `size` bytes at a multiple of `align` fit behind its
    /// present end; `None` if they never will.
    pub(crate) fn growth_for(&self, size: usize, align: usize) -> Option<usize> {
        let wanted = granules::<C>(size).checked_add(granules::<C>(align))?;
        // One granule more, for a region whose edges are not aligned, and one of which a boot block may have a part.
        let wanted = wanted.checked_add(self.arena.granules() as usize + 1 + usize::from(C::ADOPTS))?;
        // A heap that is not laid out yet has no record at its start either.
        let front = if self.is_laid_out() { 0 } else { Self::HEADER };
        let wanted = wanted.checked_add(front as usize)?;
        if wanted > MAX_GRANULES as usize / 2 {
            return None;
        }
        let wanted = wanted as u32;
        let mut total = wanted;
        if wanted > self.capacity {
            // The state run is part of what it describes. It grows by less than that, so a few rounds are enough.
            for _ in 0..32 {
                let needed = wanted + Self::state_len(Self::capacity_for(total));
                if needed == total {
                    break;
                }
                total = needed;
            }
        }
        Some(bytes::<C>(total - self.arena.granules()))
    }

    /// Returns the capacity for which a state run is laid out when the region has `granules`.
    const fn capacity_for(granules: u32) -> u32 {
        let capacity = granules + granules / 8;
        if capacity < MAX_GRANULES {
            capacity
        } else {
            MAX_GRANULES
        }
    }

    /// Takes in what the region has grown by.
    ///
    /// # Errors
    ///
    /// [`RegionError::Exhausted`] if it has not grown, or by less than the heap needs for its own state. What came stays
    /// in the region, for the next growth.
    ///
    /// # Safety
    ///
    /// The span's memory is valid for reads and writes and ours alone, and starts with the memory that we have.
    pub(crate) unsafe fn take_in(&mut self, span: Span) -> Result<(), RegionError> {
        let base = self.arena.base().addr().get();
        let Some(len) = span.end_addr().checked_sub(base) else {
            return Err(RegionError::Exhausted);
        };
        let (old, new) = (self.arena.granules(), whole_granules::<C>(len));
        if !span.contains(self.arena.base()) || new <= old {
            return Err(RegionError::Exhausted);
        }
        if new > self.capacity {
            // SAFETY: the caller upholds the contract.
            let moved = unsafe { self.move_state(new) };
            if moved.is_ok() || old >= self.capacity {
                return moved;
            }
            // A region that grows by large steps has brought more than was asked for, and too little for a larger state: what
            // there is no room for in this one stays in the region, too.
        }
        let new = new.min(self.capacity);
        let kept = if C::ADOPTS { self.boot_tail(old) } else { 0 };
        self.reserve = 0;
        // SAFETY: the region has so many granules, and the bitmap has room for them.
        unsafe { self.arena.set_granules(new) };
        if kept < new - old {
            // SAFETY: the other new granules are ours.
            self.renew_top(unsafe { Free::new(old + kept, new - old - kept) });
        }
        Ok(())
    }

    /// Makes the arena `new` granules long and lays the state run out at its end.
    ///
    /// # Errors and safety
    ///
    /// As for [`take_in`](Self::take_in).
    unsafe fn move_state(&mut self, new: u32) -> Result<(), RegionError> {
        let old = self.arena.granules();
        let capacity = Self::capacity_for(new);
        let state = Self::state_len(capacity);
        // A boot block may have a part of the first new granule.
        let kept = u32::from(C::ADOPTS);
        let Some(old_state) = self.state.take_if(|_| state < new - old - kept) else {
            return Err(RegionError::Exhausted);
        };
        let first = old + if C::ADOPTS { self.boot_tail(old) } else { 0 };

        // The quick lists' bound depends on the region's size.
        self.trim();
        let start = new - state;
        // SAFETY: the region has `new` granules, and the last `state` of them, which are new, hold bitmap and table.
        let mut arena = unsafe { Arena::<C>::new(self.arena.base(), new, start, capacity, Self::table_len(capacity)) };
        // SAFETY: the capacity is the arena's.
        unsafe { arena.clear_state(capacity) };
        // SAFETY: the new state run lies behind all of the old arena.
        unsafe { arena.copy_bitmap(&self.arena) };
        self.index.relocate(&mut arena, &self.arena, capacity);
        Self::copy_notes(&mut arena, capacity, &self.arena, self.capacity);
        self.arena = arena;
        // SAFETY: the quick lists' part of the table follows the index's.
        self.quick = unsafe { Quick::new(&self.arena, C::Index::table_len(capacity), capacity) };
        // A region that grows may grow again: nothing is scarce until it refuses.
        self.reserve = 0;
        self.small = C::Index::SMALL.min(capacity);
        self.capacity = capacity;
        // SAFETY: these granules are new, and hold bitmap and table.
        self.state = Some(unsafe { Used::new(start, state) });

        // SAFETY: the other new granules are ours, and there are some.
        self.renew_top(unsafe { Free::new(first, start - first) });
        self.free_old_state(old_state);
        Ok(())
    }

    /// Makes `block`, the new high end of the region, the top. What was the top until now is part of it, if it ends there.
    fn renew_top(&mut self, block: Free) {
        self.walked = 0;
        // Who knows that the block is zero says so.
        self.fresh = u32::MAX;
        let old = mem::replace(&mut self.top, Loose::new(block)).take();
        if let Some(old) = old {
            self.coalesce(old);
        }
    }

    /// Frees the run that held the state. Granule 0 stays used for ever: its number stands for no block.
    fn free_old_state(&mut self, run: Used) {
        if run.start() > 0 {
            self.coalesce(run.release());
        } else if run.len() > 1 {
            // SAFETY: these granules are the run's, which is gone.
            self.coalesce(unsafe { Free::new(1, run.len() - 1) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Standard;

    #[test]
    fn a_region_grows_to_half_of_the_most_granules_and_no_further() {
        // Two granules more are for the request's alignment and for the region's edges.
        let most = (MAX_GRANULES / 2 - 2) as usize * 8;
        let engine = Engine::<Standard>::EMPTY;
        assert!(engine.growth_for(most, 1).is_some_and(|len| len > most));
        assert_eq!(engine.growth_for(most + 1, 1), None);
        assert_eq!(engine.growth_for(isize::MAX as usize, 1), None);
    }
}
