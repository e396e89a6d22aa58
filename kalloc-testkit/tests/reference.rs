//! The heap and the region for planted bugs, without one: every rule holds. And the tables are whole.

use std::collections::BTreeSet;

use kalloc_testkit::conformance::catalogue::{self, Decided};
use kalloc_testkit::conformance::{Rule, Tier, suite};
use kalloc_testkit::fault::PlantedRegion;
use kalloc_testkit::fault::planted::{Fault, Planted};
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_testkit::{conformance, conformance_over};

conformance!(
    reference,
    || Planted::new(GuardedRegion::new(ROOM), Fault::None),
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place, hardened]
);

conformance_over!(
    reference_over,
    |region| Planted::new(region, Fault::None),
    quality: [grows, lazy, sparing, inspect, verifies]
);

mod lock {
    use std::cell::Cell;

    use kalloc_testkit::fault::{LockFault, PlantedLock};
    use kalloc_testkit::lock_conformance;

    thread_local! {
        /// Whether this thread has masked what the lock masks.
        static IS_MASKED: Cell<bool> = const { Cell::new(false) };
    }

    lock_conformance!(
        reference,
        || PlantedLock::new(LockFault::None, || IS_MASKED.get(), |masked| IS_MASKED.set(masked)),
        lock: PlantedLock::lock,
        try_lock: PlantedLock::try_lock,
        unlock: PlantedLock::unlock,
        masks: || IS_MASKED.get(), |masked| IS_MASKED.set(masked)
    );

    /// Only weak memory shows this bug, and Miri has it.
    #[test]
    #[cfg(miri)]
    fn an_unlock_that_orders_nothing_is_found() {
        use kalloc_testkit::conformance::{Lock, Report, suite};

        let make = || PlantedLock::new(LockFault::ReleasesRelaxed, || false, |_| {});
        let lock = Lock::new(make, PlantedLock::lock, PlantedLock::try_lock, PlantedLock::unlock);
        let report = Report::of(&suite::lock_threads(), &lock);
        let names: Vec<_> = report.broken.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&"what_was_written_under_a_lock_is_seen"), "{report}");
    }
}

/// Returns the names of the public functions of a rule family's file.
fn public_functions(file: &str) -> impl Iterator<Item = &str> {
    file.lines()
        .filter_map(|line| line.strip_prefix("pub fn ")?.split(['<', '(']).next())
}

#[test]
fn every_rule_that_is_written_is_in_a_table_once() {
    let files = [
        include_str!("../src/conformance/contents.rs"),
        include_str!("../src/conformance/contention.rs"),
        include_str!("../src/conformance/disjoint.rs"),
        include_str!("../src/conformance/edges.rs"),
        include_str!("../src/conformance/exhaustion.rs"),
        include_str!("../src/conformance/extent.rs"),
        include_str!("../src/conformance/flips.rs"),
        include_str!("../src/conformance/grow.rs"),
        include_str!("../src/conformance/growth.rs"),
        include_str!("../src/conformance/in_place.rs"),
        include_str!("../src/conformance/layout.rs"),
        include_str!("../src/conformance/life.rs"),
        include_str!("../src/conformance/lock.rs"),
        include_str!("../src/conformance/masks.rs"),
        include_str!("../src/conformance/memory.rs"),
        include_str!("../src/conformance/misuse.rs"),
        include_str!("../src/conformance/patterns.rs"),
        include_str!("../src/conformance/programs.rs"),
        include_str!("../src/conformance/recovery.rs"),
        include_str!("../src/conformance/reentry.rs"),
        include_str!("../src/conformance/refusals.rs"),
        include_str!("../src/conformance/shrink.rs"),
        include_str!("../src/conformance/stats.rs"),
        include_str!("../src/conformance/threads.rs"),
        include_str!("../src/conformance/walk.rs"),
        include_str!("../src/conformance/zero.rs"),
    ];
    let written: BTreeSet<&str> = files.iter().flat_map(|file| public_functions(file)).collect();
    let listed = every_rule();
    assert_eq!(listed.len(), written.len());
    assert_eq!(BTreeSet::from_iter(listed), written);
}

/// Returns the names of all rules.
fn every_rule() -> Vec<&'static str> {
    /// Returns the names of some.
    fn names<S>(rules: impl IntoIterator<Item = Vec<Rule<S>>>) -> impl Iterator<Item = &'static str> {
        rules.into_iter().flatten().map(|rule| rule.name)
    }

    let heaps = names([suite::all(), suite::hardened()]);
    let over = names([suite::all_over(), suite::over_verifies()]);
    let regions = names([suite::all_memory::<PlantedRegion>()]);
    let locks = names([suite::lock(), suite::lock_masks(), suite::lock_threads()]);
    let threads = names([suite::threads()]);
    heaps.chain(over).chain(regions).chain(locks).chain(threads).collect()
}

#[test]
fn every_item_of_the_catalogue_is_decided_or_says_why_not() {
    let rules: BTreeSet<&str> = every_rule().into_iter().collect();
    let mut ids = BTreeSet::new();
    let mut named = BTreeSet::new();
    for item in &catalogue::ITEMS {
        assert!(ids.insert(item.id), "{} is there twice", item.id);
        match item.decided {
            Decided::By(names) => {
                assert!(!names.is_empty(), "{} is decided by nothing", item.id);
                named.extend(names);
            }
            Decided::Not(reason) => assert!(reason.len() > 5, "{} gives no reason", item.id),
        }
    }
    assert_eq!(
        named, rules,
        "a rule that decides nothing, or an item decided by no rule"
    );
    for (letter, count) in "LRCAMTFSP".chars().zip([15, 20, 13, 15, 20, 13, 15, 15, 7]) {
        let found = ids.iter().filter(|id| id.starts_with(letter)).count();
        assert_eq!(found, count, "items of {letter}");
    }
}

#[test]
fn enough_rules_judge_each_face() {
    assert!(suite::contract().len() + suite::over().len() >= 90);
    assert!(suite::all().len() + suite::all_over().len() >= 160);
    assert!(suite::all_memory::<PlantedRegion>().len() >= 13);
    assert!(suite::lock().len() + suite::lock_masks().len() + suite::lock_threads().len() >= 16);
}

#[test]
fn a_rule_names_its_tier_and_its_items() {
    let rules = suite::all();
    let told = |name: &str| {
        let rule = rules.iter().find(|rule| rule.name == name);
        rule.map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(
        told("every_alignment_is_kept_or_refused"),
        "every_alignment_is_kept_or_refused [contract; L9]"
    );
    assert_eq!(
        told("remainders_come_back"),
        "remainders_come_back [quality `coalesces`; F15]"
    );
    assert_eq!(
        told("growing_to_less_is_refused"),
        "growing_to_less_is_refused [documented; A15]"
    );
    let hardened = suite::hardened();
    assert!(hardened.iter().all(|rule| rule.tier() == Tier::Hardened));
}
