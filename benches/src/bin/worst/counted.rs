//! A heap of which callgrind counts each call.
//!
//! Callgrind is told to count inside of the two functions here whose names are not mangled, and nowhere else, so a count is that of the
//! function and of all that it calls, from its first instruction to its return. After each call, the count goes to callgrind's
//! file, under a label that says what it was.

use core::alloc::Layout;
use core::ffi::CStr;
use core::ptr::NonNull;

use kalloc_benches::callgrind::dump;
use kalloc_pool::{Config, Pool, RealTime};
use kalloc_traits::{
    AllocError, Corruption, Grown, Growth, Heap, InitError, Inspect, RangeRegion, RegionError, Run, Stats,
};

/// The real-time pool, without a lock, as a kernel would have it.
type Subject = Pool<RangeRegion, RealTime>;

/// The real-time pool, whose calls of `allocate` and `deallocate` are counted one by one. The others are not.
pub(crate) struct Counted(Subject);

impl Counted {
    /// Returns the pool on `region`, laid out, so that the first call does not do it.
    ///
    /// # Panics
    ///
    /// The region is too small.
    pub(crate) fn new(region: RangeRegion) -> Self {
        let pool = Pool::with_config(region);
        pool.init().expect("the region has room for a heap");
        Self(pool)
    }
}

/// Allocates, counted.
// SAFETY: no library has a function of this name.
#[unsafe(no_mangle)]
#[inline(never)]
fn worst_allocate(pool: &Subject, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    pool.allocate(layout)
}

/// Frees, counted.
///
/// # Safety
///
/// As for `Heap::deallocate`.
// SAFETY: no library has a function of this name.
#[unsafe(no_mangle)]
#[inline(never)]
unsafe fn worst_deallocate(pool: &Subject, block: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller upholds the contract.
    unsafe { pool.deallocate(block, layout) };
}

/// Returns the label for a layout: the first one if its alignment asks for nothing.
fn by_alignment(layout: Layout, plain: &'static CStr, aligned: &'static CStr) -> &'static CStr {
    if layout.align() <= RealTime::GRANULE {
        plain
    } else {
        aligned
    }
}

// SAFETY: every call is the pool's.
unsafe impl Heap for Counted {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = worst_allocate(&self.0, layout);
        dump(match block {
            Ok(_) => by_alignment(layout, c"allocate", c"allocate aligned"),
            Err(_) => by_alignment(layout, c"refuse", c"refuse aligned"),
        });
        block
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { worst_deallocate(&self.0, block, layout) };
        dump(by_alignment(layout, c"free", c"free aligned"));
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.resize_in_place(block, old, new) }
    }

    fn begin_growth(&self, layout: Layout) -> Result<Growth, RegionError> {
        self.0.begin_growth(layout)
    }

    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        self.0.end_growth(grown)
    }

    fn count_failure(&self) {
        self.0.count_failure();
    }

    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        self.0.begin_claim()
    }

    fn trim(&self) {
        Heap::trim(&self.0);
    }
}

impl Inspect for Counted {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        self.0.owns(pointer)
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        self.0.next_run(from)
    }

    fn verify(&self) -> Result<(), Corruption> {
        self.0.verify()
    }
}
