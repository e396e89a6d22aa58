//! The bugs of locks.

use std::cell::Cell;

use kalloc_testkit::conformance::{Lock, suite};
use kalloc_testkit::fault::{LockFault, PlantedLock};

use super::{assert_caught, assert_same};

thread_local! {
    /// Whether this thread has masked what the locks mask.
    static IS_MASKED: Cell<bool> = const { Cell::new(false) };
}

/// Returns the locks with a fault.
pub(crate) fn planted(fault: LockFault) -> Lock<'static> {
    let (is_masked, set) = (|| IS_MASKED.get(), |masked| IS_MASKED.set(masked));
    let lock = Lock::new(
        move || PlantedLock::new(fault, is_masked, set),
        PlantedLock::lock,
        PlantedLock::try_lock,
        PlantedLock::unlock,
    );
    lock.masking(is_masked, set)
}

/// Emits a test for each fault, and the table.
macro_rules! faults {
    ($($test:ident: $fault:ident => $($rule:ident),+;)*) => {
        $(
            #[test]
            fn $test() {
                $(assert_fails(LockFault::$fault, stringify!($rule));)+
            }
        )*

        const TABLE: &[(LockFault, &[&str])] = &[$((LockFault::$fault, &[$(stringify!($rule)),+])),*];
    };
}

/// Returns every rule for locks.
pub(crate) fn rules<'a>() -> Vec<kalloc_testkit::conformance::Rule<Lock<'a>>> {
    [suite::lock(), suite::lock_masks(), suite::lock_threads()].concat()
}

/// Fails unless the rule of that name fails on a lock with the fault.
#[track_caller]
fn assert_fails(fault: LockFault, name: &str) {
    assert_caught(&rules(), name, &planted(fault));
}

#[test]
fn every_fault_is_tried_and_every_rule_fails_on_one() {
    let missing = LockFault::ALL.iter().filter(|fault| {
        // No strongly ordered processor shows it: `tests/locks.rs` has it under Miri.
        **fault != LockFault::ReleasesRelaxed && TABLE.iter().all(|(listed, _)| listed != *fault)
    });
    assert_eq!(missing.count(), 0);
    let listed = TABLE.iter().flat_map(|(_, rules)| rules.iter().copied());
    assert_same(listed, rules().into_iter().map(|rule| rule.name));
}

faults! {
starts_held: StartsHeld => a_fresh_lock_can_be_had;
never_excludes: NeverExcludes => a_held_lock_is_refused, one_thread_at_a_time_has_a_lock, what_was_written_under_a_lock_is_seen;
never_releases: NeverReleases => a_released_lock_can_be_had_again;
try_waits: TryWaits => an_attempt_never_waits;
try_releases: TryReleases => refused_attempts_change_nothing;
shares_one_flag: SharesOneFlag => two_locks_are_two, locks_inside_of_one_another_are_held;
dies_when_moved: DiesWhenMoved => a_free_lock_can_be_moved;
wraps_soon: WrapsSoon => a_lock_goes_on_past_narrow_counters;
gives_up: GivesUp => a_waiter_waits_and_then_has_the_lock;
never_masks: NeverMasks => a_held_lock_masks;
always_unmasks: AlwaysUnmasks => a_release_restores_what_was;
saves_in_one_place: SavesInOnePlace => locks_inside_of_one_another_restore_in_order;
refused_stays_masked: RefusedStaysMasked => a_refused_attempt_restores;}
