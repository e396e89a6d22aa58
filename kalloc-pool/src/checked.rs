//! Frees that the contract forbids, found before they do harm. Where the configuration is not checked, none of this code is.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Corruption;

use crate::config::Config;
use crate::engine::Engine;
use crate::granule::granules;
use crate::misuse::MisuseKind;

impl<C: Config> Engine<C> {
    /// Returns whether a user may free or resize `block` by `layout`, whose size is not zero. Takes time linear in the size over
    /// 64 granules.
    ///
    /// # Errors
    ///
    /// What is wrong.
    #[inline]
    pub(crate) fn check(&self, block: NonNull<u8>, layout: Layout) -> Result<u32, MisuseKind> {
        const {
            assert!(
                !C::CHECKED || C::QUICK_BATCH == 0,
                "blocks that are cut in advance would bear no bit"
            );
            assert!(!C::CHECKED || !C::ADOPTS, "blocks of another heap bear no bit");
        }
        let Some(start) = self.arena.granule_of(block) else {
            return Err(MisuseKind::Foreign);
        };
        if block.addr().get() & ((C::GRANULE - 1) | (layout.align() - 1)) != 0 {
            return Err(MisuseKind::Misaligned);
        }
        if !self.arena.is_live(start) {
            return Err(MisuseKind::NotLive);
        }
        let len = granules::<C>(layout.size());
        if len > (self.arena.granules() - start) as usize {
            return Err(MisuseKind::WrongSize);
        }
        let end = start + len as u32;
        if self.arena.next_boundary(start, end) != end || self.hides_start(start, end) {
            return Err(MisuseKind::WrongSize);
        }
        if !self.arena.is_boundary(end) && !self.starts_unmarked(end) {
            return Err(MisuseKind::WrongSize);
        }
        Ok(start)
    }

    /// Returns whether something that bears no bit starts inside of `start..end`.
    #[inline]
    fn hides_start(&self, start: u32, end: u32) -> bool {
        let is_inside = |granule: u32| granule.wrapping_sub(start) < end - start;
        let state = !Self::HAS_LISTS && self.state.as_ref().is_some_and(|state| is_inside(state.start()));
        is_inside(self.top.start()) || Self::KEEPS_REST && self.rest.len() > 0 && is_inside(self.rest.start()) || state
    }

    /// Returns whether something that bears no bit starts at `granule`.
    #[inline]
    fn starts_unmarked(&self, granule: u32) -> bool {
        let state = !Self::HAS_LISTS && self.state.as_ref().is_some_and(|state| state.start() == granule);
        granule == self.top.start() || Self::KEEPS_REST && self.rest.len() > 0 && granule == self.rest.start() || state
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

    /// P10: live blocks have their bits, and nothing that is free has.
    pub(crate) fn verify_starts(&self) -> Result<(), Corruption> {
        match self.arena.count_live() {
            Ok(live) if live == self.counters.live_blocks => Ok(()),
            Ok(_) => Err(Self::broken("P10", 0)),
            Err(granule) => Err(Self::broken("P10", granule)),
        }
    }
}
