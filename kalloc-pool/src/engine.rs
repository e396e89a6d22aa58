//! A heap's whole state, and where it lies in the region.
//!
//! The value holds some twenty words; the bitmap and the table of list heads lie in the region, in one used run of
//! granules, the *state run*:
//!
//! ```text
//!   state run   │ (loans) │ bitmap: one bit a granule, and a sentinel │ index's table │ quick lists' table │ notes │
//! ```
//!
//! It is laid out for a *capacity* of granules, which is the region's own unless the region has grown.

use core::ops::Range;
use core::ptr::NonNull;

use kalloc_traits::{InitError, Span};

use crate::bitmap;
use crate::block::{Arena, Free, Used};
use crate::config::Config;
use crate::granule::{bytes, granules, whole_granules};
use crate::index::sealed::Index;
use crate::inspect::stats::Counters;
use crate::loose::Loose;
use crate::notes;
use crate::quick::Quick;

/// A heap without its region and without interior mutability: all methods are `&mut self`, and none runs user code.
pub(crate) struct Engine<C: Config> {
    pub(crate) arena: Arena<C>,
    pub(crate) index: C::Index,
    pub(crate) quick: Quick,
    /// The free block at the high end.
    pub(crate) top: Loose,
    /// What the top has from this granule on was never used, and is zero. The last number, for good, if nothing is known to be.
    pub(crate) fresh: u32,
    /// What was left of the block that was cut last, if the index does not hold it.
    pub(crate) rest: Loose,
    /// While the top has so many granules, memory is plentiful; when it has fewer, the quick lists are closed. 0 while they
    /// are, or if there are none.
    pub(crate) reserve: u32,
    /// The size in granules that a large block last failed to grow to where it is; 0 if there is none.
    pub(crate) outgrown: u32,
    /// The size in granules of the block that was shrunk or was to grow last, if none was cut off the rest since; 0 otherwise.
    pub(crate) resized: u32,
    /// The largest size that the index has an exact bin for, in this region.
    pub(crate) small: u32,
    pub(crate) counters: Counters,
    /// The run that holds bitmap and table; none before the heap is laid out.
    pub(crate) state: Option<Used>,
    /// Granules for which the state run has room.
    pub(crate) capacity: u32,
    /// A granule that is known to be a boundary, for a walk that goes on there; 0 if there is none.
    pub(crate) walked: u32,
}

impl<C: Config> Engine<C> {
    /// Whether there are quick lists. Where there are none, none of their code is.
    pub(crate) const HAS_LISTS: bool = C::QUICK_LARGEST > 0;

    /// Granules before everything else for the record of a heap that is left.
    pub(crate) const HEADER: u32 = notes::header_len::<C>();

    /// Words at the end of the table for what only some configurations keep.
    pub(crate) const NOTES: u32 = notes::words::<C>();

    /// Whether what is left of a block that was cut is kept apart, as the rest. Where it is not, none of that code is.
    pub(crate) const KEEPS_REST: bool = C::Index::SMALL > 0;

    /// Whether it is known what was never used. Where it is not, none of that code is.
    pub(crate) const KNOWS_FRESH: bool = Self::KEEPS_REST && !C::CHECKED;

    /// The heap of no region: it has nothing and owns nothing.
    pub(crate) const EMPTY: Self = Self {
        arena: Arena::EMPTY,
        index: C::Index::EMPTY,
        quick: Quick::EMPTY,
        top: Loose::NONE,
        fresh: u32::MAX,
        rest: Loose::NONE,
        reserve: 0,
        outgrown: 0,
        resized: 0,
        small: 0,
        counters: Counters::ZERO,
        state: None,
        capacity: 0,
        walked: 0,
    };

    /// Returns whether the heap is laid out.
    pub(crate) const fn is_laid_out(&self) -> bool {
        self.state.is_some()
    }

    /// Lays the heap out on a region.
    ///
    /// # Errors
    ///
    /// [`InitError::TooSmall`]: nothing was written.
    ///
    /// # Safety
    ///
    /// The span's memory is valid for reads and writes and ours alone.
    pub(crate) unsafe fn lay_out(&mut self, span: Span) -> Result<(), InitError> {
        let usable = span.aligned(C::GRANULE);
        let total = whole_granules::<C>(usable.len());
        // SAFETY: `usable` is aligned to a granule and inside the span.
        unsafe { self.lay_out_in(usable.start(), total, Self::HEADER.min(total)..total) }
    }

