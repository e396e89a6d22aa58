//! The test kit's rules, run by the kernel itself: its tables of plain functions need no test harness.
//!
//! A rule that does not hold panics, as does one that finds a guard byte overwritten; either ends the kernel.

use kalloc_bump::Bump;
use kalloc_pool::{AddressOrdered, Pool};
use kalloc_sync::Locked;
use kalloc_testkit::conformance::{Builder, Rule, Source, Subject, suite};
use kalloc_testkit::fault::FailingRegion;
use kalloc_testkit::fault::planted::{Fault as Bug, Planted};
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_traits::{LinkerRegion, linker_region};

use crate::fault::Fault;
use crate::{print, println};

linker_region! {
    // SAFETY: `virt.ld` keeps these bytes for the rules, and this is the only place that names them.
    static SPARE_MEMORY = unsafe { __spare_start..__spare_end };
}

/// Judges the kinds of heap that a kernel builds, and the region that this one is built on. Each heap that is judged lies
/// in memory from the kernel's own heap, between guard bytes.
pub(crate) fn judge_all() {
    println!("the pool, by bins:");
    let make = || Pool::<GuardedRegion>::new(memory());
    judge(&suite::all(), &Subject::open(&make));

    println!("the pool, by bins, when its region grows, refuses, or calls it:");
    let build = |region| Pool::<FailingRegion>::new(region);
    judge(&suite::all_over(), &Builder::open(&build));

    println!("the pool, by address:");
    let make = || Pool::<_, AddressOrdered>::with_config(memory());
    judge(&suite::all(), &Subject::open(&make));

    println!("the pool behind a lock, as the kernel's heap is:");
    let make = || Locked::<Pool<GuardedRegion>>::new(Pool::new(memory()));
    judge(&suite::all(), &Subject::open(&make));

    println!("the bump:");
    let make = || Bump::new(memory());
    judge(&suite::contract(), &Subject::open(&make));
    judge(&suite::inspect(), &Subject::open(&make));
    judge(&suite::lifo(), &Subject::open(&make));

    println!("memory between two symbols of the linker script:");
    let make = || SPARE_MEMORY.region();
    judge(&suite::memory::<LinkerRegion>(), &Source::new(&make));
    judge(&suite::memory_claims::<LinkerRegion>(), &Source::new(&make));
}

/// Judges a heap with a known bug, which at least one rule has to notice.
pub(crate) fn catch_a_bug() {
    let make = || Planted::new(memory(), Bug::HandsOutTwice);
    let subject = Subject::new(&make);
    if Fault::Rule.is_planted() {
        judge(&suite::contract(), &subject);
    }
    let rules = suite::contract();
    let mut broken = rules
        .iter()
        .filter_map(|rule| Some((rule.name, (rule.check)(&subject).err()?)));
    match broken.next() {
        Some((name, failure)) => println!("  caught by {name}: {failure}"),
        None => panic!("no rule notices a heap that hands blocks out twice"),
    }
}

/// Returns guarded memory for a heap.
fn memory() -> GuardedRegion {
    GuardedRegion::new(ROOM)
}

/// Judges a subject by every rule of a list. Prints a line for each family, and a point for each rule that holds.
fn judge<S>(rules: &[Rule<S>], subject: &S) {
    for family in rules.chunk_by(|a, b| a.family == b.family) {
        print!("  {:<11}", family[0].family);
        for rule in family {
            if let Err(failure) = (rule.check)(subject) {
                panic!("{}: {failure}", rule.name);
            }
            print!(".");
        }
        println!(" {}", family.len());
    }
}
