//! Memory that was never used is not cleared, if the region says that it is zero.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, Checked, Config, Pool, RealTime, Standard, Tiny};
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_testkit::workload::random::Rng;
use kalloc_traits::{Heap, Inspect, RawRegion, RegionError, Span};

/// A region that says of its bytes that they are zero, whatever they are. It takes back multiples of `unit` bytes, and uses them
/// before it hands them over again.
struct Lying {
    start: NonNull<u8>,
    len: usize,
    most: usize,
    unit: usize,
}

// SAFETY: the test owns the memory and uses it by the pool only.
unsafe impl RawRegion for Lying {
    fn span(&self) -> Span {
        Span::new(self.start, self.len)
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        let len = self.len + min_extra;
        if len > self.most {
            return Err(RegionError::Exhausted);
        }
        self.len = len;
        Ok(())
    }

    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        let bytes = bytes / self.unit * self.unit;
        self.len = self.len.checked_sub(bytes).ok_or(RegionError::Shortfall)?;
        // SAFETY: the bytes are the region's again.
        let end = unsafe { self.start.add(self.len) };
        // SAFETY: as above.
        unsafe { end.write_bytes(0xA5, bytes) };
        Ok(())
    }

    fn is_zeroed(&self) -> bool {
        true
    }
}

/// Returns a block's bytes.
fn bytes<'a>(block: NonNull<[u8]>) -> &'a mut [u8] {
    // SAFETY: the test's blocks are live as long as it looks at them, and were written whole.
    unsafe { &mut *block.as_ptr() }
}

/// Returns whether all bytes of a block are `byte`.
fn is_filled(block: NonNull<[u8]>, byte: u8) -> bool {
    bytes(block).iter().all(|&b| b == byte)
}

#[test]
fn what_was_never_used_is_not_cleared_and_what_was_is() {
    fn test<C: Config>() {
        let mut memory = vec![0x0707_0707_0707_0707u64; 8000];
        let start = NonNull::from(memory.as_mut_slice()).cast();
        let pool = Pool::<_, C>::with_config(Lying {
            start,
            len: 16_000,
            most: 64_000,
            unit: 1,
        });
        let large = Layout::new::<[u64; 1000]>();
        let fresh = pool.allocate_zeroed(large).unwrap();
        assert!(is_filled(fresh, 7));
        // SAFETY: the block is live.
        unsafe { pool.deallocate(fresh.cast(), large) };
        let used = pool.allocate_zeroed(large).unwrap();
        assert!(is_filled(used, 0));
        // What is fresh goes on behind what was used, also at a place that is aligned.
        for align in [1, 512] {
            let layout = Layout::from_size_align(800, align).unwrap();
            let fresh = pool.allocate_zeroed(layout).unwrap();
            assert!(is_filled(fresh, 7), "{align}");
        }
        // What the region grows by is fresh too: it goes on there, and behind the state that has moved.
        for size in [8000, 2400] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let grown = pool.allocate_zeroed(layout).unwrap();
            assert!(is_filled(grown, 7), "{size}");
        }
        pool.verify().unwrap();
    }
    test::<Standard>();
    if !cfg!(miri) {
        test::<RealTime>();
    }
}

#[test]
fn what_a_block_grew_into_is_not_fresh() {
    let pool = Pool::new(GuardedRegion::of(Shape::new(20_000).zeroed()));
    let [small, middle, large] = [100, 4000, 8000].map(|size| Layout::from_size_align(size, 8).unwrap());
    let block = pool.allocate(small).unwrap().cast();
    // SAFETY: the block is live, and what it grows by is its own.
    let grown = unsafe { pool.grow(block, small, large) }.unwrap();
    assert_eq!(grown.cast(), block);
    // SAFETY: the block is ours.
    unsafe { grown.cast::<u8>().write_bytes(0xA5, grown.len()) };
    // SAFETY: the block is live.
    unsafe { pool.shrink(block, large, middle) }.unwrap();
    assert!(is_filled(pool.allocate_zeroed(middle).unwrap(), 0));
}

