//! What a block costs, by the heap's own statistics.

// What blocks cost is the same under Miri, and other tests play more.
#![cfg(not(miri))]

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, BestFitting, Config, Pool, RealTime, Standard, Tiny};
use kalloc_traits::{Heap, Inspect, RangeRegion, SliceRegion};

/// Returns what one block of the layout costs, measured over many.
fn cost<C: Config>(size: usize, align: usize) -> usize {
    let mut memory = Box::new_uninit_slice(1 << 20);
    let pool = Pool::<_, C>::with_config(SliceRegion::new(&mut memory));
    pool.init().unwrap();
    let layout = Layout::from_size_align(size, align).unwrap();
    let before = pool.stats();
    let count = 1000;
    for _ in 0..count {
        pool.allocate(layout).unwrap();
    }
    let after = pool.stats();
    assert_eq!(after.used + after.cached - before.used, before.free - after.free);
    (after.used - before.used) / count
}

#[test]
fn small_blocks_cost_their_size_rounded_up_to_eight() {
    for (size, align, expected) in [
        (1, 1, 8),
        (8, 8, 8),
        (24, 8, 24),
        (25, 1, 32),
        (25, 8, 32),
        (48, 8, 48),
        (64, 8, 64),
        (64, 64, 64),
        (100, 4, 104),
    ] {
        assert_eq!(cost::<Standard>(size, align), expected, "{size} at {align}");
        assert_eq!(cost::<RealTime>(size, align), expected, "{size} at {align}");
        assert_eq!(cost::<AddressOrdered>(size, align), expected, "{size} at {align}");
        assert_eq!(cost::<BestFitting>(size, align), expected, "{size} at {align}");
        assert_eq!(cost::<Tiny>(size, align), expected, "{size} at {align}");
    }
}

/// Returns how many blocks of the layout 16 MiB hold, at a base that is aligned to a page and no more.
fn pages<C: Config>(layout: Layout, region_bytes: usize) -> usize {
    let outer = Layout::from_size_align(region_bytes, 4096).unwrap();
    // SAFETY: the size is not zero.
    let memory = unsafe { std::alloc::alloc(outer) };
    // SAFETY: the memory is ours until it is freed below.
    let region = unsafe { RangeRegion::from_pointer(NonNull::new(memory).unwrap(), region_bytes) };
    let pool = Pool::<_, C>::with_config(region);

    let mut addresses = std::collections::BTreeSet::new();
    while let Ok(block) = pool.allocate(layout) {
        let address = block.cast::<u8>().addr().get();
        assert_eq!((address % layout.align(), block.len()), (0, layout.size()));
        assert!(addresses.insert(address));
    }
    pool.verify().unwrap();
    let (first, last) = (addresses.first().unwrap(), addresses.last().unwrap());
    assert_eq!(
        (last - first) / layout.size() + 1,
        addresses.len(),
        "a gap between two blocks"
    );
    drop(pool);
    // SAFETY: allocated above with this layout.
    unsafe { std::alloc::dealloc(memory, outer) };
    addresses.len()
}

#[test]
fn aligned_blocks_leave_no_gaps() {
    let region = 1 << 24;
    for (size, align) in [(4096, 4096), (512, 512), (64, 64)] {
        let layout = Layout::from_size_align(size, align).unwrap();
        // All but the state (1/64, 1/1024 and a little) and what is lost to reach the first multiple.
        let at_least = (region - region / 64 - region / 1024 - 4096) / size - 2;
        assert!(pages::<Standard>(layout, region) >= at_least);
        assert!(pages::<RealTime>(layout, region) >= at_least);
        assert!(pages::<AddressOrdered>(layout, region) >= at_least);
        assert!(pages::<BestFitting>(layout, region) >= at_least);
    }
}

#[test]
fn an_aligned_block_gives_both_remainders_back() {
    fn test<C: Config>() {
        let mut memory = Box::new_uninit_slice(1 << 16);
        let pool = Pool::<_, C>::with_config(SliceRegion::new(&mut memory));
        pool.init().unwrap();
        let whole = pool.stats();
        let layout = Layout::from_size_align(100, 1024).unwrap();
        let block = pool.allocate(layout).unwrap();
        assert_eq!(pool.stats().free, whole.free - 104);
        pool.verify().unwrap();
        // SAFETY: the block is live.
        unsafe { pool.deallocate(block.cast(), layout) };
        pool.trim();
        assert_eq!(pool.stats().free, whole.free);
    }
    test::<Standard>();
    test::<RealTime>();
    test::<AddressOrdered>();
    test::<BestFitting>();
    test::<Tiny>();
}

/// Returns the bytes of a heap's value, without its region, and of the largest block in a region of 4 KiB.
fn room_in_four_kib<C: Config>() -> (usize, usize) {
    let mut memory = [0u64; 512];
    // SAFETY: the memory outlives the pool, and nobody else uses it meanwhile.
    let region = unsafe { RangeRegion::from_pointer(NonNull::from(&mut memory).cast(), 4096) };
    let pool = Pool::<_, C>::with_config(region);
    let fits = |&size: &usize| {
        let layout = Layout::from_size_align(size, 1).unwrap();
        let block = pool.allocate(layout);
        // SAFETY: the block is live.
        block
            .map(|block| unsafe { pool.deallocate(block.cast(), layout) })
            .is_ok()
    };
    let largest = (1..=4096).rev().find(fits).unwrap();
    (size_of_val(&pool) - size_of::<RangeRegion>(), largest)
}

#[test]
fn a_region_of_four_kib_has_a_block_of_almost_that() {
    // A bit a granule and the sentinel, in whole words.
    let expected = 4096 - 513usize.div_ceil(usize::BITS as usize) * size_of::<usize>().max(8);
    for value in [room_in_four_kib::<Standard>().0, room_in_four_kib::<RealTime>().0] {
        assert!(value <= 224, "{value}");
    }
    for (value, largest) in [
        room_in_four_kib::<Tiny>(),
        room_in_four_kib::<AddressOrdered>(),
        room_in_four_kib::<BestFitting>(),
    ] {
        assert_eq!(largest, expected);
        // 3.9 KiB; and what the heap keeps outside of the region is little.
        assert!(largest >= 3994 && value <= 160, "{largest}, {value}");
    }
}
