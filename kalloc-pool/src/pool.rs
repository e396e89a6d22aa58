//! The pool as its users see it: a heap that is called through `&self`, on a region.

use core::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::ptr::NonNull;

use kalloc_traits::growth::Step;
use kalloc_traits::heap::resize_or_move;
use kalloc_traits::request::{Request, dangling};
use kalloc_traits::{
    AllocError, Corruption, Grown, Growth, Heap, InitError, Inspect, RawBlock, RawRegion, RegionError, Run, Stats,
    allocate_growing, impl_allocator,
};

use crate::config::{Config, Standard};
use crate::engine::Engine;

mod adopt;
mod misused;
pub(crate) mod relocate;
mod reshape;

/// A pool: blocks of any size and alignment, freed in any order, in the memory of a region.
///
/// The region is claimed and laid out at first use, or by [`init`](Self::init); until then it is not touched. A region that
/// can grow is asked to when a request does not fit. Blocks have no headers: each costs its size, rounded up to a granule.
///
/// The pool may be moved while blocks are live, as nothing in the region points at it. It is `Send` but not `Sync`: wrap it
/// in `kalloc_sync::Locked` to share it.
#[derive(Debug)]
pub struct Pool<R, C: Config = Standard> {
    engine: UnsafeCell<Engine<C>>,
    is_claimed: Cell<bool>,
    /// A region's method runs: it may call us, but not be called again.
    is_busy: Cell<bool>,
    region: UnsafeCell<R>,
}

// SAFETY: the pool owns its region and all memory in it; the pointers inside are to nothing else.
unsafe impl<R: Send, C: Config> Send for Pool<R, C> {}

impl<R: RawRegion> Pool<R> {
    /// Returns a pool of the default configuration on `region`, which is not touched yet.
    #[inline]
    pub const fn new(region: R) -> Self {
        Self::with_config(region)
    }
}

impl<R: RawRegion, C: Config> Pool<R, C> {
    /// Returns a pool of the configuration `C` on `region`, which is not touched yet.
    #[inline]
    pub const fn with_config(region: R) -> Self {
        Self {
            engine: UnsafeCell::new(Engine::EMPTY),
            is_claimed: Cell::new(false),
            is_busy: Cell::new(false),
            region: UnsafeCell::new(region),
        }
    }

    /// Claims the region and lays the pool out on it, if that has not been done yet. Takes time linear in the region's size
    /// over 64.
    ///
    /// # Errors
    ///
    /// The region refused, or is too small. The pool stays usable: it refuses requests, and tries again at each.
    pub fn init(&self) -> Result<(), InitError> {
        Heap::init(self)
    }

    /// Gives the memory in the quick lists back to the index, so that it is merged and serves any size. Takes time linear
    /// in the number of cached blocks.
    pub fn trim(&self) {
        Heap::trim(self);
    }

    /// Marks the pool as busy, and returns the call of `step` on the region.
    fn begin(&self, step: Step) -> Result<Growth, RegionError> {
        if self.is_busy.replace(true) {
            return Err(RegionError::Busy);
        }
        let Some(region) = NonNull::new(self.region.get()) else {
            return Err(RegionError::Exhausted);
        };
        Ok(Growth::new(region, step))
    }

    /// The part of an allocation that no quick list serves.
    #[inline]
    fn allocate_slowly(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout.align()));
        }
        match self.with(|engine| engine.allocate(layout)) {
            Some(block) => Ok(block),
            None => Ok(self.allocate_growing(layout)?.block),
        }
    }

    /// The part of an allocation that calls the region.
    #[cold]
    #[inline(never)]
    fn allocate_growing(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if !R::CAN_GROW && self.is_claimed.get() {
            // It would be asked for nothing, and the heap searched again.
            self.count_failure();
            return Err(AllocError);
        }
        allocate_growing(self, layout, 0)
    }
}

impl<R, C: Config> Pool<R, C> {
    /// Calls `use_it` with the engine.
    #[inline]
    fn with<T>(&self, use_it: impl FnOnce(&mut Engine<C>) -> T) -> T {
        // SAFETY: the pool is not `Sync`, and no closure that is passed here calls user code or this method, so this is the
        // only reference to the engine.
        use_it(unsafe { &mut *self.engine.get() })
    }
}

