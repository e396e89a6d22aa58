//! In a region of the guaranteed size no request fails: not of random programs, nor of Robson's adversary.

// How much is enough is the same under Miri, and other tests play more.
#![cfg(not(miri))]

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kalloc_pool::{
    AddressOrdered, BestFitting, Config, Demand, Pool, RealTime, Standard, Tiny, guaranteed, is_guaranteed,
    region_for_capacity,
};
use kalloc_testkit::workload::random::Rng;
use kalloc_traits::{Heap, Inspect, SliceRegion};

const GRANULE: usize = 8;

/// Calls `run` with a pool of so much capacity in bytes, to a granule or two.
fn with_capacity<C: Config>(capacity: usize, run: impl FnOnce(&Pool<SliceRegion, C>)) {
    let len = region_for_capacity::<C>(capacity).unwrap();
    let mut memory = vec![MaybeUninit::uninit(); len + GRANULE];
    // Not more than is asked for, or nothing is shown.
    let start = memory.as_ptr().addr().wrapping_neg() % GRANULE;
    let mut cut = 0;
    loop {
        let pool = Pool::with_config(SliceRegion::new(&mut memory[start..start + len - cut]));
        pool.init().unwrap();
        assert!(pool.stats().capacity >= capacity);
        if pool.stats().capacity == capacity {
            return run(&pool);
        }
        cut += pool.stats().capacity - capacity;
        drop(pool);
        assert!(cut < 8 * GRANULE, "the region is not much longer than it must be");
    }
}

fn layout(granules: usize) -> Layout {
    Layout::from_size_align(granules * GRANULE, GRANULE).unwrap()
}

fn free<C: Config>(pool: &Pool<SliceRegion, C>, block: NonNull<u8>, granules: usize) {
    // SAFETY: the block is live, and has this layout.
    unsafe { pool.deallocate(block, layout(granules)) };
}

/// Keeps the heap as full as the demand allows, with blocks of a granule and of the largest size in particular.
fn random<C: Config>(live: usize, largest: usize, seed: u64, steps: usize) {
    let demand = Demand::new(live * GRANULE, largest * GRANULE).without_resizing();
    let capacity = guaranteed::<C>(demand).unwrap();
    with_capacity::<C>(capacity, |pool| {
        let mut rng = Rng::new(seed);
        let mut blocks: Vec<(NonNull<u8>, usize)> = Vec::new();
        let mut used = 0;
        for _ in 0..steps {
            let any = 1 + rng.below(largest);
            let size = [1, 1, any, largest][rng.below(4)];
            while used + size > live {
                let (block, len) = blocks.swap_remove(rng.below(blocks.len()));
                free(pool, block, len);
                used -= len;
            }
            let block = pool.allocate(layout(size)).expect("a request of the demand").cast();
            blocks.push((block, size));
            used += size;
        }
        pool.verify().unwrap();
    });
}

fn random_programs<C: Config>() {
    let steps = 20_000;
    for (live, largest) in [
        (4, 2),
        (6, 4),
        (8, 8),
        (12, 4),
        (16, 8),
        (24, 3),
        (64, 16),
        (200, 32),
        (300, 100),
    ] {
        random::<C>(live, largest, (live * 100 + largest) as u64, steps);
    }
}

#[test]
fn random_programs_never_fail_in_the_guaranteed_size() {
    random_programs::<Standard>();
    random_programs::<RealTime>();
    random_programs::<AddressOrdered>();
    random_programs::<BestFitting>();
    random_programs::<Tiny>();
}

/// Robson's adversary (JACM 18(3), 1971, pp. 416–423), for `live` granules and sizes up to `1 << log`: it fills up, keeps only
/// the blocks that cover one granule of each stretch of the next size, in the residue where that wastes most, and doubles the
/// size. Returns how far the blocks reached.
fn robson<C: Config>(pool: &Pool<SliceRegion, C>, live: usize, log: u32) -> usize {
    let mut blocks: Vec<(NonNull<u8>, usize)> = Vec::new();
    let first = pool.allocate(layout(1)).unwrap().cast::<u8>();
    free(pool, first, 1);
    let at = |block: NonNull<u8>| (block.addr().get() - first.addr().get()) / GRANULE;
    let (mut residue, mut reached) = (0, 0);
    for step in 0..=log {
        let size = 1 << step;
        if step > 0 {
            // A block covers a granule of the residue if one of its granules has it.
            let covers = |block: NonNull<u8>, len: usize, residue: usize| {
                (at(block)..at(block) + len).any(|granule| granule % size == residue)
            };
            let waste = |residue: usize| {
                let covering = blocks.iter().filter(|(block, len)| covers(*block, *len, residue));
                covering.map(|(_, len)| size - len).sum::<usize>()
            };
            let other = residue + size / 2;
            residue = if waste(other) > waste(residue) { other } else { residue };
            let (kept, gone): (Vec<_>, Vec<_>) = blocks
                .iter()
                .copied()
                .partition(|(block, len)| covers(*block, *len, residue));
            gone.into_iter().for_each(|(block, len)| free(pool, block, len));
            blocks = kept;
        }
        let used: usize = blocks.iter().map(|(_, len)| len).sum();
        for _ in 0..(live - used) / size {
            let block = pool.allocate(layout(size)).expect("a request of the demand").cast();
            reached = reached.max(at(block) + size);
            blocks.push((block, size));
        }
    }
    blocks.into_iter().for_each(|(block, len)| free(pool, block, len));
    reached
}

