//! Each collection, in each kind of heap.

use std::alloc::Layout;
use std::mem::MaybeUninit;

use kalloc_bump::Bump;
use kalloc_pool::{AddressOrdered, Pool};
use kalloc_sync::Locked;
use kalloc_traits::{Heap, Inspect, SliceRegion};

/// Calls `$test!(heap)` with a reference to a heap of each kind, and asserts that nothing is left behind.
macro_rules! in_each_heap {
    ($test:ident) => {
        let mut memory = vec![MaybeUninit::uninit(); 1 << 18];
        {
            let pool = Pool::new(SliceRegion::new(&mut memory));
            {
                $test!(&pool);
            }
            pool.verify().unwrap();
            assert_eq!(pool.stats().live_blocks, 0);
        }
        {
            let pool = Pool::<_, AddressOrdered>::with_config(SliceRegion::new(&mut memory));
            {
                $test!(&pool);
            }
            assert_eq!(pool.stats().live_blocks, 0);
        }
        {
            let locked = Locked::<_>::new(Pool::new(SliceRegion::new(&mut memory)));
            {
                $test!(&locked);
            }
            assert_eq!(locked.stats().live_blocks, 0);
        }
        {
            let bump = Bump::new(SliceRegion::new(&mut memory));
            {
                $test!(&bump);
            }
            assert_eq!(bump.stats().live_blocks, 0);
        }
    };
}

macro_rules! hash_map {
    ($name:ident, $hashbrown:ident, $hasher:ty) => {
        #[test]
        fn $name() {
            macro_rules! test {
                ($heap:expr) => {
                    let mut map = $hashbrown::HashMap::with_hasher_in(<$hasher>::default(), $heap);
                    for key in 0..300u32 {
                        map.insert(key, [u64::from(key); 3]);
                    }
                    map.retain(|key, _| key % 3 == 0);
                    map.shrink_to_fit();
                    assert_eq!(map.len(), 100);
                    assert!(
                        map.iter()
                            .all(|(key, value)| value == &[u64::from(*key); 3])
                    );
                    let copy = map.clone();
                    assert_eq!(copy.get(&99), Some(&[99; 3]));
                };
            }
            in_each_heap!(test);
        }
    };
}

type Hasher = std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>;

hash_map!(hashbrown_0_14, hashbrown_14, Hasher);
hash_map!(hashbrown_0_15, hashbrown_15, Hasher);
hash_map!(hashbrown_0_16, hashbrown_16, Hasher);
hash_map!(hashbrown_0_17, hashbrown_17, Hasher);

macro_rules! vec_and_box {
    ($name:ident, $api:ident) => {
        #[test]
        fn $name() {
            macro_rules! test {
                ($heap:expr) => {
                    let heap = $heap;
                    let mut boxes = $api::vec::Vec::new_in(heap);
                    for n in 0..100u64 {
                        boxes.push($api::boxed::Box::new_in([n; 5], heap));
                    }
                    boxes.retain(|numbers| numbers[4] % 2 == 1);
                    boxes.shrink_to_fit();
                    assert_eq!(boxes.iter().map(|numbers| numbers[0]).sum::<u64>(), 2500);

                    let mut bytes = $api::vec::Vec::with_capacity_in(3, heap);
                    bytes.resize(1000, 7u8);
                    bytes.truncate(10);
                    bytes.shrink_to_fit();
                    bytes.reserve_exact(5000);
                    assert_eq!(&bytes[..], &[7; 10]);
                };
            }
            in_each_heap!(test);
        }
    };
}

vec_and_box!(vec_and_box_of_allocator_api2_0_2, allocator_api2_02);
vec_and_box!(vec_and_box_of_allocator_api2_0_3, allocator_api2_03);
vec_and_box!(vec_and_box_of_allocator_api2_0_4, allocator_api2_04);

#[test]
fn smallvec_2() {
    macro_rules! test {
        ($heap:expr) => {
            let mut numbers = smallvec::SmallVec::<u32, 4, _>::new_in($heap);
            numbers.extend(0..200);
            numbers.truncate(50);
            numbers.shrink_to_fit();
            assert_eq!(numbers.iter().sum::<u32>(), 49 * 25);
        };
    }
    in_each_heap!(test);
}

#[test]
fn a_heap_is_owned_by_the_collection_as_well() {
    let mut memory = vec![MaybeUninit::uninit(); 1 << 16];
    let mut map = hashbrown_17::HashMap::with_hasher_in(Hasher::default(), Pool::new(SliceRegion::new(&mut memory)));
    map.insert("key", 1);
    assert_eq!(map.allocator().stats().live_blocks, 1);
    assert_eq!(
        map.allocator().allocate(Layout::new::<()>()).map(|block| block.len()),
        Ok(0)
    );
}
