//! A heap in several regions, which come, go, grow and shrink.

mod adding;
mod asked;
mod at_random;
mod counters;
mod misuse;
mod piece;

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;

use kalloc_pool::{
    AddError, AddressOrdered, BestFitting, Checked, Config, Pool, Regions, RemoveError, Retained, Standard, Supply,
    Tiny,
};
use kalloc_traits::{Heap, InitError, Inspect, RegionError};
use piece::{Memory, Piece};

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

fn fill<C: Config, const N: usize>(heap: &Regions<Piece, N, C>, size: usize) -> Vec<NonNull<u8>> {
    std::iter::from_fn(|| heap.allocate(layout(size)).ok().map(NonNull::cast)).collect()
}

fn free(heap: &impl Heap, block: NonNull<u8>, size: usize) {
    // SAFETY: the tests free what is live, by its layout.
    unsafe { heap.deallocate(block, layout(size)) };
}

#[test]
fn no_block_spans_two_adjacent_regions_whichever_was_added_first() {
    // R6.
    for is_low_first in [true, false] {
        let mut memory = Memory::new(8192, 0);
        let whole = memory.piece(0, 8192, 8192).start;
        let [low, high] = [0, 4096].map(|offset| Memory::piece_of(whole, offset, 4096, 4096));
        let heap = Regions::<Piece, 2, AddressOrdered>::with_supply(());
        let pieces = if is_low_first { [low, high] } else { [high, low] };
        pieces.into_iter().for_each(|piece| heap.add(piece).unwrap());
        assert!(heap.allocate(layout(4200)).is_err());
        let boundary = whole.addr().get() + 4096;
        for size in if cfg!(miri) { [200, 500, 1000] } else { [8, 100, 1000] } {
            let blocks = fill(&heap, size);
            for &block in &blocks {
                let start = block.addr().get();
                assert!(start >= boundary || start + size <= boundary);
            }
            heap.verify().unwrap();
            blocks.into_iter().for_each(|block| free(&heap, block, size));
        }
        heap.verify().unwrap();
        assert!(heap.allocate(layout(4200)).is_err());
    }
}

#[test]
fn overlapping_and_duplicate_regions_come_back_untouched() {
    // R7.
    let mut memory = Memory::new(8192, 0x5A);
    let start = memory.piece(0, 8192, 8192).start;
    let heap = Regions::<Piece, 4>::new();
    heap.add(Memory::piece_of(start, 1024, 4096, 4096)).unwrap();
    let block = heap.allocate(layout(100)).unwrap().cast::<u8>();
    let before = heap.stats();
    for (offset, len) in [(1024, 4096), (0, 1040), (5104, 1000), (2000, 100), (0, 8192)] {
        let refused = heap.add(Memory::piece_of(start, offset, len, len)).unwrap_err();
        assert_eq!((refused.reason, refused.value.name), (AddError::Overlaps, offset));
    }
    heap.verify().unwrap();
    assert_eq!(heap.stats(), before);
    heap.add(Memory::piece_of(start, 0, 1024, 1024)).unwrap();
    heap.add(Memory::piece_of(start, 5120, 1024, 1024)).unwrap();
    let refused = heap.add(Memory::piece_of(start, 6144, 8, 8)).unwrap_err();
    assert_eq!(refused.reason, AddError::Region(InitError::TooSmall));
    heap.add(Memory::piece_of(start, 6144, 1024, 1024)).unwrap();
    let refused = heap.add(Memory::piece_of(start, 7168, 1024, 1024)).unwrap_err();
    assert_eq!(refused.reason, AddError::Full);
    heap.verify().unwrap();
    free(&heap, block, 100);
}

