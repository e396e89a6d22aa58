//! The heaps of kalloc behind a lock.

use std::alloc::Layout;

use kalloc_bump::Bump;
use kalloc_pool::{AddressOrdered, Checked, Pool, Standard};
use kalloc_sync::{Locked, SpinLock};
use kalloc_traits::{AllocError, Heap, Inspect, SliceRegion, StaticArray, StaticRegion};

use crate::exclusion::{STEPS, churn_together};
use crate::growing::{During, Growing, Memory};
use crate::watchdog::guarded;

const BYTES: usize = 32 * 1024;

#[test]
fn threads_share_a_growing_pool() {
    guarded(|| {
        let mut memory = Box::new(Memory::<BYTES>::new());
        churn_together(&Locked::<_, SpinLock>::new(Pool::new(memory.growing(|_| {}))), STEPS);
    });
}

#[test]
fn threads_share_a_growing_pool_in_address_order() {
    guarded(|| {
        let mut memory = Box::new(Memory::<BYTES>::new());
        let pool = Pool::<_, AddressOrdered>::with_config(memory.growing(|_| {}));
        churn_together(&Locked::<_, SpinLock>::new(pool), STEPS);
    });
}

#[test]
fn threads_share_a_growing_bump() {
    guarded(|| {
        let mut memory = Box::new(Memory::<BYTES>::new());
        churn_together(&Locked::<_, SpinLock>::new(Bump::new(memory.growing(|_| {}))), STEPS);
    });
}

/// A lock rebuilds `grow` and `shrink` from steps of the heap, and copies what the layout says.
#[test]
fn a_wrong_layout_neither_grows_nor_shrinks_a_checked_pool() {
    let mut memory = Box::new(Memory::<BYTES>::new());
    let pool = Pool::<_, Checked<Standard>>::with_config(SliceRegion::new(memory.bytes()));
    let mut pool = Locked::<_, SpinLock>::new(pool);
    let (own, wrong) = (Layout::new::<[u8; 100]>(), Layout::new::<[u8; 2000]>());
    let block = pool.allocate(own).unwrap().cast::<u8>();
    // SAFETY: none. A checked pool bears it.
    assert!(unsafe { pool.grow(block, wrong, Layout::new::<[u8; 3000]>()) }.is_err());
    for len in [0, 8] {
        let new = Layout::array::<u8>(len).unwrap();
        // SAFETY: as above.
        assert!(unsafe { pool.shrink(block, wrong, new) }.is_err());
    }
    assert_eq!((pool.get_mut().misuses(), pool.stats().live_blocks), (3, 1));
    // SAFETY: the block is live, and has this layout.
    assert!(unsafe { pool.grow(block, own, wrong) }.is_ok());
    assert_eq!((pool.get_mut().misuses(), pool.verify()), (3, Ok(())));
}

mod reentrant {
    //! A pool and a bump, each on a page source that keeps its accounts on the heap that it feeds.

    use super::*;

    type Source = Growing<StaticRegion<BYTES>, fn(During)>;

    static POOL_MEMORY: StaticArray<BYTES> = StaticArray::new();
    static BUMP_MEMORY: StaticArray<BYTES> = StaticArray::new();
    pub(super) static POOL: Locked<Pool<Source>> =
        Locked::with_patience(Pool::new(Growing::new(POOL_MEMORY.region(), |_| call(&POOL))), 100);
    pub(super) static BUMP: Locked<Bump<Source>> =
        Locked::with_patience(Bump::new(Growing::new(BUMP_MEMORY.region(), |_| call(&BUMP))), 100);

    /// Asks for a little, then for more than there is, and looks in.
    fn call(heap: &(impl Heap + Inspect)) {
        let little = Layout::new::<u64>();
        if let Ok(block) = heap.allocate(little) {
            // SAFETY: the block is live, and this is its layout.
            unsafe { heap.deallocate(block.cast(), little) };
        }
        assert_eq!(heap.allocate(Layout::new::<[u8; BYTES]>()), Err(AllocError));
        assert_eq!(heap.verify(), Ok(()));
    }
}

/// Allocates more and more from a heap whose region calls it, and frees it all again.
fn use_reentrant(heap: &'static (impl Heap + Inspect + Sync)) {
    guarded(move || {
        let layouts = (1..100).map(|n| Layout::from_size_align(n, 8).unwrap());
        let blocks: Vec<_> = layouts
            .clone()
            .map(|layout| heap.allocate(layout).expect("the region grows"))
            .collect();
        // Each call of the region has made one request that failed.
        assert!(heap.stats().failed_requests > 2);
        assert_eq!(heap.stats().live_blocks, blocks.len());
        for (block, layout) in blocks.into_iter().zip(layouts) {
            // SAFETY: the block is live, and this is its layout.
            unsafe { heap.deallocate(block.cast(), layout) };
        }
        assert_eq!(heap.stats().live_blocks, 0);
        assert_eq!(heap.verify(), Ok(()));
    });
}

#[test]
fn a_region_may_call_the_pool_it_feeds() {
    use_reentrant(&reentrant::POOL);
}

#[test]
fn a_region_may_call_the_bump_it_feeds() {
    use_reentrant(&reentrant::BUMP);
}

#[test]
fn to_claim_and_to_give_caches_up_reach_the_heap() {
    let mut memory = Box::new(Memory::<BYTES>::new());
    let heap = Locked::<_, SpinLock>::new(Pool::new(SliceRegion::new(memory.bytes())));
    assert_eq!(heap.stats().capacity, 0);
    heap.init().unwrap();
    assert!(heap.stats().capacity > BYTES / 2);

    let layout = Layout::new::<[u64; 4]>();
    let block = heap.allocate(layout).unwrap();
    // SAFETY: the block is live, and this is its layout.
    unsafe { heap.deallocate(block.cast(), layout) };
    assert!(heap.stats().cached >= layout.size());
    heap.trim();
    assert_eq!(heap.stats().cached, 0);
}
