//! The heap that many cores share without a lock: the shared cursor's offsets made pointers.
//!
//! ```text
//!   place ───► where the memory lies, public since the claim
//!   cursor ──► where the next block goes: one compare-and-swap for each call
//!   region ──► touched by the claim, by whoever won it, and read ever after
//! ```
//!
//! Only where the target has compare-and-swap for a whole `usize`.

pub mod checkpoint;
mod cursor;
mod inspect;
mod memory;
#[cfg(all(test, loom))]
mod models;
mod primitive;
mod word;

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

use kalloc_traits::arith::is_aligned;
use kalloc_traits::growth::Step;
use kalloc_traits::request::{Request, dangling};
use kalloc_traits::{AllocError, Grown, Growth, Heap, InitError, RawBlock, RawRegion, RegionError};

use self::checkpoint::{Checkpoint, Checkpoints, StaleCheckpoint};
use self::cursor::{Mark, SharedCursor, Taken};
use self::memory::{Memory, Place, phase};
use self::primitive::{AtomicUsize, spin_loop};

/// A bump that any number of cores use at the same time, without a lock.
///
/// It is to [`Bump`](crate::Bump) what an atomic counter is to a number. A block takes exactly `layout.size()` bytes; the
/// last block, if it still is the last, is freed, grown and shrunk in place. Differences:
///
/// - **The region is fixed.** It is claimed at first use or by [`init`](Self::init), by one core while the others wait, and
///   never asked to grow.
/// - **It does not start over by itself** when no block is live. What is freed elsewhere than at the end, and the padding
///   before an aligned block, waits for [`reset`](Self::reset) or [`rewind`](Self::rewind).
///
/// To allocate takes one compare-and-swap (on targets of 32 bits, and for over-aligned blocks, one or two additions besides),
/// to free two atomic operations; more only if another core got in between. It is lock-free: a core that stops in the
/// middle, or an interrupt handler that comes in between, holds up nobody. *Handlers may use it*, but for the claim: call
/// `init` before the first of them does.
///
/// Of a region of more than 2^48 - 1 bytes, the rest is not used.
///
/// Cores that allocate at the same time take the word that says where the next block goes away from each other, which costs more
/// than all else. A core that allocates much does so from a [`Chain`](crate::Chain) of its own over `&AtomicBump`: that swaps
/// once for a chunk of [`Settings::GROWTH_STEP`](crate::Settings::GROWTH_STEP) bytes or more, and cuts it alone.
///
/// ```
/// use kalloc_bump::{Arena, AtomicBump, Chain, Settings};
/// use kalloc_traits::{AllocError, Inspect, StaticArray, StaticRegion};
///
/// struct Chunks;
///
/// impl Settings for Chunks {
///     const GROWTH_STEP: usize = 4096;
/// }
///
/// static MEMORY: StaticArray<65536> = StaticArray::new();
/// static BUMP: AtomicBump<StaticRegion<65536>> = AtomicBump::new(MEMORY.region());
///
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| {
///             let own = Chain::<_, Chunks>::with_settings(&BUMP);
///             let numbers = own.try_alloc_iter(0..100u32)?;
///             assert_eq!((numbers[99], own.stats().used), (99, 400));
///             Ok::<_, AllocError>(())
///         });
///     }
/// });
/// ```
///
/// It is `Sync` if the region is `Send`, so it may be a static and the heap of a `kalloc_sync::Global`:
///
/// ```
/// use core::alloc::Layout;
/// use kalloc_bump::AtomicBump;
/// use kalloc_traits::{Heap, Inspect, StaticArray, StaticRegion};
///
/// static MEMORY: StaticArray<4096> = StaticArray::new();
/// static BUMP: AtomicBump<StaticRegion<4096>> = AtomicBump::new(MEMORY.region());
///
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| assert!(BUMP.allocate(Layout::new::<[u32; 8]>()).is_ok()));
///     }
/// });
/// assert_eq!(BUMP.stats().used, 128);
/// ```
///
/// A region that must stay on its thread keeps its bump there:
///
/// ```compile_fail,E0277
/// fn share<S: Sync>(_: &S) {}
///
/// struct MyRegion(std::rc::Rc<u32>);
/// share(&kalloc_bump::AtomicBump::new(MyRegion(0.into())));
/// ```
pub struct AtomicBump<R> {
    cursor: SharedCursor,
    memory: Memory,
    /// Requests that failed for good, saturating.
    nr_failed: AtomicUsize,
    /// Turns of the spin loop in which a request waits for another core's claim.
    patience: u32,
    checkpoints: Checkpoints,
    /// Used by nobody but the claim that is under way, of which `memory` allows one; when it is claimed, only shared.
    region: UnsafeCell<R>,
}

