//! A heap in several regions, each of which is a pool of its own: bitmap, index and lists lie in the region that they describe.
//!
//! ```text
//!   order    │ 2 │ 0 │ 1 │            slots    │ pool │ pool │ pool │ none │
//!              most recent success first, or by address
//! ```
//!
//! So a region that comes, goes, grows or shrinks concerns nobody else, and no block spans two of them. A request asks one region
//! after the other; a free goes to the region that has the address. With one region both cost a comparison more than in a
//! `Pool`.

mod heap;
mod inspect;
mod order;
mod supply;

use core::cell::{Cell, UnsafeCell};
use core::error::Error;
use core::fmt;
use core::ptr::NonNull;

use kalloc_traits::{InitError, RawRegion, Refused, RegionError, Span};

pub use self::supply::Supply;

use self::order::Order;
use self::supply::Supplier;
use crate::config::{Config, Standard};
use crate::engine::Engine;
use crate::index::sealed::Index;
use crate::pool::Pool;

/// Why a heap does not take a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddError {
    /// It has as many as it can.
    Full,
    /// The region shares bytes with one that the heap has.
    Overlaps,
    /// The region could not be claimed, or is too small.
    Region(InitError),
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the heap has as many regions as it can"),
            Self::Overlaps => f.write_str("the region overlaps one that the heap has"),
            Self::Region(error) => error.fmt(f),
        }
    }
}

impl Error for AddError {}

/// Why a heap does not give a region back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemoveError {
    /// The heap has no such region.
    Unknown,
    /// A block is live in it.
    InUse,
    /// It is being grown, or a handler of misuses runs.
    Busy,
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the heap has no such region",
            Self::InUse => "a block is live in the region",
            Self::Busy => "the region is being grown",
        })
    }
}

impl Error for RemoveError {}

/// A heap in up to `N` regions, which come and go while blocks are live.
///
/// All regions are of one type; `RangeRegion` suits memory maps. A region may grow and shrink as a pool's does. When nothing fits
/// and no region grows, the [`Supply`] is asked for another one. No block lies in two regions, also if these are adjacent; to make
/// one of two adjacent pieces, let a region of yours cover both and grow from the one into the other.
///
/// `FirstFit` and `ScanFit` take the lowest region where a request fits; the other policies try the region first that served the
/// last request. It is `Send` but not `Sync`: wrap it in `kalloc_sync::Locked` to share it.
///
/// ```
/// use core::mem::MaybeUninit;
/// use core::alloc::Layout;
/// use kalloc_pool::Regions;
/// use kalloc_traits::{Heap, Inspect, SliceRegion};
///
/// let (mut low, mut high) = ([MaybeUninit::uninit(); 4096], [MaybeUninit::uninit(); 4096]);
/// let heap = Regions::<SliceRegion, 4>::new();
/// heap.add(SliceRegion::new(&mut low)).unwrap();
/// let block = heap.allocate(Layout::new::<[u8; 3000]>()).unwrap();
/// assert!(heap.allocate(Layout::new::<[u8; 3000]>()).is_err());
/// heap.add(SliceRegion::new(&mut high)).unwrap();
/// assert!(heap.allocate(Layout::new::<[u8; 3000]>()).is_ok());
/// // SAFETY: the block is live, and has this layout.
/// unsafe { heap.deallocate(block.cast(), Layout::new::<[u8; 3000]>()) };
/// assert!(heap.remove(block.cast()).is_ok(), "its region is empty");
/// assert_eq!(heap.stats().live_blocks, 1);
/// ```
pub struct Regions<R, const N: usize = 1, C: Config = Standard, S = ()> {
    slots: [Slot<R, C>; N],
    order: Cell<Order<N>>,
    supplier: UnsafeCell<Supplier<S, R>>,
    growing: Cell<Growing>,
    /// Calls of pools that may call user code: a handler of misuses, or a region.
    calls: Cell<usize>,
    /// How many of the order have been asked to grow for the request that is being served.
    asked: Cell<usize>,
    used: Cell<usize>,
    peak: Cell<usize>,
    failed: Cell<usize>,
}

/// Who is being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growing {
    Nobody,
    Slot(usize),
    Supply,
}

/// A place for a region.
///
/// # Invariants
///
/// It changes between none and some only in `add` and `remove`, which use no reference that was lent out: a pool is used through
/// `Regions::pool` for one call at a time. While one of these runs user code, a region's or a handler's, the slot stays as it is:
/// `growing` and `calls` say so.
#[derive(Debug)]
struct Slot<R, C: Config>(UnsafeCell<Option<Pool<R, C>>>);

