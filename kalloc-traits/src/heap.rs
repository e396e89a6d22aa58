//! What every heap offers.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::error::{AllocError, InitError, RegionError};
use crate::growth::{Grown, Growth};

/// A block as [`Heap::allocate_raw`] returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawBlock {
    /// The block; its length is its extent.
    pub block: NonNull<[u8]>,
    /// Whether every byte of the block is zero already.
    pub is_zeroed: bool,
}

/// A heap: memory by `Layout`, through a shared reference, never by panic.
///
/// Three methods are the heap's own; the others are built on them and may be overridden. All of them fail with
/// [`AllocError`], end no block and change none when they fail, and never panic or unwind. (Looking for memory, a heap may have
/// given its caches back to the free memory, as [`trim`](Heap::trim) does.)
///
/// A request of size zero is answered with an aligned dangling pointer and an empty slice. It touches nothing and
/// counts nowhere, and freeing it does nothing.
///
/// A block that was allocated may be used, resized and freed through any reference to the heap, until the heap is
/// dropped or a method that takes `&mut self` says that it ends blocks (such as a bump's `reset`). Moving the heap does
/// not disturb its blocks.
///
/// # Safety
///
/// An implementation keeps the guarantees of every method, and these:
///
/// - **The layout is the header**: the length of the slice that a method returns is a pure function of `layout.size()`
///   (the block's *extent*), the same on every path, whatever the alignment and the history; and every size with that
///   extent frees the block as well.
/// - Blocks that live at the same time do not overlap, lie inside the heap's memory, and never include address 0 or the
///   last byte of the address space.
pub unsafe trait Heap {
    /// Returns a block of at least `layout.size()` bytes at a multiple of `layout.align()`. Its bytes are uninitialised.
    ///
    /// # Errors
    ///
    /// No free block fits and the memory cannot grow, or the size or alignment is beyond what the region could hold.
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError>;

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// - `block` is live: this heap returned it, and it was not freed since.
    /// - `layout` fits it: the same alignment as when it was allocated, and a size with the same extent.
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout);

    /// Changes the size of a block without moving it, and returns the block with its new extent. The first
    /// `min(old.size(), new.size())` bytes keep their values.
    ///
    /// A shrink gives its tail back and succeeds if the block happens to be aligned to `new.align()`.
    ///
    /// # Errors
    ///
    /// The memory behind the block is not free or too small, the block is not aligned to `new.align()`, or one of the
    /// two sizes is zero. The block is as before.
    ///
    /// # Safety
    ///
    /// As for [`deallocate`](Self::deallocate), with `old`. After success the block's layout is `new`.
    unsafe fn resize_in_place(&self, block: NonNull<u8>, old: Layout, new: Layout)
    -> Result<NonNull<[u8]>, AllocError>;

    /// Allocates as [`allocate`](Self::allocate) does, and says whether the bytes are zero already. Callers that hold a
    /// lock can release it before they clear the rest.
    ///
    /// # Errors
    ///
    /// Those of [`allocate`](Self::allocate).
    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        Ok(RawBlock {
            block: self.allocate(layout)?,
            is_zeroed: false,
        })
    }

    /// Allocates a block whose bytes are all zero, up to its extent.
    ///
    /// # Errors
    ///
    /// Those of [`allocate`](Self::allocate).
    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let RawBlock { block, is_zeroed } = self.allocate_raw(layout)?;
        if !is_zeroed {
            // SAFETY: the block is ours alone and `block.len()` bytes long.
            unsafe { block.cast::<u8>().write_bytes(0, block.len()) };
        }
        Ok(block)
    }

    /// Allocates as [`allocate_raw`](Self::allocate_raw) does, but from the memory that the heap has: no user code runs.
    ///
    /// This and the three methods below are for wrappers that hold a lock; see [`growth`](crate::growth). The defaults
    /// suit heaps that never call a region: this one is `allocate_raw`, and there is nothing to grow.
    ///
    /// # Errors
    ///
    /// Those of [`allocate`](Self::allocate). It is not counted as a failed request.
    #[inline]
    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        self.allocate_raw(layout)
    }

    /// Starts to claim or to grow the memory, so that `layout` may fit, and returns the call to be made.
    ///
    /// # Errors
    ///
    /// [`RegionError::Busy`] while another growth runs, [`RegionError::Fixed`] where growing cannot help.
    #[inline]
    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        let _ = layout;
        Err(RegionError::Fixed)
    }

    /// Takes the memory in that a growth has brought, and ends the growth.
    ///
    /// # Errors
    ///
    /// The region's refusal, or [`RegionError::Exhausted`] if it yielded less than was asked for; what it did yield is
    /// used.
    #[inline]
    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        grown.result()
    }

    /// Counts a request that failed for good.
    #[inline]
    fn count_failure(&self) {}

    /// Starts to claim the memory, and returns the call to be made; `None` if the heap is laid out on it.
    ///
    /// # Errors
    ///
    /// The memory is claimed but too small, or is being claimed.
    #[inline]
    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        Ok(None)
    }

    /// Claims the memory and lays the heap out on it, if that has not been done yet. The first request does so as well; this
    /// tells what went wrong. The default succeeds for heaps that need no such thing.
    ///
    /// # Errors
    ///
    /// The region refused or is too small, or its own code called this method. The heap stays usable: it refuses requests,
    /// and tries again at each.
    fn init(&self) -> Result<(), InitError> {
        let Some(growth) = self.begin_claim()? else {
            return Ok(());
        };
        // SAFETY: the heap is alive, does not use its region until `end_growth`, and gets the result.
        let grown = unsafe { growth.run() };
        self.end_growth(grown)?;
        // It is claimed now, so this starts nothing.
        self.begin_claim().map(|started| debug_assert!(started.is_none()))
    }

    /// Gives memory that is held in caches back to the free memory, so that it is merged and serves any size.
    #[inline]
    fn trim(&self) {}

    /// Returns whether `block` may be freed or resized by `layout`, as far as the heap looks. One that is checked reports it if not;
    /// the default believes its caller.
    ///
    /// For wrappers that resize by other steps than [`grow`](Self::grow) and [`shrink`](Self::shrink): by a wrong layout they would
    /// copy more than the block.
    #[inline]
    fn permits(&self, block: NonNull<u8>, layout: Layout) -> bool {
        let _ = (block, layout);
        true
    }

    /// Makes a block larger, in place if it can, by moving it otherwise. The first `old.size()` bytes keep their values,
    /// the others are uninitialised. The block that comes back replaces `block`.
    ///
    /// # Errors
    ///
    /// Those of [`allocate`](Self::allocate); the block is as before and still live. So too if `new` is smaller.
    ///
    /// # Safety
    ///
    /// As for [`deallocate`](Self::deallocate), with `old`.
    #[inline]
    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() < old.size() {
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { resize_or_move(self, block, old, new) }
    }

    /// Makes a block larger as [`grow`](Self::grow) does, and clears every byte from `old.size()` to the new extent.
    ///
    /// # Errors
    ///
    /// Those of [`grow`](Self::grow).
    ///
    /// # Safety
    ///
    /// As for [`deallocate`](Self::deallocate), with `old`.
    #[inline]
    unsafe fn grow_zeroed(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        let grown = unsafe { self.grow(block, old, new) }?;
        // SAFETY: the extent is at least `new.size()`, which is at least `old.size()`.
        let tail = unsafe { grown.cast::<u8>().add(old.size()) };
        // SAFETY: these are the block's bytes from `old.size()` to its extent.
        unsafe { tail.write_bytes(0, grown.len() - old.size()) };
        Ok(grown)
    }

    /// Makes a block smaller, in place if its address suits `new.align()`, by moving it otherwise. The first `new.size()`
    /// bytes keep their values.
    ///
    /// # Errors
    ///
    /// The block must move and no other fits; it is as before and still live. So too if `new` is larger.
    ///
    /// # Safety
    ///
    /// As for [`deallocate`](Self::deallocate), with `old`.
    #[inline]
    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() > old.size() {
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { resize_or_move(self, block, old, new) }
    }
}

