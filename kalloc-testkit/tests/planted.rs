//! Each planted bug fails the rules that are there to find it, each rule fails on a planted bug, and without a bug all
//! rules hold (`reference.rs`).
//!
//! The tables name for each bug some rules that find it, the most telling first; most bugs fail more.

// The bugs are undefined behaviour on purpose: overlapping blocks, writes beside the region.
#![cfg(not(miri))]

#[path = "planted/faces.rs"]
mod faces;
#[path = "planted/heaps.rs"]
mod heaps;
#[path = "planted/locks.rs"]
mod locks;
#[path = "planted/regions.rs"]
mod regions;
#[path = "planted/replays.rs"]
mod replays;
#[path = "planted/threads.rs"]
mod threads;

use std::collections::BTreeSet;

use kalloc_testkit::conformance::{Report, Rule};

/// Fails unless the rule of that name does not hold for the subject.
#[track_caller]
fn assert_caught<S>(rules: &[Rule<S>], name: &str, subject: &S) {
    let rule = rules.iter().find(|rule| rule.name == name);
    let rule = *rule.unwrap_or_else(|| panic!("there is no rule {name}"));
    let report = Report::of(&[rule], subject);
    assert_eq!(report.broken.len(), 1, "{name} does not notice the bug");
}

/// Fails unless both have the same elements.
#[track_caller]
fn assert_same<'a>(listed: impl IntoIterator<Item = &'a str>, existing: impl IntoIterator<Item = &'a str>) {
    let listed: BTreeSet<&str> = listed.into_iter().collect();
    let existing: BTreeSet<&str> = existing.into_iter().collect();
    let missing: Vec<&&str> = existing.difference(&listed).collect();
    assert!(missing.is_empty(), "in no table: {missing:?}");
    assert_eq!(listed, existing);
}
