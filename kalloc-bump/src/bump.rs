//! The bump: a state, and the region that it lies in.
//!
//! `Bump` owns the region and the state. The state is borrowed for one step at a time and never while the region's code
//! runs: growth goes in the three steps of [`kalloc_traits::growth`], so a region that allocates from the bump it feeds
//! finds it usable. The bump itself never reads or writes the region's bytes, but where it moves or clears a block.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use kalloc_traits::request::dangling;
use kalloc_traits::{Heap, InitError, RawBlock, RawRegion, allocate_growing};

use crate::settings::{Settings, Standard, extent};
use crate::state::State;

/// A heap that cuts blocks from one end of a region, one behind the other.
///
/// A block's extent is `layout.size()`, rounded up to the least alignment of the [`Settings`], which is 1 by default. It
/// needs no header; an alignment greater than where the last block happens to end costs padding, which is lost until all
/// blocks are gone.
///
/// The region is claimed at first use or by [`init`](Self::init), and asked to grow when a request does not fit. The
/// bump may be moved at any time, also with live blocks. It is `Send` if the region is, and never `Sync`.
///
/// Values, slices and text are allocated by the methods of [`Arena`](crate::Arena), and work that ends together by
/// [`scope`](Self::scope).
///
/// ```
/// use core::alloc::Layout;
/// use core::mem::MaybeUninit;
/// use kalloc_bump::Bump;
/// use kalloc_traits::{AllocError, Heap, Inspect, SliceRegion};
///
/// let mut memory = [MaybeUninit::uninit(); 256];
/// let mut bump = Bump::new(SliceRegion::new(&mut memory));
///
/// let block = bump.allocate(Layout::new::<[u32; 8]>())?;
/// assert_eq!(block.len(), 32);
/// bump.reset();
/// assert_eq!(bump.stats().free, 256);
/// # Ok::<(), AllocError>(())
/// ```
pub struct Bump<R, S: Settings = Standard> {
    state: UnsafeCell<State>,
    /// Used by nobody but the growth that is under way, of which `State::phase` allows one.
    pub(crate) region: UnsafeCell<R>,
    settings: PhantomData<fn() -> S>,
}

// SAFETY: the bump is the only way to its state and region, and the memory belongs to the region, which may move to
// another thread. The pointer in the state is the region's own.
unsafe impl<R: Send, S: Settings> Send for Bump<R, S> {}

impl<R> Bump<R> {
    /// Returns a bump of the default settings over `region`, which is not touched before the first use. Can be called in a
    /// `const` context.
    #[inline]
    pub const fn new(region: R) -> Self {
        Self::with_settings(region)
    }
}

impl<R, S: Settings> Bump<R, S> {
    /// Returns a bump of the settings `S` over `region`, which is not touched before the first use. Can be called in a
    /// `const` context.
    ///
    /// ```
    /// use kalloc_bump::{Bump, Downward};
    /// use kalloc_traits::{StaticArray, StaticRegion};
    ///
    /// static MEMORY: StaticArray<4096> = StaticArray::new();
    /// let bump = Bump::<_, Downward>::with_settings(MEMORY.region());
    /// ```
    #[inline]
    pub const fn with_settings(region: R) -> Self {
        Self {
            state: UnsafeCell::new(State::new()),
            region: UnsafeCell::new(region),
            settings: PhantomData,
        }
    }

    /// Ends all blocks at once, in constant time, and clears nothing. Memory that the region has grown by is kept.
    #[inline]
    pub fn reset(&mut self) {
        self.state.get_mut().reset::<S>();
    }

    /// Limits the memory to `bytes`: the region is not let grow beyond, and what it has beyond when it is claimed is not
    /// used. Memory that is in use already stays so. There is no limit at first.
    pub fn set_limit(&self, bytes: usize) {
        self.with(|state| state.limit = bytes);
    }

    /// Returns the limit; `usize::MAX` if there is none.
    pub fn limit(&self) -> usize {
        self.with(|state| state.limit)
    }

    /// Calls `f` with the state.
    #[inline]
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        // SAFETY: no other reference to the state exists. The bump is not `Sync`, so this is the only thread; and `f`,
        // which is always a closure of this crate, calls neither this bump nor anything that could.
        f(unsafe { &mut *self.state.get() })
    }
}

impl<R: RawRegion, S: Settings> Bump<R, S> {
    /// Claims the region now and not at the first allocation. Once that has succeeded, it does nothing.
    ///
    /// # Errors
    ///
    /// The bump stays usable: a later request or `init` tries again.
    ///
    /// - [`InitError::Claimed`] if another region value owns the memory, [`InitError::Refused`] if the region has its own
    ///   reason;
    /// - [`InitError::Busy`] if the region calls this while it is being claimed;
    /// - [`InitError::TooSmall`] if the region has no byte. A region that can grow does so at the first request.
    pub fn init(&self) -> Result<(), InitError> {
        Heap::init(self)
    }

    /// Takes a block of `layout`, whose size is not zero, from the memory at hand.
    #[inline]
    pub(crate) fn take(&self, layout: Layout) -> Option<RawBlock> {
        let extent = extent::<S>(layout.size())?;
        self.with(|state| {
            let start = state.cursor.take::<S>(extent, layout.align())?;
            // SAFETY: `take` has found the block to lie in the memory.
            let block = unsafe { state.pointer(start) };
            Some(RawBlock {
                block: NonNull::slice_from_raw_parts(block, extent),
                is_zeroed: state.is_zeroed && state.cursor.is_fresh::<S>(start, extent),
            })
        })
    }

    /// Takes a block of `layout`, which is known ahead, from the memory at hand.
    #[inline]
    pub(crate) fn take_known(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.size() == 0 {
            return Some(dangling(layout.align()).cast());
        }
        let extent = extent::<S>(layout.size())?;
        self.with(|state| {
            let start = state.cursor.take_known::<S>(extent, layout.align())?;
            // SAFETY: `take_known` has found the block to lie in the memory.
            Some(unsafe { state.pointer(start) })
        })
    }

    /// Allocates when the memory at hand does not do, or no byte is asked for. Returns where the block starts.
    ///
    /// Like all that is called off the fast path, it cannot unwind, and being `extern "C"` tells the compiler so. Otherwise a loop that
    /// pushes to a vector keeps the vector in memory, for whoever would see it then, and takes an instruction more for each push.
    #[cold]
    #[inline(never)]
    #[expect(improper_ctypes_definitions, reason = "only Rust calls it")]
    pub(crate) extern "C" fn allocate_slowly(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.size() == 0 {
            return Some(dangling(layout.align()).cast());
        }
        Some(allocate_growing(self, layout, 0).ok()?.block.cast())
    }
}
