//! `verify` against a heap whose own words somebody has overwritten.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, BestFitting, Config, Pool, Standard, Tiny};
use kalloc_traits::{Heap, Inspect, RawRegion, RunKind, Span};

/// A slice of whole words that the test can overwrite.
struct Shared(NonNull<u8>, usize);

// SAFETY: the test keeps the memory alive and still, and touches it only between calls.
unsafe impl RawRegion for Shared {
    fn span(&self) -> Span {
        Span::new(self.0, self.1)
    }
}

/// Returns a pool with holes of all kinds, and its memory.
fn holes<C: Config>(memory: &mut [MaybeUninit<u64>]) -> (Pool<Shared, C>, NonNull<u8>) {
    let start = NonNull::from(&mut *memory).cast();
    let pool = Pool::<_, C>::with_config(Shared(start, size_of_val(memory)));
    let layouts: Vec<_> = (1..40).map(|n| Layout::from_size_align(n * 7, 8).unwrap()).collect();
    let blocks: Vec<_> = layouts
        .iter()
        .map(|&layout| pool.allocate_zeroed(layout).unwrap())
        .collect();
    for (block, layout) in blocks.iter().zip(&layouts).step_by(2) {
        // SAFETY: the block is live.
        unsafe { pool.deallocate(block.cast(), *layout) };
    }
    pool.trim();
    assert_eq!(pool.verify(), Ok(()));
    (pool, start)
}

/// Flips one bit of the memory at `start`, which is initialised.
fn flip(start: NonNull<u8>, bit: usize) {
    // SAFETY: the tests name bits inside the memory.
    let byte = unsafe { start.add(bit / 8) };
    // SAFETY: as above; nobody else looks meanwhile.
    let value = unsafe { byte.read() };
    // SAFETY: as above.
    unsafe { byte.write(value ^ 1 << (bit % 8)) };
}

/// Flips every bit of the heap's words in turn. Returns how many flips there were, and how many `verify` reported.
fn flip_every_bit<C: Config>() -> (usize, usize) {
    let mut memory = std::vec![MaybeUninit::new(0u64); 1200];
    let (pool, start) = holes::<C>(&mut memory);
    let mut words = Vec::new();
    let mut is_first = true;
    pool.walk(&mut |run| {
        let offset = run.start - start.addr().get();
        match run.kind {
            // The state run comes first; the used block behind it belongs to the user.
            RunKind::Used if is_first => words.extend((offset..offset + 8 * 8).step_by(8)),
            // First and last granule.
            RunKind::Free => words.extend([offset, offset + run.len - 8]),
            _ => {}
        }
        is_first = false;
    });
    let (mut flips, mut reported) = (0, 0);
    for word in words.into_iter().step_by(if cfg!(miri) { 17 } else { 1 }) {
        for bit in (0..64).step_by(if cfg!(miri) { 21 } else { 1 }) {
            flip(start, word * 8 + bit);
            flips += 1;
            reported += usize::from(pool.verify().is_err());
            flip(start, word * 8 + bit);
        }
    }
    assert_eq!(pool.verify(), Ok(()));
    (flips, reported)
}

#[test]
fn verify_reports_most_single_bit_flips_and_survives_all() {
    // What is not reported is unused: half of each last granule, and with `Tiny` the links of the first.
    let (flips, reported) = flip_every_bit::<Standard>();
    assert!(reported * 100 > flips * 65, "{reported} of {flips}");
    let (flips, reported) = flip_every_bit::<AddressOrdered>();
    assert!(reported * 100 > flips * 65, "{reported} of {flips}");
    let (flips, reported) = flip_every_bit::<BestFitting>();
    assert!(reported * 100 > flips * 65, "{reported} of {flips}");
    let (flips, reported) = flip_every_bit::<Tiny>();
    assert!(reported * 100 > flips * 35, "{reported} of {flips}");
}

#[test]
fn every_flip_in_the_bitmap_is_reported() {
    let mut memory = std::vec![MaybeUninit::new(0u64); 1200];
    let (pool, start) = holes::<Standard>(&mut memory);
    // A bit for each of 1200 granules, and the one behind the last.
    for granule in (0..=1200).step_by(if cfg!(miri) { 400 } else { 1 }) {
        // The bitmap, of whole words, is the first thing in the region.
        let bit = if cfg!(target_endian = "big") {
            granule ^ (usize::BITS as usize - 8)
        } else {
            granule
        };
        flip(start, bit);
        let report = pool.verify().expect_err("a mark too many or too few");
        assert!(["P2", "P3", "P4", "P5"].contains(&report.invariant), "{report}");
        flip(start, bit);
    }
    assert_eq!(pool.verify(), Ok(()));
}

