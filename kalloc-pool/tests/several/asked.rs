//! Who is asked for memory, and which region is asked first.

use std::alloc::Layout;
use std::cell::Cell;

use kalloc_pool::{Regions, Standard};
use kalloc_traits::{Heap, Inspect, RawRegion, RegionError, Span};

use crate::layout;
use crate::piece::{Memory, Piece};

/// Memory that refuses to grow, and counts how often it was asked.
struct Asked<'a>(Piece, &'a Cell<u32>);

// SAFETY: the memory is the piece's.
unsafe impl RawRegion for Asked<'_> {
    fn span(&self) -> Span {
        self.0.span()
    }

    fn grow(&mut self, _: usize) -> Result<(), RegionError> {
        self.1.set(self.1.get() + 1);
        Err(RegionError::Exhausted)
    }
}

#[test]
fn each_region_is_asked_once_for_a_request() {
    let asked = Cell::new(0);
    let mut memory = Memory::new(1 << 14, 0);
    let heap = Regions::<Asked<'_>, 4>::new();
    for start in [0, 8192] {
        let piece = memory.piece(start, 4096, 4096);
        assert!(heap.add(Asked(piece, &asked)).is_ok());
    }
    assert!(heap.allocate(layout(10_000)).is_err());
    assert_eq!(asked.get(), 2);
    heap.verify().unwrap();
}

#[test]
fn a_region_that_is_told_to_grow_does_so_at_once() {
    let mut memory = Memory::new(1 << 14, 0);
    let heap = Regions::<Piece, 2>::new();
    let piece = memory.piece(0, 4096, 8192);
    let (inside, outside) = (piece.start, memory.piece(8192, 4096, 4096).start);
    heap.add(piece).unwrap();
    let before = heap.stats().capacity;
    heap.extend(inside, 2048).unwrap();
    assert!(heap.stats().capacity > before + 1024);
    assert_eq!(heap.extend(inside, 4096), Err(RegionError::Exhausted));
    assert_eq!(heap.extend(outside, 8), Err(RegionError::Fixed));
    heap.verify().unwrap();
}

#[test]
fn a_supply_that_has_nothing_ends_the_growth_with_its_refusal() {
    let heap = Regions::<Piece, 1, Standard, _>::with_supply(|_| None);
    let growth = heap.begin_growth(Layout::new::<u64>()).unwrap();
    // SAFETY: the heap is alive, and gets the result.
    let grown = unsafe { growth.run() };
    assert_eq!(heap.end_growth(grown), Err(RegionError::Exhausted));
}

#[test]
fn a_supply_is_asked_once_for_a_request_and_what_it_brings_is_used() {
    let mut memory = Memory::new(1 << 15, 0);
    let start = memory.piece(0, 1 << 15, 1 << 15).start;
    let asked = Cell::new(0);
    let heap = Regions::<Piece, 4, Standard, _>::with_supply(|_| {
        asked.set(asked.get() + 1);
        Some(Memory::piece_of(start, asked.get() * 4096, 4096, 4096))
    });
    assert!(heap.allocate(layout(1000)).is_ok());
    assert_eq!((asked.get(), heap.len()), (1, 1));
    // What it brings is too little.
    assert!(heap.allocate(layout(10_000)).is_err());
    assert_eq!((asked.get(), heap.len()), (2, 2));
    heap.verify().unwrap();
}

#[test]
fn the_region_that_served_last_is_asked_first() {
    let mut memory = Memory::new(1 << 14, 0);
    let heap = Regions::<Piece, 2>::new();
    let pieces = [0, 8192].map(|start| memory.piece(start, 8192, 8192));
    let middle = pieces[1].start.addr().get();
    for piece in pieces {
        heap.add(piece).unwrap();
    }
    // A region holds one of the large blocks, and some small ones. The one that came last is the first.
    for is_high in [true, false] {
        for size in [5000, 100, 100] {
            let block = heap.allocate(layout(size)).unwrap().cast::<u8>();
            assert_eq!(block.addr().get() >= middle, is_high, "{size}");
        }
    }
    heap.verify().unwrap();
}
