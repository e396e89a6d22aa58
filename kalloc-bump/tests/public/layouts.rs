//! Layouts from one end of their range to the other.

use kalloc_bump::Bump;
use kalloc_traits::{AllocError, Heap, Inspect};
use std::alloc::Layout;

use crate::common::{Memory, Scripted, bytes, filled, free, is_filled, layout};

/// Every legal layout whose size is near a power of two or near the largest one, under every alignment.
fn corners() -> impl Iterator<Item = Layout> {
    let sizes = (0..usize::BITS).flat_map(|shift| (-1..=1).map(move |by| (1usize << shift).wrapping_add_signed(by)));
    sizes.chain([isize::MAX as usize]).flat_map(|size| {
        (0..usize::BITS).flat_map(move |shift| {
            let align = 1 << shift;
            let largest = (isize::MAX as usize).saturating_sub(align - 1);
            [
                Layout::from_size_align(size, align),
                Layout::from_size_align(largest, align),
            ]
            .into_iter()
            .flatten()
        })
    })
}

#[test]
fn every_layout_gets_a_sound_block_or_an_error() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    let keeper = filled(&bump, bytes(1), 7);
    let mut nr_served = 0;
    for layout in corners().step_by(if cfg!(miri) { 29 } else { 1 }) {
        let before = bump.stats();
        match bump.allocate(layout) {
            Ok(block) => {
                assert_eq!((block.len(), block.addr().get() % layout.align()), (layout.size(), 0));
                assert!(layout.size() <= 4095);
                free(&bump, block.cast(), layout);
                nr_served += 1;
            }
            Err(AllocError) => {
                assert_eq!(bump.stats().failed_requests, before.failed_requests + 1);
                assert_eq!((bump.stats().used, bump.stats().cached), (1, before.cached));
            }
        }
        assert_eq!(bump.verify(), Ok(()));
    }
    assert!(nr_served > if cfg!(miri) { 10 } else { 400 }, "only {nr_served}");
    assert!(is_filled(keeper, 1, 7));
}

#[test]
fn a_size_need_not_be_a_multiple_of_the_alignment() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 4096));
    let first = filled(&bump, layout(1068, 8), 1);
    let second = filled(&bump, layout(24, 16), 2);
    let third = filled(&bump, layout(1, 2048), 3);
    assert!(is_filled(first, 1068, 1) && is_filled(second, 24, 2) && is_filled(third, 1, 3));
    assert_eq!(bump.stats().used, 1068 + 24 + 1);
}

#[test]
fn the_whole_region_and_not_one_byte_more() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 4096));
    assert_eq!(bump.allocate(bytes(4097)), Err(AllocError));
    let block = filled(&bump, bytes(4096), 1);
    assert_eq!(bump.allocate(bytes(1)), Err(AllocError));
    free(&bump, block, bytes(4096));
    filled(&bump, layout(4096, 4096), 2);
}