#[test]
fn an_overflow_into_a_free_neighbour_is_reported_with_its_place() {
    let mut memory = std::vec![MaybeUninit::new(0u64); 512];
    let start = NonNull::from(&mut *memory).cast();
    let pool = Pool::new(Shared(start, 4096));
    let layout = Layout::from_size_align(400, 8).unwrap();
    let first = pool.allocate(layout).unwrap().cast::<u8>();
    let second = pool.allocate(layout).unwrap().cast::<u8>();
    let _third = pool.allocate(layout).unwrap();
    // SAFETY: the block is live.
    unsafe { pool.deallocate(second, layout) };
    // The eight bytes behind the first block.
    for bit in 0..64 {
        flip(start, (first.addr().get() - start.addr().get() + 400) * 8 + bit);
    }
    let report = pool.verify().unwrap_err();
    let block = second.addr().get() - start.addr().get();
    assert!((block..block + 400).contains(&report.offset), "{report}");
}

/// The links of the free blocks of a heap, which the heap takes for two sides of a tree.
struct Links {
    start: NonNull<u8>,
    /// First granules.
    blocks: Vec<u32>,
}

impl Links {
    fn of<C: Config>(pool: &Pool<Shared, C>, start: NonNull<u8>) -> Self {
        let mut blocks = Vec::new();
        pool.walk(&mut |run| {
            blocks.extend((run.kind == RunKind::Free).then_some((run.start - start.addr().get()) as u32 / 8));
        });
        // The last is the free end of the region, which has no links.
        blocks.pop();
        Self { start, blocks }
    }

    fn word(&self, block: u32, side: usize) -> NonNull<u32> {
        // SAFETY: the tests name free blocks, which lie inside the memory.
        unsafe { self.start.add(block as usize * 8 + side * 4) }.cast()
    }

    /// The top bit of the second word is a flag.
    fn get(&self, block: u32, side: usize) -> u32 {
        // SAFETY: the block is free and in a tree, so the word is written; nobody else looks meanwhile.
        unsafe { self.word(block, side).read() & !(1 << 31) }
    }

    fn set(&self, block: u32, side: usize, link: u32) {
        let word = self.word(block, side);
        // SAFETY: as above.
        let flag = unsafe { word.read() } & 1 << 31;
        // SAFETY: as above.
        unsafe { word.write(link | flag) };
    }

    fn is_leaf(&self, block: u32) -> bool {
        self.get(block, 0) == 0 && self.get(block, 1) == 0
    }

    /// Returns which block leads to `block`, and on which side; none does to the root.
    fn parent(&self, block: u32) -> Option<(u32, usize)> {
        let slots = self.blocks.iter().flat_map(|&parent| [(parent, 0), (parent, 1)]);
        slots
            .into_iter()
            .find(|&(parent, side)| self.get(parent, side) == block)
    }
}

/// Sets links, asserts that `verify` reports it, and undoes it.
fn assert_reported<C: Config>(pool: &Pool<Shared, C>, links: &Links, changes: &[(u32, usize, u32)]) {
    let before: Vec<_> = changes
        .iter()
        .map(|&(block, side, _)| (block, side, links.get(block, side)))
        .collect();
    changes
        .iter()
        .for_each(|&(block, side, link)| links.set(block, side, link));
    assert_eq!(pool.verify().unwrap_err().invariant, "P5", "{changes:?}");
    before
        .iter()
        .for_each(|&(block, side, link)| links.set(block, side, link));
    assert_eq!(pool.verify(), Ok(()));
}

/// Breaks the tree in every way of one kind. Returns how many there were.
fn break_tree<C: Config>(break_it: fn(&Pool<Shared, C>, &Links) -> usize) -> usize {
    let mut memory = std::vec![MaybeUninit::new(0u64); 1200];
    let (pool, start) = holes::<C>(&mut memory);
    let links = Links::of(&pool, start);
    break_it(&pool, &links)
}

#[test]
fn a_tree_whose_sides_are_exchanged_is_reported() {
    fn exchange<C: Config>(pool: &Pool<Shared, C>, links: &Links) -> usize {
        let inner = links.blocks.iter().filter(|&&block| !links.is_leaf(block));
        inner
            .map(|&block| {
                let (left, right) = (links.get(block, 0), links.get(block, 1));
                assert_reported(pool, links, &[(block, 0, right), (block, 1, left)]);
            })
            .count()
    }
    assert!(break_tree::<AddressOrdered>(exchange) > 5);
    assert!(break_tree::<BestFitting>(exchange) > 5);
}

