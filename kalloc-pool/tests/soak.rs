//! A million random steps on each configuration, every block shadowed and every invariant checked after each step.

use kalloc_pool::{
    AddressOrdered, BestFit, BestFitting, Config, FirstFit, Pool, RealTime, SegregatedFit, Standard, Tiny,
};
use kalloc_testkit::drive::soak;
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_traits::{Heap, Inspect, RunKind};

/// Bytes of the region, more or less.
const BYTES: usize = if cfg!(miri) { 4_000 } else { 40_000 };

const OPS: usize = if cfg!(miri) { 60 } else { 1_000_000 };

/// Large granules, few bins, and quick lists that hold a quarter of the heap.
struct Hoarder;

impl Config for Hoarder {
    const GRANULE: usize = 16;
    const QUICK_EXACT: u32 = 9;
    const QUICK_LARGEST: usize = 128;
    const QUICK_SHARE: u32 = 32;
    const QUICK_RESERVE: u32 = 0;
    const QUICK_BATCH: u32 = 3;
    type Index = SegregatedFit<1>;
}

/// No quick list: each free merges.
struct Merging;

impl Config for Merging {
    const GRANULE: usize = 8;
    type Index = SegregatedFit<3>;
}

/// Blocks of large granules hold their size in another place; and trees behind quick lists.
struct WideFirstFit;

impl Config for WideFirstFit {
    const GRANULE: usize = 16;
    const QUICK_EXACT: u32 = 9;
    const QUICK_LARGEST: usize = 128;
    type Index = FirstFit;
}

/// As [`WideFirstFit`].
struct WideBestFit;

impl Config for WideBestFit {
    const GRANULE: usize = 16;
    const QUICK_EXACT: u32 = 9;
    const QUICK_LARGEST: usize = 128;
    type Index = BestFit;
}

fn run<C: Config>(shape: Shape, seed: u64) {
    let pool = Pool::<_, C>::with_config(GuardedRegion::of(shape));
    soak(&pool, seed, OPS, |pool| pool.verify());

    pool.trim();
    pool.verify().unwrap();
    let stats = pool.stats();
    assert_eq!((stats.used, stats.cached, stats.free), (0, 0, stats.capacity));
    let mut free = Vec::new();
    pool.walk(&mut |run| free.extend((run.kind == RunKind::Free).then_some(run.len)));
    assert_eq!(free, [stats.capacity], "one free block");
    // And it can be had whole.
    let whole = std::alloc::Layout::from_size_align(stats.capacity, 1).unwrap();
    assert!(pool.allocate(whole).is_ok());
}

#[test]
fn the_default_holds_for_a_million_steps() {
    run::<Standard>(Shape::new(BYTES), 1);
}

#[test]
fn real_time_holds_for_a_million_steps() {
    run::<RealTime>(Shape::new(BYTES), 9);
}

#[test]
fn first_fit_holds_for_a_million_steps() {
    run::<AddressOrdered>(Shape::new(BYTES + 1).with_base(64, 5), 2);
}

#[test]
fn best_fit_holds_for_a_million_steps() {
    run::<BestFitting>(Shape::new(40_001).with_base(64, 5), 5);
}

#[test]
fn tiny_holds_for_a_million_steps() {
    run::<Tiny>(Shape::new(40_000), 6);
}

#[test]
fn trees_of_large_granules_hold_for_a_million_steps_each() {
    run::<WideFirstFit>(Shape::new(40_000), 7);
    run::<WideBestFit>(Shape::new(40_000), 8);
}

#[test]
fn granules_of_sixteen_and_full_quick_lists_hold_for_a_million_steps() {
    run::<Hoarder>(Shape::new(BYTES), 3);
}

#[test]
fn merging_each_free_holds_for_a_million_steps() {
    run::<Merging>(Shape::new(BYTES - 1).with_base(32, 1), 4);
}
