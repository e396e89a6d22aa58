//! What a heap of several regions counts is the sum over them, and it owns what they do.

use kalloc_pool::{Checked, Config, Regions, Standard};
use kalloc_traits::{Heap, Inspect};

use crate::piece::{Memory, Piece};
use crate::{free, layout};

#[test]
fn the_counters_of_all_regions_add_up() {
    let mut memory = Memory::new(1 << 14, 0);
    let heap = Regions::<Piece, 2>::new();
    let mut capacity = 0;
    for start in [0, 8192] {
        heap.add(memory.piece(start, 8192, 8192)).unwrap();
        // The second region serves what the first one has no room for.
        let kept = heap.allocate(layout(40)).unwrap().cast();
        heap.allocate(layout(7000)).unwrap();
        free(&heap, kept, 40);
        capacity = heap.stats().capacity - capacity;
    }
    let stats = heap.stats();
    assert_eq!((stats.live_blocks, stats.used, stats.peak_used), (2, 14_000, 14_040));
    assert_eq!(stats.capacity, 2 * capacity);
    assert_eq!(stats.used + stats.free + stats.cached, stats.capacity);
    heap.verify().unwrap();
}

#[test]
fn what_is_kept_in_all_regions_counts_as_cached() {
    let mut memory = Memory::new(1 << 14, 0);
    let heap = Regions::<Piece, 2>::new();
    for start in [0, 8192] {
        heap.add(memory.piece(start, 8192, 8192)).unwrap();
    }
    let block = heap.allocate(layout(40)).unwrap().cast();
    free(&heap, block, 40);
    let stats = heap.stats();
    assert!(stats.cached >= 40);
    assert_eq!(stats.used + stats.free + stats.cached, stats.capacity);
    heap.trim();
    assert_eq!((heap.stats().cached, heap.stats().free), (0, stats.capacity));
}

#[test]
fn what_is_wrong_with_one_region_is_wrong_with_the_heap() {
    let mut memory = Memory::new(1 << 14, 0);
    let heap = Regions::<Piece, 2>::new();
    let pieces = [0, 8192].map(|start| memory.piece(start, 8192, 8192));
    let starts = [pieces[0].start, pieces[1].start];
    for piece in pieces {
        heap.add(piece).unwrap();
    }
    for start in starts {
        // The bitmap comes first.
        // SAFETY: the byte is initialised, and nobody else looks meanwhile.
        let sound = unsafe { start.read() };
        // SAFETY: as above.
        unsafe { start.write(!sound) };
        assert!(heap.verify().is_err());
        // SAFETY: as above.
        unsafe { start.write(sound) };
        heap.verify().unwrap();
    }
}

#[test]
fn a_block_grows_and_shrinks_and_so_does_one_of_no_size() {
    fn test<C: Config>() {
        let mut memory = Memory::new(1 << 13, 0);
        let heap = Regions::<Piece, 2, C>::with_supply(());
        heap.add(memory.piece(0, 8192, 8192)).unwrap();
        let mut block = heap.allocate(layout(0)).unwrap().cast();
        for (old, new) in [(0, 40), (40, 2000), (2000, 24), (24, 0)] {
            let resized = if new > old {
                // SAFETY: the block is live, and has this layout.
                unsafe { heap.grow(block, layout(old), layout(new)) }
            } else {
                // SAFETY: as above.
                unsafe { heap.shrink(block, layout(old), layout(new)) }
            };
            block = resized.unwrap().cast();
            assert_eq!(heap.stats().used, new);
        }
        heap.verify().unwrap();
    }
    test::<Standard>();
    test::<Checked<Standard>>();
}

#[test]
fn the_memory_of_each_region_is_the_heaps() {
    let mut memory = Memory::new(1 << 14, 0);
    let heap = Regions::<Piece, 2>::new();
    let [first, second] = [0, 8192].map(|start| memory.piece(start, 4096, 4096));
    let (inside, between) = ([first.start, second.start], memory.piece(4096, 4096, 4096).start);
    heap.add(first).unwrap();
    assert_eq!(inside.map(|start| heap.owns(start)), [true, false]);
    heap.add(second).unwrap();
    assert_eq!(inside.map(|start| heap.owns(start)), [true; 2]);
    assert!(!heap.owns(between));
}

#[test]
fn a_heap_has_as_many_regions_as_have_come_and_not_gone() {
    let mut memory = Memory::new(1 << 13, 0);
    let heap = Regions::<Piece, 2>::new();
    assert_eq!((heap.len(), heap.is_empty()), (0, true));
    let piece = memory.piece(0, 4096, 4096);
    let inside = piece.start;
    heap.add(piece).unwrap();
    assert_eq!((heap.len(), heap.is_empty()), (1, false));
    assert!(heap.remove(inside).is_ok());
    assert_eq!((heap.len(), heap.is_empty()), (0, true));
}
