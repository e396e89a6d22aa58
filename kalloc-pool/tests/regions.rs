//! Regions of every awkward shape, and requests that nothing could serve.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, BestFitting, Config, Pool, RealTime, SegregatedFit, Standard, Tiny};
use kalloc_testkit::region::{Fill, GuardedRegion, Shape};
use kalloc_traits::{Heap, InitError, Inspect, RawRegion, RunKind};

/// Bytes of a region of moderate size.
const BYTES: usize = if cfg!(miri) { 12_288 } else { 65_536 };
/// The length of a region that is laid out over what another heap left.
const IMAGE: usize = if cfg!(miri) { 2048 } else { 4096 };

struct Sixteen;

impl Config for Sixteen {
    const GRANULE: usize = 16;
    const QUICK_EXACT: u32 = 5;
    const QUICK_LARGEST: usize = 64;
    const QUICK_SHARE: u32 = 8;
    const QUICK_RESERVE: u32 = 0;
    type Index = SegregatedFit<4>;
}

/// Calls a generic test for each configuration.
macro_rules! for_each_config {
    ($test:ident) => {
        $test::<Standard>();
        $test::<BestFitting>();
        // What is theirs alone says no `unsafe`: Miri need not see it.
        if !cfg!(miri) {
            $test::<RealTime>();
            $test::<AddressOrdered>();
            $test::<Tiny>();
        }
        $test::<Sixteen>();
    };
}

/// Fills a pool with blocks of every small size, frees them and looks for damage.
fn fill_and_free<C: Config>(pool: &Pool<GuardedRegion, C>) {
    let mut blocks = Vec::new();
    for size in (1..40).cycle() {
        let layout = Layout::from_size_align(size, 1 << (size % 5)).unwrap();
        let Ok(block) = pool.allocate(layout) else { break };
        // SAFETY: the block is ours.
        unsafe { block.cast::<u8>().write_bytes(0x5A, block.len()) };
        blocks.push((block.cast(), layout));
    }
    pool.verify().unwrap();
    for (block, layout) in blocks {
        // SAFETY: the block is live.
        unsafe { pool.deallocate(block, layout) };
    }
    pool.trim();
    pool.verify().unwrap();
    assert_eq!(pool.stats().used, 0);
}

#[test]
fn every_short_region_at_every_misalignment_is_used_or_refused() {
    fn test<C: Config>() {
        let step = if cfg!(miri) { 149 } else { 1 };
        for len in (0..600).step_by(step) {
            for misalignment in (0..=16).step_by(step.min(5)) {
                let region = GuardedRegion::of(Shape::new(len).with_base(64, misalignment));
                let guards = region.guards();
                let pool = Pool::<_, C>::with_config(region);
                match pool.init() {
                    Ok(()) => assert!(pool.stats().capacity >= C::GRANULE),
                    Err(error) => {
                        assert_eq!(error, InitError::TooSmall);
                        assert_eq!(pool.stats().capacity, 0);
                    }
                }
                fill_and_free(&pool);
                guards.check().unwrap();
            }
        }
    }
    for_each_config!(test);
}

#[test]
fn what_lay_in_the_region_before_does_not_matter() {
    fn test<C: Config>() {
        let image = {
            // The image is of every byte, so each has to be written.
            let region = GuardedRegion::of(Shape::new(IMAGE).with_fill(Fill::Noise(8)));
            let guards = region.guards();
            let pool = Pool::<_, C>::with_config(region);
            let block = pool.allocate(Layout::new::<[u64; 30]>()).unwrap();
            let _ = pool.allocate(Layout::new::<u64>());
            // SAFETY: the block is live.
            unsafe { pool.deallocate(block.cast(), Layout::new::<[u64; 30]>()) };
            drop(pool);
            guards.image().unwrap_or_default()
        };
        for fill in [Fill::Byte(0), Fill::Byte(0xFF), Fill::Noise(9), Fill::Image(image)] {
            let pool = Pool::<_, C>::with_config(GuardedRegion::of(Shape::new(IMAGE).with_fill(fill)));
            pool.init().unwrap();
            pool.verify().unwrap();
            fill_and_free(&pool);
        }
    }
    for_each_config!(test);
}

#[test]
fn the_last_bytes_of_a_region_serve_an_aligned_request() {
    fn test<C: Config>() {
        let region = GuardedRegion::of(Shape::new(2048).with_base(64, 0));
        let end = region.span().end_addr();
        let pool = Pool::<_, C>::with_config(region);
        let layout = Layout::from_size_align(64, 64).unwrap();
        let blocks = std::iter::from_fn(|| pool.allocate(layout).ok());
        let mut ends = blocks.map(|block| block.cast::<u8>().addr().get() + 64);
        assert!(ends.any(|last| last == end));
    }
    for_each_config!(test);
}

