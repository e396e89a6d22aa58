//! Growing and shrinking, in place and by moving.

use kalloc_bump::{Bump, Downward, LeanDownward, Settings, Standard};
use kalloc_traits::{AllocError, Heap, Inspect};
use std::alloc::Layout;
use std::ptr::NonNull;

use crate::common::{Memory, Scripted, bytes, fill, filled, free, is_filled, layout};

/// Calls `resize_in_place`, checks the answer's shape, and returns whether it could.
fn resize(heap: &impl Heap, block: NonNull<u8>, old: Layout, new: Layout) -> bool {
    // SAFETY: the callers own the live block, and allocated it with `old`.
    match unsafe { heap.resize_in_place(block, old, new) } {
        Ok(resized) => {
            assert_eq!((resized.cast(), resized.len()), (block, new.size()));
            true
        }
        Err(AllocError) => false,
    }
}

#[test]
fn the_last_block_grows_and_shrinks_in_place_over_all_that_is_free() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::fixed(&mut memory, 64));
    let first = filled(&bump, bytes(8), 1);
    let last = filled(&bump, bytes(8), 2);

    assert!(resize(&bump, last, bytes(8), bytes(56)));
    assert_eq!(bump.stats().free, 0);
    assert!(is_filled(last, 8, 2));
    fill(last, 56, 3);
    assert!(!resize(&bump, last, bytes(56), bytes(57)));
    assert!(!resize(&bump, last, bytes(56), bytes(isize::MAX as usize)));
    assert_eq!((bump.stats().used, bump.stats().live_blocks), (64, 2));

    assert!(resize(&bump, last, bytes(56), bytes(1)));
    assert_eq!((bump.stats().used, bump.stats().free, bump.stats().cached), (9, 55, 0));
    assert!(is_filled(first, 8, 1) && is_filled(last, 1, 3));
    assert_eq!(bump.stats().peak_used, 64);
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn another_block_shrinks_in_place_but_does_not_grow() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 64));
    let first = filled(&bump, bytes(16), 1);
    let last = filled(&bump, bytes(16), 2);

    assert!(!resize(&bump, first, bytes(16), bytes(17)));
    assert!(resize(&bump, first, bytes(16), bytes(16)));
    assert!(resize(&bump, first, bytes(16), bytes(4)));
    assert_eq!(
        (bump.stats().used, bump.stats().cached, bump.stats().free),
        (20, 12, 32)
    );
    assert!(!resize(&bump, first, bytes(4), bytes(16)), "the tail is given back");

    free(&bump, last, bytes(16));
    assert!(
        !resize(&bump, first, bytes(4), bytes(5)),
        "it is not the last block by address alone"
    );
    assert!(is_filled(first, 4, 1));
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn a_block_that_is_not_aligned_to_the_new_layout_must_move() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 256));
    filled(&bump, bytes(8), 0);
    let block = filled(&bump, bytes(16), 7);
    let stats = bump.stats();
    assert!(!resize(&bump, block, bytes(16), layout(16, 64)));
    assert!(!resize(&bump, block, bytes(16), layout(8, 64)));
    assert_eq!(bump.stats(), stats);

    // SAFETY: the block is live and was allocated with this layout.
    let moved = unsafe { bump.shrink(block, bytes(16), layout(8, 64)) }.unwrap();
    assert_eq!((moved.addr().get() % 64, moved.len()), (0, 8));
    assert!(is_filled(moved.cast(), 8, 7));
    assert_eq!((bump.stats().used, bump.stats().live_blocks), (16, 2));
}

#[test]
fn sizes_of_zero_are_never_resized_in_place() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 64));
    let block = filled(&bump, bytes(8), 1);
    let nothing = bump.allocate(bytes(0)).unwrap().cast();
    let stats = bump.stats();
    assert!(!resize(&bump, block, bytes(8), bytes(0)));
    assert!(!resize(&bump, nothing, bytes(0), bytes(8)));
    assert_eq!(bump.stats(), stats);

    // SAFETY: the block is live and was allocated with this layout.
    let shrunk = unsafe { bump.shrink(block, bytes(8), bytes(0)) }.unwrap();
    assert_eq!((shrunk.len(), bump.stats().live_blocks), (0, 0));
    // SAFETY: so is the empty block.
    let grown = unsafe { bump.grow(nothing, bytes(0), bytes(8)) }.unwrap();
    assert_eq!((grown.len(), bump.stats().used), (8, 8));
}

