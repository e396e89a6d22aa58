//! Allocation, freeing, reset, and what the type may be used for.

use kalloc_bump::Bump;
use kalloc_traits::{AllocError, Heap, Inspect, SliceRegion};
use std::mem::MaybeUninit;

use crate::common::{Memory, Scripted, bytes, filled, free, is_filled, layout};

#[test]
fn blocks_of_every_alignment_are_aligned_apart_and_exactly_as_long_as_asked() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 4096));
    let mut blocks = Vec::new();
    for shift in 0..10 {
        for size in [1, 3, 8] {
            let block = filled(&bump, layout(size, 1 << shift), blocks.len() as u8);
            blocks.push((block, size));
        }
    }
    for (index, (block, size)) in blocks.iter().enumerate() {
        assert!(is_filled(*block, *size, index as u8));
        assert!(bump.owns(*block));
    }
    assert_eq!(bump.stats().used, 10 * (1 + 3 + 8));
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn a_block_starts_where_the_last_one_ends() {
    let mut memory = Memory::filled(0);
    let start = memory.0.as_ptr().addr();
    let bump = Bump::new(Scripted::growing(&mut memory, 64));
    let offsets = [3, 1, 7].map(|size| filled(&bump, bytes(size), 0).addr().get() - start);
    assert_eq!(offsets, [0, 3, 4]);
}

#[test]
fn padding_counts_as_cached_until_all_blocks_are_gone() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 256));
    let first = filled(&bump, bytes(1), 0);
    let aligned = filled(&bump, layout(8, 64), 0);
    assert_eq!(aligned.addr().get() - first.addr().get(), 64);
    let stats = bump.stats();
    assert_eq!((stats.used, stats.cached, stats.free), (9, 63, 184));

    free(&bump, aligned, layout(8, 64));
    let stats = bump.stats();
    assert_eq!((stats.used, stats.cached, stats.free), (1, 63, 192));

    free(&bump, first, bytes(1));
    let stats = bump.stats();
    assert_eq!((stats.used, stats.cached, stats.free), (0, 0, 256));
}

#[test]
fn the_last_block_is_free_again_at_once_and_another_one_not() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 64));
    let first = filled(&bump, bytes(8), 1);
    let second = filled(&bump, bytes(8), 2);
    let third = filled(&bump, bytes(8), 3);

    free(&bump, third, bytes(8));
    assert_eq!(filled(&bump, bytes(8), 4), third);

    free(&bump, second, bytes(8));
    assert_eq!((bump.stats().free, bump.stats().cached), (40, 8));
    assert!(is_filled(first, 8, 1) && is_filled(third, 8, 4));
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn the_whole_region_is_free_when_no_block_is_live_in_whatever_order_they_went() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::fixed(&mut memory, 60));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let blocks = [5, 8, 47].map(|size| (filled(&bump, bytes(size), 0), size));
        assert_eq!(bump.allocate(bytes(1)), Err(AllocError));
        for index in order {
            free(&bump, blocks[index].0, bytes(blocks[index].1));
            assert_eq!(bump.verify(), Ok(()));
        }
        assert_eq!((bump.stats().free, bump.stats().live_blocks), (60, 0));
    }
    assert_eq!(bump.stats().peak_used, 60);
}

#[test]
fn reset_ends_all_blocks_and_keeps_the_peak_and_the_grown_memory() {
    let mut memory = Memory::filled(0);
    let mut bump = Bump::new(Scripted::growing(&mut memory, 16));
    let first = filled(&bump, bytes(10), 0);
    filled(&bump, bytes(90), 0);
    bump.reset();

    let stats = bump.stats();
    assert_eq!((stats.capacity, stats.free), (100, 100));
    assert_eq!((stats.used, stats.live_blocks, stats.peak_used), (0, 0, 100));
    assert_eq!(bump.verify(), Ok(()));
    assert_eq!(filled(&bump, bytes(100), 0), first);
}

#[test]
fn reset_before_the_first_use_does_nothing() {
    let mut memory = [MaybeUninit::uninit(); 32];
    let mut bump = Bump::new(SliceRegion::new(&mut memory));
    bump.reset();
    assert_eq!((bump.stats().capacity, bump.verify()), (0, Ok(())));
    assert!(bump.allocate(bytes(32)).is_ok());
}

#[test]
fn live_blocks_outlast_a_move_of_the_bump() {
    let mut memory = [MaybeUninit::uninit(); 128];
    let mut other_memory = [MaybeUninit::uninit(); 128];
    let mut bump = Bump::new(SliceRegion::new(&mut memory));
    let mut other = Bump::new(SliceRegion::new(&mut other_memory));
    let block = filled(&bump, bytes(40), 1);
    let foreign = filled(&other, bytes(40), 2);

    std::mem::swap(&mut bump, &mut other);
    let boxed = Box::new(other);
    assert!(boxed.owns(block) && !boxed.owns(foreign));
    assert!(is_filled(block, 40, 1) && is_filled(foreign, 40, 2));

    let next = filled(&*boxed, bytes(40), 3);
    assert_eq!(next.addr().get(), block.addr().get() + 40);
    free(&*boxed, next, bytes(40));
    free(&*boxed, block, bytes(40));
    assert_eq!(boxed.stats().free, 128);
}

#[test]
fn requests_of_zero_bytes_touch_nothing() {
    let mut memory = [MaybeUninit::uninit(); 8];
    let bump = Bump::new(SliceRegion::new(&mut memory));
    for shift in 0..usize::BITS - 1 {
        let nothing = layout(0, 1 << shift);
        let block = bump.allocate(nothing).unwrap();
        assert_eq!((block.len(), block.addr().get() % nothing.align()), (0, 0));
        free(&bump, block.cast(), nothing);
    }
    assert_eq!(bump.stats().capacity, 0, "the region is not even claimed");

    let block = filled(&bump, bytes(8), 1);
    let nothing = bump.allocate(bytes(0)).unwrap();
    free(&bump, nothing.cast(), bytes(0));
    assert_eq!((bump.stats().live_blocks, bump.stats().used), (1, 8));
    assert!(is_filled(block, 8, 1));
}

#[test]
fn a_bump_moves_to_another_thread_and_back_with_its_blocks() {
    let mut memory = [MaybeUninit::uninit(); 64];
    let bump = Bump::new(SliceRegion::new(&mut memory));
    let block = filled(&bump, bytes(8), 1);
    let bump = std::thread::scope(|scope| {
        let work = move || {
            filled(&bump, bytes(8), 2);
            bump
        };
        scope.spawn(work).join().unwrap()
    });
    assert!(is_filled(block, 8, 1));
    assert_eq!(bump.stats().used, 16);
}

#[test]
fn a_bump_is_never_sync() {
    // Were the bump `Sync`, both implementations would match, and `_` could not be inferred.
    trait NotSync<Which> {
        fn holds() {}
    }
    struct IfSync;
    impl<T: ?Sized> NotSync<()> for T {}
    impl<T: ?Sized + Sync> NotSync<IfSync> for T {}
    <Bump<SliceRegion<'static>> as NotSync<_>>::holds();
}

#[test]
fn a_bump_is_twenty_words_and_its_region() {
    assert_eq!(size_of::<Bump<()>>(), 20 * size_of::<usize>());
}
