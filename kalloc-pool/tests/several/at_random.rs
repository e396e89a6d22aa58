//! Random steps, with every invariant verified after each.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use kalloc_pool::{AddError, AddressOrdered, BestFitting, Checked, Config, Regions, Standard};
use kalloc_testkit::workload::random::Rng;
use kalloc_traits::{Heap, Inspect};

use crate::piece::{Memory, Piece};

/// Random steps while regions come, go, grow and shrink; all is verified after each.
fn changes_at_random<C: Config>(seed: u64, steps: usize) {
    const UNIT: usize = 1 << 15;
    const PIECES: usize = 6;
    let mut rng = Rng::new(seed);
    let mut memory = Memory::new(UNIT * PIECES, 0xA5);
    let start = memory.piece(0, UNIT * PIECES, UNIT * PIECES).start;
    let heap = Regions::<Piece, 4, C>::with_supply(());
    let mut spare: Vec<usize> = (0..PIECES).collect();
    let mut live: BTreeMap<usize, (NonNull<u8>, Layout, u8)> = BTreeMap::new();
    for step in 0..steps {
        let nth = rng.below(live.len().max(1));
        match rng.below(64) {
            0 if !spare.is_empty() => {
                let piece = spare.swap_remove(rng.below(spare.len()));
                let skip = rng.below(9);
                let len = 2000 + rng.below(6000);
                match heap.add(Memory::piece_of(start, piece * UNIT + skip, len, UNIT - skip)) {
                    Ok(()) => {}
                    Err(refused) => {
                        assert_eq!(refused.reason, AddError::Full);
                        spare.push(piece);
                    }
                }
            }
            // Somewhere in a piece.
            choice @ 1..=3 => {
                // SAFETY: the offset is inside.
                let inside = unsafe { start.add(rng.below(PIECES) * UNIT + 1000) };
                match choice {
                    1 => {
                        if let Ok(region) = heap.remove(inside) {
                            let (low, high) = (region.start.addr().get(), region.start.addr().get() + region.len);
                            assert!(
                                live.range(low..high).next().is_none(),
                                "a region went with a live block"
                            );
                            spare.push(region.name / UNIT);
                        }
                    }
                    2 => drop(heap.truncate(inside, rng.below(5000))),
                    _ => drop(heap.extend(inside, rng.below(5000))),
                }
            }
            4..=33 => {
                let layout = Layout::from_size_align(1 + rng.below(400), 1 << rng.below(8)).unwrap();
                if let Ok(block) = heap.allocate(layout) {
                    let byte = rng.below(256) as u8;
                    // SAFETY: the block is ours.
                    unsafe { block.cast::<u8>().write_bytes(byte, layout.size()) };
                    let address = block.cast::<u8>().addr().get();
                    let before = live.range(..address + block.len()).next_back();
                    assert!(before.is_none_or(|(at, (_, layout, _))| at + layout.size() <= address));
                    live.insert(address, (block.cast(), layout, byte));
                }
            }
            34..=40 if !live.is_empty() => {
                let address = *live.keys().nth(nth).unwrap();
                let (block, old, byte) = live.remove(&address).unwrap();
                let new = Layout::from_size_align(1 + rng.below(400), old.align()).unwrap();
                let resized = if new.size() > old.size() {
                    // SAFETY: the block is live, and has this layout.
                    unsafe { heap.grow(block, old, new) }
                } else {
                    // SAFETY: as above.
                    unsafe { heap.shrink(block, old, new) }
                };
                let (block, layout) = resized.map_or((block, old), |block| (block.cast(), new));
                check(block, old.size().min(layout.size()), byte);
                // SAFETY: the block is ours.
                unsafe { block.write_bytes(byte, layout.size()) };
                live.insert(block.addr().get(), (block, layout, byte));
            }
            // In waves, so that regions become empty.
            _ if !live.is_empty() && (step / 512 % 3 != 0 || rng.below(2) == 0) => {
                let address = *live.keys().nth(nth).unwrap();
                let (block, layout, byte) = live.remove(&address).unwrap();
                check(block, layout.size(), byte);
                // SAFETY: the block is live, and has this layout.
                unsafe { heap.deallocate(block, layout) };
            }
            _ => {}
        }
        heap.verify().unwrap();
        assert_eq!(heap.stats().live_blocks, live.len());
    }
    for (block, layout, byte) in live.into_values() {
        check(block, layout.size(), byte);
        // SAFETY: the block is live, and has this layout.
        unsafe { heap.deallocate(block, layout) };
    }
    heap.trim();
    heap.verify().unwrap();
    assert_eq!((heap.stats().used, heap.stats().free), (0, heap.stats().capacity));
}

fn check(block: NonNull<u8>, len: usize, byte: u8) {
    // SAFETY: the block is ours, and so much of it was written.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block, len).as_ref() };
    assert!(bytes.iter().all(|&other| other == byte));
}

/// Steps for each configuration; the environment may ask for more, as `KALLOC_STEPS=2500000`.
fn steps() -> usize {
    let asked = std::env::var("KALLOC_STEPS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if cfg!(miri) { 40 } else { 60_000 })
}

#[test]
fn regions_come_go_grow_and_shrink_at_random() {
    changes_at_random::<Standard>(1, steps());
}

#[test]
fn regions_of_first_fit_come_go_grow_and_shrink_at_random() {
    changes_at_random::<AddressOrdered>(2, steps());
}

#[test]
fn regions_of_best_fit_come_go_grow_and_shrink_at_random() {
    changes_at_random::<BestFitting>(3, steps());
}

#[test]
fn checked_regions_come_go_grow_and_shrink_at_random() {
    changes_at_random::<Checked<Standard>>(4, steps());
}
