//! The beginning of a Linux boot, played on every heap with every block shadowed.
#![cfg(not(miri))]

use kalloc_bump::{AtomicBump, Bump, Chain, Downward};
use kalloc_pool::{AddressOrdered, BestFitting, Pool, Tiny};
use kalloc_sync::Locked;
use kalloc_testkit::drive::{Player, Summary};
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_testkit::workload::op::Op;
use kalloc_testkit::workload::trace;
use kalloc_traits::{Heap, Inspect};

const BOOT: &[u8] = include_bytes!("../traces/kernel-boot-slice.ktr.z");

/// The allocations in it, as `traces/README.md` counts them.
const ALLOCATIONS: usize = 25_749;

/// Steps from one look at all blocks to the next.
const LOOK: usize = 4096;

/// Plays the trace on a heap that has room for it, with `check` now and then.
fn play<H: Heap>(heap: &H, check: impl Fn(&H)) {
    let file = miniz_oxide::inflate::decompress_to_vec_zlib(BOOT).unwrap();
    let program = trace::program(&file, usize::MAX).unwrap();
    let slots = program.iter().map(|op: &Op| op.slot() + 1).max().unwrap();
    let mut player = Player::new(heap, slots);
    for (index, op) in program.into_iter().enumerate() {
        player.play(op).unwrap();
        if index % LOOK == 0 {
            player.checked().check_all().unwrap();
            check(heap);
        }
    }
    let summary = player.summary();
    player.finish().unwrap();
    check(heap);
    let all = Summary {
        served: ALLOCATIONS,
        refused: 0,
    };
    assert_eq!(summary, all);
}

/// Plays the trace on a heap that can be looked into, which is whole at the end.
fn play_inside<H: Heap + Inspect>(heap: &H) {
    play(heap, |heap| heap.verify().unwrap());
    heap.trim();
    assert_eq!(heap.stats().used, 0);
}

/// Memory for heaps that use freed blocks again.
fn memory() -> GuardedRegion {
    GuardedRegion::new(4 << 20)
}

/// Memory for those that do not.
fn ample_memory() -> GuardedRegion {
    GuardedRegion::new(16 << 20)
}

#[test]
fn on_a_pool() {
    play_inside(&Pool::<_>::new(memory()));
}

#[test]
fn on_a_pool_whose_region_grows() {
    let region = GuardedRegion::of(Shape::new(1000).with_reserve(8 << 20));
    play_inside(&Pool::<_>::new(region));
}

#[test]
fn on_an_address_ordered_pool() {
    play_inside(&Pool::<_, AddressOrdered>::with_config(memory()));
}

#[test]
fn on_a_best_fitting_pool() {
    play_inside(&Pool::<_, BestFitting>::with_config(memory()));
}

#[test]
fn on_a_tiny_pool() {
    play_inside(&Pool::<_, Tiny>::with_config(memory()));
}

#[test]
fn on_a_locked_pool() {
    play_inside(&Locked::<_>::new(Pool::<_>::new(memory())));
}

#[test]
fn on_a_bump() {
    play_inside(&Bump::new(ample_memory()));
}

#[test]
fn on_a_downward_bump() {
    play_inside(&Bump::<_, Downward>::with_settings(ample_memory()));
}

#[test]
fn on_a_shared_bump() {
    play_inside(&AtomicBump::new(ample_memory()));
}

#[test]
fn on_a_chain() {
    play(&Chain::new(Pool::<_>::new(ample_memory())), |_| {});
}
