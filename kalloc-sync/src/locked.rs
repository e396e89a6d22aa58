//! A heap behind a lock, for any number of threads.
//!
//! ```text
//!   allocate      ┤lock: look for a block├ done
//!   … that grows  ┤lock: look, begin├  the region grows  ┤lock: end, look again├ done
//!   a move        ┤lock: resize? look├  bytes are copied  ┤lock: free├ done
//!   zeroed        ┤lock: look├  bytes are cleared, done
//! ```
//!
//! The lock is held for steps of the heap and for nothing else: not while a region grows, not while bytes are
//! copied or cleared, not while a closure of [`walk`](kalloc_traits::Inspect::walk) runs. So all of these may use the
//! heap. The heap's own methods that copy (`grow`, `shrink`, `allocate_zeroed`) are therefore never called; their
//! meaning is rebuilt from its steps.
//!
//! That holds for heaps whose growth comes in steps, as [`growth`](kalloc_traits::growth) has it. A heap of somebody
//! else's, behind `kalloc_traits::glue`, does under the lock whatever its `allocate` does.
//!
//! Cost over the bare heap: one acquisition for an allocation, a free or a resize in place, two for a move, and three more if it grows.

use core::alloc::Layout;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

use kalloc_traits::request::dangling;
use kalloc_traits::{
    AllocError, Corruption, Grown, Growth, Heap, InitError, Inspect, RawBlock, RegionError, Run, Stats, impl_allocator,
};

use crate::lock::RawLock;
#[cfg(all(feature = "spin", target_has_atomic = "8"))]
use crate::lock::spin::SpinLock;
use crate::patience::Patience;

/// How often one request lets the memory grow. Whoever brings memory is served from it before anyone else, so three
/// rounds do for a quiet heap: to claim, to grow, and once more for an alignment. The others make up for free memory
/// that a growth counted on and another thread took meanwhile.
const ROUNDS: u32 = 8;

/// Defines [`Locked`], with a default for its lock where there is one.
macro_rules! define_locked {
    ($($default:tt)*) => {
        /// A heap behind a lock: what [`Heap`] and [`Inspect`] offer, for all threads at once.
        ///
        /// `L` is the lock: `SpinLock` unless another is named. **Interrupt handlers** may
        /// use the heap only if the lock masks interrupts: see [`lock`](crate::lock#interrupts).
        ///
        /// A request that needs the memory to grow, while another growth runs, waits for it: up to a number of turns of a
        /// spin loop, its *patience*, for it cannot tell a growth on another core from one whose region, on this very
        /// stack, asks for memory from the heap that it feeds. Such a region gets what the heap has, and else, after
        /// that time, an error.
        ///
        /// It is `Sync` if the heap is `Send`: one thread at a time uses it.
        ///
        /// ```
        /// # #[cfg(feature = "spin")] mod example {
        /// use kalloc_sync::Locked;
        /// use kalloc_traits::{Heap, glue::global::GlobalHeap};
        ///
        /// fn share<S: Sync>(_: &S) {}
        ///
        /// struct MyHeap(core::cell::Cell<u32>);
        /// # pub fn main() {
        /// share(&Locked::<MyHeap>::new(MyHeap(0.into())));
        /// # }
        /// # }
        /// # fn main() { #[cfg(feature = "spin")] example::main() }
        /// ```
        ///
        /// A heap that must stay on its thread stays there:
        ///
        /// ```compile_fail,E0277
        /// use kalloc_sync::Locked;
        ///
        /// fn share<S: Sync>(_: &S) {}
        ///
        /// struct MyHeap(std::rc::Rc<u32>);
        /// share(&Locked::<MyHeap>::new(MyHeap(0.into())));
        /// ```
        pub struct Locked<H, L $($default)*> {
            lock: L,
            /// Turns of the spin loop in which a request waits for somebody else's growth.
            patience: u32,
            heap: H,
        }
    };
}

#[cfg(all(feature = "spin", target_has_atomic = "8"))]
define_locked!(= SpinLock);
#[cfg(not(all(feature = "spin", target_has_atomic = "8")))]
define_locked!();