/// Resizes a block in place, or moves it to a new one: what [`Heap::grow`] and [`Heap::shrink`] do, for heaps that do something
/// more there.
///
/// # Errors
///
/// Those of [`Heap::allocate`]; the block is as before. And a checked heap permits no longer what was freed while it grew.
///
/// # Safety
///
/// As for [`Heap::deallocate`], with `old`.
#[inline]
pub unsafe fn resize_or_move<H: Heap + ?Sized>(
    heap: &H,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    // SAFETY: the caller upholds the contract.
    if let Ok(resized) = unsafe { heap.resize_in_place(block, old, new) } {
        return Ok(resized);
    }
    let moved = heap.allocate(new)?;
    if !heap.permits(block, old) {
        // Code of a region has freed it meanwhile, and it may be part of the new one.
        // SAFETY: the block was just allocated, and nobody has seen it.
        unsafe { heap.deallocate(moved.cast(), new) };
        return Err(AllocError);
    }
    let kept = old.size().min(new.size());
    // SAFETY: both blocks are live, hold `kept` bytes, and do not overlap.
    unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, kept) };
    // SAFETY: the caller upholds the contract.
    unsafe { heap.deallocate(block, old) };
    Ok(moved)
}

// SAFETY: every method is the referent's.
unsafe impl<H: Heap + ?Sized> Heap for &H {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        (**self).allocate(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { (**self).deallocate(block, layout) }
    }

    #[inline]
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { (**self).resize_in_place(block, old, new) }
    }

    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        (**self).allocate_raw(layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        (**self).allocate_zeroed(layout)
    }

    #[inline]
    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        (**self).allocate_within(layout)
    }

    #[inline]
    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        (**self).begin_growth(layout)
    }

    #[inline]
    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        (**self).end_growth(grown)
    }

    #[inline]
    fn count_failure(&self) {
        (**self).count_failure();
    }

    #[inline]
    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        (**self).begin_claim()
    }

    fn init(&self) -> Result<(), InitError> {
        (**self).init()
    }

    #[inline]
    fn trim(&self) {
        (**self).trim();
    }

    #[inline]
    fn permits(&self, block: NonNull<u8>, layout: Layout) -> bool {
        (**self).permits(block, layout)
    }

    #[inline]
    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { (**self).grow(block, old, new) }
    }

    #[inline]
    unsafe fn grow_zeroed(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { (**self).grow_zeroed(block, old, new) }
    }

    #[inline]
    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { (**self).shrink(block, old, new) }
    }
}

#[cfg(test)]
mod tests;
