//! Blocks of an earlier heap, in whose memory this one was laid out: a boot allocator's.
//!
//! They are used granules until they are freed. A map, in a run of its own, says which granules are theirs, so that a freed
//! block is known for what it is: it may start and end inside of a granule that it shares with its neighbours, so only the
//! granules that are wholly its own come back. From then on they are as any others. The rest of a shared granule stays used
//! for good.

use core::ops::Range;
use core::ptr::NonNull;

use kalloc_traits::arith::align_up;
use kalloc_traits::{Corruption, Handed, InitError};

use crate::block::{Arena, Free};
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::{bytes, granules, shift, whole_granules};
use crate::notes::Boot;

/// Bits of one word of the map.
const WORD_BITS: u32 = u32::BITS;

impl<C: Config> Engine<C> {
    /// Lays the heap out around the blocks of another.
    ///
    /// # Errors
    ///
    /// [`InitError::TooSmall`] if what is free does not hold the heap's own state and one block. Only free memory was written.
    ///
    /// # Safety
    ///
    /// The memory is ours alone, and as `handed` says.
    pub(crate) unsafe fn adopt(&mut self, handed: Handed) -> Result<(), InitError> {
        let usable = handed.span.aligned(C::GRANULE);
        let total = whole_granules::<C>(usable.len());
        let (base, free) = (usable.start_addr(), handed.free);
        // Round inward: what lies partly in use is used.
        let start = granules::<C>(free.start_addr().saturating_sub(base)).min(total as usize) as u32;
        let end = whole_granules::<C>(free.end_addr().saturating_sub(base)).min(total);
        let unit = u32::try_from(handed.unit).unwrap_or(1);
        if start >= end {
            return Err(InitError::TooSmall);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.lay_out_in(usable.start(), total, start..end) }?;

        let has_tail = free.end_addr() < handed.span.end_addr() && handed.span.end_addr() > base + bytes::<C>(total);
        let mut boot = Boot {
            low: start,
            high: end,
            end: total + u32::from(has_tail),
            unit,
            ..Boot::NONE
        };
        let map_words = boot.bits().div_ceil(WORD_BITS);
        let map_len = granules::<C>(map_words as usize * size_of::<u32>()) as u32;
        if self.top.len() <= map_len {
            return Err(InitError::TooSmall);
        }
        if let Some(map) = self.top.cut(map_len) {
            boot.map = map.start();
            let map = map.lend();
            for index in 0..map_words {
                let count = (boot.bits() - index * WORD_BITS).min(WORD_BITS);
                let all = u32::MAX >> (WORD_BITS - count);
                // SAFETY: the run is ours, and has so many words.
                unsafe { self.set_map_word(&boot, index, all) };
            }
            boot.kept = map.len() + start.saturating_sub(1) + (total - end);
        }
        self.set_boot(boot);
        Ok(())
    }

    /// Returns where boot blocks lie.
    pub(crate) fn boot(&self) -> Boot {
        let mut words = [0; Boot::WORDS as usize];
        for (word, index) in words.iter_mut().zip(Self::notes_at(self.capacity)..) {
            // SAFETY: the notes are the table's last words.
            let pointer = unsafe { self.arena.table_word(index) };
            // SAFETY: the table is initialised and ours (P2).
            *word = unsafe { pointer.read() };
        }
        Boot::from_words(words)
    }

    fn set_boot(&mut self, boot: Boot) {
        for (word, index) in boot.to_words().into_iter().zip(Self::notes_at(self.capacity)..) {
            // SAFETY: the notes are the table's last words.
            let pointer = unsafe { self.arena.table_word(index) };
            // SAFETY: the table is ours (P2).
            unsafe { pointer.write(word) };
        }
    }

    /// Copies the notes of `old`, which was laid out for `old_capacity` granules, to `arena`, laid out for `capacity`.
    pub(crate) fn copy_notes(arena: &mut Arena<C>, capacity: u32, old: &Arena<C>, old_capacity: u32) {
        for index in 0..Self::NOTES {
            // SAFETY: the notes are the table's last words.
            let from = unsafe { old.table_word(Self::notes_at(old_capacity) + index) };
            // SAFETY: likewise.
            let to = unsafe { arena.table_word(Self::notes_at(capacity) + index) };
            // SAFETY: the table is initialised and ours (P2).
            let word = unsafe { from.read() };
            // SAFETY: the new table is ours.
            unsafe { to.write(word) };
        }
    }

    /// Notes that the region grows beyond the granule `end`, and returns how many of the new granules a boot block has a
    /// part of.
    pub(crate) fn boot_tail(&mut self, end: u32) -> u32 {
        let mut boot = self.boot();
        let has_tail = boot.bits() > 0 && boot.end > end && boot.high <= end;
        if has_tail {
            boot.kept += 1;
            self.set_boot(boot);
        }
        u32::from(has_tail)
    }