    /// Lays the heap out on `total` granules from `base`, of which it may use `free` and nothing else.
    ///
    /// The state run lies before the free memory that is left, or behind it if `free` ends before the region does: so whatever
    /// lies outside of `free` may become free later, and merges as any block does.
    ///
    /// # Errors
    ///
    /// [`InitError::TooSmall`]: nothing was written.
    ///
    /// # Safety
    ///
    /// `base` is aligned to a granule and valid for reads and writes of `total` granules, of which those of `free` are
    /// ours alone.
    pub(crate) unsafe fn lay_out_in(
        &mut self,
        base: NonNull<u8>,
        total: u32,
        free: Range<u32>,
    ) -> Result<(), InitError> {
        debug_assert!(!self.is_laid_out() && free.end <= total);
        let state = Self::state_len(total);
        let (start, top) = if free.end == total {
            (free.start, free.start.saturating_add(state)..total)
        } else {
            // Granule 0 is never part of a block: its number stands for none.
            let start = free.end.saturating_sub(state);
            (start, free.start.max(1)..start)
        };
        if top.is_empty() {
            return Err(InitError::TooSmall);
        }

        // SAFETY: the state run lies inside of the memory that is ours, as was checked.
        self.arena = unsafe { Arena::new(base, total, start, total, Self::table_len(total)) };
        // SAFETY: the capacity is `total`.
        unsafe { self.arena.clear_state(total) };
        self.index = C::Index::new(total);
        // SAFETY: the quick lists' part of the table follows the index's.
        self.quick = unsafe { Quick::new(&self.arena, C::Index::table_len(total), total) };
        self.reserve = Self::reserve_of(total);
        self.small = C::Index::SMALL.min(total);
        self.capacity = total;
        // SAFETY: the run is ours, and holds bitmap and table.
        self.state = Some(unsafe { Used::new(start, state) });
        // SAFETY: the rest of what is ours as well.
        let rest = unsafe { Free::new(top.start, top.end - top.start) };
        self.top = Loose::new(rest);
        if C::RETAINS {
            // SAFETY: the granules before the state run are the record's.
            unsafe { self.arena.wipe_front(Self::HEADER) };
        }
        Ok(())
    }

    /// Returns how many granules the top of a region of `granules` has while the quick lists are open, and memory plentiful.
    pub(crate) fn reserve_of(granules: u32) -> u32 {
        if !Self::HAS_LISTS {
            return 0;
        }
        let reserve = granules.checked_div(C::QUICK_RESERVE).unwrap_or(0);
        let loans = whole_granules::<C>(bitmap::words_before::<C>(granules) * size_of::<usize>());
        // A checked heap has less, and closes its lists with as many blocks as the other one, if that can be; 0 is never.
        reserve.saturating_sub(loans).max(reserve.min(1))
    }

    /// Returns how many words of table a region of `granules` needs.
    pub(crate) fn table_len(granules: u32) -> u32 {
        Self::notes_at(granules) + Self::NOTES
    }

    /// Returns the first word of the notes in the table of a region of `granules`, behind those of the index and the lists.
    pub(crate) fn notes_at(granules: u32) -> u32 {
        C::Index::table_len(granules) + Quick::table_len::<C>(granules)
    }

    /// Returns how many granules the state run of a region of `capacity` granules has.
    pub(crate) fn state_len(capacity: u32) -> u32 {
        let bits = (bitmap::words_before::<C>(capacity) + bitmap::words(capacity)) * size_of::<usize>();
        let table = Self::table_len(capacity) as usize * size_of::<u32>();
        // At most nine 64ths of the region's bytes and a few hundred words: it fits.
        granules::<C>(bits + table) as u32
    }

    /// Returns the granules that can be handed out: all but the state run, granule 0 once the state has left it, the
    /// record's place, and what the blocks of an earlier heap still have.
    pub(crate) fn usable(&self) -> u32 {
        match &self.state {
            Some(state) => {
                let boot = if C::ADOPTS { self.boot().kept } else { 0 };
                // Granule 0 is one of the record's.
                let first = u32::from(state.start() > 0).max(Self::HEADER);
                self.arena.granules() - state.len() - first - boot
            }
            None => 0,
        }
    }

    /// Returns how many bytes `granules` are.
    pub(crate) fn bytes(granules: u32) -> usize {
        bytes::<C>(granules)
    }
}
