//! What handlers of misuses in several regions are told, and may do.

use std::cell::Cell;
use std::ptr::NonNull;

use kalloc_pool::{Checked, Misuse, MisuseKind, OnMisuse, Regions, RemoveError, Standard};
use kalloc_traits::{Heap, Inspect};

use crate::piece::{Memory, Piece};
use crate::{free, layout};

thread_local! {
    static WATCHED: Cell<*const Regions<Piece, 2, Checked<Standard, TakesAway>>> = const { Cell::new(std::ptr::null()) };
    static ANSWER: Cell<Option<RemoveError>> = const { Cell::new(None) };
}

/// Takes the region away in which something was freed twice.
struct TakesAway;

impl OnMisuse for TakesAway {
    fn on_misuse(misuse: &Misuse) {
        // SAFETY: the heap is alive, and may be called.
        let heap = unsafe { &*WATCHED.get() };
        let inside = NonNull::new(std::ptr::without_provenance_mut(misuse.address)).unwrap();
        ANSWER.set(heap.remove(inside).err());
    }
}

#[test]
fn a_handler_of_misuses_cannot_take_the_region_away_that_it_is_told_of() {
    let mut memory = Memory::new(8192, 0);
    let heap = Regions::<Piece, 2, Checked<Standard, TakesAway>>::with_supply(());
    heap.add(memory.piece(0, 8192, 8192)).unwrap();
    WATCHED.set(&raw const heap);
    let block = heap.allocate(layout(100)).unwrap().cast();
    free(&heap, block, 100);
    free(&heap, block, 100);
    assert_eq!(ANSWER.get(), Some(RemoveError::Busy));
    heap.verify().unwrap();
    assert!(heap.remove(block).is_ok());
}

thread_local! {
    static TOLD: Cell<Option<Misuse>> = const { Cell::new(None) };
}

/// Remembers what it is told.
struct Remembers;

impl OnMisuse for Remembers {
    fn on_misuse(misuse: &Misuse) {
        TOLD.set(Some(*misuse));
    }
}

#[test]
fn a_handler_is_told_of_a_block_that_lies_in_no_region() {
    let mut memory = Memory::new(8192, 0);
    let heap = Regions::<Piece, 2, Checked<Standard, Remembers>>::with_supply(());
    heap.add(memory.piece(0, 4096, 4096)).unwrap();
    heap.add(memory.piece(4096, 4096, 4096)).unwrap();
    let mut foreign = [0u64; 4];
    let block = NonNull::from(&mut foreign).cast::<u8>();
    free(&heap, block, 32);
    let told = TOLD.take().map(|misuse| (misuse.kind, misuse.address, misuse.layout));
    assert_eq!(told, Some((MisuseKind::Foreign, block.addr().get(), layout(32))));
    heap.verify().unwrap();
}
