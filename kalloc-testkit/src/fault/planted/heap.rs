//! The heap around the numbers: it owns the region, and makes pointers of addresses.

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use kalloc_traits::RawRegion;

use super::fault::Fault;
use super::state::State;

/// A heap over a region: sound with [`Fault::None`], and with the one fault otherwise.
///
/// ```
/// use kalloc_testkit::fault::planted::{Fault, Planted};
/// use kalloc_testkit::region::GuardedRegion;
/// use kalloc_traits::Heap;
///
/// let heap = Planted::new(GuardedRegion::new(1000), Fault::IgnoresAlignment);
/// let first = heap.allocate(core::alloc::Layout::new::<u64>()).unwrap();
/// let page = core::alloc::Layout::from_size_align(64, 64).unwrap();
/// let second = heap.allocate(page).unwrap();
/// assert_ne!(second.cast::<u8>().addr().get() % 64, 0);
/// ```
///
/// # Invariants
///
/// - `base` is the region's first byte, with its provenance, once the state is laid out.
/// - The state is borrowed only inside of `with`, which runs no code of the region's or a user's.
pub struct Planted<R: RawRegion> {
    state: UnsafeCell<State>,
    pub(super) region: UnsafeCell<ManuallyDrop<R>>,
    pub(super) base: Cell<NonNull<u8>>,
    /// Where the heap was when it was last used.
    home: Cell<usize>,
}

// SAFETY: the heap owns its region, and its pointers lead nowhere else.
unsafe impl<R: RawRegion + Send> Send for Planted<R> {}

impl<R: RawRegion> Planted<R> {
    /// Returns a heap over `region` with a fault. The region is not touched before the first request.
    pub const fn new(region: R, fault: Fault) -> Self {
        Self {
            state: UnsafeCell::new(State::new(fault)),
            region: UnsafeCell::new(ManuallyDrop::new(region)),
            base: Cell::new(NonNull::dangling()),
            home: Cell::new(0),
        }
    }

    /// Runs `action` on the state.
    pub(super) fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        // SAFETY: one thread at a time uses the heap, and `action` does not lead back here.
        let state = unsafe { &mut *self.state.get() };
        let here = (&raw const *self).addr();
        if state.has(Fault::ForgetsWhenMoved) && self.home.get() != 0 && self.home.get() != here {
            state.forget();
        }
        self.home.set(here);
        action(state)
    }

    /// Returns whether the heap has this fault.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.with(|state| state.has(fault))
    }

    /// Returns the pointer to an address of the memory.
    pub(super) fn pointer(&self, address: usize) -> NonNull<u8> {
        let base = self.base.get();
        let offset = address.wrapping_sub(base.addr().get()) as isize;
        // SAFETY: the address lies in the memory that the region lent, or where a fault points, just beside it.
        unsafe { base.offset(offset) }
    }

    /// Returns the block of `len` bytes at an address.
    pub(super) fn block(&self, address: usize, len: usize) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.pointer(address), len)
    }

    /// Returns the region.
    ///
    /// # Safety
    ///
    /// It is not being claimed or grown.
    pub(super) unsafe fn region(&self) -> &R {
        // SAFETY: the caller says that nobody has it.
        unsafe { &*self.region.get() }
    }
}

impl<R: RawRegion> Drop for Planted<R> {
    fn drop(&mut self) {
        if self.has(Fault::PanicsOnLeak) {
            let live = self.with(|state| state.stats.live_blocks);
            assert!(live == 0, "{live} blocks are live");
        }
        if !self.has(Fault::LeaksRegion) {
            // SAFETY: the region is not used any more.
            unsafe { ManuallyDrop::drop(self.region.get_mut()) };
        }
    }
}

impl<R: RawRegion> fmt::Debug for Planted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|state| f.debug_tuple("Planted").field(state).finish())
    }
}