// SAFETY:
// - A block's extent is its size, rounded up to a granule: `Engine` computes it nowhere else.
// - Blocks lie in the region and do not overlap: a block is cut from a `Free`, whose granules have one owner (P3, P8); the
//   region's span has neither address 0 nor the last byte of the address space.
unsafe impl<R: RawRegion, C: Config> Heap for Pool<R, C> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match self.with(|engine| engine.allocate_quickly(layout)) {
            Some(block) => Ok(block),
            None => self.allocate_slowly(layout),
        }
    }

    #[inline(always)]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        if C::ADOPTS && self.with(|engine| engine.is_boot_block(block)) {
            // SAFETY: the caller upholds the contract.
            return self.with(|engine| unsafe { engine.deallocate_boot_block(block, layout.size()) });
        }
        if C::CHECKED {
            return self.deallocate_checked(block, layout);
        }
        // SAFETY: the caller upholds the contract.
        self.with(|engine| unsafe { engine.deallocate(block, layout.size()) });
    }

    #[inline]
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let is_aligned = block.addr().get() & (new.align() - 1) == 0;
        if old.size() == 0 || new.size() == 0 || !is_aligned {
            return Err(AllocError);
        }
        if C::CHECKED && !self.permits_checked(block, old) {
            return Err(AllocError);
        }
        if C::ADOPTS && self.with(|engine| engine.is_boot_block(block)) {
            // Its extent is not that of the pool's blocks.
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        self.with(|engine| unsafe { engine.resize(block, old.size(), new.size()) })
            .ok_or(AllocError)
    }

    #[inline]
    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if layout.size() == 0 {
            return Ok(RawBlock {
                block: dangling(layout.align()),
                is_zeroed: true,
            });
        }
        self.with(|engine| match engine.allocate_quickly(layout) {
            Some(block) => Some(RawBlock {
                block,
                is_zeroed: false,
            }),
            None => engine.allocate_raw(layout),
        })
        .ok_or(AllocError)
    }

    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if !Engine::<C>::KNOWS_FRESH {
            return Ok(RawBlock {
                block: self.allocate(layout)?,
                is_zeroed: false,
            });
        }
        self.allocate_within(layout)
            .or_else(|AllocError| self.allocate_growing(layout))
    }

    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        if !self.is_claimed.get() {
            return self.begin(Step::Claim);
        }
        if !R::CAN_GROW {
            return Err(RegionError::Fixed);
        }
        let request = Request::new(layout).ok_or(RegionError::Fixed)?;
        let bytes = self.with(|engine| engine.growth_for(request.size.get(), request.align));
        self.begin(Step::Grow(bytes.ok_or(RegionError::Exhausted)?))
    }

    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        let (step, result, span) = (grown.step(), grown.result(), grown.span());
        if step == Step::Claim {
            self.is_claimed.set(result.is_ok());
        }
        let taken_in = self.with(|engine| {
            // What comes next to the top goes on where that is fresh; the granule in which it starts may be used.
            let (end, fresh) = (engine.arena.granules(), engine.fresh);
            let came = if engine.top.end() == end { 0 } else { end + 1 };
            let fresh = match engine.is_laid_out() {
                true if R::CAN_GROW => {
                    // SAFETY: the region promises that the span is ours, and keeps what it had.
                    unsafe { engine.take_in(span) }?;
                    fresh.max(came)
                }
                true => return Err(RegionError::Fixed),
                false => {
                    // SAFETY: the region promises that the span is ours.
                    unsafe { engine.lay_out(span) }.map_err(|_| RegionError::Exhausted)?;
                    engine.top.start()
                }
            };
            if Engine::<C>::KNOWS_FRESH && grown.is_zeroed() {
                engine.fresh = fresh;
            }
            Ok(())
        });
        self.is_busy.set(false);
        match step {
            // A region that is too small at first may grow at the next request.
            Step::Claim => result,
            Step::Grow(_) => result.and(taken_in),
        }
    }

    fn count_failure(&self) {
        self.with(|engine| engine.counters.failed = engine.counters.failed.saturating_add(1));
    }

    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        match (self.is_claimed.get(), self.with(|engine| engine.is_laid_out())) {
            (_, true) => Ok(None),
            (true, false) => Err(InitError::TooSmall),
            (false, false) => Ok(Some(self.begin(Step::Claim)?)),
        }
    }

    fn trim(&self) {
        self.with(Engine::trim);
    }

    #[inline]
    fn permits(&self, block: NonNull<u8>, layout: Layout) -> bool {
        !C::CHECKED || layout.size() == 0 || self.permits_checked(block, layout)
    }

    #[inline]
    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() < old.size() {
            return Err(AllocError);
        }
        if C::CHECKED {
            // SAFETY: the caller upholds the contract.
            return unsafe { self.resize_checked(block, old, new) };
        }
        // SAFETY: the caller upholds the contract.
        unsafe { resize_or_move(self, block, old, new) }
    }

    #[inline]
    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() > old.size() {
            return Err(AllocError);
        }
        if C::CHECKED {
            // SAFETY: the caller upholds the contract.
            return unsafe { self.resize_checked(block, old, new) };
        }
        // SAFETY: the caller upholds the contract.
        unsafe { resize_or_move(self, block, old, new) }
    }
}

impl<R: RawRegion, C: Config> Inspect for Pool<R, C> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        self.with(|engine| engine.arena.granule_of(pointer).is_some())
    }

    fn stats(&self) -> Stats {
        self.with(|engine| engine.stats())
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        self.with(|engine| engine.next_run(from))
    }

    fn verify(&self) -> Result<(), Corruption> {
        self.with(|engine| engine.verify())
    }
}

impl_allocator!([R: RawRegion, C: Config] Pool<R, C>);