#[test]
fn what_a_region_hands_over_again_is_not_fresh() {
    fn test<C: Config>(len: usize, unit: usize) {
        let mut memory = vec![0u64; 8000];
        let start = NonNull::from(memory.as_mut_slice()).cast();
        let most = 64_000;
        let pool = Pool::<_, C>::with_config(Lying { start, len, most, unit });
        let mut rng = Rng::new(5);
        let mut blocks: Vec<(NonNull<[u8]>, Layout)> = Vec::new();
        for round in 0..if cfg!(miri) { 10 } else { 4000 } {
            let layout = Layout::from_size_align(1 + rng.below(9000), 8).unwrap();
            if let Ok(block) = pool.allocate_zeroed(layout) {
                assert!(is_filled(block, 0), "{round}");
                bytes(block).fill(0xA5);
                blocks.push((block, layout));
            }
            while blocks.len() > rng.below(4) {
                let (block, layout) = blocks.swap_remove(rng.below(blocks.len()));
                // SAFETY: the block is live.
                unsafe { pool.deallocate(block.cast(), layout) };
            }
            if rng.below(3) == 0 {
                _ = pool.truncate(rng.below(20_000));
            }
        }
        pool.verify().unwrap();
    }
    test::<Checked<RealTime>>(4000, 1);
    if !cfg!(miri) {
        for len in [4000, 20_000, 40_000] {
            test::<Standard>(len, 1);
            test::<Standard>(len, 3000);
            test::<Checked<RealTime>>(len, 3000);
        }
    }
}

#[test]
fn where_the_state_was_is_not_fresh() {
    let units: &[usize] = if cfg!(miri) { &[1] } else { &[1, usize::MAX] };
    for &unit in units {
        let mut memory = vec![0u64; 8000];
        let start = NonNull::from(memory.as_mut_slice()).cast();
        let (len, most) = (4000, 64_000);
        let pool = Pool::new(Lying { start, len, most, unit });
        let large = Layout::new::<[u64; 1000]>();
        assert!(is_filled(pool.allocate_zeroed(large).unwrap(), 0));
        // The state lies behind the top now, and then moves down into it.
        pool.extend(20_000).unwrap();
        assert_eq!(pool.truncate(10_000), if unit == 1 { Ok(10_000) } else { Ok(0) });
        let mut count = 0;
        for size in [3000, 1000, 300] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            while let Ok(block) = pool.allocate_zeroed(layout) {
                assert!(is_filled(block, 0), "{count} with {unit}");
                count += 1;
            }
        }
        assert!(count > 10);
    }
}

/// A region that cannot grow, and says that its bytes are zero.
struct Fixed(Span);

// SAFETY: as for `Lying`.
unsafe impl RawRegion for Fixed {
    const CAN_GROW: bool = false;

    fn span(&self) -> Span {
        self.0
    }

    fn is_zeroed(&self) -> bool {
        true
    }
}

#[test]
fn what_a_longer_region_has_is_not_fresh() {
    let mut memory = vec![0u64; 1000];
    let mut longer = vec![0xA5A5_A5A5_A5A5_A5A5u64; 2000];
    let start = NonNull::from(memory.as_mut_slice()).cast::<u8>();
    let mut pool = Pool::<_, RealTime>::with_config(Fixed(Span::new(start, 8000)));
    let layout = Layout::new::<[u64; 60]>();
    assert!(is_filled(pool.allocate_zeroed(layout).unwrap(), 0));

    let moved = NonNull::from(longer.as_mut_slice()).cast::<u8>();
    // SAFETY: both have so many bytes, and do not overlap.
    unsafe { moved.copy_from_nonoverlapping(start, 8000) };
    // SAFETY: the bytes are those of the pool's region, and the block is not used any more.
    let rebased = unsafe { pool.rebase(Fixed(Span::new(moved, 16_000)), 8) };
    assert!(rebased.is_ok());
    let mut count = 0;
    while let Ok(block) = pool.allocate_zeroed(layout) {
        assert!(is_filled(block, 0), "{count}");
        count += 1;
    }
    assert!(count > 20);
}

