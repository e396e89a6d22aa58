//! Every region of kalloc, and those of the testkit.

use std::alloc::{Layout, System};
use std::cell::Cell;
use std::rc::Rc;

use kalloc_pool::{Pool, Regions};
use kalloc_testkit::fault::{FailingRegion, Plan, PlantedRegion, RegionFault};
use kalloc_testkit::region::{Fill, GuardedRegion, Shape};
use kalloc_testkit::region_conformance;
use kalloc_traits::glue::global::GlobalHeap;
use kalloc_traits::{AllocError, CarvedRegion, Heap, Inspect, RawRegion, RegionError, Span, StaticArray};

region_conformance!(guarded, || GuardedRegion::of(Shape::new(1001).with_base(64, 3)));

region_conformance!(
    guarded_and_growing,
    || GuardedRegion::of(Shape::new(100).with_reserve(20_000).zeroed()),
    quality: [grows, shrinks]
);

region_conformance!(
    guarded_and_empty,
    || GuardedRegion::of(Shape::new(0).with_reserve(10_000).with_fill(Fill::Byte(0))),
    quality: [grows, shrinks]
);

region_conformance!(
    failing_as_planned,
    || FailingRegion::new(Shape::new(100).with_reserve(10_000), Plan::default()).0,
    quality: [grows, shrinks]
);

region_conformance!(
    planted_without_a_fault,
    || {
        thread_local! {
            static IS_TAKEN: Rc<Cell<bool>> = Rc::default();
        }
        IS_TAKEN.with(|flag| PlantedRegion::new(flag, RegionFault::None))
    },
    quality: [claims, grows, shrinks]
);

static MEMORY: StaticArray<1000> = StaticArray::new();
region_conformance!(of_a_static, || MEMORY.region(), quality: [claims]);

/// A region that could grow, and says that it cannot.
struct Modest(GuardedRegion);

// SAFETY: all calls go to the region inside.
unsafe impl RawRegion for Modest {
    const CAN_GROW: bool = false;

    fn span(&self) -> Span {
        self.0.span()
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        self.0.grow(min_extra)
    }
}

#[test]
fn a_region_that_cannot_grow_is_never_asked_to() {
    fn test<H: Heap + Inspect>(make: impl FnOnce(Modest) -> H) {
        let heap = make(Modest(GuardedRegion::of(Shape::new(1000).with_reserve(10_000))));
        heap.init().unwrap();
        let capacity = heap.stats().capacity;
        let layout = Layout::from_size_align(100, 4).unwrap();
        let mut last = Err(AllocError);
        while let Ok(block) = heap.allocate(layout) {
            last = Ok(block.cast());
        }
        let larger = Layout::from_size_align(2000, 4).unwrap();
        // SAFETY: the block is live.
        assert_eq!(unsafe { heap.grow(last.unwrap(), layout, larger) }, Err(AllocError));
        assert_eq!(heap.stats().capacity, capacity);
        heap.verify().unwrap();
    }
    test(Pool::<_>::new);
    test(|region| {
        let regions = Regions::<_, 2>::new();
        regions.add(region).map_err(|refused| refused.reason).unwrap();
        regions
    });
}

region_conformance!(carved_from_the_system, || CarvedRegion::new(
    GlobalHeap(System),
    Layout::from_size_align(1000, 64).unwrap()
));

region_conformance!(
    carved_from_a_pool,
    || {
        let pool = Pool::<_>::new(GuardedRegion::new(20_000));
        CarvedRegion::new(pool, Layout::from_size_align(1000, 64).unwrap())
    },
    quality: [grows]
);

// Regions over memory that must be held beside them.
mod borrowed {
    use std::mem::MaybeUninit;

    use kalloc_testkit::conformance::{Report, Source, suite};
    use kalloc_traits::{RangeRegion, RawRegion, SliceRegion};

    /// Judges regions that `make` makes of the same memory, which one of them has at a time.
    fn judge<R: RawRegion>(make: impl Fn(&mut [MaybeUninit<u8>]) -> R) {
        let mut memory = vec![MaybeUninit::uninit(); 1003];
        let (start, len) = (memory.as_mut_ptr(), memory.len());
        let make = || {
            // SAFETY: the vector outlives the regions, and the rules of this table use one at a time.
            make(unsafe { std::slice::from_raw_parts_mut(start, len) })
        };
        let report = Report::of(&suite::memory(), &Source::new(&make));
        assert!(report.broken.is_empty(), "{report}");
    }

    #[test]
    fn a_slice_is_a_sound_region() {
        judge(|memory| {
            let (start, len) = (memory.as_mut_ptr(), memory.len());
            // SAFETY: the memory outlives the region.
            SliceRegion::new(unsafe { std::slice::from_raw_parts_mut(start, len) })
        });
    }

    #[test]
    fn a_range_from_a_pointer_is_a_sound_region() {
        judge(|memory| {
            let len = memory.len();
            // SAFETY: the memory is the region's alone while it lives.
            unsafe { RangeRegion::from_pointer(std::ptr::NonNull::from(memory).cast(), len) }
        });
    }

    #[test]
    #[cfg(not(miri))]
    fn a_range_of_addresses_is_a_sound_region() {
        judge(|memory| {
            let start = memory.as_mut_ptr().expose_provenance();
            // SAFETY: the memory is the region's alone while it lives.
            unsafe { RangeRegion::new(start, memory.len()) }
        });
    }
}

#[cfg(all(unix, not(miri)))]
region_conformance!(of_the_system, || kalloc_traits::MmapRegion::new(1 << 20), quality: [grows, shrinks]);

mod reserved {
    use std::ptr::NonNull;

    use kalloc_testkit::region_conformance;
    use kalloc_traits::{GrowableRegion, LinkerMemory, PageSource, RegionError};

    /// Pages of 64 bytes that are backed already.
    struct Pages;

    // SAFETY: all of the reserve is memory of the test's, which nobody else uses.
    unsafe impl PageSource for Pages {
        fn page_size(&self) -> usize {
            64
        }

        fn map(&mut self, _at: NonNull<u8>, bytes: usize) -> Result<usize, RegionError> {
            Ok(bytes)
        }

        fn unmap(&mut self, _at: NonNull<u8>, _bytes: usize) -> Result<(), RegionError> {
            Ok(())
        }
    }

    region_conformance!(
        growable,
        || {
            let memory: &'static mut [u8] = Box::leak(vec![0; 1 << 16].into());
            // SAFETY: the memory is leaked to the region, and belongs to nobody else.
            unsafe { GrowableRegion::from_pointer(NonNull::from(memory).cast(), 1 << 16, Pages) }
        },
        quality: [grows, shrinks]
    );

    region_conformance!(between_symbols, || {
        let memory: &'static mut [u8] = Box::leak(vec![0; 1000].into());
        let range = memory.as_mut_ptr_range();
        // SAFETY: the memory is leaked to the region, and belongs to nobody else.
        let memory = unsafe { LinkerMemory::from_pointers(range.start, range.end) };
        let memory: &'static LinkerMemory = Box::leak(Box::new(memory));
        memory.region()
    });
}