// SAFETY: the heap owns its regions and all memory in them; the pointers inside are to nothing else.
unsafe impl<R: Send, const N: usize, C: Config, S: Send> Send for Regions<R, N, C, S> {}

impl<R: RawRegion, const N: usize> Regions<R, N> {
    /// Returns a heap of the default configuration without a region.
    pub const fn new() -> Self {
        Self::with_supply(())
    }
}

impl<R: RawRegion, const N: usize> Default for Regions<R, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: RawRegion, const N: usize, C: Config, S: Supply<R>> Regions<R, N, C, S> {
    /// Returns a heap without a region, which gets more of `source`.
    pub const fn with_supply(source: S) -> Self {
        const { assert!(N > 0, "a heap has room for one region at least") };
        Self {
            slots: [const { Slot(UnsafeCell::new(None)) }; N],
            order: Cell::new(Order::EMPTY),
            supplier: UnsafeCell::new(Supplier { source, offered: None }),
            growing: Cell::new(Growing::Nobody),
            calls: Cell::new(0),
            asked: Cell::new(0),
            used: Cell::new(0),
            peak: Cell::new(0),
            failed: Cell::new(0),
        }
    }

    /// Takes a region in and lays a pool out on it, at any time: also while blocks are live, and from within a supply or another
    /// region. Takes time linear in the region's size over 64.
    ///
    /// A region that is too small for a block and the heap's own state, as one is that gets its pages when it grows, is asked to
    /// grow to what these need.
    ///
    /// # Errors
    ///
    /// The region comes back: see [`AddError`]. One that is too small may have grown.
    pub fn add(&self, mut region: R) -> Result<(), Refused<R, AddError>> {
        let Some(slot) = (0..N).find(|&slot| self.pool(slot).is_none()) else {
            return Err(Refused::new(region, AddError::Full));
        };
        if let Err(error) = region.claim() {
            return Err(Refused::new(region, AddError::Region(error.into())));
        }
        // With less there may be no place for the smallest block. What a region cannot do, laying out will tell.
        let least = Engine::<C>::region_for(1, 1).unwrap_or(0);
        let missing = least.saturating_sub(region.span().len());
        if R::CAN_GROW && missing > 0 {
            _ = region.grow(missing);
        }
        let span = region.span();
        // Nothing is written before this is known.
        if self.overlaps(span) {
            return Err(Refused::new(region, AddError::Overlaps));
        }
        let pool = match Pool::on_claimed(region) {
            Ok(pool) => pool,
            Err(Refused { value, reason }) => return Err(Refused::new(value, AddError::Region(reason))),
        };
        // A region's own code may have added another in the meantime.
        if self.pool(slot).is_some() || self.overlaps(span) {
            return self.add_elsewhere(pool);
        }
        // SAFETY: the slot is empty, so nobody has a reference to what is in it.
        unsafe { *self.slots[slot].0.get() = Some(pool) };
        self.enter(slot, span);
        Ok(())
    }

    /// Gives up: the region's own code has added others while it was claimed.
    #[cold]
    fn add_elsewhere(&self, pool: Pool<R, C>) -> Result<(), Refused<R, AddError>> {
        match pool.into_region() {
            Ok(region) => Err(Refused::new(region, AddError::Full)),
            // It has just been laid out, so no block is live in it.
            Err(_) => Ok(()),
        }
    }

    /// Gives the region back that has the address of `inside`, if no block is live in it, just as it was added.
    ///
    /// # Errors
    ///
    /// The heap is as before: see [`RemoveError`].
    pub fn remove(&self, inside: NonNull<u8>) -> Result<R, RemoveError> {
        let slot = self.slot_of(inside).ok_or(RemoveError::Unknown)?;
        if self.growing.get() == Growing::Slot(slot) || self.calls.get() > 0 {
            return Err(RemoveError::Busy);
        }
        // SAFETY: no reference to what is in the slot is lent out, as nobody else's code is being called from one.
        let content = unsafe { &mut *self.slots[slot].0.get() };
        let pool = content.take().ok_or(RemoveError::Unknown)?;
        match pool.into_region() {
            Ok(region) => {
                let mut order = self.order.get();
                order.remove(slot);
                self.order.set(order);
                Ok(region)
            }
            Err(pool) => {
                *content = Some(pool);
                Err(RemoveError::InUse)
            }
        }
    }

