//! Freeing: into a quick list if there is room, merged with its neighbours otherwise.

use core::ptr::NonNull;

use crate::block::{Free, Used};
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::granules;

impl<C: Config> Engine<C> {
    /// Takes a block back whose layout had `size` bytes, not zero.
    ///
    /// # Safety
    ///
    /// The block is live, and `size` has its extent.
    #[inline(always)]
    pub(crate) unsafe fn deallocate(&mut self, block: NonNull<u8>, size: usize) {
        // SAFETY: the caller upholds the contract.
        let block = unsafe { self.used(block, size) }.release();
        if C::CHECKED {
            self.arena.note_returned(block.start(), block.len());
        }
        self.take_back(block);
    }

    /// Takes in a block that has come back.
    #[inline(always)]
    pub(crate) fn take_back(&mut self, block: Free) {
        self.counters.take_back(block.len());
        if let Err(block) = self.quick.push(&mut self.arena, block) {
            self.free(block);
        }
    }

    /// Takes in a block for which there is no room in an exact quick list.
    #[inline(never)]
    fn free(&mut self, block: Free) {
        if let Err(block) = self.quick.push_large(&mut self.arena, block) {
            self.coalesce(block);
        }
    }

    /// Returns a user's block as a value.
    ///
    /// # Safety
    ///
    /// The block is live, and `size` has its extent. The user gives it up.
    #[inline]
    pub(super) unsafe fn used(&self, block: NonNull<u8>, size: usize) -> Used {
        // SAFETY: the block is one that we lent out.
        let start = unsafe { self.arena.granule_at(block) };
        let len = granules::<C>(size) as u32;
        debug_assert!(start + len <= self.arena.granules() && self.is_unmarked(start, len));
        // SAFETY: the user owned these granules, and gives them up.
        unsafe { Used::new(start, len) }
    }

    /// Returns whether no bit is set in a range: what is used has none. For assertions.
    fn is_unmarked(&self, start: u32, len: u32) -> bool {
        (start..start + len).all(|granule| !self.arena.bit(granule))
    }

    /// Gives every block in the quick lists back to the index.
    pub(crate) fn trim(&mut self) {
        while self.flush_one_class() {}
        self.join_rest_to_top();
    }

    /// Returns whether the top has become so small that the quick lists are to be closed.
    #[inline(always)]
    pub(super) fn is_scarce(&self) -> bool {
        Self::HAS_LISTS && self.top.len() < self.reserve
    }

    /// Empties the quick lists and closes them: memory has become scarce.
    #[cold]
    #[inline(never)]
    pub(super) fn close_quick(&mut self) {
        self.reserve = 0;
        self.trim();
        self.quick.close::<C>();
    }

    /// Opens the quick lists if memory has been plentiful again for a while. Called when the top has grown.
    #[inline]
    pub(super) fn reopen_quick(&mut self) {
        if !Self::HAS_LISTS || self.quick.is_open() {
            return;
        }
        let reserve = Self::reserve_of(self.arena.granules());
        if self.top.len() / 5 * 4 >= reserve && self.quick.is_rested() {
            self.reserve = reserve;
            self.quick.open::<C>(self.capacity);
        }
    }

    /// Empties the quick list of the largest blocks that has any. Returns whether there was one.
    #[cold]
    pub(super) fn flush_one_class(&mut self) -> bool {
        if !Self::HAS_LISTS {
            return false;
        }
        let Some(class) = self.quick.largest_class() else {
            return false;
        };
        while let Some(block) = self.quick.pop_from(&self.arena, class) {
            self.coalesce(block);
        }
        true
    }
}
