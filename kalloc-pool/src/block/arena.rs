//! The region as memory: the one place where a granule's number becomes an address.
//!
//! ```text
//!   base                                                     granules
//!    │                                                           │
//!    ▼  bitmap, table            blocks                          ▼
//!    ┌──────────────┬──────────────────────────────────────────┬──┐
//!    │  state run   │  used │ free │ used │ used │ free │ …     │  │ ◄ unusable edge
//!    └──────────────┴──────────────────────────────────────────┴──┘
//! ```
//!
//! The state run lies at the low end when the heap is laid out, and moves to the high end when a growth needs a larger
//! one. Nothing in the region points at anything: all is numbers relative to `base`.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::bitmap;
use crate::config::Config;
use crate::granule::{bytes, shift};

/// A region's memory, cut into granules.
///
/// # Invariants
///
/// - `base` is aligned to a granule and valid for `granules` of them (P1).
/// - `bits` is valid for `bitmap::words(granules)` words, and `table` for `table_len` words, both inside a used run of the
///   same region that nobody else names (P2). That run starts with `loans`, and with `bitmap::words_before(granules)` words.
pub(crate) struct Arena<C: Config> {
    base: NonNull<u8>,
    bits: NonNull<usize>,
    table: NonNull<u32>,
    /// The first byte of the state run: where the configuration is checked, that of granule 0.
    loans: NonNull<u8>,
    granules: u32,
    table_len: u32,
    config: PhantomData<C>,
}

impl<C: Config> Arena<C> {
    /// The arena of no region: no granule, no table.
    pub(crate) const EMPTY: Self = Self {
        base: NonNull::dangling(),
        bits: NonNull::dangling(),
        table: NonNull::dangling(),
        loans: NonNull::dangling(),
        granules: 0,
        table_len: 0,
        config: PhantomData,
    };

    /// Returns the arena of `granules` granules from `base`, whose bitmap for up to `capacity` granules starts at the
    /// granule `state`, with `table_len` words of table behind it.
    ///
    /// # Safety
    ///
    /// - `base` is aligned to a granule, and valid for reads and writes of `granules` granules, which are ours alone.
    /// - `granules <= capacity`; bitmap and table end inside the region, and no block overlaps them.
    pub(crate) unsafe fn new(base: NonNull<u8>, granules: u32, state: u32, capacity: u32, table_len: u32) -> Self {
        debug_assert_eq!(base.addr().get() % C::GRANULE, 0);
        // SAFETY: the state run lies inside the region.
        let loans = unsafe { base.add(bytes::<C>(state)) };
        // SAFETY: these words lie inside the region, and the bitmap behind them too.
        let bits = unsafe { loans.cast::<usize>().add(bitmap::words_before::<C>(capacity)) };
        // SAFETY: the bitmap lies inside the region, and the table behind it too.
        let table = unsafe { bits.add(bitmap::words(capacity)) }.cast();
        Self {
            base,
            bits,
            table,
            loans,
            granules,
            table_len,
            config: PhantomData,
        }
    }

    /// Returns the pointer to the first granule.
    #[inline]
    pub(crate) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Returns the number of granules.
    #[inline]
    pub(crate) const fn granules(&self) -> u32 {
        self.granules
    }

    /// Returns the number of words in the table.
    #[inline]
    pub(crate) const fn table_len(&self) -> u32 {
        self.table_len
    }

    /// Makes the arena `granules` long.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new).
    pub(crate) unsafe fn set_granules(&mut self, granules: u32) {
        self.granules = granules;
    }

    /// Returns the pointer to the first byte of `granule`.
    ///
    /// # Safety
    ///
    /// `granule` is at most the number of granules.
    #[inline]
    pub(crate) unsafe fn pointer(&self, granule: u32) -> NonNull<u8> {
        debug_assert!(granule <= self.granules);
        // SAFETY: the granule lies inside the region or is its end.
        unsafe { self.base.add(bytes::<C>(granule)) }
    }

    /// Returns the granule that `pointer` lies in, if it lies inside the region.
    #[inline]
    pub(crate) fn granule_of(&self, pointer: NonNull<u8>) -> Option<u32> {
        let offset = pointer.addr().get().wrapping_sub(self.base.addr().get());
        (offset < bytes::<C>(self.granules)).then_some((offset >> shift::<C>()) as u32)
    }

    /// Returns the granule that starts at `pointer`, if there is one.
    #[inline(always)]
    pub(crate) fn granule_from(&self, pointer: NonNull<u8>) -> Option<u32> {
        let offset = pointer.addr().get().wrapping_sub(self.base.addr().get());
        // What is no multiple of a granule becomes more than any region has.
        let granule = offset.rotate_right(shift::<C>());
        (granule < self.granules as usize).then_some(granule as u32)
    }

    /// Returns the granule at which a block starts that we lent out.
    ///
    /// # Safety
    ///
    /// `pointer` is such a block's.
    #[inline]
    pub(crate) unsafe fn granule_at(&self, pointer: NonNull<u8>) -> u32 {
        let offset = pointer.addr().get().wrapping_sub(self.base.addr().get());
        debug_assert!(offset % C::GRANULE == 0 && offset < bytes::<C>(self.granules));
        (offset >> shift::<C>()) as u32
    }

