//! A heap together with the memory that it lies in.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::{
    AllocError, Corruption, Grown, Growth, Heap, InitError, Inspect, RawBlock, RawRegion, RegionError, Run, Span, Stats,
};

use super::forward::forward;

/// A heap that was given raw memory, and the region whose memory that is: for heaps that know nothing of regions.
///
/// It is the heap, and drops the region after it.
///
/// ```
/// # use kalloc_testkit::fault::planted::{Fault, Planted};
/// # use kalloc_traits::RangeRegion;
/// # use std::ptr::NonNull;
/// # struct TheirHeap;
/// # impl TheirHeap {
/// #     unsafe fn new(start: NonNull<u8>, len: usize) -> Planted<RangeRegion> {
/// #         Planted::new(unsafe { RangeRegion::from_pointer(start, len) }, Fault::None)
/// #     }
/// # }
/// use kalloc_testkit::conformance;
/// use kalloc_testkit::region::{GuardedRegion, Held};
/// use kalloc_testkit::workload::ROOM;
///
/// conformance!(theirs, || Held::over(GuardedRegion::new(ROOM), |span| {
///     // SAFETY: the span belongs to the heap alone, until both are dropped.
///     unsafe { TheirHeap::new(span.start(), span.len()) }
/// }));
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Held<H, R> {
    // The order matters: the heap is dropped before its memory.
    heap: H,
    region: R,
}

impl<H, R: RawRegion> Held<H, R> {
    /// Claims `region`, and returns the heap that `build` makes of its span, which is empty if the claim was refused.
    ///
    /// The bytes belong to the heap until the value is dropped.
    pub fn over(mut region: R, build: impl FnOnce(Span) -> H) -> Self {
        let span = match region.claim() {
            Ok(()) => region.span(),
            Err(_) => Span::EMPTY,
        };
        let heap = build(span);
        Self { heap, region }
    }

    /// Returns the heap.
    pub const fn heap(&self) -> &H {
        &self.heap
    }

    /// Returns the region.
    pub const fn region(&self) -> &R {
        &self.region
    }
}

// SAFETY: every method is the heap's.
unsafe impl<H: Heap, R> Heap for Held<H, R> {
    forward!(calls self => self.heap, ());
    forward!(growth self => self.heap, ());
}

impl<H: Inspect, R> Inspect for Held<H, R> {
    forward!(inspect self => self.heap, ());
}
