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

#[cfg(test)]
mod tests {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    use kalloc_traits::Span;

    use super::*;
    use crate::block::{Free, Used};
    use crate::config::{AddressOrdered, BestFitting, Checked, RealTime, Tiny};

    const GRANULES: u32 = 1000;

    /// The granules `start..start + len` as the rest or the top, whoever has them.
    fn loose(start: u32, len: u32) -> Loose {
        // SAFETY: none: somebody else owns them, perhaps. But a heap that is only verified does not write to them.
        Loose::new(unsafe { Free::new(start, len) })
    }

    /// Breaks a heap that has a hole at each end of a block, and returns the number of the invariant that `verify` says is broken.
    fn broken(break_it: impl FnOnce(&mut Engine<RealTime>, [u32; 2])) -> Option<&'static str> {
        broken_of::<RealTime>(break_it)
    }

    fn broken_of<C: Config>(break_it: impl FnOnce(&mut Engine<C>, [u32; 2])) -> Option<&'static str> {
        let mut memory = [0u64; GRANULES as usize];
        let start = NonNull::from(&mut memory).cast::<u8>();
        let mut engine = Engine::<C>::EMPTY;
        // SAFETY: the memory outlives the heap, and is nobody else's.
        unsafe { engine.lay_out(Span::new(start, GRANULES as usize * 8)) }.unwrap();
        let layout = Layout::new::<[u64; 40]>();
        let [_, first, _, second, _] = [(); 5].map(|()| engine.allocate(layout).unwrap().cast::<u8>());
        let holes = [first, second].map(|hole| {
            // SAFETY: the block is live, and has this layout.
            unsafe { engine.deallocate(hole, layout.size()) };
            engine.arena.granule_of(hole).unwrap()
        });
        assert_eq!((engine.verify(), engine.verify_unindexed()), (Ok(()), Ok(())));
        break_it(&mut engine, holes);
        let report = engine.verify().err();
        if report.is_some_and(|flaw| !["P5", "P10"].contains(&flaw.invariant)) {
            assert_eq!(engine.verify_unindexed().err(), report);
        }
        report.map(|flaw| flaw.invariant)
    }

    #[test]
    fn a_state_that_does_not_fit_is_reported() {
        assert_eq!(broken(|engine, _| engine.capacity = GRANULES - 1), Some("P1"));
        assert_eq!(broken(|engine, _| engine.capacity = 8 * GRANULES), Some("P2"));
        let state_at = |start, more| {
            broken(|engine, _| {
                let len = Engine::<RealTime>::state_len(GRANULES) + more;
                // SAFETY: none, as above.
                engine.state = Some(unsafe { Used::new(start, len) });
            })
        };
        let len = Engine::<RealTime>::state_len(GRANULES);
        assert_eq!([state_at(0, 0), state_at(0, 1)], [None, Some("P2")]);
        assert_eq!(state_at(GRANULES - len + 1, 0), Some("P2"));
        // In the last granule of the region it would end, and so would the sum be right but for granule 0.
        assert_eq!(state_at(GRANULES - len, 0), Some("P7"));
        for end in [0, 1] {
            let report = broken(|engine, [hole, _]| {
                let start = if end == 0 { hole } else { hole + 40 - len };
                // SAFETY: none, as above.
                engine.state = Some(unsafe { Used::new(start, len) });
            });
            assert_eq!(report, Some("P2"), "a mark on the state");
        }
    }

    #[test]
    fn what_bears_no_mark_lies_apart_from_what_does() {
        // Over, beside and around a hole of 40 granules.
        for (at, len, expected) in [
            (-1, 1, "P4"),
            (40, 1, "P4"),
            (0, 1, "P3"),
            (39, 1, "P3"),
            (-1, 42, "P3"),
            (5, 3, "P3"),
            (-2, 1, "P7"),
            (41, 1, "P7"),
        ] {
            for number in [0, 1] {
                let start = |holes: [u32; 2]| holes[number].wrapping_add_signed(at);
                let rest = broken(|engine, holes| engine.rest = loose(start(holes), len));
                assert_eq!(rest, Some(expected), "the rest, {at} and {len} behind the hole");
                let top = broken(|engine, holes| engine.top = loose(start(holes), len));
                assert_eq!(top, Some(expected), "the top, {at} and {len} behind the hole");
            }
        }
        // Over the top, and before it.
        for (at, len, expected) in [(-1, 1, "P7"), (-1, 2, "P3"), (0, 1, "P3"), (9, 1, "P3")] {
            let report = broken(|engine, _| {
                engine.rest = loose(engine.top.start().wrapping_add_signed(at), len);
            });
            assert_eq!(report, Some(expected), "{at} and {len} behind the top");
        }
        let behind = broken(|engine, _| {
            engine.top.cut_end(GRANULES - 2);
            engine.rest = loose(GRANULES - 2, 1);
        });
        assert_eq!(behind, Some("P7"), "one granule is nobody's");
    }

    #[test]
    fn counters_that_do_not_add_up_are_reported() {
        let counted = |peak: i32, used: i32, live| {
            broken(|engine, _| {
                let real = engine.counters.used();
                let [peak, used] = [peak, used].map(|more| real.wrapping_add_signed(more));
                engine.counters.restore(peak, used, live, 0);
            })
        };
        assert_eq!([counted(0, 0, 3), counted(7, 0, 1), counted(0, 0, 99)], [None; 3]);
        for (peak, used, live) in [(-1, 0, 3), (1, 1, 3), (0, -1, 3), (0, 0, 0)] {
            assert_eq!(counted(peak, used, live), Some("P7"), "{peak}, {used}, {live}");
        }
        assert_eq!(broken(|engine, _| engine.top.cut_end(GRANULES - 1)), Some("P7"));
    }

    #[test]
    fn starts_of_blocks_that_are_wrong_are_reported() {
        type Known = Checked<RealTime>;
        assert_eq!(
            broken_of::<Known>(|engine, [hole, _]| engine.arena.note_lent(hole, 1)),
            Some("P10")
        );
        assert_eq!(
            broken_of::<Known>(|engine, [hole, _]| engine.arena.note_lent(hole - 1, 1)),
            Some("P10")
        );
        // The block before the hole.
        assert_eq!(
            broken_of::<Known>(|engine, [hole, _]| engine.arena.note_returned(hole - 40, 40)),
            Some("P10")
        );
        let one_more = |engine: &mut Engine<Known>, _| engine.counters.live_blocks += 1;
        assert_eq!(broken_of::<Known>(one_more), Some("P10"));
        // As many as there should be, but one of them is free.
        let moved = broken_of::<Known>(|engine, [hole, _]| {
            engine.arena.note_returned(hole - 40, 40);
            engine.arena.note_lent(hole, 40);
        });
        assert_eq!(moved, Some("P10"));
    }

    #[test]
    fn a_loan_of_what_somebody_else_has_is_reported() {
        type Known = Checked<RealTime>;
        // As many as there should be, and as long, but one of them has moved.
        let moved_to = |to: fn(&Engine<Known>, u32) -> u32| {
            broken_of::<Known>(|engine, [hole, _]| {
                engine.arena.note_returned(hole - 40, 40);
                let start = to(engine, hole);
                engine.arena.note_lent(start, 40);
            })
        };
        assert_eq!(moved_to(|_, hole| hole - 40), None);
        assert_eq!(moved_to(|_, hole| hole - 39), Some("P10"), "a hole's first granule");
        assert_eq!(moved_to(|engine, _| engine.top.start() + 1), Some("P10"));
        assert_eq!(moved_to(|engine, _| engine.top.end() - 40), Some("P10"));
        assert_eq!(moved_to(|_, _| 1), Some("P10"), "the state");
        let inside = broken_of::<Known>(|engine, [hole, _]| {
            // SAFETY: the granule is inside of the region.
            let between = unsafe { engine.arena.pointer(hole + 40) };
            // SAFETY: the block is live, and has this size.
            unsafe { engine.deallocate(between, 40 * 8) };
            assert_eq!(engine.verify(), Ok(()));
            engine.arena.note_returned(hole - 40, 40);
            engine.arena.note_lent(hole + 20, 40);
        });
        assert_eq!(inside, Some("P10"));
    }

    #[test]
    fn a_loan_behind_the_region_is_reported() {
        let mut memory = [0u64; GRANULES as usize];
        let start = NonNull::from(&mut memory).cast::<u8>();
        let mut engine = Engine::<Checked<RealTime>>::EMPTY;
        // SAFETY: the memory outlives the heap, and is nobody else's.
        unsafe { engine.lay_out(Span::new(start, 2000)) }.unwrap();
        // SAFETY: as above. A larger state run has room for more than that.
        unsafe { engine.take_in(Span::new(start, 4000)) }.unwrap();
        let granules = engine.arena.granules();
        assert!(granules + 20 < engine.capacity);
        for len in [1, 238, 239] {
            engine.arena.note_lent(granules + 1, len);
            assert_eq!(engine.verify().err(), Some(Engine::<RealTime>::broken("P10", granules)));
            engine.arena.note_returned(granules + 1, len);
        }
        assert_eq!(engine.verify(), Ok(()));
    }

    #[test]
    fn a_free_block_that_the_index_does_not_hold_is_reported() {
        fn lost<C: Config>(engine: &mut Engine<C>, [hole, _]: [u32; 2]) {
            // It keeps its marks.
            _ = engine.index.unlink(&mut engine.arena, Id(hole), 40);
        }
        assert_eq!(broken_of::<RealTime>(lost), Some("P5"));
        assert_eq!(broken_of::<AddressOrdered>(lost), Some("P5"));
        assert_eq!(broken_of::<BestFitting>(lost), Some("P5"));
        assert_eq!(broken_of::<Tiny>(lost), Some("P5"));
    }
    #[test]
    fn a_map_of_the_bins_or_its_summary_that_is_wrong_is_reported() {
        let bins = <RealTime as Config>::Index::table_len(GRANULES);
        for bin in (0..bins).step_by(if cfg!(miri) { 13 } else { 1 }) {
            let flipped =
                broken(|engine, _| engine.index.maps().0[(bin / usize::BITS) as usize] ^= 1 << (bin % usize::BITS));
            assert_eq!(flipped, Some("P5"), "bin {bin}");
        }
        for word in 0..=(bins - 1) / usize::BITS {
            assert_eq!(
                broken(|engine, _| *engine.index.maps().1 ^= 1 << word),
                Some("P5"),
                "word {word}"
            );
        }
    }
}