#[test]
fn a_region_that_is_added_leaves_live_blocks_alone() {
    // R8, the first part.
    let mut memory = Memory::new(16384, 0xFF);
    let start = memory.piece(0, 16384, 16384).start;
    let heap = Regions::<Piece, 4>::new();
    let mut live = Vec::new();
    for round in 0..4u8 {
        heap.add(Memory::piece_of(start, usize::from(round) * 4096, 4096, 4096))
            .unwrap();
        for block in fill(&heap, 64) {
            // SAFETY: the block is ours.
            unsafe { block.write_bytes(round, 64) };
            live.push((block, round));
        }
        for &(block, byte) in &live {
            // SAFETY: the block is ours, and was written.
            assert_eq!(unsafe { block.cast::<[u8; 64]>().read() }, [byte; 64]);
        }
        heap.verify().unwrap();
    }
}

/// Gives pieces of a memory, and calls the heap meanwhile.
struct Calling {
    heap: Rc<Cell<*const Regions<Piece, 4, Standard, Calling>>>,
    start: NonNull<u8>,
    given: Rc<RefCell<Vec<usize>>>,
    is_mean: bool,
}

impl Supply<Piece> for Calling {
    fn supply(&mut self, bytes: usize) -> Option<Piece> {
        // SAFETY: the heap is alive, and may be called.
        let heap = unsafe { &*self.heap.get() };
        // From what there is, it is served; and what would need more is refused.
        let small = heap.allocate(layout(8));
        assert!(heap.allocate(layout(60_000)).is_err());
        if let Ok(block) = small {
            free(heap, block.cast(), 8);
        }
        let mut given = self.given.borrow_mut();
        let offset = given.iter().sum::<usize>();
        if self.is_mean {
            // It adds one itself, and then says that there is none.
            given.push(8192);
            heap.add(Memory::piece_of(self.start, offset, 8192, 8192)).unwrap();
            return None;
        }
        given.push(bytes.next_multiple_of(64));
        Some(Memory::piece_of(self.start, offset, bytes, bytes))
    }
}

#[test]
fn a_supply_is_asked_when_all_are_full_and_may_call_the_heap() {
    // R8, the second part; R11: what it adds may not do, and then the request fails.
    for is_mean in [false, true] {
        let mut memory = Memory::new(1 << 18, 0xA5);
        let start = memory.piece(0, 1 << 18, 1 << 18).start;
        let (at, given) = (Rc::new(Cell::new(std::ptr::null())), Rc::new(RefCell::new(Vec::new())));
        let heap = Regions::<Piece, 4, Standard, _>::with_supply(Calling {
            heap: Rc::clone(&at),
            start,
            given: Rc::clone(&given),
            is_mean,
        });
        at.set(&raw const heap);
        let first = heap.allocate(layout(3000)).unwrap().cast();
        assert_eq!((heap.len(), given.borrow().len()), (1, 1));
        let second = heap.allocate(layout(5000));
        let third = heap.allocate(layout(9000));
        assert_eq!(third.is_ok(), !is_mean, "8 KiB are too few for 9000 bytes");
        heap.verify().unwrap();
        free(&heap, first, 3000);
        if let Ok(block) = second {
            free(&heap, block.cast(), 5000);
        }
        heap.verify().unwrap();
    }
}

#[test]
fn a_region_that_yields_too_little_or_nothing_ends_the_request() {
    // R10, R11.
    let mut memory = Memory::new(1 << 16, 0);
    let start = memory.piece(0, 1 << 16, 1 << 16).start;
    let heap = Regions::<Piece, 3>::new();
    heap.add(Memory::piece_of(start, 0, 4096, 4096)).unwrap();
    heap.add(Memory::piece_of(start, 8192, 4096, 6000)).unwrap();
    heap.add(Memory::piece_of(start, 20_000, 4096, 30_000)).unwrap();
    let before = heap.stats();
    assert!(heap.allocate(layout(40_000)).is_err());
    heap.verify().unwrap();
    assert_eq!(
        (heap.stats().used, heap.stats().failed_requests),
        (0, before.failed_requests + 1)
    );
    // One of the three can.
    let block = heap.allocate(layout(20_000)).unwrap().cast::<u8>();
    assert!(block.addr().get() > start.addr().get() + 20_000);
    heap.verify().unwrap();
    free(&heap, block, 20_000);
}