// SAFETY:
// - Through a shared reference the heap is used by one thread at a time, namely by the holder of the lock, and `H: Send`
//   allows that it is another one each time.
// - A growth runs without the lock, but it touches the region alone, and a heap that is busy leaves the region alone.
// - The lock is shared as it says that it can be.
unsafe impl<H: Send, L: RawLock + Sync> Sync for Locked<H, L> {}

impl<H, L: RawLock> Locked<H, L> {
    /// The patience of [`new`](Self::new), in turns of a spin loop: some milliseconds on a processor of today.
    pub const PATIENCE: u32 = 1 << 18;

    /// Returns `heap` behind a lock that is not held. Can be called in a `const` context.
    #[inline]
    pub const fn new(heap: H) -> Self {
        Self::with_patience(heap, Self::PATIENCE)
    }

    /// Returns `heap` behind a lock, with another patience, in turns of a spin loop.
    ///
    /// Zero suits a heap whose region often asks it for memory while it grows: such requests then fail at once. More
    /// than the default suits threads that may lose the processor while they let the memory grow.
    #[inline]
    pub const fn with_patience(heap: H, patience: u32) -> Self {
        Self {
            lock: L::INIT,
            patience,
            heap,
        }
    }

    /// Returns the heap. No lock is needed, as nobody else can use it meanwhile.
    #[inline]
    pub const fn get_mut(&mut self) -> &mut H {
        &mut self.heap
    }

    /// Returns the heap without the lock. Its blocks live on, as when any heap is moved.
    #[inline]
    pub fn into_inner(self) -> H {
        self.heap
    }

    /// Acquires the lock until the guard is dropped, on whatever path.
    #[inline]
    fn acquire(&self) -> Guard<'_, H, L> {
        Guard {
            state: ManuallyDrop::new(self.lock.lock()),
            owner: self,
        }
    }
}

impl<H: Heap, L: RawLock> Locked<H, L> {
    /// Goes on with a request that the heap could not serve from what it has. `growth` is its answer to that.
    #[cold]
    fn allocate_growing(
        &self,
        layout: Layout,
        mut growth: Result<Growth, RegionError>,
    ) -> Result<RawBlock, AllocError> {
        let mut rounds = ROUNDS;
        let mut patience = Patience::new(self.patience);
        loop {
            let heap = match growth {
                Ok(growth) => {
                    rounds -= 1;
                    // SAFETY: the heap is borrowed, so the region is alive. The heap is busy until `end_growth`, so it
                    // leaves the region alone.
                    let grown = unsafe { growth.run() };
                    let heap = self.acquire();
                    if heap.end_growth(grown).is_err() {
                        // What came in spite of the refusal may do.
                        rounds = 0;
                    }
                    heap
                }
                Err(RegionError::Busy) if patience.wait() => self.acquire(),
                Err(_) => {
                    self.count_failure();
                    return Err(AllocError);
                }
            };
            // Still the same acquisition, or other threads would take what this one has brought.
            if let Ok(block) = heap.allocate_within(layout) {
                return Ok(block);
            }
            // A growth that has begun must be run and handed back, so look at the rounds first.
            if rounds == 0 {
                heap.count_failure();
                return Err(AllocError);
            }
            growth = heap.begin_growth(layout);
        }
    }
}

/// The answer to a request of zero bytes, for which no lock is taken.
#[inline]
const fn nothing(align: usize) -> RawBlock {
    RawBlock {
        block: dangling(align),
        is_zeroed: true,
    }
}