#[test]
fn a_block_that_cannot_grow_in_place_moves_with_its_bytes() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 256));
    let first = filled(&bump, bytes(16), 1);
    let second = filled(&bump, bytes(16), 2);

    // SAFETY: the block is live and was allocated with this layout.
    let moved = unsafe { bump.grow_zeroed(first, bytes(16), layout(40, 8)) }.unwrap();
    assert_ne!(moved.cast(), first);
    assert!(is_filled(moved.cast(), 16, 1) && is_filled(second, 16, 2));
    // SAFETY: the block is 40 bytes long.
    assert!(is_filled(unsafe { moved.cast().add(16) }, 24, 0));
    assert_eq!((bump.stats().used, bump.stats().cached), (56, 16));
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn growing_in_place_over_dirty_memory_clears_what_it_promises() {
    let mut memory = Memory::filled(0xFF);
    let bump = Bump::new(Scripted::growing(&mut memory, 64));
    let block = filled(&bump, bytes(32), 0xEE);
    assert!(resize(&bump, block, bytes(32), bytes(4)));
    // SAFETY: the block is live and its layout is this one.
    let grown = unsafe { bump.grow_zeroed(block, bytes(4), bytes(64)) }.unwrap();
    assert_eq!(grown.cast(), block);
    assert!(is_filled(block, 4, 0xEE));
    // SAFETY: the block is 64 bytes long.
    assert!(is_filled(unsafe { block.add(4) }, 60, 0));
}

#[test]
fn a_failed_grow_or_shrink_leaves_the_block_as_it_was() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::fixed(&mut memory, 64));
    let block = filled(&bump, bytes(8), 1);
    let rest = filled(&bump, bytes(56), 2);
    for new in [bytes(9), bytes(isize::MAX as usize)] {
        // SAFETY: the block is live and was allocated with this layout.
        assert_eq!(unsafe { bump.grow(block, bytes(8), new) }, Err(AllocError));
    }
    // SAFETY: the block is live and was allocated with this layout.
    let misnamed = unsafe { bump.grow(rest, bytes(56), bytes(8)) };
    assert_eq!(misnamed, Err(AllocError), "that is no growth");
    // SAFETY: the block is live and was allocated with this layout.
    let misaligned = unsafe { bump.shrink(rest, bytes(56), layout(8, 16)) };
    assert_eq!(misaligned, Err(AllocError));
    assert!(is_filled(block, 8, 1) && is_filled(rest, 56, 2));
    assert_eq!((bump.stats().used, bump.stats().failed_requests), (64, 3));
    free(&bump, rest, bytes(56));
    free(&bump, block, bytes(8));
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn allocator_refuses_to_resize_in_the_wrong_direction_unless_the_settings_trust() {
    use allocator_api2::alloc::Allocator;

    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::fixed(&mut memory, 64));
    let block = filled(&bump, bytes(8), 1);
    // SAFETY: the block is live; the sizes are in the wrong order, which these settings look at.
    assert!(unsafe { Allocator::grow(&bump, block, bytes(8), bytes(4)) }.is_err());
    // SAFETY: as above.
    assert!(unsafe { Allocator::grow_zeroed(&bump, block, bytes(8), bytes(4)) }.is_err());
    // SAFETY: as above.
    assert!(unsafe { Allocator::shrink(&bump, block, bytes(8), bytes(16)) }.is_err());
    assert!(is_filled(block, 8, 1));
    assert_eq!((bump.stats().used, bump.verify()), (8, Ok(())));
}

/// Downwards, a last block that closes a checkpoint moves over its own bytes.
#[test]
fn the_last_block_keeps_its_bytes_when_it_grows_over_a_checkpoint() {
    fn test<S: Settings>() {
        for (size, align) in [(101, 1), (150, 1), (300, 1), (100, 64)] {
            let mut memory = Memory::filled(0);
            let bump = Bump::<_, S>::with_settings(Scripted::fixed(&mut memory, 1000));
            filled(&bump, bytes(13), 1);
            let block = bump.allocate(bytes(100)).unwrap().cast::<u8>();
            let bytes_of = |block: NonNull<u8>| {
                // SAFETY: the block is live, its bytes are initialised, and nobody else uses it.
                unsafe { std::slice::from_raw_parts_mut(block.as_ptr(), 100) }
            };
            // SAFETY: the block has so many bytes.
            unsafe { block.write_bytes(0, 100) };
            (0..).zip(bytes_of(block)).for_each(|(n, byte)| *byte = n);
            let _checkpoint = bump.checkpoint();
            // SAFETY: the block is live, and has this layout.
            let grown = unsafe { bump.grow(block, bytes(100), layout(size, align)) }.unwrap();
            assert!((0..100).eq(bytes_of(grown.cast()).iter().copied()), "{size}@{align}");
            assert_eq!(bump.verify(), Ok(()));
        }
    }
    test::<Standard>();
    test::<Downward>();
    test::<LeanDownward>();
}
