//! Collections that live in a pool of their own.

use std::ptr::NonNull;

use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use hashbrown::{DefaultHashBuilder, HashMap};
use kalloc_pool::{AddressOrdered, BestFitting, Config, Pool, RealTime, SegregatedFit, Standard, Tiny};
use kalloc_traits::{Heap, Inspect, RawRegion, SliceRegion, StaticArray};

struct Coarse;

impl Config for Coarse {
    const GRANULE: usize = 16;
    const QUICK_EXACT: u32 = 9;
    const QUICK_LARGEST: usize = 128;
    type Index = SegregatedFit<1>;
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
        $test::<Coarse>();
    };
}

fn with_pool<C: Config>(bytes: usize, test: impl FnOnce(&Pool<SliceRegion<'_>, C>)) {
    let mut memory = std::boxed::Box::new_uninit_slice(bytes);
    let pool = Pool::with_config(SliceRegion::new(&mut memory));
    test(&pool);
    pool.verify().unwrap();
}

/// Asserts that nothing is live and that one free block is left.
fn assert_all_free<R: RawRegion, C: Config>(pool: &Pool<R, C>) {
    pool.trim();
    let stats = pool.stats();
    assert_eq!(
        (stats.used, stats.cached, stats.live_blocks, stats.free),
        (0, 0, 0, stats.capacity)
    );
    let mut free = 0;
    pool.walk(&mut |run| free += usize::from(run.kind == kalloc_traits::RunKind::Free));
    assert_eq!(free, 1);
}

#[test]
fn a_hash_map_lives_in_a_pool() {
    fn test<C: Config>() {
        with_pool::<C>(1 << 18, |pool| {
            let mut map = HashMap::with_hasher_in(DefaultHashBuilder::default(), pool);
            let count = if cfg!(miri) { 20 } else { 2000 };
            for key in 0..count {
                map.insert(key, [key; 3]);
            }
            for key in (0..count).step_by(2) {
                assert_eq!(map.remove(&key), Some([key; 3]));
            }
            pool.verify().unwrap();
            assert!((0..count).all(|key| map.get(&key).is_some() == (key % 2 == 1)));
            drop(map);
            assert_all_free(pool);
        });
    }
    for_each_config!(test);
}

#[test]
fn boxes_and_vectors_live_in_a_pool() {
    fn test<C: Config>() {
        with_pool::<C>(1 << 17, |pool| {
            let count = if cfg!(miri) { 30 } else { 300 };
            let mut boxes = Vec::new_in(pool);
            for n in 0..count {
                boxes.push(Box::new_in(n, pool));
            }
            boxes.retain(|n| **n % 3 != 0);
            boxes.shrink_to_fit();
            assert_eq!(
                boxes.iter().map(|n| **n).sum::<u64>(),
                (0..count).filter(|n| n % 3 != 0).sum::<u64>()
            );
            drop(boxes);
            assert_all_free(pool);
        });
    }
    for_each_config!(test);
}

#[test]
fn a_pool_moves_with_live_blocks() {
    static MEMORY: StaticArray<65536> = StaticArray::new();

    let pool = Pool::new(MEMORY.region());
    let layout = std::alloc::Layout::new::<[u64; 9]>();
    let blocks: std::vec::Vec<NonNull<u64>> = (0..if cfg!(miri) { 10 } else { 100 })
        .map(|_| pool.allocate(layout).unwrap().cast())
        .collect();
    for (n, block) in blocks.iter().enumerate() {
        // SAFETY: the block is live and holds nine numbers.
        unsafe { block.write(n as u64) };
    }

    let boxed = std::boxed::Box::new(pool);
    let pool = std::thread::spawn(move || *boxed).join().unwrap();

    for (n, block) in blocks.iter().enumerate() {
        // SAFETY: the block is live, and its first number was written.
        assert_eq!(unsafe { block.read() }, n as u64);
        // SAFETY: the block is live and has this layout.
        unsafe { pool.deallocate(block.cast(), layout) };
        pool.verify().unwrap();
    }
    assert_all_free(&pool);
}

#[test]
fn a_pool_that_is_owned_by_its_collection_goes_with_it() {
    static MEMORY: StaticArray<4096> = StaticArray::new();

    for _ in 0..3 {
        let mut numbers = Vec::new_in(Pool::new(MEMORY.region()));
        numbers.extend(0..100u8);
        assert_eq!(numbers.len(), 100);
    }
    // The region's claim went back with each of them.
    assert_eq!(Pool::new(MEMORY.region()).init(), Ok(()));
}

#[test]
fn allocator_api2_0_4_takes_a_pool_too() {
    with_pool::<Standard>(1 << 16, |pool| {
        let mut numbers = allocator_api2_04::vec::Vec::new_in(pool);
        numbers.extend(0..1000u16);
        assert_eq!(numbers[999], 999);
        drop(numbers);
        assert_all_free(pool);
    });
}
