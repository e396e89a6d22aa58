//! Every heap of kalloc, by every policy, alone and behind a lock, with a named test for each rule.
//!
//! `ours_over_regions.rs` has them over every kind of region, and `ours_reach.rs` has pools in several regions, and such as have moved.

use kalloc_bump::{AtomicBump, Bump, Chain, Direction, Downward, Lean, LeanDownward, Settings};
use kalloc_pool::{AddressOrdered, BestFitting, Checked, Pool, RealTime, Standard, Tiny};
use kalloc_testkit::fault::FailingRegion;
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_testkit::{conformance, conformance_over};

/// Returns guarded memory for a heap.
fn memory() -> GuardedRegion {
    GuardedRegion::new(ROOM)
}

/// Returns a bump over a region.
fn bump<R: kalloc_traits::RawRegion>(region: R) -> Bump<R> {
    Bump::new(region)
}

/// Returns a shared bump over a region. It calls the bump in some rules, so nobody waits long for a claim.
fn atomic<R: kalloc_traits::RawRegion>(region: R) -> AtomicBump<R> {
    AtomicBump::with_patience(region, 16)
}

/// Returns a bump of other settings over a region.
fn bump_of<S: Settings, R: kalloc_traits::RawRegion>(region: R) -> Bump<R, S> {
    Bump::with_settings(region)
}

/// Blocks of whole words, downwards, in memory that doubles.
struct Words;

impl Settings for Words {
    const DIRECTION: Direction = Direction::Down;
    const MIN_ALIGN: usize = 16;
    const GROWTH_STEP: usize = 512;
    const GROWTH_PERCENT: usize = 100;
}

/// The same upwards.
struct WordsUp;

impl Settings for WordsUp {
    const MIN_ALIGN: usize = 16;
    const GROWTH_STEP: usize = 512;
    const GROWTH_PERCENT: usize = 100;
}

/// Returns a pool by size classes over a region.
fn segregated<R: kalloc_traits::RawRegion>(region: R) -> Pool<R> {
    Pool::new(region)
}

/// Returns a pool of bounded steps over a region.
fn real_time<R: kalloc_traits::RawRegion>(region: R) -> Pool<R, RealTime> {
    Pool::with_config(region)
}

/// Returns a pool by address over a region.
fn first_fit<R: kalloc_traits::RawRegion>(region: R) -> Pool<R, AddressOrdered> {
    Pool::with_config(region)
}

/// Returns a pool by best fit over a region.
fn best_fit<R: kalloc_traits::RawRegion>(region: R) -> Pool<R, BestFitting> {
    Pool::with_config(region)
}

/// Returns a pool of the least code over a region.
fn tiny<R: kalloc_traits::RawRegion>(region: R) -> Pool<R, Tiny> {
    Pool::with_config(region)
}

/// Returns a pool by size classes over a region, whose calls are checked.
fn checked<R: kalloc_traits::RawRegion>(region: R) -> Pool<R, Checked<Standard>> {
    Pool::with_config(region)
}

/// Returns a pool by address over a region, whose calls are checked.
fn checked_first_fit<R: kalloc_traits::RawRegion>(region: R) -> Pool<R, Checked<AddressOrdered>> {
    Pool::with_config(region)
}

// A bump starts over when no block is live any more, but reuses nothing before.
conformance!(bump_alone, || bump(memory()), quality: [inspect, lifo, reuses, coalesces, deterministic]);
conformance_over!(bump_over, bump::<FailingRegion>, quality: [grows, lazy, sparing, inspect]);

conformance!(
    bump_down_alone,
    || bump_of::<Downward, _>(memory()),
    quality: [inspect, lifo, reuses, coalesces, deterministic]
);
conformance_over!(bump_down_over, bump_of::<Downward, FailingRegion>, quality: [grows, lazy, sparing, inspect]);
conformance!(
    bump_words_alone,
    || bump_of::<Words, _>(memory()),
    quality: [inspect, lifo, reuses, coalesces, deterministic]
);
conformance_over!(bump_words_over, bump_of::<Words, FailingRegion>, quality: [grows, lazy, sparing, inspect]);
conformance!(
    bump_words_up_alone,
    || bump_of::<WordsUp, _>(memory()),
    quality: [inspect, lifo, reuses, coalesces, deterministic]
);
conformance_over!(bump_words_up_over, bump_of::<WordsUp, FailingRegion>, quality: [grows, lazy, sparing, inspect]);

