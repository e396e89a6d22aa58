//! When a checked pool closes its quick lists.

use std::alloc::Layout;
use std::mem::MaybeUninit;

use kalloc_pool::{Checked, Config, Pool, SegregatedFit};
use kalloc_traits::{Heap, Inspect, SliceRegion};

use crate::LEN;

/// Closes its lists when less is left than a checked heap takes for itself, and cuts nothing in advance.
pub(crate) struct Late;

impl Config for Late {
    const GRANULE: usize = 8;
    const QUICK_LARGEST: usize = 4096;
    const QUICK_RESERVE: u32 = 8;
    type Index = SegregatedFit<4>;
}

#[test]
fn lists_are_emptied_when_memory_is_scarce_even_if_the_bytes_take_what_is_kept_in_reserve() {
    let mut memory = vec![MaybeUninit::uninit(); LEN];
    let pool = Pool::<_, Checked<Late>>::with_config(SliceRegion::new(&mut memory));
    let small = Layout::new::<u64>();
    let block = pool.allocate(small).unwrap().cast();
    pool.allocate(small).unwrap();
    // SAFETY: the block is live, and has this layout.
    unsafe { pool.deallocate(block, small) };
    assert_eq!(pool.stats().cached, 8);
    let whole = Layout::from_size_align(pool.stats().free, 8).unwrap();
    pool.allocate(whole).unwrap();
    assert_eq!((pool.stats().cached, pool.stats().free), (0, 8));
}
