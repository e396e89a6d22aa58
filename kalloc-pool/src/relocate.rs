//! The same heap at another address, and a heap that is left in its memory.
//!
//! All that lies in the region is numbers from its start, and the value holds three pointers, which are made anew. A heap that is
//! left writes the rest of its value into a record at the region's start:
//!
//! ```text
//!   record   │ magic │ version │ configuration │ where it lay │ extents │ counters │ checksum │
//! ```
//!
//! The quick lists are given up before, and the index is made anew from the marks: so the record depends neither on the policy nor
//! on how the compiler lays out a value. It is wiped while the heap is in use.

use core::ptr::NonNull;

use crate::block::{Arena, Free, Id, Marked, Used};
use crate::config::Config;
use crate::engine::Engine;
use crate::granule::{MAX_GRANULES, bytes};
use crate::index::sealed::Index;
use crate::loose::Loose;
use crate::notes::RECORD_WORDS;
use crate::quick::Quick;

/// "kalloc", and a byte order mark.
const MAGIC: [u32; 2] = [0x6c61_6b01, 0x0263_6f6c];

/// Of the record, and of all that lies in the region.
const VERSION: u32 = 2;

/// What a heap that was left says of itself, a word for each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Field {
    Magic,
    MagicEnd,
    Version,
    Configuration,
    /// The address of granule 0, two words.
    Base,
    BaseEnd,
    /// The largest alignment of its blocks, as a power of two.
    Align,
    Granules,
    Capacity,
    State,
    TopStart,
    TopEnd,
    Peak,
    Used,
    LiveBlocks,
    Failed,
    Checksum,
}

/// The record in the value's words.
type Record = [u32; RECORD_WORDS];

/// What is wrong with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    NoImage,
    Version,
    Configuration,
    Truncated,
    Misaligned,
    Damaged,
}

/// What was read of an image: where it lay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lay {
    pub(crate) base: u64,
}

impl<C: Config> Engine<C> {
    /// Goes on at `base`, where the region's memory appears now.
    ///
    /// # Safety
    ///
    /// `base` is aligned to a granule and valid for reads and writes of as many granules as the heap has, which hold what the
    /// heap's hold, and are ours alone.
    pub(crate) unsafe fn rebase(&mut self, base: NonNull<u8>) {
        let Some(state) = &self.state else { return };
        let (granules, table_len) = (self.arena.granules(), self.arena.table_len());
        // SAFETY: the caller upholds the contract; where the state run lies is a number.
        self.arena = unsafe { Arena::new(base, granules, state.start(), self.capacity, table_len) };
        // SAFETY: the quick lists' part of the table follows the index's, as it did.
        unsafe { self.quick.rebase(&self.arena, C::Index::table_len(self.capacity)) };
    }

    /// Returns a number that two configurations share only if they lay out the same state.
    fn configuration(capacity: u32) -> u32 {
        let facts = [
            C::GRANULE as u32,
            usize::BITS,
            Self::table_len(capacity),
            Self::state_len(capacity),
            Self::NOTES,
        ];
        checksum(&facts)
    }

    /// Gives the caches up and writes the record, for blocks aligned to at most `align`.
    pub(crate) fn write_record(&mut self, align: usize) {
        const { assert!(C::RETAINS) };
        let Some(state) = self.state.as_ref().map(Used::start) else {
            return;
        };
        self.trim();
        if let Some(rest) = self.rest.take() {
            self.rest = Loose::NONE;
            self.coalesce(rest);
        }
        let base = self.arena.base().addr().get() as u64;
        let mut record = [0; RECORD_WORDS];
        let fields = [
            (Field::Magic, MAGIC[0]),
            (Field::MagicEnd, MAGIC[1]),
            (Field::Version, VERSION),
            (Field::Configuration, Self::configuration(self.capacity)),
            (Field::Base, base as u32),
            (Field::BaseEnd, (base >> 32) as u32),
            (Field::Align, align.trailing_zeros()),
            (Field::Granules, self.arena.granules()),
            (Field::Capacity, self.capacity),
            (Field::State, state),
            (Field::TopStart, self.top.start()),
            (Field::TopEnd, self.top.end()),
            (Field::Peak, self.counters.peak),
            (Field::Used, self.counters.used()),
            (Field::LiveBlocks, self.counters.live_blocks),
            (Field::Failed, self.counters.failed),
        ];
        for (field, word) in fields {
            record[field as usize] = word;
        }
        record[Field::Checksum as usize] = checksum(&record);
        // SAFETY: the record lies before everything else, and is ours.
        unsafe { self.arena.base().cast::<Record>().write(record) };
    }