// Without counters a bump takes all that it has passed over for live, so its counters cannot be judged.
conformance!(bump_lean_alone, || bump_of::<Lean, _>(memory()), quality: [lifo, deterministic]);
conformance_over!(bump_lean_over, bump_of::<Lean, FailingRegion>, quality: [grows, lazy]);
conformance!(bump_lean_down_alone, || bump_of::<LeanDownward, _>(memory()), quality: [lifo, deterministic]);
conformance_over!(bump_lean_down_over, bump_of::<LeanDownward, FailingRegion>, quality: [grows, lazy]);

// A chain reuses nothing but its newest chunk before a reset.
conformance!(chain_alone, || Chain::new(segregated(memory())), quality: [deterministic]);
conformance!(
    chain_down_alone,
    || Chain::<_, Words>::with_settings(segregated(memory())),
    quality: [deterministic]
);

// A shared bump reuses nothing but the last block, and its region does not grow.
conformance!(atomic_bump, || atomic(memory()), quality: [inspect, lifo, deterministic]);
conformance_over!(atomic_bump_over, atomic::<FailingRegion>, quality: [lazy, sparing, inspect]);

conformance!(
    segregated_alone,
    || segregated(memory()),
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance_over!(segregated_over, segregated::<FailingRegion>, quality: [grows, lazy, sparing, inspect]);

conformance!(
    first_fit_alone,
    || first_fit(memory()),
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance_over!(first_fit_over, first_fit::<FailingRegion>, quality: [grows, lazy, sparing, inspect]);

conformance!(
    real_time_alone,
    || real_time(memory()),
    quality: [inspect, lifo, reuses, coalesces, deterministic, resize_in_place]
);
conformance_over!(real_time_over, real_time::<FailingRegion>, quality: [grows, lazy, sparing, inspect]);

conformance!(
    best_fit_alone,
    || best_fit(memory()),
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance_over!(best_fit_over, best_fit::<FailingRegion>, quality: [grows, lazy, sparing, inspect]);

conformance!(
    tiny_alone,
    || tiny(memory()),
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance_over!(tiny_over, tiny::<FailingRegion>, quality: [grows, lazy, sparing, inspect]);

conformance!(
    checked_alone,
    || checked(memory()),
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place, hardened]
);
// Not sparing: the first use clears a byte for each granule.
conformance_over!(checked_over, checked::<FailingRegion>, quality: [grows, lazy, inspect]);

conformance!(
    checked_first_fit_alone,
    || checked_first_fit(memory()),
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place, hardened]
);
conformance_over!(checked_first_fit_over, checked_first_fit::<FailingRegion>, quality: [grows, lazy, inspect]);

/// Behind a lock, which Miri need not see three times.
#[cfg(not(miri))]
mod locked {
    use kalloc_sync::Locked;

    use super::*;

    /// Returns a heap behind a lock. Its region calls it in some rules, so nobody waits long for a growth.
    fn locked<H>(heap: H) -> Locked<H> {
        Locked::with_patience(heap, 16)
    }

    conformance!(bump_locked, || locked(bump(memory())), quality: [inspect, lifo, reuses, coalesces, deterministic]);
    conformance_over!(bump_locked_over, |region| locked(bump(region)), quality: [grows, lazy, sparing, inspect]);

    conformance!(
        segregated_locked,
        || locked(segregated(memory())),
        quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
    );
    conformance_over!(segregated_locked_over, |region| locked(segregated(region)), quality: [grows, lazy, sparing, inspect]);

    conformance!(
        first_fit_locked,
        || locked(first_fit(memory())),
        quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
    );
    conformance_over!(first_fit_locked_over, |region| locked(first_fit(region)), quality: [grows, lazy, sparing, inspect]);
}
