//! Blocks at the size from which the first granule's byte does not hold theirs.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kalloc_pool::{Checked, Config, Pool, RealTime, Standard};
use kalloc_traits::{Heap, Inspect, SliceRegion};

use crate::scarce::Late;

/// The sizes in granules between which a block changes.
const SIZES: &[usize] = if cfg!(miri) {
    &[10, 239]
} else {
    &[1, 10, 238, 239, 240, 600]
};

const LEN: usize = if cfg!(miri) { 4 * 1024 } else { 16 * 1024 };

fn of(granules: usize) -> Layout {
    Layout::from_size_align(granules * 8, 8).unwrap()
}

fn on<C: Config>(memory: &mut [MaybeUninit<u8>]) -> Pool<SliceRegion<'_>, Checked<C>> {
    Pool::with_config(SliceRegion::new(memory))
}

/// Frees by all sizes but `len`, and from the granules behind the first, and returns how many of these calls are refused.
fn refused<C: Config>(pool: &Pool<SliceRegion, Checked<C>>, block: NonNull<u8>, len: usize) -> usize {
    let before = pool.misuses();
    for &other in SIZES.iter().filter(|&&other| other != len) {
        // SAFETY: none. A checked pool bears it.
        unsafe { pool.deallocate(block, of(other)) };
    }
    for inside in (1..10).filter(|&inside| inside < len) {
        // SAFETY: the granule is the block's.
        let inside = unsafe { block.add(inside * 8) };
        for claimed in (1..=15).chain([238, 239, 0xf0, 0xff]) {
            // SAFETY: none, as above.
            unsafe { pool.deallocate(inside, of(claimed)) };
        }
    }
    pool.misuses() - before
}

fn resizes<C: Config>() {
    for (&from, &to) in SIZES.iter().flat_map(|from| SIZES.iter().map(move |to| (from, to))) {
        let mut memory = vec![MaybeUninit::uninit(); LEN];
        let pool = on::<C>(&mut memory);
        let block = pool.allocate(of(from)).unwrap().cast::<u8>();
        // SAFETY: the block is live, and has this layout.
        unsafe { pool.resize_in_place(block, of(from), of(to)) }.unwrap();
        pool.verify().unwrap();
        assert_eq!(
            refused(&pool, block, to),
            SIZES.len() - 1 + (to.min(10) - 1) * 19,
            "{from}, {to}"
        );
        // SAFETY: the block is live, and has this layout.
        unsafe { pool.deallocate(block, of(to)) };
        pool.verify().unwrap();
        assert_eq!(pool.stats().used, 0);
        let before = pool.misuses();
        // SAFETY: none, as above.
        unsafe { pool.deallocate(block, of(to)) };
        assert_eq!(pool.misuses() - before, 1, "{from}, {to}");
    }
}

#[test]
fn a_block_that_is_resized_where_it_is_has_its_new_size_only() {
    resizes::<RealTime>();
    resizes::<Late>();
}

#[test]
fn a_long_block_at_the_end_of_the_region_is_known() {
    for len in 238..if cfg!(miri) { 240 } else { 241 } {
        let mut memory = vec![MaybeUninit::uninit(); LEN];
        let pool = on::<Standard>(&mut memory);
        pool.init().unwrap();
        let rest = pool.stats().free / 8 - len;
        pool.allocate(of(rest)).unwrap();
        let block = pool.allocate(of(len)).unwrap().cast::<u8>();
        assert_eq!(pool.stats().free, 0);
        pool.verify().unwrap();
        assert_eq!(
            refused(&pool, block, len),
            SIZES.iter().filter(|&&size| size != len).count() + 9 * 19
        );
        // SAFETY: the block is live, and has this layout.
        unsafe { pool.deallocate(block, of(len)) };
        pool.verify().unwrap();
        assert_eq!(pool.stats().used, rest * 8);
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_size_that_differs_in_its_upper_half_only_is_another() {
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let pool = on::<Standard>(&mut memory);
    for len in [10, 239] {
        let block = pool.allocate(of(len)).unwrap().cast::<u8>();
        // SAFETY: none. A checked pool bears it.
        unsafe { pool.deallocate(block, of(len + (1 << 32))) };
    }
    assert_eq!((pool.misuses(), pool.stats().live_blocks), (2, 2));
}