#[test]
fn extreme_layouts_are_refused_and_change_nothing() {
    fn test<C: Config>() {
        let pool = Pool::<_, C>::with_config(GuardedRegion::new(BYTES));
        pool.init().unwrap();
        let before = pool.stats();
        let mut failed = 0;
        for shift in (0..usize::BITS - 1).step_by(if cfg!(miri) { 7 } else { 1 }) {
            let align = 1usize << shift;
            let largest = isize::MAX as usize - (align - 1);
            for size in [
                largest,
                largest - largest / 3,
                1 << 62,
                (1 << 62) + 1,
                1 << 40,
                1 << 32,
                1 << 31,
                BYTES + 1,
            ] {
                let Ok(layout) = Layout::from_size_align(size.min(largest), align) else {
                    continue;
                };
                if layout.size() > BYTES {
                    assert!(pool.allocate(layout).is_err(), "{layout:?}");
                    assert!(pool.allocate_zeroed(layout).is_err());
                    failed += 2;
                }
            }
            // One byte fits at any alignment of which the region holds a multiple.
            let one = Layout::from_size_align(1, align).unwrap();
            match pool.allocate(one) {
                Ok(block) => {
                    assert_eq!(block.cast::<u8>().addr().get() % align, 0);
                    // SAFETY: the block is live.
                    unsafe { pool.deallocate(block.cast(), one) };
                }
                Err(_) => {
                    assert!(align > 4096);
                    failed += 1;
                }
            }
        }
        pool.trim();
        pool.verify().unwrap();
        let after = pool.stats();
        assert_eq!((after.free, after.failed_requests), (before.free, failed));
    }
    for_each_config!(test);
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_region_does_not_grow_for_what_no_region_holds() {
    let pool = Pool::new(GuardedRegion::of(Shape::new(4096).with_reserve(BYTES)));
    pool.init().unwrap();
    let before = pool.stats().capacity;
    for size in [1 << 34, (1 << 35) + 8, 1 << 62] {
        assert!(pool.allocate(Layout::from_size_align(size, 8).unwrap()).is_err());
        assert_eq!(pool.stats().capacity, before, "{size}");
    }
}

#[test]
fn a_block_grows_to_the_largest_size_or_stays_as_it_is() {
    let pool = Pool::new(GuardedRegion::new(BYTES));
    let old = Layout::from_size_align(100, 8).unwrap();
    let block: NonNull<u8> = pool.allocate(old).unwrap().cast();
    // SAFETY: the block is ours.
    unsafe { block.write_bytes(0x33, 100) };
    for size in [isize::MAX as usize - 7, 1 << 40, (1 << 35) + 1, 70_000] {
        let new = Layout::from_size_align(size, 8).unwrap();
        // SAFETY: the block is live and has the layout.
        assert!(unsafe { pool.grow(block, old, new) }.is_err());
        // SAFETY: as above.
        assert!(unsafe { pool.resize_in_place(block, old, new) }.is_err());
    }
    for offset in 0..100 {
        // SAFETY: inside the block.
        let byte = unsafe { block.add(offset) };
        // SAFETY: as above.
        assert_eq!(unsafe { byte.read() }, 0x33);
    }
    pool.verify().unwrap();
    assert_eq!(pool.stats().live_blocks, 1);
}

#[test]
fn a_request_served_from_flushed_quick_lists_is_no_failure() {
    let pool = Pool::<_, Sixteen>::with_config(GuardedRegion::new(4096));
    let layout = Layout::from_size_align(16, 16).unwrap();
    let mut blocks = Vec::new();
    while let Ok(block) = pool.allocate(layout) {
        blocks.push(block.cast());
    }
    for block in blocks {
        // SAFETY: the block is live.
        unsafe { pool.deallocate(block, layout) };
    }
    let stats = pool.stats();
    assert!(stats.cached > 0);
    let mut cached = 0;
    pool.walk(&mut |run| cached += if run.kind == RunKind::Cached { run.len } else { 0 });
    assert_eq!(cached, stats.cached);
    let whole = Layout::from_size_align(stats.capacity, 16).unwrap();
    assert!(pool.allocate(whole).is_ok());
    assert_eq!(pool.stats().failed_requests, 1);
}
