//! What the rules say of a toy allocator, and that `docs/judging.md` shows it as it is.
//!
//! A crate of your own would have one line instead:
//!
//! ```text
//! kalloc_testkit::conformance!(toy, toy, quality: [lifo]);
//! ```
//!
//! It is not here, as three of its tests fail.
#![cfg(not(miri))]

#[path = "toy/allocator.rs"]
mod allocator;

use allocator::Toy;
use kalloc_testkit::conformance::{Report, Subject, suite};
use kalloc_testkit::face::GlobalFace;
use kalloc_testkit::region::{GuardedRegion, Held};
use kalloc_testkit::replay;
use kalloc_testkit::workload::ROOM;

/// Returns a fresh toy, with memory of its own between guard bytes.
fn toy() -> Held<GlobalFace<Toy>, GuardedRegion> {
    Held::over(GuardedRegion::new(ROOM), |span| {
        // SAFETY: the memory is the toy's for as long as `Held` keeps both.
        GlobalFace(unsafe { Toy::new(span.start(), span.len() as u32) })
    })
}

/// Returns a text with its addresses blotted out, as they differ from run to run.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut blotted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        blotted.push_str("0x…");
        blotted.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    }
    blotted
}

#[test]
fn the_guide_shows_what_the_rules_say_of_the_toy() {
    let mut rules = suite::contract();
    rules.extend(suite::lifo());
    let report = Report::in_full(&rules, &Subject::new(&toy));
    assert_eq!(report.broken.len(), 3, "{report}");
    let guide = include_str!("../../docs/judging.md");
    let told = without_addresses(&report.to_string());
    assert!(guide.contains(&told), "docs/judging.md does not show:\n{told}");
}

#[test]
fn the_guide_shows_the_toy() {
    let source = include_str!("toy/allocator.rs");
    let guide = include_str!("../../docs/judging.md");
    let alloc = source
        .lines()
        .skip_while(|line| !line.contains("unsafe fn alloc("))
        .take(8);
    for line in alloc {
        assert!(guide.contains(line.trim()), "docs/judging.md does not show `{line}`");
    }
}

#[test]
fn a_program_that_was_printed_shows_the_same_again() {
    let failure = replay(toy, "a0:4294967296@1 a1:8@1").unwrap_err();
    assert!(failure.words().contains("overlaps the live one"), "{failure}");
}
