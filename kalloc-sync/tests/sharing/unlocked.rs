//! When the lock is held, and when it is not.

use std::alloc::Layout;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use kalloc_sync::Locked;
use kalloc_traits::{AllocError, Heap, Inspect, SliceRegion};

use crate::growing::{During, Growing, Memory};
use crate::log::{Event, LoggingLock, is_held, note, taken};
use crate::tiny::{POISON, SLOT, Tiny};

type Logged<R> = Locked<Tiny<R>, LoggingLock>;

/// Returns a heap that has claimed `memory`, all of it, and an empty log.
fn heap<const N: usize>(memory: &mut Memory<N>) -> Logged<Growing<SliceRegion<'_>, fn(During)>> {
    let heap = Logged::new(Tiny::new(memory.growing((|_| ()) as fn(During))));
    let layout = Layout::from_size_align(N, 8).unwrap();
    let block = heap.allocate(layout).expect("the memory is as large as that");
    // SAFETY: the block is live, and this is its layout.
    unsafe { heap.deallocate(block.cast(), layout) };
    taken();
    heap
}

fn slots(n: usize) -> Layout {
    Layout::from_size_align(n * SLOT, 8).unwrap()
}

/// Returns a block of `n` slots, full of sevens.
fn sevens(heap: &impl Heap, n: usize) -> NonNull<u8> {
    let block = heap.allocate(slots(n)).expect("there is room").cast::<u8>();
    // SAFETY: the block is as long as that.
    unsafe { block.write_bytes(7, n * SLOT) };
    block
}

/// Returns the bytes of a block.
fn bytes(block: NonNull<[u8]>) -> Vec<u8> {
    // SAFETY: the tests look only at blocks that are live and initialised.
    unsafe { block.as_ref() }.to_vec()
}

#[test]
fn a_zero_sized_request_takes_no_lock() {
    let mut memory = Memory::<{ 16 * SLOT }>::new();
    let heap = heap(&mut memory);
    let (nothing, aligned) = (slots(0), Layout::from_size_align(0, 4096).unwrap());

    let block = heap.allocate(aligned).unwrap();
    assert_eq!((block.len(), block.cast::<u8>().addr().get() % 4096), (0, 0));
    assert_eq!(heap.allocate_zeroed(nothing).unwrap().len(), 0);
    assert_eq!(heap.allocate_within(nothing).unwrap().block.len(), 0);
    let block = block.cast::<u8>();
    // SAFETY: the block is an empty one of the heap's.
    unsafe {
        assert_eq!(heap.resize_in_place(block, aligned, slots(1)), Err(AllocError));
    }
    // SAFETY: the block is an empty one of the heap's.
    let moved = unsafe { heap.grow(block, aligned, nothing) }.unwrap();
    // SAFETY: the block is an empty one of the heap's.
    let moved = unsafe { heap.shrink(moved.cast(), nothing, aligned) }.unwrap();
    // SAFETY: the block is an empty one of the heap's.
    unsafe { heap.deallocate(moved.cast(), aligned) };

    assert_eq!(taken(), []);
}

#[test]
fn an_allocation_a_free_and_a_resize_in_place_take_the_lock_once_each() {
    use Event::{Free, Lock, Resize, Unlock, Within};

    let mut memory = Memory::<{ 16 * SLOT }>::new();
    let heap = heap(&mut memory);
    let block = sevens(&heap, 1);
    assert_eq!(taken(), [Lock(None), Within, Unlock(Some(POISON))]);

    // SAFETY: the block is live, and this is its layout.
    let grown = unsafe { heap.grow(block, slots(1), slots(2)) }.unwrap();
    assert_eq!(taken(), [Lock(Some(7)), Resize, Unlock(Some(7))]);
    assert_eq!((grown.cast(), grown.len()), (block, 2 * SLOT));

    // SAFETY: the block is live, and this is its layout.
    unsafe { heap.deallocate(block, slots(2)) };
    assert_eq!(taken(), [Lock(Some(7)), Free, Unlock(None)]);
}

#[test]
fn a_block_that_moves_is_copied_with_the_lock_released() {
    use Event::{Free, Lock, Resize, Unlock, Within};

    let mut memory = Memory::<{ 16 * SLOT }>::new();
    let heap = heap(&mut memory);
    let block = sevens(&heap, 1);
    let _neighbour = sevens(&heap, 1);
    taken();

    // SAFETY: the block is live, and this is its layout.
    let grown = unsafe { heap.grow(block, slots(1), slots(2)) }.unwrap();
    // The new block still holds poison when the lock is released, and the contents when it is acquired again.
    let copied_between = [
        vec![Lock(Some(7)), Resize, Within, Unlock(Some(POISON))],
        vec![Lock(Some(7)), Free, Unlock(None)],
    ];
    assert_eq!(taken(), copied_between.concat());
    assert_eq!(bytes(grown)[..SLOT], [7; SLOT]);
    assert_eq!(heap.stats().live_blocks, 2);
}