// SAFETY: the bump is the only way to its region, and the memory belongs to the region, which may move to another thread.
unsafe impl<R: Send> Send for AtomicBump<R> {}

// SAFETY:
// - Everything but the region is atomic, or changes under `&mut self` alone.
// - The region is used by one thread at a time, that which claims it, and `R: Send` allows that it is any. The claims are
//   ordered by `Memory`'s phase. Once it is claimed, `region` shares it, and asks for `R: Sync`.
// - Blocks are handed out to one owner each, and the bytes of one that was freed to the next: see `cursor`.
unsafe impl<R: Send> Sync for AtomicBump<R> {}

impl<R> AtomicBump<R> {
    /// The patience of [`new`](Self::new), in turns of a spin loop: some milliseconds on a processor of today.
    pub const PATIENCE: u32 = 1 << 18;

    /// Returns a bump over `region`, which is not touched before the first use. Can be called in a `const` context.
    #[inline]
    pub const fn new(region: R) -> Self {
        Self::with_patience(region, Self::PATIENCE)
    }

    /// Returns a bump over `region`, with another patience: how many turns of a spin loop a request waits while another
    /// core claims the region, before it fails. It cannot tell another core from the region itself, which may call the bump
    /// that it feeds; such a call fails after that time.
    #[inline]
    pub const fn with_patience(region: R, patience: u32) -> Self {
        Self {
            cursor: SharedCursor::new(),
            memory: Memory::new(),
            nr_failed: AtomicUsize::new(0),
            patience,
            checkpoints: Checkpoints::new(),
            region: UnsafeCell::new(region),
        }
    }

    /// Ends all blocks at once, in constant time, and clears nothing. All checkpoints are stale then.
    #[inline]
    pub fn reset(&mut self) {
        self.cursor.pin(0);
        self.cursor.rewind(Mark::START);
        self.checkpoints.clear();
    }

    /// Returns this moment, to come back to it by [`rewind`](Self::rewind), in constant time.
    ///
    /// Blocks that are live now are *pinned*: they may be freed and resized, but do not grow in place, and what they give
    /// up waits, also if it is at the end.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let mark = self.cursor.mark();
        let floor = self.cursor.pin(mark.next());
        self.checkpoints.add(mark, floor)
    }

    /// Ends all blocks that were allocated since `checkpoint`, in constant time. The checkpoint is used up, and all that
    /// were made after it are stale.
    ///
    /// If blocks of before were freed since, while some of after it are live, the counters come out too high, by at most
    /// what was freed: nothing tells the ones from the others.
    ///
    /// # Errors
    ///
    /// [`StaleCheckpoint`], and nothing has changed, if `checkpoint`
    ///
    /// - is another bump's;
    /// - was made before a reset, or made after a moment that the bump was taken back to since;
    /// - *may* be such a one: a newer one was given up, and there was a rewind since this one was made.
    pub fn rewind(&mut self, checkpoint: Checkpoint) -> Result<(), StaleCheckpoint> {
        self.checkpoints.take(&checkpoint)?;
        self.cursor.pin(checkpoint.floor);
        self.cursor.rewind(checkpoint.mark);
        Ok(())
    }

    /// Returns the region, or `None` before it is claimed: for [`translate`](RawRegion::translate), say.
    #[inline]
    pub fn region(&self) -> Option<&R>
    where
        R: Sync,
    {
        if self.memory.phase() != phase::CLAIMED {
            return None;
        }
        // SAFETY: the region is alive. Who has claimed it was done with it before the phase said so, and nobody gets it
        // mutably any more: `begin_growth` refuses. Other threads may share it meanwhile, as it is `Sync`.
        Some(unsafe { &*self.region.get() })
    }

    /// Takes the next block of `place`, which is this bump's.
    #[inline]
    fn take(&self, place: Place, request: Request) -> Result<RawBlock, AllocError> {
        let base = place.base.addr().get();
        let Taken { offset, is_fresh } = self.cursor.take(base, place.limit, request).ok_or(AllocError)?;
        Ok(RawBlock {
            // SAFETY: `take` has found the block to end inside the region.
            block: unsafe { block(place, offset, request.size.get()) },
            is_zeroed: is_fresh && self.memory.is_zeroed(),
        })
    }

    /// Counts a request that failed, and says so.
    #[cold]
    fn fail(&self) -> AllocError {
        // Never an error, but for the greatest number, which stays.
        let _ = self
            .nr_failed
            .fetch_update(Relaxed, Relaxed, |count| count.checked_add(1));
        AllocError
    }
}

