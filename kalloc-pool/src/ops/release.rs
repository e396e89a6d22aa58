//! Giving the high end of the region up: the opposite of `grow`.

use crate::block::{Arena, Used};
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::{MAX_GRANULES, bytes, granules};
use crate::index::sealed::Index;
use crate::quick::Quick;

impl<C: Config> Engine<C> {
    /// Gives up as many whole granules at the high end as lie in `wanted` bytes and are free, and returns how many bytes these
    /// are; `None` if that is none. The heap keeps its own state and one granule at least.
    pub(crate) fn release_tail(&mut self, wanted: usize) -> Option<usize> {
        self.trim();
        self.walked = 0;
        let old = self.arena.granules();
        let state_start = self.state.as_ref().map(Used::start)?;
        let wanted = u32::try_from(wanted >> C::GRANULE.trailing_zeros()).unwrap_or(u32::MAX);
        if self.top.end() == old && self.top.len() > 0 {
            let new = old.saturating_sub(wanted).max(self.top.start());
            // Without a granule to hand out there would be no heap.
            let new = if self.usable() <= old - new { new + 1 } else { new };
            (new < old).then(|| self.cut_end(new))?;
            return Some(bytes::<C>(old - new));
        }
        if self.top.end() == state_start && self.state.as_ref().is_some_and(|state| state.end() == old) {
            let new = self.move_state_down(old, old.saturating_sub(wanted))?;
            return Some(bytes::<C>(old - new));
        }
        None
    }

    /// Makes the arena end at `new`, inside of the top.
    fn cut_end(&mut self, new: u32) {
        // What lies behind is the region's again, and may come back in use.
        self.top.cut_end(new);
        self.fresh = u32::MAX;
        // SAFETY: the region has more granules than these, and the bitmap has room for them.
        unsafe { self.arena.set_granules(new) };
        if self.top.len() < self.reserve {
            self.close_quick();
        }
    }

    /// Moves the state run, which is the last of the region, down into the top before it, so that the region ends at `new` or
    /// as low as it can. Returns where it ends.
    fn move_state_down(&mut self, old: u32, new: u32) -> Option<u32> {
        let start = self.state.as_ref().map(Used::start)?;
        // The new run lies before the old one, so that what is copied does not overlap: it ends there at the latest, and at the
        // earliest where it fits behind the blocks, and a granule is left.
        let mut new = new.min(start);
        let lowest = self.top.start() + 1;
        loop {
            let least = lowest + Self::state_len(new);
            if least > start {
                return None;
            }
            if new >= least {
                break;
            }
            // It takes more to describe more, but less than that.
            new = least;
        }
        let state = Self::state_len(new);
        debug_assert!(new < old);
        let at = new - state;
        // SAFETY: the region has so many granules, and this run of the top holds bitmap and table.
        let mut arena = unsafe { Arena::<C>::new(self.arena.base(), new, at, new, Self::table_len(new)) };
        // SAFETY: the capacity is the arena's.
        unsafe { arena.clear_state(new) };
        // SAFETY: the new run lies before the old one.
        unsafe { arena.copy_bitmap(&self.arena) };
        self.index.relocate(&mut arena, &self.arena, new);
        Self::copy_notes(&mut arena, new, &self.arena, self.capacity);
        self.fresh = u32::MAX;
        self.top.cut_end(at);
        self.arena = arena;
        // SAFETY: the quick lists' part of the table follows the index's.
        self.quick = unsafe { Quick::new(&self.arena, C::Index::table_len(new), new) };
        self.reserve = 0;
        self.small = C::Index::SMALL.min(new);
        self.capacity = new;
        // SAFETY: these granules were the top's, and hold bitmap and table.
        self.state = Some(unsafe { Used::new(at, state) });
        Some(new)
    }

    /// Returns how many bytes a region has in which `size` bytes at a multiple of `align` surely fit.
    pub(crate) fn region_for(size: usize, align: usize) -> Option<usize> {
        if size > isize::MAX as usize {
            return None;
        }
        let wanted = granules::<C>(size).checked_add(granules::<C>(align))?;
        // A region may start and end inside of a granule.
        let wanted = u32::try_from(wanted.checked_add(2)?).ok()?;
        if wanted > MAX_GRANULES / 2 {
            return None;
        }
        let mut total = wanted;
        // The state run is part of what it describes. It grows by less than that, so a few rounds are enough.
        for _ in 0..32 {
            let needed = wanted + Self::state_len(total) + Self::HEADER;
            if needed == total {
                break;
            }
            total = needed;
        }
        Some(bytes::<C>(total))
    }

    /// Returns whether a block is live, or one of an earlier heap was.
    pub(crate) fn is_in_use(&self) -> bool {
        self.is_laid_out() && (self.counters.live_blocks > 0 || C::ADOPTS && self.boot().bits() > 0)
    }
}
