//! A region whose own code adds another to the heap while it is claimed.

use std::cell::Cell;
use std::ptr::NonNull;

use kalloc_pool::{AddError, Regions, Standard};
use kalloc_traits::{Heap, Inspect, RawRegion, RegionError, Span};

use crate::layout;
use crate::piece::{Memory, Piece};

/// Memory whose claim adds what is put there to the heap.
struct Adding<'a> {
    memory: Piece,
    heap: &'a Cell<Option<NonNull<Heaps<'a>>>>,
    next: &'a Cell<Option<Piece>>,
}

type Heaps<'a> = Regions<Adding<'a>, 2, Standard>;

// SAFETY: the memory is the piece's.
unsafe impl RawRegion for Adding<'_> {
    fn claim(&mut self) -> Result<(), RegionError> {
        let (Some(heap), Some(memory)) = (self.heap.get(), self.next.take()) else {
            return Ok(());
        };
        // SAFETY: the heap is alive, and may be called.
        let heap = unsafe { heap.as_ref() };
        assert!(heap.add(Adding { memory, ..*self }).is_ok());
        Ok(())
    }

    fn span(&self) -> Span {
        self.memory.span()
    }
}

#[test]
fn a_region_comes_back_whose_place_another_took_while_it_was_claimed() {
    let mut memory = Memory::new(1 << 14, 0);
    let [outer, inner] = [0, 8192].map(|start| memory.piece(start, 4096, 4096));
    let (at, next) = (Cell::new(None), Cell::new(Some(inner)));
    let heap = Heaps::new();
    at.set(Some(NonNull::from(&heap)));
    let refused = heap.add(Adding {
        memory: outer,
        heap: &at,
        next: &next,
    });
    let refused = refused.err().unwrap();
    assert_eq!((refused.reason, refused.value.memory.name), (AddError::Full, 0));
    assert_eq!(heap.len(), 1);
    heap.verify().unwrap();
    // There is room for it, now that nobody adds another.
    assert!(heap.add(refused.value).is_ok());
    assert_eq!(heap.len(), 2);
    assert!([3000; 2].iter().all(|&size| heap.allocate(layout(size)).is_ok()));
    heap.verify().unwrap();
}