#[test]
fn a_region_that_says_nothing_is_cleared() {
    let mut memory = vec![0x0707_0707_0707_0707u64; 2000];
    let start = NonNull::from(memory.as_mut_slice()).cast();
    // SAFETY: the memory outlives the pool, and nobody else uses it meanwhile.
    let region = unsafe { kalloc_traits::RangeRegion::from_pointer(start, 16_000) };
    let block = Pool::new(region).allocate_zeroed(Layout::new::<[u64; 1000]>()).unwrap();
    assert!(is_filled(block, 0));
}

#[test]
fn zeroed_blocks_are_zero_whatever_was_done_before() {
    fn test<C: Config>(seed: u64) {
        let region = GuardedRegion::of(Shape::new(4000).with_reserve(60_000).zeroed());
        let pool = Pool::<_, C>::with_config(region);
        let mut rng = Rng::new(seed);
        let mut blocks: Vec<(NonNull<[u8]>, Layout)> = Vec::new();
        for _ in 0..if cfg!(miri) { 50 } else { 20_000 } {
            let any = |rng: &mut Rng| {
                let most = if rng.below(8) == 0 && !cfg!(miri) { 6000 } else { 300 };
                let align = 8 << if rng.below(4) == 0 { rng.below(5) } else { 0 };
                Layout::from_size_align(1 + rng.below(most), align).unwrap()
            };
            match rng.below(16) {
                0..5 => {
                    let layout = any(&mut rng);
                    if let Ok(block) = pool.allocate_zeroed(layout) {
                        assert!(is_filled(block, 0), "{layout:?}");
                        bytes(block).fill(0xA5);
                        blocks.push((block, layout));
                    }
                }
                5..8 => {
                    let layout = any(&mut rng);
                    if let Ok(block) = pool.allocate(layout) {
                        // SAFETY: the block is ours.
                        unsafe { block.cast::<u8>().write_bytes(0xA5, block.len()) };
                        blocks.push((block, layout));
                    }
                }
                8..12 if !blocks.is_empty() => {
                    let (block, layout) = blocks.swap_remove(rng.below(blocks.len()));
                    // SAFETY: the block is live.
                    unsafe { pool.deallocate(block.cast(), layout) };
                }
                12..14 if !blocks.is_empty() => {
                    let index = rng.below(blocks.len());
                    let (block, old) = blocks[index];
                    let new = Layout::from_size_align(1 + rng.below(3000), old.align()).unwrap();
                    let resized = match new.size() < old.size() {
                        // SAFETY: the block is live.
                        true => unsafe { pool.shrink(block.cast(), old, new) },
                        // SAFETY: as above.
                        false => unsafe { pool.grow(block.cast(), old, new) },
                    };
                    if let Ok(block) = resized {
                        // SAFETY: the block is ours.
                        unsafe { block.cast::<u8>().write_bytes(0xA5, block.len()) };
                        blocks[index] = (block, new);
                    }
                }
                14 => _ = pool.truncate(rng.below(5000)),
                15 if rng.below(4) == 0 => _ = pool.extend(rng.below(3000)),
                _ => pool.trim(),
            }
        }
        pool.verify().unwrap();
    }
    for seed in 0..if cfg!(miri) { 1 } else { 8 } {
        test::<Standard>(seed);
        if !cfg!(miri) {
            test::<Checked<Standard>>(seed + 100);
            test::<RealTime>(seed);
            test::<AddressOrdered>(seed);
            test::<Tiny>(seed);
        }
    }
}
