//! The planted bug of a lock that no strongly ordered processor shows: a release that orders nothing. Miri lets loads see
//! what was overwritten unless something forbids it, so there the rule fails.

#![cfg(miri)]

use kalloc_testkit::conformance::{Lock, Report, suite};
use kalloc_testkit::fault::{LockFault, PlantedLock};

/// Judges a lock with a fault by the rule about what is seen, and returns whether it holds.
fn is_seen(fault: LockFault) -> bool {
    let make = move || PlantedLock::new(fault, || false, |_| {});
    let lock = Lock::new(make, PlantedLock::lock, PlantedLock::try_lock, PlantedLock::unlock);
    let mut rules = suite::lock_threads();
    rules.retain(|rule| rule.name == "what_was_written_under_a_lock_is_seen");
    assert_eq!(rules.len(), 1);
    Report::of(&rules, &lock).broken.is_empty()
}

#[test]
fn releases_relaxed() {
    assert!(!is_seen(LockFault::ReleasesRelaxed));
}

#[test]
fn a_release_that_orders_is_none() {
    assert!(is_seen(LockFault::None));
}
