//! The check of the invariants, one by one; see `docs/invariants.md`.

use kalloc_traits::Corruption;

use crate::block::Id;
use crate::config::Config;
use crate::engine::Engine;
use crate::index::sealed::Index;
use crate::loose::Loose;

/// What the walk over the bitmap has found.
struct Found {
    blocks: u32,
    free: u32,
}

impl<C: Config> Engine<C> {
    /// Checks every invariant. Reads nothing outside of the region, whatever it finds.
    pub(crate) fn verify(&self) -> Result<(), Corruption> {
        if !self.is_laid_out() {
            return Ok(());
        }
        self.verify_frame()?;
        let found = self.verify_blocks()?;
        self.index
            .verify(&self.arena, found.blocks)
            .map_err(|at| Self::broken("P5", at))?;
        self.quick
            .verify(&self.arena, self.capacity)
            .map_err(|at| Self::broken("P6", at))?;
        if C::CHECKED {
            self.verify_loans()?;
        }
        if C::ADOPTS {
            self.verify_boot()?;
        }
        self.verify_counters(&found)
    }

    /// Checks what does not depend on index and lists, in a heap without either.
    pub(crate) fn verify_unindexed(&self) -> Result<(), Corruption> {
        self.verify_frame()?;
        let found = self.verify_blocks()?;
        if C::CHECKED {
            self.verify_loans()?;
        }
        self.verify_counters(&found)
    }

    /// P1: the region's frame. P2: the state run lies inside it.
    fn verify_frame(&self) -> Result<(), Corruption> {
        let granules = self.arena.granules();
        if self.arena.base().addr().get() % C::GRANULE != 0 || granules > self.capacity {
            return Err(Self::broken("P1", 0));
        }
        let is_inside = self.state.as_ref().is_some_and(|state| {
            let is_unmarked = !self.arena.bit(state.start()) && !self.arena.bit(state.end() - 1);
            state.end() <= granules && is_unmarked && state.len() == Self::state_len(self.capacity)
        });
        if !is_inside || self.arena.table_len() != Self::table_len(self.capacity) {
            return Err(Self::broken("P2", 0));
        }
        Ok(())
    }

    /// P3: exactly the ends of free blocks are marked, and their sizes agree. P4: no two are adjacent.
    fn verify_blocks(&self) -> Result<Found, Corruption> {
        let granules = self.arena.granules();
        if self.arena.bit(0) || self.arena.bit(granules) {
            return Err(Self::broken("P3", granules));
        }
        let mut found = Found {
            blocks: 0,
            free: self.top.len() + self.rest.len(),
        };
        let mut from = 0;
        while let Some(id) = self.arena.next_free(from) {
            if id.0 == from {
                return Err(Self::broken("P4", from));
            }
            let end = self.verify_block(id)?;
            self.verify_apart(id.0, end)?;
            found.blocks += 1;
            found.free += end - id.0;
            from = end;
        }
        // The rest may end where the top starts, from which it was cut.
        if self.rest.len() > 0 && self.rest.end() > self.top.start() && self.rest.start() < self.top.end() {
            return Err(Self::broken("P3", self.rest.start()));
        }
        Ok(found)
    }

    /// P3, P4: the free granules `start..end` lie apart from rest and top.
    fn verify_apart(&self, start: u32, end: u32) -> Result<(), Corruption> {
        if self.rest.len() > 0 {
            self.verify_apart_from(&self.rest, start, end)?;
        }
        self.verify_apart_from(&self.top, start, end)
    }

    fn verify_apart_from(&self, loose: &Loose, start: u32, end: u32) -> Result<(), Corruption> {
        if end == loose.start() || start == loose.end() {
            return Err(Self::broken("P4", start));
        }
        if start < loose.end() && end > loose.start() {
            return Err(Self::broken("P3", start));
        }
        Ok(())
    }

    /// P3 for one block. Returns where it ends.
    fn verify_block(&self, id: Id) -> Result<u32, Corruption> {
        let broken = Self::broken("P3", id.0);
        let len = self.arena.checked_size(id).ok_or(broken)?;
        let last = id.0 + len - 1;
        // The next mark behind the first granule's is the last granule's.
        if len > 1 && self.arena.next_free(id.0 + 1) != Some(Id(last)) {
            return Err(broken);
        }
        Ok(last + 1)
    }

    /// P7: the counters add up.
    fn verify_counters(&self, found: &Found) -> Result<(), Corruption> {
        let counters = &self.counters;
        let sum = u64::from(counters.used()) + u64::from(found.free) + u64::from(self.quick.cached::<C>(self.capacity));
        let has_blocks = counters.live_blocks > 0;
        if sum != u64::from(self.usable()) || counters.peak < counters.used() || has_blocks != (counters.used() > 0) {
            return Err(Self::broken("P7", 0));
        }
        Ok(())
    }

    /// Returns the report of a broken invariant at a granule.
    pub(crate) fn broken(invariant: &'static str, granule: u32) -> Corruption {
        Corruption {
            invariant,
            offset: Self::bytes(granule),
        }
    }
}
