//! Checked heaps over a region whose code frees what it should not.

use std::alloc::Layout;
use std::boxed::Box;
use std::cell::Cell;
use std::ptr::NonNull;

use kalloc_pool::{Checked, Pool, Regions, Standard};
use kalloc_sync::Locked;
use kalloc_traits::{Heap, Inspect, RawRegion, RegionError, Span};

/// A region that does something else when it is to grow.
struct Meddling {
    start: NonNull<u8>,
    len: usize,
    most: usize,
}

thread_local! {
    static DEED: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

// SAFETY: the test owns the memory and uses it by the heap only.
unsafe impl RawRegion for Meddling {
    fn span(&self) -> Span {
        Span::new(self.start, self.len)
    }

    fn grow(&mut self, _: usize) -> Result<(), RegionError> {
        if let Some(deed) = DEED.take() {
            deed();
        }
        self.len = self.most;
        Ok(())
    }
}

/// Grows a block, which the region frees meanwhile; where the new one lies depends on what is free before the block.
fn grow_what_is_freed<H: Heap + Inspect + 'static>(heap: &H, before: usize) {
    let (small, large) = (Layout::new::<[u64; 100]>(), Layout::new::<[u64; 1000]>());
    let gap = (before > 0).then(|| heap.allocate(Layout::array::<u8>(before).unwrap()).unwrap());
    let block = heap.allocate(small).unwrap().cast::<u8>();
    if let Some(gap) = gap {
        // SAFETY: the block is live.
        unsafe { heap.deallocate(gap.cast(), Layout::array::<u8>(before).unwrap()) };
        heap.trim();
    }
    let address: *const H = heap;
    DEED.set(Some(Box::new(move || {
        // SAFETY: the heap is alive, and may be called by its region.
        let heap = unsafe { &*address };
        // SAFETY: the block is live.
        unsafe { heap.deallocate(block, small) };
        heap.trim();
    })));
    // SAFETY: the block is live now.
    assert!(unsafe { heap.grow(block, small, large) }.is_err());
    assert!(DEED.take().is_none());
    assert_eq!(heap.stats().used, 0);
    heap.verify().unwrap();
}

/// Calls `with` with a region of 4 KiB that grows to 16.
fn in_a_region(with: impl Fn(Meddling)) {
    let mut memory = vec![0u64; 2048];
    let start = NonNull::from(memory.as_mut_slice()).cast();
    with(Meddling {
        start,
        len: 4096,
        most: 16_384,
    });
}

#[test]
fn a_block_that_the_region_frees_while_it_grows_is_not_freed_again() {
    for before in [0, 800] {
        in_a_region(|region| {
            let pool = Pool::<_, Checked<Standard>>::with_config(region);
            grow_what_is_freed(&pool, before);
            assert_eq!(pool.misuses(), 1);
        });
    }
}

#[test]
fn a_block_that_one_of_several_regions_frees_while_it_grows_is_not_freed_again() {
    for before in [0, 800] {
        in_a_region(|region| {
            let heap = Regions::<_, 2, Checked<Standard>>::with_supply(());
            assert!(heap.add(region).is_ok());
            grow_what_is_freed(&heap, before);
        });
    }
}

#[test]
fn a_block_that_the_region_behind_a_lock_frees_while_it_grows_is_not_freed_again() {
    for before in [0, 800] {
        in_a_region(|region| {
            let mut heap: Locked<_> = Locked::new(Pool::<_, Checked<Standard>>::with_config(region));
            grow_what_is_freed(&heap, before);
            assert_eq!(heap.get_mut().misuses(), 1);
        });
    }
}
