//! Collections of other crates in a bump.

use allocator_api2::boxed::Box as HeapBox;
use allocator_api2::vec::Vec as HeapVec;
use hashbrown::HashMap;
use kalloc_bump::Bump;
use kalloc_traits::{Inspect, StaticArray};
use std::hash::{BuildHasherDefault, DefaultHasher};

use crate::common::{Memory, Scripted};

#[test]
fn a_vector_alone_grows_in_place() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 4096));
    let mut vector = HeapVec::new_in(&bump);
    for n in 0..500u32 {
        vector.push(n);
    }
    assert_eq!((bump.stats().live_blocks, bump.stats().cached), (1, 0));
    vector.truncate(10);
    vector.shrink_to_fit();
    assert_eq!(bump.stats().used, 40);
    assert_eq!(vector.as_slice(), (0..10).collect::<Vec<u32>>());
    drop(vector);
    assert_eq!((bump.stats().used, bump.stats().free), (0, 4096));
}

#[test]
fn a_box_made_a_vector_grows_past_the_box() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 256));
    let mut vector = HeapVec::with_capacity_in(4, &bump);
    vector.extend([1u16, 2, 3, 4]);
    let mut vector = vector.into_boxed_slice().into_vec();
    vector.extend(5..50);
    assert_eq!(vector.as_slice(), (1..50).collect::<Vec<u16>>());
}

#[test]
fn a_box_holds_a_drop_type_and_gives_its_bytes_back() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 64));
    let boxed = HeapBox::new_in(String::from("kept"), &bump);
    assert_eq!(bump.stats().used, size_of::<String>());
    assert_eq!(*boxed, "kept");
    drop(boxed);
    assert_eq!(bump.stats().used, 0);
}

#[test]
fn a_vector_may_own_its_bump() {
    static MEMORY: StaticArray<256> = StaticArray::new();
    let mut vector = HeapVec::new_in(Bump::new(MEMORY.region()));
    vector.extend(0..32u8);
    let moved = Box::new(vector);
    assert_eq!(moved.iter().map(|n| u32::from(*n)).sum::<u32>(), 496);
    assert_eq!(moved.allocator().stats().used, moved.capacity());
}

#[test]
fn a_hash_map_lives_in_a_bump_that_grows() {
    let mut memory = Memory::filled(0xFF);
    let bump = Bump::new(Scripted::growing(&mut memory, 16));
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut map = HashMap::with_hasher_in(hasher, &bump);
    let len = 60u32;
    for n in 0..len {
        map.insert(n, n * n);
    }
    assert!((0..len).all(|n| map.get(&n) == Some(&(n * n))));
    assert_eq!(bump.verify(), Ok(()));
    drop(map);
    assert_eq!(bump.stats().live_blocks, 0);
}
