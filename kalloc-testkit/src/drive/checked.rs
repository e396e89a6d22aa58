//! A heap whose every call is held against the shadow model.
//!
//! Each method makes one call, and checks what the contract says of it: where the block lies, how long it is, what is in
//! it, and that a refusal changed nothing about the block. A refusal itself is never a failure: the answer is `None`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::hint::black_box;
use core::ptr::NonNull;

use kalloc_traits::{AllocError, Heap};

use super::failure::{Failure, Verdict, ensure};
use crate::model::shadow::{Breach, Live, Shadow};
use crate::region::bytes;

/// What a heap answers to a request.
type Answer = Result<NonNull<[u8]>, AllocError>;

/// More bytes than any machine has in one piece: a heap that serves them has lost a carry somewhere.
pub(super) const MOST: usize = isize::MAX as usize / 2;

/// A heap and the shadow of what it did.
///
/// Calls go through `black_box`: a compiler may remove an allocation that nobody uses, and with it the refusal that a
/// rule waits for.
///
/// Cost of a call: the heap's, a search in the shadow, and two passes over the block's bytes.
pub struct Checked<'h> {
    heap: &'h dyn Heap,
    shadow: Shadow,
    /// The extent of each size that was seen.
    extents: BTreeMap<usize, usize>,
}

impl<'h> Checked<'h> {
    /// Returns the heap with a shadow that knows of no block.
    pub const fn new(heap: &'h dyn Heap) -> Self {
        Self {
            heap,
            shadow: Shadow::new(),
            extents: BTreeMap::new(),
        }
    }