// SAFETY: the blocks are the inner heap's, which is called by one thread at a time, and their extents are too. What the
// provided methods do between two steps, they do to blocks that the caller owns.
unsafe impl<H: Heap, L: RawLock> Heap for Locked<H, L> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Ok(self.allocate_raw(layout)?.block)
    }

    #[inline]
    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if layout.size() == 0 {
            return Ok(nothing(layout.align()));
        }
        let heap = self.acquire();
        if let Ok(block) = heap.allocate_within(layout) {
            return Ok(block);
        }
        let growth = heap.begin_growth(layout);
        drop(heap);
        self.allocate_growing(layout, growth)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller upholds the contract, and the lock is held.
            unsafe { self.acquire().deallocate(block, layout) }
        }
    }

    #[inline]
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 || new.size() == 0 {
            return Err(AllocError);
        }
        let heap = self.acquire();
        // SAFETY: the caller upholds the contract, and the lock is held.
        unsafe { heap.resize_in_place(block, old, new) }
    }

    #[inline]
    fn allocate_within(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        if layout.size() == 0 {
            return Ok(nothing(layout.align()));
        }
        self.acquire().allocate_within(layout)
    }

    #[inline]
    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        self.acquire().begin_growth(layout)
    }

    #[inline]
    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        self.acquire().end_growth(grown)
    }

    #[inline]
    fn count_failure(&self) {
        self.acquire().count_failure();
    }

    #[inline]
    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        self.acquire().begin_claim()
    }

    fn trim(&self) {
        self.acquire().trim();
    }

    #[inline]
    fn permits(&self, block: NonNull<u8>, layout: Layout) -> bool {
        layout.size() == 0 || self.acquire().permits(block, layout)
    }

    #[inline]
    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() < old.size() {
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.resize_or_move(block, old, new) }
    }

    #[inline]
    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() > old.size() {
            return Err(AllocError);
        }
        // SAFETY: the caller upholds the contract.
        unsafe { self.resize_or_move(block, old, new) }
    }
}

impl<H: Heap, L: RawLock> Locked<H, L> {
    /// Resizes a block in place or moves it. A heap that is checked is asked first, and once more after a growth.
    ///
    /// # Errors and safety
    ///
    /// Those of [`Heap::grow`].
    #[inline]
    unsafe fn resize_or_move(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 {
            return self.allocate(new);
        }
        let found = {
            let heap = self.acquire();
            if !heap.permits(block, old) {
                return Err(AllocError);
            }
            // SAFETY: the caller upholds the contract, and the lock is held.
            if let Ok(resized) = unsafe { heap.resize_in_place(block, old, new) } {
                return Ok(resized);
            }
            match new.size() {
                0 => Ok(nothing(new.align())),
                _ => heap.allocate_within(new).map_err(|AllocError| heap.begin_growth(new)),
            }
        };
        let moved = match found {
            Ok(found) => found.block,
            Err(growth) => {
                let moved = self.allocate_growing(new, growth)?.block;
                if !self.permits(block, old) {
                    // The region's code has freed it meanwhile, and it may be part of the new one.
                    // SAFETY: the block was just allocated, and nobody has seen it.
                    unsafe { self.deallocate(moved.cast(), new) };
                    return Err(AllocError);
                }
                moved
            }
        };
        let kept = old.size().min(new.size());
        // SAFETY: both blocks are live, hold `kept` bytes, and do not overlap.
        unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, kept) };
        // SAFETY: the caller upholds the contract.
        unsafe { self.deallocate(block, old) };
        Ok(moved)
    }
}

/// One acquisition for each call. `verify` holds the lock for a time linear in the heap; `walk` holds it for one run at
/// a time, and not while the closure runs.
impl<H: Inspect, L: RawLock> Inspect for Locked<H, L> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        self.acquire().owns(pointer)
    }

    fn stats(&self) -> Stats {
        self.acquire().stats()
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        self.acquire().next_run(from)
    }

    fn verify(&self) -> Result<(), Corruption> {
        self.acquire().verify()
    }
}

impl_allocator!([H: Heap, L: RawLock] Locked<H, L>);

/// One acquisition of a [`Locked`]'s lock, and access to its heap while it lasts.
///
/// # Invariants
///
/// The owner's lock is held, and `state` is that of its acquisition. A guard never leaves the function that acquired it.
struct Guard<'a, H, L: RawLock> {
    owner: &'a Locked<H, L>,
    state: ManuallyDrop<L::State>,
}

impl<H, L: RawLock> Deref for Guard<'_, H, L> {
    type Target = H;

    #[inline]
    fn deref(&self) -> &H {
        &self.owner.heap
    }
}

impl<H, L: RawLock> Drop for Guard<'_, H, L> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the state is not used again, as the guard is gone after this.
        let state = unsafe { ManuallyDrop::take(&mut self.state) };
        // SAFETY:
        // - The lock is held, by this thread, as the guard never leaves the function that acquired it.
        // - `state` is that of its acquisition.
        // - Guards are dropped in the reverse order, being local variables.
        unsafe { self.owner.lock.unlock(state) }
    }
}