    /// Returns the first granule at or behind `granule` whose address is a multiple of `align`. It may lie behind the end, and
    /// is then no granule at all.
    #[inline]
    pub(crate) fn align_up(&self, granule: u32, align: usize) -> usize {
        let address = self.base.addr().get().wrapping_add(bytes::<C>(granule));
        // Addresses of granules are multiples of their size, so this is too, or 0.
        let padding = address.wrapping_neg() & (align - 1);
        granule as usize + (padding >> shift::<C>())
    }

    /// Returns whether the address of `granule` is a multiple of `align`.
    #[inline]
    pub(crate) fn is_aligned(&self, granule: u32, align: usize) -> bool {
        self.base.addr().get().wrapping_add(bytes::<C>(granule)) & (align - 1) == 0
    }

    /// Reads a 32-bit word of a granule.
    ///
    /// # Safety
    ///
    /// The granule belongs to a free block (or one that is cached), and that word of it was written.
    #[inline]
    pub(crate) unsafe fn word(&self, granule: u32, word: usize) -> u32 {
        debug_assert!(granule < self.granules && word * 4 < C::GRANULE * 2);
        // SAFETY: the granule lies inside the region.
        let pointer = unsafe { self.base.add(bytes::<C>(granule) + word * 4) };
        // SAFETY: the word is initialised, inside the region, and aligned, as granules are.
        unsafe { pointer.cast::<u32>().read() }
    }

    /// Writes a 32-bit word of a granule.
    ///
    /// # Safety
    ///
    /// The granule belongs to a free block (or one that is cached), which is ours.
    #[inline]
    pub(crate) unsafe fn set_word(&mut self, granule: u32, word: usize, value: u32) {
        debug_assert!(granule < self.granules && word * 4 < C::GRANULE * 2);
        // SAFETY: the granule lies inside the region.
        let pointer = unsafe { self.base.add(bytes::<C>(granule) + word * 4) };
        // SAFETY: the word is inside the region, ours, and aligned, as granules are.
        unsafe { pointer.cast::<u32>().write(value) };
    }

    /// Returns the pointer to a word of the bitmap.
    ///
    /// # Safety
    ///
    /// The word exists: `index < bitmap::words(granules)`.
    #[inline]
    pub(super) unsafe fn bits(&self, index: usize) -> NonNull<usize> {
        debug_assert!(index < bitmap::words(self.granules));
        // SAFETY: the bitmap has this word (P2).
        unsafe { self.bits.add(index) }
    }

    /// Returns the pointer to the byte of `granule` among the loans, with which the state run starts.
    ///
    /// # Safety
    ///
    /// The configuration is checked, and `granule` is less than the capacity.
    #[inline(always)]
    pub(super) unsafe fn loan(&self, granule: u32) -> NonNull<u8> {
        debug_assert!(C::CHECKED);
        // SAFETY: the state run starts with a byte for each granule (P2).
        unsafe { self.loans.add(granule as usize) }
    }

    /// Returns the pointer to a word of the table.
    ///
    /// # Safety
    ///
    /// The word exists: `index < self.table_len()`.
    #[inline]
    pub(crate) unsafe fn table_word(&self, index: u32) -> NonNull<u32> {
        debug_assert!(index < self.table_len);
        // SAFETY: the table has this word (P2).
        unsafe { self.table.add(index as usize) }
    }

    /// Clears bitmap and table, and what lies before them.
    ///
    /// # Safety
    ///
    /// `capacity` is that of [`new`](Self::new).
    pub(crate) unsafe fn clear_state(&mut self, capacity: u32) {
        let before = bitmap::words_before::<C>(capacity);
        // SAFETY: so many words lie before the bitmap (P2).
        let first = unsafe { self.bits.sub(before) };
        // SAFETY: the two have so many words together (P2).
        unsafe { first.write_bytes(0, before + bitmap::words(capacity)) };
        // SAFETY: the table has so many words (P2).
        unsafe { self.table.write_bytes(0, self.table_len as usize) };
    }

    /// Clears the first granules.
    ///
    /// # Safety
    ///
    /// They are inside the region, and hold neither a block nor the state.
    pub(crate) unsafe fn wipe_front(&mut self, granules: u32) {
        debug_assert!(granules <= self.granules);
        // SAFETY: the caller upholds the contract.
        unsafe { self.base.write_bytes(0, bytes::<C>(granules)) };
    }

    /// Clears the first `words` of the table.
    pub(crate) fn clear_table(&mut self, words: u32) {
        // SAFETY: the table has so many words at least (P2).
        unsafe { self.table.write_bytes(0, words.min(self.table_len) as usize) };
    }

    /// Copies the bitmap of `old` and what lies before it, whose region is the low part of ours, or ours of its.
    ///
    /// # Safety
    ///
    /// The state runs do not overlap.
    pub(crate) unsafe fn copy_bitmap(&mut self, old: &Self) {
        let granules = old.granules.min(self.granules);
        // SAFETY: both bitmaps have the words of the smaller region, and do not overlap.
        unsafe { self.bits.copy_from_nonoverlapping(old.bits, bitmap::words(granules)) };
        if C::CHECKED {
            // SAFETY: both have the bytes of the smaller region, and they do not overlap.
            unsafe { self.loans.copy_from_nonoverlapping(old.loans, granules as usize) };
        }
    }
}