impl<R: RawRegion> AtomicBump<R> {
    /// Claims the region now and not at the first allocation. Once that has succeeded, it does nothing.
    ///
    /// # Errors
    ///
    /// The bump stays usable: a later request or `init` tries again.
    ///
    /// - [`InitError::Claimed`] if another region value owns the memory, [`InitError::Refused`] if the region has its own
    ///   reason;
    /// - [`InitError::Busy`] if it is being claimed, by another core or by the code that calls this;
    /// - [`InitError::TooSmall`] if the region has no byte.
    pub fn init(&self) -> Result<(), InitError> {
        Heap::init(self)
    }

    /// Allocates when the region was not claimed a moment ago: claims it, or waits until another core has.
    #[cold]
    #[inline(never)]
    fn allocate_claiming(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        let mut patience = self.patience;
        loop {
            match self.begin_growth(layout) {
                Ok(growth) => {
                    // SAFETY: the bump is borrowed, so the region is alive, and nobody uses it until `end_growth`.
                    let grown = unsafe { growth.run() };
                    // A refusal shows below, as there is no memory then.
                    let _ = self.end_growth(grown);
                    break;
                }
                Err(RegionError::Busy) if patience > 0 => {
                    patience -= 1;
                    spin_loop();
                }
                // It is claimed by now, or will not be.
                Err(_) => break,
            }
        }
        self.allocate_within(layout).map_err(|AllocError| self.fail())
    }
}

/// Returns the block of `size` bytes at `offset` in `place`, with the region's provenance.
///
/// # Safety
///
/// The place is that of a region that is claimed and alive, and `offset + size` is at most its limit.
#[inline]
unsafe fn block(place: Place, offset: usize, size: usize) -> NonNull<[u8]> {
    // SAFETY: the region's span reaches from the base to the limit, and the base is valid for all of it.
    NonNull::slice_from_raw_parts(unsafe { place.base.add(offset) }, size)
}

/// The answer to a request of zero bytes.
#[inline]
const fn nothing(align: usize) -> RawBlock {
    RawBlock {
        block: dangling(align),
        is_zeroed: true,
    }
}

// SAFETY:
// - The extent of a block is `layout.size()` on every path: `take` and `resize_in_place` are the only ones.
// - A block is taken from the bytes behind `next`, of which no live block has any, and ends at or before the limit. Only its
//   owner moves `next` below its end, when giving those bytes up, and above it, when the bytes behind are nobody's. Why
//   that holds whatever other cores do in between is told in `cursor`. A region's span has neither address 0 nor the
//   last byte.
unsafe impl<R: RawRegion> Heap for AtomicBump<R> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Ok(self.allocate_raw(layout)?.block)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // There is a place, if there is a block.
        if let (Some(place), true) = (self.memory.place(), layout.size() != 0) {
            self.cursor.give_back(place.offset(block), layout.size());
        }
    }

    #[inline]
    unsafe fn resize_in_place(
        &self,
        old_block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let is_empty = old.size() == 0 || new.size() == 0;
        if is_empty || !is_aligned(old_block.addr().get(), new.align()) {
            return Err(AllocError);
        }
        let place = self.memory.place().ok_or(AllocError)?;
        let offset = place.offset(old_block);
        if !self.cursor.resize(offset, old.size(), new.size(), place.limit) {
            return Err(AllocError);
        }
        // SAFETY: the caller has a block of this bump, so the region is claimed. The block starts at `offset`, and `resize`
        // has found its new end to be inside the region.
        Ok(unsafe { block(place, offset, new.size()) })
    }

    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        let Some(request) = Request::new(layout) else {
            return Ok(nothing(layout.align()));
        };
        match self.memory.place() {
            Some(place) => self.take(place, request).map_err(|AllocError| self.fail()),
            None => self.allocate_claiming(layout),
        }
    }

    #[inline]
    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        match Request::new(layout) {
            Some(request) => self.take(self.memory.place().ok_or(AllocError)?, request),
            None => Ok(nothing(layout.align())),
        }
    }

    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        if layout.size() == 0 {
            return Err(RegionError::Fixed);
        }
        self.memory.begin_claim()?;
        Ok(Growth::new(NonNull::from(&self.region).cast::<R>(), Step::Claim))
    }

    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        self.memory.end_claim(&grown)
    }

    fn count_failure(&self) {
        let AllocError = self.fail();
    }

    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        match self.memory.place() {
            Some(Place { limit: 0, .. }) => Err(InitError::TooSmall),
            Some(_) => Ok(None),
            None => match self.begin_growth(Layout::new::<u8>()) {
                Ok(growth) => Ok(Some(growth)),
                // Another core has claimed it between the two looks.
                Err(RegionError::Fixed) => self.begin_claim(),
                Err(refusal) => Err(refusal.into()),
            },
        }
    }
}

kalloc_traits::impl_allocator!([R: RawRegion] AtomicBump<R>);
