//! Which hole a request takes where the policy is segregated fit, and what it does not overlook.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_pool::{Config, Pool, RealTime, Standard};
use kalloc_traits::{Heap, Inspect, SliceRegion};

#[test]
fn segregated_fit_finds_a_hole_that_holds_an_aligned_block_wherever_it_starts() {
    fn test<C: Config>() {
        let mut memory = Box::new_uninit_slice(1 << 16);
        let pool = Pool::<_, C>::with_config(SliceRegion::new(&mut memory));
        // A small hole and a large one, each between two blocks of its size.
        let [_, large] = [64, 1024].map(|size| {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let [_, hole, _] = [(); 3].map(|()| pool.allocate(layout).unwrap().cast::<u8>());
            // SAFETY: the block is live.
            unsafe { pool.deallocate(hole, layout) };
            hole.addr().get()
        });
        pool.trim();

        // 65 granules at a multiple of 64 fit 128 granules, which the hole has just so.
        let block = pool.allocate(Layout::from_size_align(520, 512).unwrap()).unwrap();
        assert!((large..large + 1024).contains(&block.cast::<u8>().addr().get()));
        pool.verify().unwrap();
    }
    test::<Standard>();
    test::<RealTime>();
}

/// Allocates until there is no memory.
fn fill<C: Config>(pool: &Pool<SliceRegion<'_>, C>) {
    while pool.allocate(Layout::new::<u64>()).is_ok() {}
}

#[test]
fn a_hole_that_fits_is_found_behind_any_number_of_the_same_bin_that_do_not() {
    let mut memory = Box::new_uninit_slice(1 << 14);
    let pool = Pool::new(SliceRegion::new(&mut memory));
    // 64 to 67 granules share a bin, in which the last hole that was freed comes first.
    let holes = [67, 64, 64, 65, 66, 64].map(|granules| {
        let layout = Layout::from_size_align(granules * 8, 8).unwrap();
        let [hole, _] = [(); 2].map(|()| pool.allocate(layout).unwrap().cast::<u8>());
        (hole, layout)
    });
    fill(&pool);
    for (hole, layout) in holes {
        // SAFETY: the block is live, and has this layout.
        unsafe { pool.deallocate(hole, layout) };
    }
    pool.trim();
    let (hole, layout) = holes[0];
    assert_eq!(pool.allocate(layout).unwrap().cast(), hole);
    assert!(pool.allocate(layout).is_err());
    pool.verify().unwrap();
}

#[test]
fn a_hole_that_lies_right_is_found_before_an_aligned_request_is_refused() {
    let mut memory = Box::new_uninit_slice(1 << 14);
    let pool = Pool::new(SliceRegion::new(&mut memory));
    let [large, small] = [512, 320].map(|size| Layout::from_size_align(size, 512).unwrap());
    let hole = pool.allocate(large).unwrap().cast::<u8>();
    fill(&pool);
    // SAFETY: the block is live, and has this layout.
    unsafe { pool.deallocate(hole, large) };
    pool.trim();
    // It is too short for a block at any place that its alignment may ask for, but starts where this one does.
    assert_eq!(pool.allocate(small).unwrap().cast(), hole);
    pool.verify().unwrap();
}

/// A pool whose memory is plentiful, and which may have holes; and a block of 600 bytes with no room behind it.
struct Plenty<'a>(Pool<SliceRegion<'a>>, NonNull<u8>);

impl Plenty<'_> {
    // A mebibyte in whole granules, wherever the memory starts.
    const BYTES: usize = (1 << 20) + 8;

    fn allocate(&self, size: usize) -> NonNull<u8> {
        self.0
            .allocate(Layout::from_size_align(size, 8).unwrap())
            .unwrap()
            .cast()
    }

    /// Makes a hole of `size` bytes between two blocks of its size, and returns where it is.
    fn hole(&self, size: usize) -> usize {
        let [_, hole, _] = [size; 3].map(|size| self.allocate(size));
        // SAFETY: the block is live, and has this layout.
        unsafe { self.0.deallocate(hole, Layout::from_size_align(size, 8).unwrap()) };
        self.0.trim();
        hole.addr().get()
    }

    /// Returns where a block goes that has grown to `size` bytes and found no room behind it.
    fn outgrow(&self, size: usize) -> usize {
        let [old, new] = [600, size].map(|size| Layout::from_size_align(size, 8).unwrap());
        // SAFETY: the block is live, and has this layout.
        assert!(unsafe { self.0.resize_in_place(self.1, old, new) }.is_err());
        self.allocate(size).addr().get()
    }
}

