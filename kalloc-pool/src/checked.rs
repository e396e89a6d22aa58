//! Frees that the contract forbids, found before they do harm. Where the configuration is not checked, none of this code is.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Corruption;

use crate::block::Free;
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::granules;
use crate::misuse::MisuseKind;

impl<C: Config> Engine<C> {
    /// Takes back a block that a user frees by `layout`, whose size is not zero, if the block is short, a quick list has room for it,
    /// and the call is permitted. Returns `false` if it is not: then it is [`deallocate_long`](Self::deallocate_long)'s.
    #[inline(always)]
    pub(crate) fn deallocate_short(&mut self, block: NonNull<u8>, layout: Layout) -> bool {
        let Some(start) = self.candidate(block, layout.align()) else {
            return false;
        };
        let len = granules::<C>(layout.size());
        if !Self::HAS_LISTS {
            // All blocks take the same way.
            if !self.arena.has_short_loan(start, len) {
                return false;
            }
            self.arena.note_returned(start, len as u32);
            // SAFETY: a block of this extent was lent out, and is no more.
            self.take_back(unsafe { Free::new(start, len as u32) });
            return true;
        }
        // Whatever else there is to do is done elsewhere, so that this is inlined.
        let Some(list) = self.quick.roomy::<C>(len) else {
            return false;
        };
        if !self.arena.has_short_loan(start, len) {
            return false;
        }
        self.arena.note_returned(start, len as u32);
        self.counters.take_back(len as u32);
        // SAFETY: a block of this extent was lent out, and is no more.
        let block = unsafe { Free::new(start, len as u32) };
        // SAFETY: it is the list for the block's size, and was found above.
        unsafe { self.quick.push_into(&mut self.arena, list, block) };
        true
    }

    /// As [`deallocate_short`](Self::deallocate_short), for a block of any size.
    #[inline(always)]
    pub(crate) fn deallocate_long(&mut self, block: NonNull<u8>, layout: Layout) -> bool {
        let Some(start) = self.candidate(block, layout.align()) else {
            return false;
        };
        let len = granules::<C>(layout.size());
        if !self.arena.has_loan(start, len) {
            return false;
        }
        self.arena.note_returned(start, len as u32);
        // SAFETY: a block of this extent was lent out, and is no more.
        self.take_back(unsafe { Free::new(start, len as u32) });
        true
    }

    /// Returns whether a user may free or resize `block` by `layout`, whose size is not zero, if the block is short. `false` if it is
    /// not, or the call is not permitted.
    #[inline(always)]
    pub(crate) fn permits_short(&self, block: NonNull<u8>, layout: Layout) -> bool {
        self.candidate(block, layout.align())
            .is_some_and(|start| self.arena.has_short_loan(start, granules::<C>(layout.size())))
    }

    /// As [`permits_short`](Self::permits_short), for a block of any size.
    #[inline]
    pub(crate) fn permits_long(&self, block: NonNull<u8>, layout: Layout) -> bool {
        self.candidate(block, layout.align())
            .is_some_and(|start| self.arena.has_loan(start, granules::<C>(layout.size())))
    }

    /// Returns the granule that starts at `block`, if there is one and it is aligned to `align`.
    #[inline(always)]
    fn candidate(&self, block: NonNull<u8>, align: usize) -> Option<u32> {
        const { assert!(!C::CHECKED || !C::ADOPTS, "blocks of another heap have no byte") };
        if block.addr().get() & (align - 1) != 0 {
            return None;
        }
        self.arena.granule_from(block)
    }

    /// Returns what is wrong with a free of `block` by a layout that is aligned to `align`, which is not permitted.
    #[cold]
    pub(crate) fn flaw(&self, block: NonNull<u8>, align: usize) -> MisuseKind {
        let Some(start) = self.arena.granule_of(block) else {
            return MisuseKind::Foreign;
        };
        if block.addr().get() & ((C::GRANULE - 1) | (align - 1)) != 0 {
            MisuseKind::Misaligned
        } else if !self.arena.is_lent(start) {
            MisuseKind::NotLive
        } else {
            MisuseKind::WrongSize
        }
    }

