//! The bugs, and the rules that find them.

use kalloc_testkit::conformance::{Builder, Report, Subject, suite};
use kalloc_testkit::fault::FailingRegion;
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_traits::Heap;

use crate::adapters::{
    LinkedList0_8_11, LinkedList0_9_1, LinkedList0_10_3, Rlsf, blink, bumpalo, stalloc, talc_lock_over,
};

/// A bug of a release.
pub struct Case {
    /// The crate and the version.
    pub release: &'static str,
    /// What goes wrong.
    pub bug: &'static str,
    /// Where it is told.
    pub source: &'static str,
    /// The rule that must not hold.
    pub rule: &'static str,
    /// What is said then, by the rule or by the panic.
    pub words: &'static str,
    judge: fn(rule: &str) -> Report,
}

impl Case {
    /// Judges the release by the rule. The bug may end the process.
    pub fn judge(&self) -> Report {
        let report = (self.judge)(self.rule);
        assert_eq!(
            report.held.len() + report.broken.len(),
            1,
            "there is no rule {}",
            self.rule
        );
        report
    }
}

/// Judges a heap by a rule that makes its heaps itself.
fn subject<H: Heap + 'static>(make: impl Fn() -> H, name: &str) -> Report {
    let rules = suite::all().into_iter().filter(|rule| rule.name == name);
    Report::of(&rules.collect::<Vec<_>>(), &Subject::new(&make))
}

/// Judges a heap over regions by a rule that brings the region, or by one that does not.
fn over<H: Heap + 'static>(build: impl Fn(FailingRegion) -> H, name: &str) -> Report {
    let rules = suite::all_over().into_iter().filter(|rule| rule.name == name);
    Report::of(&rules.collect::<Vec<_>>(), &Builder::new(&build))
}

/// Returns memory for a heap.
fn memory() -> GuardedRegion {
    GuardedRegion::new(ROOM)
}

/// Every case. The same bug in several releases counts once; most bugs break more rules than those that are named.
pub const CASES: &[Case] = &[
    Case {
        release: "linked_list_allocator 0.8.11",
        bug: "a region of less than two words is written past its end",
        source: "CVE-2022-36086, RUSTSEC-2022-0063",
        rule: "no_small_region_is_overrun",
        words: "a byte outside of the region was written",
        judge: |rule| over(LinkedList0_8_11::over, rule),
    },
    Case {
        release: "linked_list_allocator 0.9.1",
        bug: "a size near isize::MAX trips an unwrap",
        source: "rust-osdev/linked-list-allocator#79",
        rule: "sizes_that_would_wrap_are_refused",
        words: "LayoutError",
        judge: |rule| subject(|| LinkedList0_9_1::over(memory()), rule),
    },
    Case {
        release: "linked_list_allocator 0.10.3",
        bug: "what is left behind a block is lost for ever if it is too small for a hole",
        source: "rust-osdev/linked-list-allocator#66",
        rule: "remainders_come_back",
        words: "everything is free again, but the largest block is",
        judge: |rule| subject(|| LinkedList0_10_3::over(memory()), rule),
    },
    Case {
        release: "rlsf 0.1.0",
        bug: "a reallocation that moves copies too much, over the header behind the block",
        source: "rlsf's changelog",
        rule: "random_programs_of_over_aligned_blocks",
        words: "attempt to subtract with overflow",
        judge: |rule| subject(|| Rlsf::over(memory()), rule),
    },
    Case {
        release: "talc 5.1.1, TalcLock",
        bug: "no bytes are answered with address 1, whatever the alignment",
        source: "found by this suite's forerunner; talc's src/sync/mod.rs",
        rule: "no_bytes_are_served_at_every_alignment",
        words: "the block at 0x1 does not lie at a multiple of 2",
        judge: |rule| subject(|| talc_lock_over(memory()), rule),
    },
    Case {
        release: "stalloc 0.7.0",
        bug: "grow in place ignores a stricter alignment",
        source: "found by this suite's forerunner; stalloc's src/lib.rs, `grow`",
        rule: "growing_to_a_larger_alignment_is_obeyed",
        words: "does not lie at a multiple of",
        judge: |rule| subject(stalloc, rule),
    },
    Case {
        release: "blink-alloc 0.4.0",
        bug: "a size near isize::MAX makes an illegal layout, by an unchecked constructor",
        source: "found by this suite's forerunner; `Layout::from_size_align_unchecked` in its arena",
        rule: "the_largest_size_of_every_alignment_is_refused",
        words: "unsafe precondition(s) violated",
        judge: |rule| subject(blink, rule),
    },
    Case {
        release: "bumpalo 3.14.0",
        bug: "a shrink copies between blocks that overlap, by a copy that must not",
        source: "fitzgen/bumpalo#232",
        rule: "a_shrunk_block_has_the_extent_of_its_size",
        words: "unsafe precondition(s) violated: ptr::copy_nonoverlapping",
        judge: |rule| subject(bumpalo, rule),
    },
];