fn robsons_adversary<C: Config>() {
    let cases = [(16, 2), (64, 3), (256, 5), (4096, 6)];
    for &(live, log) in &cases {
        let largest = 1 << log;
        let demand = Demand::new(live * GRANULE, largest * GRANULE).without_resizing();
        let capacity = guaranteed::<C>(demand).unwrap();
        with_capacity::<C>(capacity, |pool| {
            let reached = robson(pool, live, log);
            // Nobody does better than this against him: M (1 + log2 n / 2) - n + 1.
            let least = live + live * log as usize / 2 - largest + 1;
            assert!(
                reached >= least,
                "the adversary reached {reached}, and should have reached {least}"
            );
            assert!(reached * GRANULE <= capacity);
            pool.trim();
            pool.verify().unwrap();
        });
    }
}

#[test]
fn robsons_adversary_never_beats_the_guarantee() {
    robsons_adversary::<AddressOrdered>();
    robsons_adversary::<Tiny>();
    robsons_adversary::<BestFitting>();
}

#[test]
fn alignment_is_paid_for() {
    let demand = Demand::new(64 * GRANULE, 4 * GRANULE).align(64);
    let capacity = guaranteed::<BestFitting>(demand).unwrap();
    with_capacity::<BestFitting>(capacity, |pool| {
        let mut rng = Rng::new(3);
        let mut blocks: Vec<(NonNull<u8>, Layout)> = Vec::new();
        for _ in 0..20_000 {
            let size = GRANULE * (1 + rng.below(4));
            let layout = Layout::from_size_align(size, GRANULE << rng.below(4)).unwrap();
            while blocks.iter().map(|(_, layout)| layout.size()).sum::<usize>() + size > 64 * GRANULE {
                let (block, layout) = blocks.swap_remove(rng.below(blocks.len()));
                // SAFETY: the block is live, and has this layout.
                unsafe { pool.deallocate(block, layout) };
            }
            blocks.push((pool.allocate(layout).unwrap().cast(), layout));
        }
        pool.verify().unwrap();
    });
}

#[test]
fn a_heap_is_certified_by_its_peak_up_to_the_last_granule() {
    fn test<C: Config>() {
        // The program keeps to the sizes, and has 60 granules live at most.
        let sizes = Demand::new(0, 4 * GRANULE).smallest(2 * GRANULE);
        let needed = guaranteed::<C>(Demand::new(60 * GRANULE, 4 * GRANULE).smallest(2 * GRANULE)).unwrap();
        for (capacity, is_certain) in [(needed, true), (needed + GRANULE, true), (needed - GRANULE, false)] {
            with_capacity::<C>(capacity, |pool| {
                assert!(is_guaranteed::<C>(&pool.stats(), sizes), "nothing was asked for yet");
                let blocks: Vec<_> = (0..20).map(|_| pool.allocate(layout(3)).unwrap()).collect();
                assert_eq!(is_guaranteed::<C>(&pool.stats(), sizes), is_certain);
                // The peak stays.
                blocks.into_iter().for_each(|block| free(pool, block.cast(), 3));
                assert_eq!(is_guaranteed::<C>(&pool.stats(), sizes), is_certain);
                assert!(pool.allocate(layout(capacity)).is_err());
                assert!(!is_guaranteed::<C>(&pool.stats(), sizes), "a request has failed");
            });
        }
    }
    test::<Standard>();
    test::<RealTime>();
    test::<AddressOrdered>();
    test::<BestFitting>();
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_capacity_beyond_what_a_region_can_have_has_no_length() {
    assert!(region_for_capacity::<Standard>(7 << 30).is_some_and(|len| len > 7 << 30));
    for capacity in [9 << 30, 1 << 40, isize::MAX as usize, usize::MAX] {
        assert_eq!(region_for_capacity::<Standard>(capacity), None, "{capacity}");
    }
}