#[test]
fn a_region_that_has_nothing_yet_is_added_and_grows() {
    let mut memory = Memory::new(1 << 16, 0);
    let start = memory.piece(0, 1 << 16, 1 << 16).start;
    let heap = Regions::<Piece, 2, Retained<Standard>>::with_supply(());
    heap.add(Memory::piece_of(start, 3, 0, 8000)).unwrap();
    heap.add(Memory::piece_of(start, 8192, 10, 20_000)).unwrap();
    let blocks = [15_000, 6000].map(|size| heap.allocate(layout(size)).unwrap());
    heap.verify().unwrap();
    for block in blocks {
        free(&heap, block.cast(), block.len());
    }
    let removed = heap.remove(blocks[1].cast()).unwrap();
    assert_eq!(removed.name, 3);
    // Not to what is another's.
    let refused = heap.add(Memory::piece_of(start, 8100, 0, 4096)).unwrap_err();
    assert_eq!((refused.reason, refused.value.name), (AddError::Overlaps, 8100));
    heap.verify().unwrap();
}

fn is_truncated_to_what_is_live<C: Config>() {
    // R12.
    let mut memory = Memory::new(1 << 16, 0);
    let pool = Pool::<_, C>::with_config(memory.piece(0, 8192, 1 << 16));
    pool.init().unwrap();
    let block = pool.allocate(layout(1000)).unwrap().cast::<u8>();
    let whole = pool.stats().capacity;
    assert_eq!(pool.truncate(7), Err(RegionError::Shortfall));
    assert_eq!(pool.truncate(64), Ok(64));
    pool.verify().unwrap();
    let given = pool.truncate(usize::MAX).unwrap();
    assert!(given > 4000);
    pool.verify().unwrap();
    assert_eq!(whole - pool.stats().capacity, given + 64);
    assert!(pool.stats().free < 64 + 8, "no whole page is left behind the block");
    assert_eq!(pool.truncate(64), Err(RegionError::Shortfall));
    // It grows again, so much that its own state moves to the end, and gives that back.
    let large = pool.allocate(layout(40_000)).unwrap().cast::<u8>();
    pool.verify().unwrap();
    free(&pool, large, 40_000);
    let given = pool.truncate(20_000).unwrap();
    assert!(given >= 20_000 - 64);
    pool.verify().unwrap();
    let given = pool.truncate(usize::MAX).unwrap();
    assert!(given > 10_000, "{given}");
    pool.verify().unwrap();
    let last = pool.allocate(layout(5000)).unwrap().cast::<u8>();
    free(&pool, last, 5000);
    free(&pool, block, 1000);
    pool.trim();
    pool.verify().unwrap();
    assert_eq!(pool.stats().free, pool.stats().capacity);
    pool.truncate(usize::MAX).unwrap();
    assert!(pool.stats().capacity > 0, "there is a heap still");
    pool.verify().unwrap();
}

#[test]
fn a_region_is_truncated_down_to_what_is_live_and_no_further() {
    is_truncated_to_what_is_live::<Standard>();
    is_truncated_to_what_is_live::<AddressOrdered>();
    is_truncated_to_what_is_live::<BestFitting>();
    is_truncated_to_what_is_live::<Tiny>();
    is_truncated_to_what_is_live::<Checked<Standard>>();
}

#[test]
fn a_region_of_several_tells_by_how_much_it_is_shorter() {
    let mut memory = Memory::new(1 << 13, 0);
    let heap = Regions::<Piece, 2>::new();
    let piece = memory.piece(0, 8192, 8192);
    let inside = piece.start;
    heap.add(piece).unwrap();
    assert_eq!(heap.truncate(inside, 200), Ok(192));
}