    /// Lets the region that has the address of `inside` grow by at least `min_extra` bytes now.
    ///
    /// # Errors
    ///
    /// As for [`Pool::extend`]; [`RegionError::Fixed`] also if the heap has no such region.
    pub fn extend(&self, inside: NonNull<u8>, min_extra: usize) -> Result<(), RegionError> {
        let slot = self.slot_of(inside).ok_or(RegionError::Fixed)?;
        self.calling(slot, |pool| pool.extend(min_extra))
    }

    /// Gives up to `bytes` back at the high end of the region that has the address of `inside`, and returns how many these were.
    ///
    /// # Errors
    ///
    /// As for [`Pool::truncate`]; [`RegionError::Fixed`] also if the heap has no such region.
    pub fn truncate(&self, inside: NonNull<u8>, bytes: usize) -> Result<usize, RegionError> {
        let slot = self.slot_of(inside).ok_or(RegionError::Fixed)?;
        self.calling(slot, |pool| pool.truncate(bytes))
    }

    /// Returns how many regions there are.
    pub fn len(&self) -> usize {
        self.order.get().len
    }

    /// Returns whether there is no region.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls a pool that calls its region.
    fn calling<T>(
        &self,
        slot: usize,
        call: impl FnOnce(&Pool<R, C>) -> Result<T, RegionError>,
    ) -> Result<T, RegionError> {
        if self.growing.get() != Growing::Nobody {
            return Err(RegionError::Busy);
        }
        let pool = self.pool(slot).ok_or(RegionError::Fixed)?;
        self.growing.set(Growing::Slot(slot));
        let done = call(pool);
        self.growing.set(Growing::Nobody);
        done
    }

    /// Uses a pool in a way that may call a handler of misuses: no region goes meanwhile.
    #[inline]
    fn guarded<T>(&self, use_it: impl FnOnce() -> T) -> T {
        if !C::CHECKED {
            return use_it();
        }
        self.calls.set(self.calls.get() + 1);
        let used = use_it();
        self.calls.set(self.calls.get() - 1);
        used
    }

    /// Returns the pool in a slot.
    #[inline]
    fn pool(&self, slot: usize) -> Option<&Pool<R, C>> {
        let slot = self.slots.get(slot)?;
        // SAFETY: what is in a slot changes only in `add`, where there was nothing, and in `remove`, neither of which is called
        // while this reference is in use, but for calls of the pool's region, during which the slot stays as it is.
        unsafe { (*slot.0.get()).as_ref() }
    }

    /// Returns the pools, in the order in which they are asked, with the numbers of their slots.
    #[inline]
    fn pools(&self) -> impl Iterator<Item = (usize, &Pool<R, C>)> {
        let order = self.order.get();
        (0..order.len).filter_map(move |at| {
            let slot = *order.slots.get(at)?;
            Some((slot, self.pool(slot)?))
        })
    }

    /// Returns the slot of the region that has an address.
    #[inline]
    fn slot_of(&self, pointer: NonNull<u8>) -> Option<usize> {
        self.pools()
            .find(|(_, pool)| pool.covers(pointer))
            .map(|(slot, _)| slot)
    }

    /// Returns whether a span shares a byte with a region's.
    fn overlaps(&self, span: Span) -> bool {
        self.pools().any(|(_, pool)| {
            let other = pool.memory();
            span.start_addr() < other.end_addr() && other.start_addr() < span.end_addr()
        })
    }

    /// Enters a slot into the order.
    fn enter(&self, slot: usize, span: Span) {
        let mut order = self.order.get();
        let at = if C::Index::LOWEST_FIRST {
            self.pools()
                .take_while(|(_, pool)| pool.memory().start_addr() < span.start_addr())
                .count()
        } else {
            // It is the emptiest.
            0
        };
        order.insert(at, slot);
        self.order.set(order);
    }

    /// Notes that a slot has served a request.
    #[inline]
    fn served(&self, slot: usize, extent: usize) {
        let used = self.used.get().wrapping_add(extent);
        self.used.set(used);
        self.peak.set(self.peak.get().max(used));
        self.asked.set(0);
        let order = self.order.get();
        if !C::Index::LOWEST_FIRST && order.slots.first() != Some(&slot) {
            let mut order = order;
            order.remove(slot);
            order.insert(0, slot);
            self.order.set(order);
        }
    }
}

impl<R, const N: usize, C: Config, S> fmt::Debug for Regions<R, N, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regions")
            .field("order", &self.order.get())
            .finish_non_exhaustive()
    }
}