/// Calls `test` with a pool that has as much memory as no test needs.
fn with_plenty(test: impl FnOnce(&Plenty<'_>)) {
    let mut memory = Box::new_uninit_slice(Plenty::BYTES);
    let mut pool = Plenty(Pool::new(SliceRegion::new(&mut memory)), NonNull::dangling());
    [pool.1, _] = [600; 2].map(|size| pool.allocate(size));
    test(&pool);
    pool.0.verify().unwrap();
}

#[test]
fn a_request_takes_a_hole_of_its_size_before_a_larger_one() {
    for size in [600, 1016, 1024, 2000, 65_536] {
        with_plenty(|pool| {
            let hole = pool.hole(size);
            pool.hole(size + size / 2);
            assert_eq!(pool.allocate(size).addr().get(), hole, "{size}");
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes, and is about where blocks lie")]
fn a_large_block_that_has_outgrown_its_place_goes_where_there_is_room_behind_it() {
    // Whether it takes the hole that it fits: below 128 granules, and above a sixteenth of the region.
    for (size, takes_hole) in [(1016, true), (1024, false), (65_536, false), (65_544, true)] {
        with_plenty(|pool| {
            let hole = pool.hole(size);
            assert_eq!(pool.outgrow(size) == hole, takes_hole, "{size}");
        });
    }
    // Sixteen times its size are enough.
    with_plenty(|pool| {
        let holes = [1024, 16 * 1024].map(|size| pool.hole(size));
        assert_eq!(pool.outgrow(1024), holes[1]);
    });
    // When a quarter of the region is in use, there is no room to waste.
    for (used, takes_hole) in [(Plenty::BYTES / 5, false), (Plenty::BYTES / 3, true)] {
        with_plenty(|pool| {
            let hole = pool.hole(2000);
            pool.allocate(used);
            assert_eq!(pool.outgrow(2000) == hole, takes_hole, "{used}");
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes, and is about where blocks lie")]
fn a_large_block_that_has_outgrown_its_place_stays_low_where_much_is_free_below() {
    // With the heap's own state, some 3,000 granules more are free below the top; 4096 may be, and half as many as are used.
    for (granules, takes_hole) in [(800, false), (3200, true)] {
        with_plenty(|pool| {
            let layout = Layout::from_size_align(granules * 8, 8).unwrap();
            let [hole, _wall] = [layout.size(), 8000].map(|size| pool.allocate(size));
            // SAFETY: the block is live, and has this layout.
            unsafe { pool.0.deallocate(hole, layout) };
            pool.0.trim();
            assert_eq!(pool.outgrow(3200) == hole.addr().get(), takes_hole, "{granules}");
        });
    }
}

#[test]
fn a_small_request_takes_a_hole_of_just_its_size_first() {
    // With more or less of the block left that was cut last.
    for used in 0..16 {
        let mut memory = Box::new_uninit_slice(1 << 16);
        let pool = Pool::<_, RealTime>::with_config(SliceRegion::new(&mut memory));
        let holes = [40, 48, 56].map(|size| {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let [_, hole, _] = [(); 3].map(|()| pool.allocate(layout).unwrap().cast::<u8>());
            (hole, layout)
        });
        for _ in 0..used {
            pool.allocate(Layout::new::<u64>()).unwrap();
        }
        for (hole, layout) in holes {
            // SAFETY: the block is live, and has this layout.
            unsafe { pool.deallocate(hole, layout) };
        }
        for (hole, layout) in holes {
            assert_eq!(pool.allocate(layout).unwrap().cast(), hole);
        }
        pool.verify().unwrap();
    }
}

#[test]
fn a_small_request_takes_a_larger_hole_when_little_is_left_of_the_last_block() {
    let takes_hole = |used| {
        let mut memory = Box::new_uninit_slice(1 << 16);
        let pool = Pool::<_, RealTime>::with_config(SliceRegion::new(&mut memory));
        let [_, hole] = [24, 56]
            .map(|size| {
                let layout = Layout::from_size_align(size, 8).unwrap();
                let [_, hole, _] = [(); 3].map(|()| pool.allocate(layout).unwrap().cast::<u8>());
                (hole, layout)
            })
            .map(|(hole, layout)| {
                // SAFETY: the block is live, and has this layout.
                unsafe { pool.deallocate(hole, layout) };
                hole
            });
        for _ in 0..used {
            pool.allocate(Layout::new::<u64>()).unwrap();
        }
        pool.allocate(Layout::new::<[u64; 6]>()).unwrap().cast() == hole
    };
    assert!((0..16).any(takes_hole));
    assert!(!(0..16).all(takes_hole), "much is left");
}

#[test]
fn a_request_gets_all_that_is_left_when_it_was_cut_apart_for_small_ones() {
    fn test<C: Config>() {
        let mut memory = Box::new_uninit_slice(1 << 16);
        let pool = Pool::<_, C>::with_config(SliceRegion::new(&mut memory));
        let _small = pool.allocate(Layout::new::<u64>()).unwrap();
        let left = pool.stats().capacity - 8;
        assert!(pool.allocate(Layout::from_size_align(left, 8).unwrap()).is_ok());
        pool.verify().unwrap();
    }
    test::<Standard>();
    test::<RealTime>();
}

#[test]
fn a_hole_serves_small_requests_down_to_its_last_granule() {
    let mut memory = Box::new_uninit_slice(1 << 13);
    let pool = Pool::<_, RealTime>::with_config(SliceRegion::new(&mut memory));
    let layout = Layout::new::<[u64; 100]>();
    let [_, hole, _] = [(); 3].map(|()| pool.allocate(layout).unwrap().cast::<u8>());
    fill(&pool);
    // SAFETY: the block is live.
    unsafe { pool.deallocate(hole, layout) };
    for _ in 0..5 {
        assert!(pool.allocate(Layout::new::<[u64; 20]>()).is_ok());
    }
    assert_eq!(pool.stats().free, 0);
    pool.verify().unwrap();
}

#[test]
fn small_blocks_lie_together_though_a_large_one_comes_between() {
    let mut memory = Box::new_uninit_slice(1 << 16);
    let pool = Pool::<_, RealTime>::with_config(SliceRegion::new(&mut memory));
    let [first, _, second] = [16, 5000, 16].map(|size| {
        let layout = Layout::from_size_align(size, 8).unwrap();
        pool.allocate(layout).unwrap().cast::<u8>().addr().get()
    });
    assert_eq!(second, first + 16);
}
