//! Zeroed blocks, and when the bump may spare the work.

use kalloc_bump::Bump;
use kalloc_traits::growth::Step;
use kalloc_traits::{Heap, Inspect, RawBlock};

use crate::common::{Memory, Scripted, bytes, fill, filled, free, is_filled, layout};

/// Returns a region over zeroed memory that says so, and grows.
fn zeroed(memory: &mut Memory, len: usize) -> Scripted<'_> {
    Scripted::new(memory, len, |extent, step| {
        extent.is_zeroed = true;
        if let Step::Grow(extra) = step {
            extent.len += extra;
        }
        Ok(())
    })
}

/// Allocates, checks that what is called zero is zero, dirties the block, and returns what it was called.
fn is_fresh(heap: &impl Heap, size: usize, align: usize) -> bool {
    let RawBlock { block, is_zeroed } = heap.allocate_raw(layout(size, align)).unwrap();
    assert!(!is_zeroed || is_filled(block.cast(), size, 0));
    fill(block.cast(), size, 0xFF);
    is_zeroed
}

#[test]
fn memory_that_was_never_handed_out_is_zero_if_the_region_says_so() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(zeroed(&mut memory, 32));
    assert!(is_fresh(&bump, 10, 1));
    assert!(is_fresh(&bump, 8, 8));
    assert!(is_fresh(&bump, 100, 1), "so is what the region has grown by");
    assert!(bump.allocate_raw(bytes(0)).unwrap().is_zeroed);
}

#[test]
fn memory_is_not_called_zero_if_the_region_does_not_say_so() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 32));
    assert!(!is_fresh(&bump, 10, 1));
    assert!(!is_fresh(&bump, 100, 1));
}

#[test]
fn memory_that_was_handed_out_before_is_not_called_zero() {
    let mut memory = Memory::filled(0);
    let mut bump = Bump::new(zeroed(&mut memory, 256));
    filled(&bump, bytes(4), 0xFF);
    let last = filled(&bump, bytes(60), 0xFF);
    free(&bump, last, bytes(60));
    assert!(!is_fresh(&bump, 20, 1), "the last block was freed");
    assert!(!is_fresh(&bump, 60, 1), "its first half was used");
    assert!(is_fresh(&bump, 8, 1));

    bump.reset();
    assert!(!is_fresh(&bump, 91, 1));
    assert!(!is_fresh(&bump, 1, 1), "the last byte that was used before the reset");
    assert!(is_fresh(&bump, 1, 1));
}

#[test]
fn a_block_that_shrank_has_left_dirt_behind() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(zeroed(&mut memory, 256));
    let block = filled(&bump, bytes(64), 0xFF);
    // SAFETY: the block is live and was allocated with this layout.
    assert!(unsafe { bump.resize_in_place(block, bytes(64), bytes(8)) }.is_ok());
    assert!(!is_fresh(&bump, 56, 1));
    assert!(is_fresh(&bump, 1, 1));
}

#[test]
fn a_block_that_grew_has_made_its_new_bytes_dirty() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(zeroed(&mut memory, 256));
    let block = filled(&bump, bytes(8), 0xFF);
    // SAFETY: the block is live and was allocated with this layout.
    assert!(unsafe { bump.resize_in_place(block, bytes(8), bytes(64)) }.is_ok());
    fill(block, 64, 0xFF);
    free(&bump, block, bytes(64));
    assert!(!is_fresh(&bump, 64, 1));
    assert!(is_fresh(&bump, 1, 1));
}

#[test]
fn memory_that_comes_later_without_the_promise_ends_it() {
    let mut memory = Memory::filled(0);
    memory.0[32..].fill(0xFF);
    let bump = Bump::new(Scripted::new(&mut memory, 32, |extent, step| {
        extent.is_zeroed = step == Step::Claim;
        if let Step::Grow(extra) = step {
            extent.len += extra;
        }
        Ok(())
    }));
    assert!(is_fresh(&bump, 16, 1));
    assert!(!is_fresh(&bump, 100, 1));
}

#[test]
fn memory_that_the_region_took_away_and_gave_back_is_not_called_zero() {
    let mut memory = Memory::filled(0);
    let mut lengths = [8, 64].into_iter();
    let bump = Bump::new(Scripted::new(&mut memory, 32, move |extent, step| {
        extent.is_zeroed = true;
        if step != Step::Claim {
            extent.len = lengths.next().unwrap();
        }
        Ok(())
    }));
    assert!(is_fresh(&bump, 4, 1));
    assert!(bump.allocate(bytes(40)).is_err());
    assert_eq!(bump.stats().capacity, 8);
    assert!(!is_fresh(&bump, 40, 1));
}

#[test]
fn a_zeroed_block_is_zero_on_every_path() {
    for is_promised in [true, false] {
        let mut memory = Memory::filled(if is_promised { 0 } else { 0xFF });
        let region = match is_promised {
            true => zeroed(&mut memory, 128),
            false => Scripted::growing(&mut memory, 128),
        };
        let mut bump = Bump::new(region);
        for _ in 0..3 {
            for (size, align) in [(1, 1), (20, 16), (100, 1)] {
                let block = bump.allocate_zeroed(layout(size, align)).unwrap();
                assert!(is_filled(block.cast(), size, 0));
                fill(block.cast(), size, 0xFF);
            }
            bump.reset();
        }
    }
}