    /// Returns how many calls were refused; the note that counts them.
    pub(crate) fn misuses(&self) -> u32 {
        if !self.is_laid_out() {
            return 0;
        }
        // SAFETY: the notes are the table's last words.
        let pointer = unsafe { self.arena.table_word(Self::notes_at(self.capacity)) };
        // SAFETY: the table is initialised and ours (P2).
        unsafe { pointer.read() }
    }

    /// Counts a call that was refused. Before there is a heap, nothing counts.
    pub(crate) fn count_misuse(&mut self) {
        let misuses = self.misuses().saturating_add(1);
        if self.is_laid_out() {
            // SAFETY: the notes are the table's last words.
            let pointer = unsafe { self.arena.table_word(Self::notes_at(self.capacity)) };
            // SAFETY: the table is ours (P2).
            unsafe { pointer.write(misuses) };
        }
    }

    /// P10: blocks that are lent out have their bytes, and nothing that is free has.
    pub(crate) fn verify_loans(&self) -> Result<(), Corruption> {
        let state = self.state.as_ref().map_or(0..0, |state| state.start()..state.end());
        let front = 0..Self::HEADER.max(u32::from(state.start > 0));
        let [top, rest] = [&self.top, &self.rest].map(|loose| loose.start()..loose.end());
        let loans = self
            .arena
            .count_loans(self.capacity, &[state, front, top, rest])
            .map_err(|granule| Self::broken("P10", granule))?;
        if loans != (self.counters.live_blocks, self.counters.used()) {
            return Err(Self::broken("P10", 0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kalloc_traits::Span;

    use super::*;
    use crate::config::{Checked, RealTime, Retained, Standard};

    type Known = Engine<Checked<RealTime>>;

    const GRANULES: usize = 500;

    /// Lays a heap out on the first `len` granules.
    fn on<C: Config>(memory: &mut [u64; GRANULES], len: usize) -> Engine<C> {
        let mut engine = Engine::EMPTY;
        // SAFETY: the memory outlives the heap, and is nobody else's.
        unsafe { engine.lay_out(Span::new(NonNull::from(memory).cast(), len * 8)) }.unwrap();
        engine
    }

    /// Allocates a block of `len` granules, and returns the first of them.
    fn block<C: Config>(engine: &mut Engine<C>, len: u32) -> u32 {
        let layout = Layout::from_size_align(Known::bytes(len), 8).unwrap();
        let block = engine.allocate(layout).unwrap().cast();
        engine.arena.granule_of(block).unwrap()
    }

    /// Frees a block of ten granules.
    fn free<C: Config>(engine: &mut Engine<C>, start: u32) {
        // SAFETY: the granule is inside of the region.
        let pointer = unsafe { engine.arena.pointer(start) };
        // SAFETY: the block is live, and has this size.
        unsafe { engine.deallocate(pointer, Known::bytes(10)) };
    }

    /// Notes that a block of one granule lies at `to`, where none does, and holds that this is reported.
    fn reports_a_loan_at<C: Config>(engine: &mut Engine<C>, to: fn(&Engine<C>) -> u32) {
        let start = block(engine, 1);
        let to = to(engine);
        assert_eq!(engine.verify(), Ok(()));
        engine.arena.note_returned(start, 1);
        engine.arena.note_lent(to, 1);
        assert_eq!(engine.verify(), Err(Engine::<C>::broken("P10", to)));
    }

    #[test]
    fn a_loan_of_granule_0_is_reported_when_the_state_has_left_it() {
        let mut memory = [0; GRANULES];
        let mut engine: Known = on(&mut memory, GRANULES / 2);
        let span = Span::new(engine.arena.base(), GRANULES * 8);
        // SAFETY: the memory outlives the heap, and is nobody else's. The state moves to its end.
        unsafe { engine.take_in(span) }.unwrap();
        reports_a_loan_at(&mut engine, |_| 0);
    }

    #[test]
    fn a_loan_of_the_record_is_reported() {
        type Left = Engine<Retained<Checked<RealTime>>>;
        let mut memory = [0; GRANULES];
        let mut engine: Left = on(&mut memory, GRANULES);
        reports_a_loan_at(&mut engine, |_| Left::HEADER - 1);
    }

    #[test]
    fn a_loan_of_the_rest_is_reported() {
        let mut memory = [0; GRANULES];
        let mut engine: Engine<Checked<Standard>> = on(&mut memory, GRANULES);
        let [hole, _] = [10, 1].map(|len| block(&mut engine, len));
        free(&mut engine, hole);
        engine.trim();
        reports_a_loan_at(&mut engine, |engine| {
            assert!(engine.rest.len() > 0);
            engine.rest.start()
        });
    }

    #[test]
    fn a_loan_of_a_hole_is_reported_behind_a_hole_that_no_loan_precedes() {
        let mut memory = [0; GRANULES];
        let mut engine: Known = on(&mut memory, GRANULES);
        let [first, hole, second, other, _] = [10; 5].map(|len| block(&mut engine, len));
        free(&mut engine, hole);
        free(&mut engine, other);
        engine.arena.note_returned(first, 10);
        engine.arena.note_returned(second, 10);
        engine.arena.note_lent(other, 10);
        assert_eq!(engine.verify(), Err(Known::broken("P10", other)));
    }

    #[test]
    fn a_loan_that_ends_behind_the_region_is_reported() {
        let mut memory = [0; GRANULES];
        let mut engine: Known = on(&mut memory, GRANULES);
        let before = engine.top.len() - 10;
        let [first, last] = [before, 10].map(|len| block(&mut engine, len));
        assert_eq!((engine.verify(), engine.top.len()), (Ok(()), 0));
        // As many granules as there should be.
        engine.arena.note_resized(first, before, before - 1);
        engine.arena.note_resized(last, 10, 11);
        assert_eq!(engine.verify(), Err(Known::broken("P10", last)));
    }

    #[test]
    fn each_flipped_bit_of_a_long_loan_is_reported() {
        let mut memory = [0; GRANULES];
        let mut engine: Known = on(&mut memory, GRANULES);
        let start = block(&mut engine, 300);
        for bit in (0..9 * 8).step_by(if cfg!(miri) { 5 } else { 1 }) {
            // SAFETY: the state run has a byte for each granule, and is the heap's first.
            let byte = unsafe { engine.arena.base().add(start as usize + bit / 8) };
            for is_flipped in [true, false] {
                // SAFETY: the byte is initialised, and the heap's own.
                let old = unsafe { byte.read() };
                // SAFETY: as above.
                unsafe { byte.write(old ^ 1 << (bit % 8)) };
                assert_eq!(
                    engine.verify().is_err_and(|flaw| flaw.invariant == "P10"),
                    is_flipped,
                    "{bit}"
                );
            }
        }
    }

    #[test]
    fn a_long_loan_whose_size_was_overwritten_is_a_run_that_ends_inside_of_the_region() {
        let mut memory = [0; GRANULES];
        let mut engine: Known = on(&mut memory, GRANULES);
        let start = block(&mut engine, 300);
        // SAFETY: the state run has a byte for each granule, and is the heap's first.
        let size = unsafe { engine.arena.base().add(start as usize + 1) };
        // SAFETY: the granule is inside of the region.
        let block = unsafe { engine.arena.pointer(start) }.addr().get();
        let most = Known::bytes(engine.arena.granules() - start);
        for byte in [0, 0xff] {
            // SAFETY: eight bytes of the heap's own hold the size.
            unsafe { size.write_bytes(byte, 8) };
            let run = engine.next_run(block).unwrap();
            assert!(run.start == block && (1..=most).contains(&run.len), "{run:?}");
        }
    }

    #[test]
    fn misuses_are_counted_no_further_than_a_word_holds() {
        let mut memory = [0; GRANULES];
        let mut engine: Known = on(&mut memory, GRANULES);
        // SAFETY: the notes are the table's last words.
        let count = unsafe { engine.arena.table_word(Known::notes_at(engine.capacity)) };
        // SAFETY: the table is the heap's own.
        unsafe { count.write(u32::MAX - 1) };
        for _ in 0..2 {
            engine.count_misuse();
            assert_eq!(engine.misuses(), u32::MAX);
        }
    }
}
