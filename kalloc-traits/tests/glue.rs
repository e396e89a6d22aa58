//! Collections of each `Allocator` trait on one heap: every trait has one implementation, and it reaches the heap.
#![cfg(any(
    feature = "allocator-api2-02",
    feature = "allocator-api2-03",
    feature = "allocator-api2-04",
    kalloc_core
))]
#![cfg_attr(kalloc_gate, feature(allocator_api))]

use std::alloc::{Layout, System};
use std::cell::Cell;
use std::ptr::NonNull;

use kalloc_traits::glue::global::GlobalHeap;
use kalloc_traits::{AllocError, Heap, impl_allocator};

/// The system's memory, up to a limit of live blocks.
struct Limited {
    heap: GlobalHeap<System>,
    nr_live: Cell<usize>,
    max_live: usize,
}

impl Limited {
    fn new(max_live: usize) -> Self {
        Self {
            heap: GlobalHeap(System),
            nr_live: Cell::new(0),
            max_live,
        }
    }
}

// SAFETY: blocks are the system's; only some requests are refused.
unsafe impl Heap for Limited {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if self.nr_live.get() == self.max_live {
            return Err(AllocError);
        }
        let block = self.heap.allocate(layout)?;
        self.nr_live.set(self.nr_live.get() + 1);
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        self.nr_live.set(self.nr_live.get() - 1);
        // SAFETY: the caller upholds the contract.
        unsafe { self.heap.deallocate(block, layout) }
    }

    unsafe fn resize_in_place(
        &self,
        _block: NonNull<u8>,
        _old: Layout,
        _new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }
}

impl_allocator!([] Limited);

/// Fills the given `Vec` and `Box` on a heap, refuses them one block, and checks that all is given back.
macro_rules! collections_work {
    ($vec:path, $boxed:path) => {{
        use $boxed as Box;
        use $vec as Vec;

        let heap = Limited::new(3);
        // A vector that moves has two blocks for a while.
        let mut numbers = Vec::new_in(&heap);
        numbers.extend(0..1000u32);
        assert_eq!(numbers.iter().sum::<u32>(), 499_500);
        numbers.truncate(10);
        numbers.shrink_to_fit();
        assert_eq!(numbers[..], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let one = Box::new_in(7u64, &heap);
        assert_eq!(heap.nr_live.get(), 2);
        let two = Box::new_in(8u64, &heap);
        assert_eq!(*one + *two, 15);
        assert!(Box::try_new_in(9u64, &heap).is_err());
        assert!(numbers.try_reserve(1000).is_err());

        drop((numbers, one, two));
        assert_eq!(heap.nr_live.get(), 0);
        // The owning type implements the trait too.
        assert_eq!(*Box::new_in(9u64, Limited::new(1)), 9);
    }};
}

#[cfg(feature = "allocator-api2-02")]
#[test]
fn collections_of_allocator_api2_02_work() {
    collections_work!(allocator_api2_02::vec::Vec, allocator_api2_02::boxed::Box);
}

#[cfg(feature = "allocator-api2-03")]
#[test]
fn collections_of_allocator_api2_03_work() {
    collections_work!(allocator_api2_03::vec::Vec, allocator_api2_03::boxed::Box);
}

#[cfg(feature = "allocator-api2-04")]
#[test]
fn collections_of_allocator_api2_04_work() {
    collections_work!(allocator_api2_04::vec::Vec, allocator_api2_04::boxed::Box);
}

#[cfg(kalloc_core)]
#[test]
fn collections_of_std_work() {
    collections_work!(std::vec::Vec, std::boxed::Box);
}

#[cfg(kalloc_core)]
#[test]
fn an_allocator_of_std_is_a_heap() {
    use kalloc_traits::glue::core::AsHeap;

    let heap = AsHeap(System);
    let layout = Layout::new::<[u64; 4]>();
    let block = heap.allocate_zeroed(layout).unwrap();
    assert_eq!(block.len(), 32);
    // SAFETY: the block is live and has this layout.
    unsafe { heap.deallocate(block.cast(), layout) };
}