#[test]
fn frees_find_their_region_when_one_before_it_is_gone() {
    // R13, B24; R14: one past the end; R16: a region comes back just as it was added.
    let mut memory = Memory::new(1 << 16, 0x5A);
    let start = memory.piece(0, 1 << 16, 1 << 16).start;
    let heap = Regions::<Piece, 4>::new();
    for number in 0..4 {
        heap.add(Memory::piece_of(start, number * 16_384, 8192 + number, 8192 + number))
            .unwrap();
    }
    let blocks = fill(&heap, 1000);
    assert_eq!(blocks.len(), 28);
    let region_of = |block: NonNull<u8>| (block.addr().get() - start.addr().get()) / 16_384;
    for gone in [1, 0, 2] {
        let inside = *blocks.iter().find(|block| region_of(**block) == gone).unwrap();
        assert_eq!(heap.remove(inside).err(), Some(RemoveError::InUse));
        for &block in blocks.iter().filter(|block| region_of(**block) == gone) {
            free(&heap, block, 1000);
        }
        let piece = heap.remove(inside).unwrap();
        assert_eq!(
            (piece.name, piece.len, piece.start),
            (
                gone * 16_384,
                8192 + gone,
                Memory::piece_of(start, gone * 16_384, 0, 0).start
            )
        );
        assert!(!heap.owns(inside));
        assert_eq!(heap.remove(inside).err(), Some(RemoveError::Unknown));
        heap.verify().unwrap();
        // Whatever is left is freed into the right one.
        let used = heap.stats().used;
        let again = heap.allocate(layout(8)).unwrap().cast();
        free(&heap, again, 8);
        assert_eq!(heap.stats().used, used);
    }
    let mut end = 0;
    heap.walk(&mut |run| end = run.start + run.len);
    assert!(!heap.owns(NonNull::new(std::ptr::without_provenance_mut(end)).unwrap()));
    for &block in blocks.iter().filter(|block| region_of(**block) == 3) {
        free(&heap, block, 1000);
    }
    assert_eq!((heap.stats().used, heap.stats().live_blocks), (0, 0));
    heap.verify().unwrap();
}

#[test]
fn what_lies_in_a_region_beforehand_is_never_believed() {
    // R15: zeros, ones, and an old image of the same heap.
    const SIZE: usize = if cfg!(miri) { 400 } else { 40 };
    for fill_byte in [0, 0xFF, 0xA5] {
        let mut memory = Memory::new(1 << 14, fill_byte);
        let start = memory.piece(0, 1 << 14, 1 << 14).start;
        for _ in 0..3 {
            let heap = Regions::<Piece, 2>::new();
            for number in 0..2 {
                heap.add(Memory::piece_of(start, number * 8192, 8192, 8192)).unwrap();
            }
            heap.verify().unwrap();
            // Every other block goes: the next heap finds marks and links.
            for block in fill(&heap, SIZE).into_iter().step_by(2) {
                free(&heap, block, SIZE);
            }
            heap.verify().unwrap();
        }
    }
}

#[test]
fn first_fit_takes_the_lowest_region() {
    let mut memory = Memory::new(1 << 16, 0);
    let start = memory.piece(0, 1 << 16, 1 << 16).start;
    let heap = Regions::<Piece, 3, AddressOrdered>::with_supply(());
    for number in [2, 0, 1] {
        heap.add(Memory::piece_of(start, number * 16_384, 8192, 8192)).unwrap();
    }
    let mut last = 0;
    let blocks = fill(&heap, 500);
    for block in &blocks {
        assert!(block.addr().get() > last);
        last = block.addr().get();
    }
    // A hole in the lowest region is taken first.
    free(&heap, blocks[40], 500);
    free(&heap, blocks[3], 500);
    assert_eq!(heap.allocate(layout(500)).unwrap().cast(), blocks[3]);
}