#[test]
fn a_tree_whose_leaves_are_exchanged_astray_or_lost_is_reported() {
    fn exchange<C: Config>(pool: &Pool<Shared, C>, links: &Links) -> usize {
        let leaves = links.blocks.iter().filter(|&&block| links.is_leaf(block));
        let leaves: Vec<_> = leaves.map(|&leaf| (leaf, links.parent(leaf).unwrap())).collect();
        let (few, fewer) = if cfg!(miri) { (8, 9) } else { (1, 1) };
        for (index, &(leaf, (parent, side))) in leaves.iter().enumerate().step_by(few) {
            assert_reported(pool, links, &[(parent, side, 0)]);
            for &(other, (other_parent, other_side)) in &leaves[..index] {
                let changes = [(parent, side, other), (other_parent, other_side, leaf)];
                assert_reported(pool, links, &changes);
            }
            let others = links.blocks.iter().filter(|&&block| block != leaf);
            for (other, other_side) in others.flat_map(|&block| [(block, 0), (block, 1)]).step_by(fewer) {
                if links.get(other, other_side) == 0 {
                    assert_reported(pool, links, &[(parent, side, 0), (other, other_side, leaf)]);
                }
            }
        }
        leaves.len()
    }
    assert!(break_tree::<AddressOrdered>(exchange) > 3);
    assert!(break_tree::<BestFitting>(exchange) > 3);
}

#[test]
fn a_block_below_one_that_it_stands_above_is_reported() {
    fn exchange<C: Config>(pool: &Pool<Shared, C>, links: &Links) -> usize {
        let mut exchanged = 0;
        for &leaf in links.blocks.iter().filter(|&&block| links.is_leaf(block)) {
            let (parent, side) = links.parent(leaf).unwrap();
            let (Some((above, above_side)), 0) = (links.parent(parent), links.get(parent, 1 - side)) else {
                continue;
            };
            // On one of the two sides, the parent lies where its bits lead.
            for side in [0, 1] {
                let changes = [
                    (above, above_side, leaf),
                    (leaf, side, parent),
                    (parent, 0, 0),
                    (parent, 1, 0),
                ];
                assert_reported(pool, links, &changes);
            }
            exchanged += 1;
        }
        exchanged
    }
    assert!(break_tree::<AddressOrdered>(exchange) > 0);
    assert!(break_tree::<BestFitting>(exchange) > 0);
}

#[test]
fn every_flip_in_the_table_and_in_a_kept_block_is_reported() {
    // With one block in each of some lists; in a region so large, sizes from 64 granules on share lists.
    let len = if cfg!(miri) { 1200 } else { 1 << 17 };
    let mut memory = std::vec![MaybeUninit::new(0u64); len];
    let start = NonNull::from(&mut *memory).cast::<u8>();
    let pool = Pool::new(Shared(start, len * 8));
    let first = pool.allocate(Layout::new::<u64>()).unwrap().cast::<u8>();
    let sizes = if cfg!(miri) {
        [24, 40, 48, 64]
    } else {
        [24, 320, 520, 704]
    };
    let layouts = sizes.map(|size| Layout::from_size_align(size, 8).unwrap());
    let blocks = layouts.map(|layout| pool.allocate_zeroed(layout).unwrap().cast::<u8>());
    pool.trim();
    for (block, layout) in blocks.into_iter().zip(layouts) {
        // SAFETY: the block is live.
        unsafe { pool.deallocate(block, layout) };
    }
    assert_eq!(pool.stats().cached, sizes.iter().sum());
    assert_eq!(pool.verify(), Ok(()));

    // The state ends where the first block starts, and the table follows the bitmap.
    let offset = |block: NonNull<u8>| block.addr().get() - start.addr().get();
    let bitmap = (len / usize::BITS as usize + 1) * size_of::<usize>();
    let table = (bitmap * 8..offset(first) * 8).step_by(if cfg!(miri) { 331 } else { 1 });
    let missed = table.filter(|&bit| !is_reported(&pool, start, bit)).count();
    // The list of size 0 is not looked at, a word may fill the last granule, and the head of a list that has a block may lead to
    // memory without marks, at any of 2^17 granules.
    assert!(missed <= 64 + 32 + blocks.len() * 17, "{missed}");
    for (block, size) in blocks.into_iter().zip(sizes) {
        // The link, and the size where the list has several.
        let words = if size >= 512 { 0..64 } else { 0..32 };
        for bit in words.step_by(if cfg!(miri) { 7 } else { 1 }) {
            assert!(
                is_reported(&pool, start, offset(block) * 8 + bit),
                "bit {bit} of {size}"
            );
        }
    }
    assert_eq!(pool.verify(), Ok(()));
}

/// Flips a bit, and returns whether `verify` reports it.
fn is_reported(pool: &Pool<Shared>, start: NonNull<u8>, bit: usize) -> bool {
    flip(start, bit);
    let is_reported = pool.verify().is_err();
    flip(start, bit);
    is_reported
}