    /// Returns the heap.
    pub const fn heap(&self) -> &'h dyn Heap {
        self.heap
    }

    /// Returns the shadow.
    pub const fn shadow(&self) -> &Shadow {
        &self.shadow
    }

    /// Sets the addresses between which every block must lie from now on.
    pub fn set_bounds(&mut self, bounds: core::ops::Range<usize>) {
        self.shadow.set_bounds(bounds);
    }

    /// Lets the patterns of this heap's blocks come from seeds past `seed`, so that they differ from those of another
    /// shadow of the same heap.
    pub const fn set_first_seed(&mut self, seed: u64) {
        self.shadow.set_first_seed(seed);
    }

    /// Allocates.
    ///
    /// # Errors
    ///
    /// The block is not what the contract says.
    pub fn allocate(&mut self, layout: Layout) -> Verdict<Option<Live>> {
        match black_box(self.heap).allocate(black_box(layout)) {
            Ok(block) => self.take_in(block, layout).map(Some),
            Err(AllocError) => Ok(None),
        }
    }

    /// Allocates memory that nobody writes, for sizes beyond the machine's.
    ///
    /// # Errors
    ///
    /// The block is not what the contract says.
    pub fn allocate_untouched(&mut self, layout: Layout) -> Verdict<Option<Live>> {
        match black_box(black_box(self.heap).allocate(black_box(layout))) {
            Ok(block) => Ok(Some(self.shadow.insert_untouched(block, layout)?)),
            Err(AllocError) => Ok(None),
        }
    }

    /// Allocates memory that must be zero up to its extent.
    ///
    /// # Errors
    ///
    /// The block is not what the contract says.
    pub fn allocate_zeroed(&mut self, layout: Layout) -> Verdict<Option<Live>> {
        match black_box(self.heap).allocate_zeroed(black_box(layout)) {
            Ok(block) => self.take_in_zeroed(block, layout).map(Some),
            Err(AllocError) => Ok(None),
        }
    }

    /// Allocates by [`Heap::allocate_raw`], and checks that what is said to be zero is.
    ///
    /// # Errors
    ///
    /// The block is not what the contract says.
    pub fn allocate_raw(&mut self, layout: Layout) -> Verdict<Option<Live>> {
        match black_box(self.heap).allocate_raw(black_box(layout)) {
            Ok(raw) if raw.is_zeroed => self.take_in_zeroed(raw.block, layout).map(Some),
            Ok(raw) => self.take_in(raw.block, layout).map(Some),
            Err(AllocError) => Ok(None),
        }
    }

    /// Frees a block.
    ///
    /// # Errors
    ///
    /// Its bytes changed while it was live.
    pub fn free(&mut self, live: Live) -> Verdict {
        let layout = self.shadow.block(live).layout;
        self.free_as(live, layout)
    }

    /// Frees a block by another layout that fits it: the same alignment, and a size with the same extent.
    ///
    /// # Errors
    ///
    /// Its bytes changed while it was live.
    pub fn free_as(&mut self, live: Live, layout: Layout) -> Verdict {
        let block = self.shadow.remove(live)?;
        // SAFETY: the block was live, and the layout fits it.
        unsafe { black_box(self.heap).deallocate(block.start, layout) };
        Ok(())
    }

    /// Strikes a block out that was freed by other means.
    pub(crate) fn forget(&mut self, live: Live) {
        // Its bytes are the heap's by now.
        _ = self.shadow.remove(live);
    }

    /// Frees all blocks, in the order that `arrange` brings them into; they come by ascending address.
    ///
    /// # Errors
    ///
    /// The bytes of one of them changed.
    pub fn free_all(&mut self, arrange: impl FnOnce(&mut Vec<Live>)) -> Verdict {
        let empty = self.shadow.iter().filter(|(_, block)| block.extent == 0);
        let mut lives: Vec<Live> = empty.chain(self.shadow.by_address()).map(|(live, _)| live).collect();
        arrange(&mut lives);
        lives.into_iter().try_for_each(|live| self.free(live))
    }

    /// Grows a block. `None` says that the heap refused; then the block is as before.
    ///
    /// # Errors
    ///
    /// The block that came, or after a refusal the old one, is not what the contract says.
    pub fn grow(&mut self, live: Live, new: Layout) -> Verdict<Option<Live>> {
        let block = self.shadow.block(live);
        // SAFETY: the block is live, with this layout.
        let answer = unsafe { black_box(self.heap).grow(block.start, block.layout, black_box(new)) };
        self.replaced(live, answer, new)
    }

    /// Grows a block; what lies behind its old size must be zero.
    ///
    /// # Errors
    ///
    /// As for [`grow`](Self::grow).
    pub fn grow_zeroed(&mut self, live: Live, new: Layout) -> Verdict<Option<Live>> {
        let old = self.shadow.block(live);
        // SAFETY: the block is live, with this layout.
        let answer = unsafe { black_box(self.heap).grow_zeroed(old.start, old.layout, black_box(new)) };
        let Ok(block) = answer else {
            return self.replaced(live, answer, new);
        };
        self.see_extent(block, new)?;
        let grown = self.shadow.replace_untouched(live, block, new)?;
        // SAFETY: the shadow took the block in, which is at least as long as the new size.
        let tail = unsafe { block.cast::<u8>().add(old.layout.size()) };
        // SAFETY: the heap promises that these bytes are cleared, up to the extent.
        let dirty = unsafe { bytes::first_nonzero(tail, block.len() - old.layout.size()) };
        ensure!(
            dirty.is_none(),
            "grow_zeroed from {} to {} bytes: byte {} is not zero",
            old.layout.size(),
            new.size(),
            old.layout.size() + dirty.unwrap_or(0)
        );
        self.shadow.fill(grown);
        Ok(Some(grown))
    }

    /// Asks for a growth to a size that may be less than the block's, which must be refused; the bytes are not looked at.
    ///
    /// # Errors
    ///
    /// After a refusal, the block is not as before.
    pub(crate) fn grow_zeroed_or_refused(&mut self, live: Live, new: Layout) -> Verdict<Option<Live>> {
        let old = self.shadow.block(live);
        // SAFETY: the block is live, with this layout.
        let answer = unsafe { black_box(self.heap).grow_zeroed(old.start, old.layout, black_box(new)) };
        self.replaced(live, answer, new)
    }

    /// Shrinks a block. `None` says that the heap refused; then the block is as before.
    ///
    /// # Errors
    ///
    /// As for [`grow`](Self::grow).
    pub fn shrink(&mut self, live: Live, new: Layout) -> Verdict<Option<Live>> {
        let block = self.shadow.block(live);
        // SAFETY: the block is live, with this layout.
        let answer = unsafe { black_box(self.heap).shrink(block.start, block.layout, black_box(new)) };
        self.replaced(live, answer, new)
    }

    /// Resizes a block where it stands. `None` says that the heap refused; then the block is as before.
    ///
    /// # Errors
    ///
    /// The block moved, or is not what the contract says.
    pub fn resize_in_place(&mut self, live: Live, new: Layout) -> Verdict<Option<Live>> {
        let old = self.shadow.block(live);
        // SAFETY: the block is live, with this layout.
        let answer = unsafe { black_box(self.heap).resize_in_place(old.start, old.layout, black_box(new)) };
        if let Ok(block) = answer {
            let (from, to) = (old.start.addr(), block.cast::<u8>().addr());
            ensure!(from == to, "resize_in_place moved the block from {from:#x} to {to:#x}");
            let is_nothing = old.layout.size() == 0 || new.size() == 0;
            ensure!(!is_nothing, "resize_in_place took a size of zero");
        }
        self.replaced(live, answer, new)
    }

    /// Checks the bytes of all live blocks.
    ///
    /// # Errors
    ///
    /// Those of one changed.
    pub fn check_all(&self) -> Verdict {
        Ok(self.shadow.check_all()?)
    }

    /// Takes a new block in.
    fn take_in(&mut self, block: NonNull<[u8]>, layout: Layout) -> Verdict<Live> {
        self.see_extent(block, layout)?;
        Ok(self.shadow.insert(block, layout)?)
    }

    /// Takes a new block in that must be zero.
    fn take_in_zeroed(&mut self, block: NonNull<[u8]>, layout: Layout) -> Verdict<Live> {
        self.see_extent(block, layout)?;
        let live = self.shadow.insert_untouched(block, layout)?;
        // SAFETY: the shadow found the block in order, and the heap promises that it is zero.
        let dirty = unsafe { bytes::first_nonzero(block.cast(), block.len()) };
        if let Some(at) = dirty {
            let size = layout.size();
            ensure!(false, "byte {at} of a block of {size} bytes that should be zero is not");
        }
        self.shadow.fill(live);
        Ok(live)
    }

    /// Takes in what came in place of a block, or checks that a refusal left it alone.
    fn replaced(&mut self, live: Live, answer: Answer, new: Layout) -> Verdict<Option<Live>> {
        match answer {
            Ok(block) => {
                self.see_extent(block, new)?;
                Ok(Some(self.shadow.replace(live, block, new)?))
            }
            Err(AllocError) => {
                let checked = self.shadow.check(live);
                checked.map_err(|breach| Failure::from(breach).during("after a refusal"))?;
                Ok(None)
            }
        }
    }

    /// Holds a block's length against those of its size before.
    fn see_extent(&mut self, block: NonNull<[u8]>, layout: Layout) -> Verdict {
        let (size, extent) = (layout.size(), block.len());
        if extent < size {
            return Err(Breach::Short { extent, size }.into());
        }
        ensure!(
            size > 0 || extent == 0,
            "a request of 0 bytes was answered with a block of {extent}"
        );
        // Writing to it would tell nothing more, and end the process.
        ensure!(size <= MOST, "{size} bytes were served, which no machine has");
        let first = *self.extents.entry(size).or_insert(extent);
        ensure!(
            first == extent,
            "a block of {size} bytes (align {}) has the extent {extent}, an earlier one of that size {first}",
            layout.align()
        );
        Ok(())
    }
}
