//! What a failure prints last is one call that shows the bug again, with the same words.

use kalloc_testkit::conformance::{Crowd, Retell, Rule, Subject, suite};
use kalloc_testkit::drive::Failure;
use kalloc_testkit::fault::LockFault;
use kalloc_testkit::fault::planted::{Fault, Planted};
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_testkit::{replay, replay_inside, replay_lock, replay_threads};

use super::locks;
use super::threads::{Shared, Sharing};

/// Judges a subject by one of the rules, and returns what the failure says.
#[track_caller]
fn said<S: Retell>(rules: &[Rule<S>], name: &str, subject: &S) -> String {
    let rule = rules.iter().find(|rule| rule.name == name).unwrap();
    rule.judge(subject).unwrap_err().to_string()
}

/// Returns the text in the last line of what a failure says, which calls `function`, and what was shown by it.
#[track_caller]
fn printed(said: &str, function: &str) -> (String, String) {
    let last = said.lines().next_back().unwrap().trim();
    let script = last.strip_prefix(function).and_then(|call| call.split('"').nth(1));
    let script = script.unwrap_or_else(|| panic!("no `{function}` at the end of\n{said}"));
    let shown = said.lines().find(|line| line.trim().starts_with("shown by"));
    let shown = shown
        .and_then(|line| line.split_once(": "))
        .map_or("", |(_, shown)| shown);
    (script.to_owned(), shown.to_owned())
}

/// Returns words without their addresses, which differ from heap to heap.
fn blotted(words: &str) -> String {
    let mut parts = words.split("0x");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "0x…" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit())
    })
}

#[test]
fn a_heap_breaks_again_by_the_program_that_was_printed() {
    for (fault, name, function) in [
        (
            Fault::IgnoresAlignment,
            "every_alignment_is_kept_or_refused",
            "replay(make, ",
        ),
        (Fault::NarrowSize, "wide_sizes_are_not_truncated", "replay(make, "),
        (
            Fault::NoLeftMerge,
            "freed_forwards_the_heap_is_whole_again",
            "replay(make, ",
        ),
        (
            Fault::PeakStale,
            "the_peak_is_the_greatest_used",
            "replay_inside(make, ",
        ),
    ] {
        let make = move || Planted::new(GuardedRegion::new(ROOM), fault);
        let said = said(&suite::all(), name, &Subject::open(&make));
        let (script, shown) = printed(&said, function);
        let again: Failure = match function {
            "replay(make, " => replay(make, &script).unwrap_err(),
            _ => replay_inside(make, &script).unwrap_err(),
        };
        assert_eq!(blotted(again.words()), blotted(&shown), "{fault:?}: {said}");
        let sound = move || Planted::new(GuardedRegion::new(ROOM), Fault::None);
        assert_eq!(replay_inside(sound, &script), Ok(()), "{fault:?}: {script}");
    }
}

/// Programs that were printed once.
#[test]
fn what_was_printed_stays_a_test() {
    for (fault, script, words) in [
        (
            Fault::IgnoresAlignment,
            "a0:1@1 a1:1@16",
            "does not lie at a multiple of 16",
        ),
        (
            Fault::LosesFrontPadding,
            "whole a0:8@1 a1:8@64 f0 f1",
            "everything is free again, but",
        ),
    ] {
        let failure = replay(|| Planted::new(GuardedRegion::new(ROOM), fault), script).unwrap_err();
        assert!(failure.words().contains(words), "{failure}");
        replay(|| Planted::new(GuardedRegion::new(ROOM), Fault::None), script).unwrap();
    }
}

#[test]
fn a_lock_breaks_again_by_the_fewest_steps_there_are() {
    for (fault, name, steps) in [
        (LockFault::StartsHeld, "a_fresh_lock_can_be_had", "t0"),
        (LockFault::NeverExcludes, "a_held_lock_is_refused", "t0 t0"),
        (LockFault::NeverReleases, "a_released_lock_can_be_had_again", "t0 u t0"),
        (LockFault::TryReleases, "refused_attempts_change_nothing", "t0 t0 t0"),
        (LockFault::SharesOneFlag, "two_locks_are_two", "t0 t1"),
        (LockFault::DiesWhenMoved, "a_free_lock_can_be_moved", "t0 u m0 t0"),
        (LockFault::NeverMasks, "a_held_lock_masks", "t0"),
        (LockFault::AlwaysUnmasks, "a_release_restores_what_was", "t0 t1 u"),
        (
            LockFault::SavesInOnePlace,
            "locks_inside_of_one_another_restore_in_order",
            "t0 t0 u",
        ),
        (LockFault::RefusedStaysMasked, "a_refused_attempt_restores", "t0 n t0"),
    ] {
        let said = said(&locks::rules(), name, &locks::planted(fault));
        let (script, shown) = printed(&said, "replay_lock(&lock, ");
        assert_eq!(script, steps, "{fault:?}");
        let again = replay_lock(&locks::planted(fault), &script).unwrap_err();
        assert_eq!(again.words(), shown, "{fault:?}");
        assert_eq!(replay_lock(&locks::planted(LockFault::None), &script), Ok(()));
    }
}

/// Where there is no program of a few steps, or none at all, the failure says so.
#[test]
fn a_lock_that_no_program_shows_says_so() {
    let said = |fault, name| said(&locks::rules(), name, &locks::planted(fault));
    let words = said(LockFault::WrapsSoon, "a_lock_goes_on_past_narrow_counters");
    assert!(words.contains("no program of up to"), "{words}");
    let words = said(LockFault::NeverExcludes, "one_thread_at_a_time_has_a_lock");
    assert!(
        words.contains("3 threads, without seeds, at most 4000 turns each"),
        "{words}"
    );
    assert!(replay_lock(&locks::planted(LockFault::None), "t0 x").is_err());
}

#[test]
fn threads_break_a_heap_again_in_as_few_steps_as_were_printed() {
    for (fault, sharing, name) in [
        (Fault::None, Sharing::PassesOn, "threads_share_a_heap"),
        (
            Fault::RefusesAfterOom,
            Sharing::Sound,
            "threads_exhaust_a_heap_together",
        ),
    ] {
        let make = move || Shared::new(fault, sharing);
        let said = said(&suite::threads(), name, &Crowd::new(&make));
        let (script, _) = printed(&said, "replay_threads(make, ");
        assert!(said.contains("3 threads, with the seeds from 0 on"), "{said}");
        // Threads take turns as they like, and the fewest steps are just enough for a failure to come at times.
        assert!((0..200).any(|_| replay_threads(make, &script).is_err()), "{said}");
        let sound = || Shared::new(Fault::None, Sharing::Sound);
        assert_eq!(replay_threads(sound, &script), Ok(()));
    }
    assert!(replay_threads(|| Shared::new(Fault::None, Sharing::Sound), "no_rule 7").is_err());
}
