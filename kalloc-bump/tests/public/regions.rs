//! Regions of all kinds: claimed twice, empty, tiny, odd, misaligned, and at the ends of the address space.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kalloc_bump::Bump;
use kalloc_traits::{AllocError, Heap, InitError, Inspect, RangeRegion, SliceRegion, StaticArray};

use crate::common::{Memory, bytes, filled, free, is_filled, layout};

#[test]
fn of_two_bumps_over_one_static_the_first_gets_the_memory() {
    static MEMORY: StaticArray<64> = StaticArray::new();

    let first = Bump::new(MEMORY.region());
    let second = Bump::new(MEMORY.region());
    assert_eq!(first.init(), Ok(()));
    assert_eq!(second.init(), Err(InitError::Claimed));
    assert_eq!(second.allocate(bytes(1)), Err(AllocError));
    let stats = second.stats();
    assert_eq!((stats.capacity, stats.failed_requests), (0, 1));

    let block = filled(&first, bytes(64), 1);
    assert!(first.owns(block) && !second.owns(block));
    assert_eq!(second.verify(), Ok(()));

    drop(first);
    assert_eq!(second.init(), Ok(()));
    filled(&second, bytes(64), 2);
}

#[test]
fn an_empty_region_gives_an_error_and_a_heap_that_refuses() {
    let bump = Bump::new(SliceRegion::new(&mut []));
    assert_eq!(bump.init(), Err(InitError::TooSmall));
    assert_eq!(bump.init(), Err(InitError::TooSmall));
    assert_eq!(bump.allocate(bytes(1)), Err(AllocError));
    assert!(bump.allocate(bytes(0)).is_ok());
    assert_eq!(bump.verify(), Ok(()));
}

/// Fills a region of `len` bytes at offset `skip` with aligned blocks until it is full, and returns how many there were.
fn exhaust(memory: &mut Memory, skip: usize, len: usize, align: usize) -> usize {
    let part = &mut memory.0[skip..skip + len];
    // SAFETY: the bytes are initialised and borrowed, and only bytes of blocks are written, with initialised values.
    let region = unsafe { RangeRegion::from_pointer(NonNull::from(part).cast(), len) };
    let bump = Bump::new(region);
    let mut nr_blocks = 0;
    while let Ok(block) = bump.allocate(layout(3, align)) {
        assert_eq!((block.len(), block.addr().get() % align), (3, 0));
        // SAFETY: the block is ours and three bytes long.
        unsafe { block.cast::<u8>().write_bytes(0xBB, 3) };
        nr_blocks += 1;
        assert_eq!(bump.verify(), Ok(()));
    }
    assert_eq!(bump.stats().capacity, len);
    nr_blocks
}

#[test]
fn regions_of_any_length_and_alignment_are_used_up_and_never_left() {
    let (starts, lengths) = if cfg!(miri) { (3, 9) } else { (17, 70) };
    for (skip, len) in (0..starts).flat_map(|skip| (0..=lengths).map(move |len| (skip, len))) {
        for align in [1, 2, 8, 16] {
            let mut memory = Memory::filled(0xAA);
            let nr_blocks = exhaust(&mut memory, 64 + skip, len, align);

            let first = (64 + skip).next_multiple_of(align);
            let step = 3usize.next_multiple_of(align);
            let places = (first..64 + skip + len).step_by(step);
            assert_eq!(nr_blocks, places.filter(|place| place + 3 <= 64 + skip + len).count());

            let is_guard = |(place, _): &(usize, &u8)| *place < 64 + skip || *place >= 64 + skip + len;
            let mut guards = memory.0.iter().enumerate().take(256).filter(is_guard);
            assert!(guards.all(|(_, byte)| *byte == 0xAA));
        }
    }
}

#[test]
fn one_byte_is_a_heap() {
    let mut memory = [MaybeUninit::uninit(); 1];
    let bump = Bump::new(SliceRegion::new(&mut memory));
    assert_eq!(bump.init(), Ok(()));
    let block = filled(&bump, bytes(1), 9);
    assert_eq!(bump.allocate(bytes(1)), Err(AllocError));
    assert!(is_filled(block, 1, 9));
    free(&bump, block, bytes(1));
    assert!(bump.allocate(bytes(2)).is_err() && bump.allocate(bytes(1)).is_ok());
}

/// The bump never touches the memory, so its ends can be tried where there is none. Not under Miri, which forbids even
/// pointers to there.
#[cfg(not(miri))]
#[test]
fn neither_address_zero_nor_the_last_byte_is_handed_out() {
    // SAFETY: nobody touches the memory.
    let top = Bump::new(unsafe { RangeRegion::new(usize::MAX - 99, 100) });
    let block = top.allocate(layout(64, 32)).unwrap();
    assert_eq!(block.addr().get(), usize::MAX - 95);
    let rest = top.allocate(bytes(31)).unwrap();
    assert_eq!(rest.addr().get() + 31, usize::MAX);
    assert_eq!(top.allocate(bytes(1)), Err(AllocError));
    assert_eq!(top.verify(), Ok(()));

    // SAFETY: nobody touches the memory.
    let bottom = Bump::new(unsafe { RangeRegion::new(0, 64) });
    assert_eq!(bottom.allocate(bytes(1)).unwrap().addr().get(), 1);
    assert_eq!(bottom.allocate(layout(8, 8)).unwrap().addr().get(), 8);
    assert_eq!(bottom.stats().capacity, 63);
}

#[cfg(not(miri))]
#[test]
fn an_empty_block_is_not_taken_for_the_last_one_where_their_addresses_are_equal() {
    // SAFETY: nobody touches the memory.
    let bump = Bump::new(unsafe { RangeRegion::new(64, 64) });
    bump.init().unwrap();
    let nothing = bump.allocate(layout(0, 64)).unwrap();
    assert_eq!(nothing.addr().get(), 64);
    // SAFETY: the empty block was allocated with this layout.
    let resized = unsafe { bump.resize_in_place(nothing.cast(), layout(0, 64), layout(8, 64)) };
    assert_eq!(resized, Err(AllocError));
    free(&bump, nothing.cast(), layout(0, 64));
    assert_eq!((bump.stats().used, bump.stats().live_blocks), (0, 0));
}

#[cfg(not(miri))]
#[test]
fn half_of_the_address_space_is_cut_like_any_region() {
    let half = isize::MAX as usize;
    // SAFETY: nobody touches the memory.
    let bump = Bump::new(unsafe { RangeRegion::new(1, usize::MAX) });
    let block = bump.allocate(bytes(half)).unwrap();
    assert_eq!((block.addr().get(), bump.stats().free), (1, 0));
    free(&bump, block.cast(), bytes(half));
    for shift in 0..usize::BITS - 2 {
        let block = bump.allocate(layout(1, 1 << shift)).unwrap();
        assert_eq!(block.addr().get(), 1 << shift);
    }
    assert_eq!(
        bump.allocate(layout(1, 1 << (usize::BITS - 2))).unwrap().addr().get(),
        1 << (usize::BITS - 2)
    );
    assert_eq!(bump.allocate(bytes(half)), Err(AllocError));
    assert_eq!(bump.verify(), Ok(()));
}
