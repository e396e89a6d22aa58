//! When the quick lists are in use: while memory is plentiful.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_pool::{Pool, Retained, Standard};
use kalloc_testkit::region::GuardedRegion;
use kalloc_traits::{Heap, Inspect, RangeRegion, SliceRegion};

const fn layout(size: usize) -> Layout {
    match Layout::from_size_align(size, 8) {
        Ok(layout) => layout,
        Err(_) => panic!("a valid layout"),
    }
}

/// Calls `test` with a pool, and what allocates and frees there.
fn with_pool(test: impl FnOnce(&Pool<SliceRegion<'_>>, &dyn Fn(usize) -> NonNull<u8>, &dyn Fn(NonNull<u8>, usize))) {
    let mut memory = Box::new_uninit_slice(65_536);
    let pool = Pool::new(SliceRegion::new(&mut memory));
    let get = |size| pool.allocate(layout(size)).unwrap().cast();
    // SAFETY: the tests free live blocks.
    let put = |block, size| unsafe { pool.deallocate(block, layout(size)) };
    test(&pool, &get, &put);
    pool.verify().unwrap();
}

/// Allocates and frees a block at the top so often that closed lists open.
fn wait(get: &dyn Fn(usize) -> NonNull<u8>, put: &dyn Fn(NonNull<u8>, usize)) {
    for _ in 0..200 {
        put(get(600), 600);
    }
}

#[test]
fn freed_blocks_are_kept_while_memory_is_plentiful() {
    with_pool(|pool, get, put| {
        put(get(40), 40);
        assert!(pool.stats().cached >= 40);
        // Two thirds and more of the region: what is left is scarce.
        let large = get(50_000);
        assert_eq!(pool.stats().cached, 0);
        let small = get(40);
        put(small, 40);
        assert_eq!(pool.stats().cached, 0);
        put(large, 50_000);
        wait(get, put);
        put(get(40), 40);
        assert!(pool.stats().cached >= 40);
    });
}

#[test]
#[cfg(not(miri))]
fn a_block_of_any_size_that_is_kept_is_the_next_one_of_its_size() {
    // So large that sizes above the exact ones, 63 granules, have lists too.
    let mut memory = Box::new_uninit_slice(1 << 20);
    let pool = Pool::new(SliceRegion::new(&mut memory));
    for size in (8..=1024).step_by(8).map(layout) {
        // Sizes that share a list leave each other little room.
        pool.trim();
        let block = pool.allocate(size).unwrap().cast();
        // Keeps it apart from the free memory behind it.
        let wall = pool.allocate(layout(8)).unwrap().cast();
        let before = pool.stats().cached;
        // SAFETY: the block is live.
        unsafe { pool.deallocate(block, size) };
        assert_eq!(pool.stats().cached, before + size.size());
        assert_eq!(pool.allocate(size).unwrap().cast(), block, "{size:?}");
        assert_eq!(pool.stats().cached, before);
        for (block, layout) in [(block, size), (wall, layout(8))] {
            // SAFETY: the block is live.
            unsafe { pool.deallocate(block, layout) };
        }
    }
    pool.verify().unwrap();
}

#[test]
fn a_kept_block_serves_no_other_size_of_its_list() {
    // So large that sizes from 64 granules on share lists, four of them each.
    let mut memory = Box::new_uninit_slice(1 << 20);
    let pool = Pool::new(SliceRegion::new(&mut memory));
    let kept: NonNull<u8> = pool.allocate(layout(520)).unwrap().cast();
    let _wall = pool.allocate(layout(8)).unwrap();
    // SAFETY: the block is live.
    unsafe { pool.deallocate(kept, layout(520)) };
    pool.verify().unwrap();
    for size in [512, 528, 536] {
        assert_ne!(pool.allocate(layout(size)).unwrap().cast(), kept, "{size}");
    }
    assert_eq!(pool.allocate(layout(520)).unwrap().cast(), kept);
    pool.verify().unwrap();
}

#[test]
fn closed_lists_do_not_open_at_the_first_block_that_comes_back() {
    with_pool(|pool, get, put| {
        put(get(50_000), 50_000);
        put(get(40), 40);
        assert_eq!(pool.stats().cached, 0);
        wait(get, put);
        put(get(40), 40);
        assert!(pool.stats().cached > 0);
    });
}

#[test]
fn closed_lists_open_only_when_there_is_a_quarter_more_than_they_close_at() {
    with_pool(|pool, get, put| {
        // Less than five eighths of the region are left, and more than half.
        let _used = get(26_000);
        put(get(20_000), 20_000);
        assert!((33_000..40_000).contains(&pool.stats().free));
        wait(get, put);
        put(get(40), 40);
        assert_eq!(pool.stats().cached, 0);
    });
}

#[test]
fn blocks_cut_in_advance_lie_side_by_side_whatever_comes_between() {
    for align in [8, 64] {
        let size = Layout::from_size_align(64, align).unwrap();
        with_pool(|pool, get, _| {
            // Makes what follows start at no multiple of 64.
            get(24);
            let before = pool.stats().cached;
            let first = pool.allocate(size).unwrap().cast::<u8>().addr().get();
            assert!(
                pool.stats().cached >= before + 7 * 64,
                "seven blocks, and what lies between"
            );
            for number in 1..=7 {
                let next = pool.allocate(size).unwrap().cast::<u8>().addr().get();
                assert_eq!(next, first + number * 64);
                get(300 + 8 * number);
            }
        });
    }
}

#[test]
fn no_more_blocks_are_cut_in_advance_than_a_quarter_of_what_their_list_may_hold() {
    // There is room for sixteen blocks of 31 granules.
    for align in [8, 64] {
        with_pool(|pool, get, put| {
            let [hole, _wall] = [get(3200), get(3200)];
            put(hole, 3200);
            // What is left of the hole serves the next ones.
            get(248);
            let before = pool.stats().cached;
            pool.allocate(Layout::from_size_align(248, align).unwrap()).unwrap();
            let ahead = pool.stats().cached - before;
            assert!((4 * 248..5 * 248).contains(&ahead), "{ahead}");
        });
    }
}

#[test]
fn lists_close_in_a_heap_that_was_taken_up_again() {
    // Initialised, and in whole words.
    let mut memory = vec![0u64; 8192];
    let start = NonNull::from(memory.as_mut_slice()).cast();
    // SAFETY: the memory is left alone while a pool lies in it.
    let region = unsafe { RangeRegion::from_pointer(start, 65_536) };
    let pool = Pool::<_, Retained<Standard>>::with_config(region);
    pool.init().unwrap();
    let region = pool.detach(8).ok().unwrap();
    // SAFETY: the memory is initialised, and holds what the pool left.
    let (pool, _) = unsafe { Pool::<_, Retained<Standard>>::attach(region) }.ok().unwrap();
    let [small, _large] = [40, 50_000].map(|size| pool.allocate(layout(size)).unwrap().cast::<u8>());
    // SAFETY: the block is live, and has this layout.
    unsafe { pool.deallocate(small, layout(40)) };
    assert_eq!(pool.stats().cached, 0);
    pool.verify().unwrap();
}

#[test]
fn an_aligned_request_is_served_by_a_kept_block_that_lies_right() {
    with_pool(|pool, get, put| {
        let blocks: Vec<_> = (0..16).map(|_| get(40)).collect();
        let lies_right = |block: &NonNull<u8>| block.addr().get() % 64 == 0;
        let (right, wrong): (Vec<_>, Vec<_>) = blocks.into_iter().partition(lies_right);
        // The last one that is freed is the first of the list.
        put(right[0], 40);
        put(wrong[0], 40);
        put(wrong[1], 40);
        let aligned = Layout::from_size_align(40, 64).unwrap();
        assert_eq!(pool.allocate(aligned).unwrap().cast(), right[0]);
        assert_eq!([get(40), get(40)], [wrong[1], wrong[0]]);
    });
}

#[test]
fn lists_open_when_the_rest_joins_the_top() {
    with_pool(|pool, get, put| {
        let large = get(45_000);
        let first = get(1024);
        let second = get(2000);
        put(first, 1024);
        // The rest is what is left of the first.
        let small = get(8);
        put(large, 45_000);
        put(small, 8);
        put(second, 2000);
        assert_eq!(pool.stats().used, 0);
        wait(get, put);
        let kept = get(8);
        put(kept, 8);
        assert!(pool.stats().cached > 0);
    });
}

/// Fills a pool until an aligned block is the first to reach into what is reserved, with a block in the quick lists right
/// before the top.
fn with_lists_that_close(align: usize, test: impl Fn(&Pool<SliceRegion<'_>>, usize, NonNull<u8>)) {
    let aligned = Layout::from_size_align(8, align).unwrap();
    let fills = if cfg!(miri) { 30_528..30_600 } else { 28_000..33_000 };
    let mut nr_closed = 0;
    for fill in fills.step_by(8) {
        let mut memory = Box::new_uninit_slice(65_536 + 64);
        let skip = memory.as_ptr().addr().wrapping_neg() % 64;
        let pool = Pool::new(SliceRegion::new(&mut memory[skip..skip + 65_536]));
        pool.allocate(layout(fill)).unwrap();
        // The largest block that is kept in so small a region, and too large for what is cut off the top for small ones.
        let kept = pool.allocate(layout(256)).unwrap().cast();
        // SAFETY: the block is live.
        unsafe { pool.deallocate(kept, layout(256)) };
        let is_kept = pool.stats().cached == 256;
        let block = pool.allocate(aligned).unwrap().cast();
        pool.verify().unwrap_or_else(|flaw| panic!("{fill}: {flaw:?}"));
        nr_closed += u32::from(is_kept && pool.stats().cached == 0);
        test(&pool, fill, block);
    }
    assert!(nr_closed > 0, "{align}");
}

#[test]
fn what_is_flushed_when_the_lists_close_merges_with_what_was_just_cut() {
    for align in [16, 32] {
        with_lists_that_close(align, |pool, fill, block| {
            // SAFETY: the block is live.
            unsafe { pool.deallocate(block, Layout::from_size_align(8, align).unwrap()) };
            let free = pool.stats().capacity - fill;
            assert!(pool.allocate(layout(free)).is_ok(), "{free} bytes in one piece");
        });
    }
}

#[test]
fn lists_close_when_a_block_grows_over_the_top() {
    with_pool(|pool, get, put| {
        let other = get(2000);
        let growing = get(20_000);
        // SAFETY: the block is live and has the layout.
        unsafe { pool.resize_in_place(growing, layout(20_000), layout(60_000)) }.unwrap();
        put(other, 2000);
        let blocks: Vec<_> = (0..40).map(|_| get(40)).collect();
        for block in blocks {
            put(block, 40);
        }
        assert_eq!(pool.stats().cached, 0);
    });
}

#[test]
fn lists_close_when_a_region_is_given_back() {
    let pool = Pool::new(GuardedRegion::new(65_536));
    let [_, block] = [20_000, 40].map(|size| pool.allocate(layout(size)).unwrap().cast::<u8>());
    assert!(pool.truncate(30_000).is_ok());
    // SAFETY: the block is live, and has this layout.
    unsafe { pool.deallocate(block, layout(40)) };
    assert_eq!(pool.stats().cached, 0);
    pool.verify().unwrap();
}

#[test]
#[cfg(all(target_pointer_width = "64", not(miri)))]
fn four_gibibytes_are_found_in_a_region_that_has_them() {
    // Memory that is not touched, but for the bitmap.
    let mut memory = Box::new_uninit_slice((1usize << 32) + (1 << 28));
    let pool = Pool::new(SliceRegion::new(&mut memory));
    pool.init().unwrap();
    assert!(pool.allocate(layout(1 << 32)).is_ok());
}