    /// Takes up the heap that was left in `len` bytes at `base`. Takes time linear in the region's size over 64, and in the
    /// number of free blocks. Nothing is written if it fails.
    ///
    /// # Safety
    ///
    /// `base` is aligned to a granule and valid for reads and writes of `len` bytes, which are initialised and ours alone.
    pub(crate) unsafe fn read_record(&mut self, base: NonNull<u8>, len: usize) -> Result<Lay, Flaw> {
        if len < size_of::<Record>() {
            return Err(Flaw::Truncated);
        }
        // SAFETY: the bytes are valid for so much, initialised, and aligned as words are.
        let mut record = unsafe { base.cast::<Record>().read() };
        let word = |field: Field| record[field as usize];
        if [word(Field::Magic), word(Field::MagicEnd)] != MAGIC {
            return Err(Flaw::NoImage);
        }
        if word(Field::Version) != VERSION {
            return Err(Flaw::Version);
        }
        let sum = word(Field::Checksum);
        record[Field::Checksum as usize] = 0;
        if checksum(&record) != sum {
            return Err(Flaw::Damaged);
        }
        let word = |field: Field| record[field as usize];
        let (granules, capacity) = (word(Field::Granules), word(Field::Capacity));
        if capacity > MAX_GRANULES || word(Field::Configuration) != Self::configuration(capacity) {
            return Err(Flaw::Configuration);
        }
        if granules as usize > len >> C::GRANULE.trailing_zeros() {
            return Err(Flaw::Truncated);
        }
        let old = u64::from(word(Field::Base)) | u64::from(word(Field::BaseEnd)) << 32;
        let mask = 1u64.checked_shl(word(Field::Align)).unwrap_or(0).wrapping_sub(1);
        if (old ^ base.addr().get() as u64) & mask != 0 {
            return Err(Flaw::Misaligned);
        }
        let (state, state_len) = (word(Field::State), Self::state_len(capacity));
        let (top, top_end) = (word(Field::TopStart), word(Field::TopEnd));
        let fits = granules <= capacity
            && state >= Self::HEADER
            && granules.checked_sub(state_len).is_some_and(|last| state <= last);
        if !fits || top > top_end || top_end > granules {
            return Err(Flaw::Damaged);
        }

        // SAFETY: the caller upholds the contract; the state run ends inside the region, as was checked.
        self.arena = unsafe { Arena::new(base, granules, state, capacity, Self::table_len(capacity)) };
        self.capacity = capacity;
        // SAFETY: who left the heap gave its memory up, and this run holds its state.
        self.state = Some(unsafe { Used::new(state, state_len) });
        self.counters.restore(
            word(Field::Peak),
            word(Field::Used),
            word(Field::LiveBlocks),
            word(Field::Failed),
        );
        if top < top_end {
            if top <= Self::HEADER || (top < state + state_len && state < top_end) {
                return Err(Flaw::Damaged);
            }
            // SAFETY: as above; that it bears no mark is checked next.
            self.top = Loose::new(unsafe { Free::new(top, top_end - top) });
        }
        self.verify_unindexed().map_err(|_| Flaw::Damaged)?;
        self.index_anew();
        // Nobody takes up a heap that is in use.
        // SAFETY: these granules are the record's.
        unsafe { self.arena.wipe_front(Self::HEADER) };
        Ok(Lay { base: old })
    }

    /// Makes index and lists anew, by the marks.
    fn index_anew(&mut self) {
        self.arena.clear_table(Self::notes_at(self.capacity));
        self.index = C::Index::new(self.capacity);
        // SAFETY: the quick lists' part of the table follows the index's.
        self.quick = unsafe { Quick::new(&self.arena, C::Index::table_len(self.capacity), self.capacity) };
        let is_whole = self.arena.granules() == self.capacity;
        self.reserve = if is_whole { Self::reserve_of(self.capacity) } else { 0 };
        self.small = C::Index::SMALL.min(self.capacity);
        let mut from = 0;
        while let Some(Id(start)) = self.arena.next_free(from) {
            let len = self.arena.size(Id(start));
            // SAFETY: nobody holds the block, which bears the marks and the size of one.
            let block = unsafe { Marked::new(start, len) };
            self.index.link(&mut self.arena, block);
            from = start + len;
        }
    }

    /// Returns how many bytes the heap has of its region.
    pub(crate) fn extent(&self) -> usize {
        bytes::<C>(self.arena.granules())
    }
}

/// Returns a sum over words that tells most records from any others: FNV-1a, by words.
fn checksum(words: &[u32]) -> u32 {
    words.iter().fold(0x811c_9dc5, |sum: u32, &word| {
        (sum ^ word).wrapping_mul(0x0100_0193).rotate_left(5)
    })
}
