//! std's own collections, where core has the trait: `cargo +nightly test -p kalloc-interop --features nightly`.
#![cfg(all(feature = "nightly", nightly_compiler))]
#![feature(allocator_api, btreemap_alloc)]

use std::collections::{BTreeMap, VecDeque};
use std::mem::MaybeUninit;

use kalloc_bump::Bump;
use kalloc_pool::Pool;
use kalloc_sync::Locked;
use kalloc_traits::{Inspect, SliceRegion};

/// Uses `Vec`, `Box`, `VecDeque` and `BTreeMap` in a heap.
fn exercise<A: std::alloc::Allocator + Copy>(heap: A) {
    let mut boxes = Vec::new_in(heap);
    for n in 0..100u64 {
        boxes.push(Box::new_in([n; 5], heap));
    }
    boxes.retain(|numbers| numbers[4] % 2 == 1);
    boxes.shrink_to_fit();
    assert_eq!(boxes.iter().map(|numbers| numbers[0]).sum::<u64>(), 2500);

    let mut queue = VecDeque::new_in(heap);
    queue.extend(0..500u16);
    assert_eq!(queue.pop_front(), Some(0));

    let mut map = BTreeMap::new_in(heap);
    for key in 0..300u32 {
        map.insert(key, u64::from(key) * 2);
    }
    map.retain(|key, _| key % 3 == 0);
    assert_eq!(map.values().copied().max(), Some(594));
}

#[test]
fn std_collections_live_in_each_heap() {
    let mut memory = vec![MaybeUninit::uninit(); 1 << 18];
    {
        let pool = Pool::new(SliceRegion::new(&mut memory));
        exercise(&pool);
        assert_eq!(pool.stats().live_blocks, 0);
    }
    {
        let locked = Locked::<_>::new(Pool::new(SliceRegion::new(&mut memory)));
        exercise(&locked);
        assert_eq!(locked.stats().live_blocks, 0);
    }
    let bump = Bump::new(SliceRegion::new(&mut memory));
    exercise(&bump);
    assert_eq!(bump.stats().live_blocks, 0);
}