#[test]
fn a_shrink_that_moves_is_copied_with_the_lock_released() {
    use Event::{Free, Lock, Unlock, Within};

    let mut memory = Memory::<{ 16 * SLOT }>::new();
    let heap = heap(&mut memory);
    let _first = sevens(&heap, 1);
    let block = sevens(&heap, 2);
    taken();

    let aligned = Layout::from_size_align(SLOT, 64).unwrap();
    // SAFETY: the block is live, and this is its layout.
    let shrunk = unsafe { heap.shrink(block, slots(2), aligned) }.unwrap();
    assert_eq!(shrunk.cast::<u8>().addr().get() % 64, 0);
    assert_eq!(bytes(shrunk), [7; SLOT]);
    // The heap answered the resize without touching anything, for the alignment is wrong.
    let copied_between = [
        vec![Lock(Some(7)), Within, Unlock(Some(POISON))],
        vec![Lock(Some(7)), Free, Unlock(None)],
    ];
    assert_eq!(taken(), copied_between.concat());
}

#[test]
fn a_zeroed_block_is_cleared_with_the_lock_released() {
    use Event::{Lock, Unlock, Within};

    let mut memory = Memory::<{ 16 * SLOT }>::new();
    let heap = heap(&mut memory);
    let block = heap.allocate_zeroed(slots(3)).unwrap();
    assert_eq!(taken(), [Lock(None), Within, Unlock(Some(POISON))]);
    assert_eq!(bytes(block), [0; 3 * SLOT]);

    // SAFETY: the block is live and as long as that.
    unsafe { block.cast::<u8>().write_bytes(7, 3 * SLOT) };
    // SAFETY: the block is live, and this is its layout.
    let grown = unsafe { heap.grow_zeroed(block.cast(), slots(3), slots(5)) }.unwrap();
    assert_eq!(bytes(grown), [[7; 3 * SLOT].as_slice(), &[0; 2 * SLOT]].concat());
    assert!(!is_held());
}

#[test]
fn the_region_is_called_with_the_lock_released() {
    use Event::{Begin, End, Fail, Lock, Region, Unlock, Within};

    let mut memory = Memory::<{ 16 * SLOT }>::new();
    let heap = Logged::new(Tiny::new(memory.growing(|_| {
        assert!(!is_held());
        note(Region);
    })));
    sevens(&heap, 1);
    let served = [
        vec![Lock(None), Within, Begin, Unlock(None), Region],
        vec![Lock(None), End, Within, Begin, Unlock(None), Region],
        vec![Lock(None), End, Within, Unlock(Some(POISON))],
    ];
    assert_eq!(taken(), served.concat());

    assert_eq!(heap.allocate(slots(99)), Err(AllocError));
    let refused = [
        vec![Lock(Some(7)), Within, Begin, Unlock(Some(7)), Region],
        vec![Lock(Some(7)), End, Within, Fail, Unlock(Some(7))],
    ];
    assert_eq!(taken(), refused.concat());
    assert_eq!(heap.stats().failed_requests, 1);
}

/// A heap of somebody else's that breaks its word: every method unwinds.
struct Panics;

// SAFETY: it never returns a block.
unsafe impl Heap for Panics {
    fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        panic!("allocate")
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {
        panic!("deallocate")
    }

    unsafe fn resize_in_place(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        panic!("resize_in_place")
    }
}

#[test]
fn a_heap_that_unwinds_leaves_the_lock_released() {
    let heap = Locked::<_, LoggingLock>::new(Panics);
    let calls: [&dyn Fn(); 4] = [
        &|| assert!(heap.allocate(slots(1)).is_err()),
        &|| assert!(heap.allocate_within(slots(1)).is_err()),
        // SAFETY: the heap looks at no block.
        &|| unsafe { heap.deallocate(NonNull::dangling(), slots(1)) },
        // SAFETY: the heap looks at no block.
        &|| assert!(unsafe { heap.resize_in_place(NonNull::dangling(), slots(1), slots(2)) }.is_err()),
    ];
    for call in calls {
        catch_unwind(AssertUnwindSafe(call)).expect_err("the heap unwinds");
        assert!(!is_held());
        // If the lock were still held, the next call would not come back.
        assert_eq!(taken(), [Event::Lock(None), Event::Unlock(None)]);
    }
}
