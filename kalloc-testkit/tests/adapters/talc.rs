//! talc, by its `Allocator` of allocator-api2 0.4.

use kalloc_testkit::region::Held;
use kalloc_traits::RawRegion;
use kalloc_traits::glue::api2_04::AsHeap;
use talc::TalcCell;
use talc::source::Claim;

/// Returns talc over a region.
pub(crate) fn talc_over<R: RawRegion>(region: R) -> Held<AsHeap<TalcCell<Claim>>, R> {
    Held::over(region, |span| {
        // SAFETY: the span's bytes belong to the heap until both are dropped.
        let source = unsafe { Claim::new(span.start().as_ptr(), span.len()) };
        AsHeap(TalcCell::new(source))
    })
}