    /// Returns whether `block`, which is live, is a boot block.
    #[inline]
    pub(crate) fn is_boot_block(&self, block: NonNull<u8>) -> bool {
        let (boot, base) = (self.boot(), self.arena.base().addr().get());
        let Some(offset) = block.addr().get().checked_sub(base) else {
            // Before the first granule begins there is nothing else.
            return true;
        };
        match u32::try_from(offset >> shift::<C>()) {
            Ok(granule) if granule < self.arena.granules() => self.is_kept(&boot, granule),
            // Nor is there behind the last: in a tail that is shorter than a granule, or in a region that is longer than a pool
            // can use.
            _ => true,
        }
    }

    /// Returns whether `granule` belongs to boot blocks still.
    #[inline]
    fn is_kept(&self, boot: &Boot, granule: u32) -> bool {
        boot.bit_of(granule).is_some_and(|bit| {
            // SAFETY: the map has this bit.
            let word = unsafe { self.map_word(boot, bit / WORD_BITS) };
            word & (1 << (bit % WORD_BITS)) != 0
        })
    }

    /// Takes a boot block back whose layout had `size` bytes, not zero. Takes time linear in its size over 32 granules.
    ///
    /// # Safety
    ///
    /// The block is live, a boot block, and `size` has its extent.
    #[cold]
    pub(crate) unsafe fn deallocate_boot_block(&mut self, block: NonNull<u8>, size: usize) {
        let mut boot = self.boot();
        let (base, address) = (self.arena.base().addr().get(), block.addr().get());
        let extent = align_up(size, boot.unit as usize).unwrap_or(size);
        // Round inward; and granule 0 is never part of a block.
        let start = granules::<C>(address.saturating_sub(base)).max(1);
        let end = whole_granules::<C>(address.saturating_add(extent).saturating_sub(base)).min(self.arena.granules());
        if start >= end as usize {
            return;
        }
        let range = start as u32..end;
        debug_assert!(range.clone().all(|granule| self.is_kept(&boot, granule)));
        self.clear_map(&boot, range.clone());
        boot.kept = boot.kept.wrapping_sub(range.end - range.start);
        self.set_boot(boot);
        // SAFETY: the boot block owned these granules, and the user gives them up.
        self.coalesce(unsafe { Free::new(range.start, range.end - range.start) });
    }

    /// Clears the bits of a range of granules that lie on one side.
    fn clear_map(&mut self, boot: &Boot, range: Range<u32>) {
        let Some(mut bit) = boot.bit_of(range.start) else {
            return;
        };
        let end = bit + (range.end - range.start);
        while bit < end {
            let (index, first) = (bit / WORD_BITS, bit % WORD_BITS);
            let count = (WORD_BITS - first).min(end - bit);
            let mask = (u32::MAX >> (WORD_BITS - count)) << first;
            // SAFETY: the map has these bits.
            let word = unsafe { self.map_word(boot, index) };
            // SAFETY: as above, and it is ours.
            unsafe { self.set_map_word(boot, index, word & !mask) };
            bit += count;
        }
    }

    /// Reads a word of the map.
    ///
    /// # Safety
    ///
    /// The map has this word.
    #[inline]
    unsafe fn map_word(&self, boot: &Boot, index: u32) -> u32 {
        let per_granule = (C::GRANULE / 4) as u32;
        // SAFETY: the granule lies in the map's run, which is initialised and nobody else's.
        unsafe {
            self.arena
                .word(boot.map + index / per_granule, (index % per_granule) as usize)
        }
    }

    /// Writes a word of the map.
    ///
    /// # Safety
    ///
    /// The map has this word, and its run is ours.
    unsafe fn set_map_word(&mut self, boot: &Boot, index: u32, word: u32) {
        let per_granule = (C::GRANULE / 4) as u32;
        // SAFETY: the granule lies in the map's run.
        unsafe {
            self.arena
                .set_word(boot.map + index / per_granule, (index % per_granule) as usize, word);
        }
    }

    /// P9: what boot blocks have bears no mark, and is counted.
    pub(crate) fn verify_boot(&self) -> Result<(), Corruption> {
        let boot = self.boot();
        let total = self.arena.granules();
        let map_len = granules::<C>(boot.bits().div_ceil(WORD_BITS) as usize * size_of::<u32>()) as u32;
        let is_inside =
            boot.low <= boot.high && boot.high <= boot.end && map_len <= total && boot.map <= total - map_len;
        let mut kept = map_len;
        let sides = if is_inside {
            [0..boot.low, boot.high..boot.end.min(total)]
        } else {
            [0..0, 0..0]
        };
        for granule in sides
            .into_iter()
            .flatten()
            .filter(|granule| self.is_kept(&boot, *granule))
        {
            if self.arena.bit(granule) {
                return Err(Self::broken("P9", granule));
            }
            kept += u32::from(granule > 0);
        }
        if boot.bits() > 0 && (!is_inside || kept != boot.kept) {
            return Err(Self::broken("P9", boot.low));
        }
        Ok(())
    }
}
