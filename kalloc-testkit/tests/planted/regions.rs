//! The bugs of regions.

use std::cell::Cell;
use std::rc::Rc;

use kalloc_testkit::conformance::{Source, suite};
use kalloc_testkit::fault::{PlantedRegion, RegionFault};

use super::{assert_caught, assert_same};

/// Emits a test for each fault, and the table.
macro_rules! faults {
    ($($test:ident: $fault:ident => $($rule:ident),+;)*) => {
        $(
            #[test]
            fn $test() {
                $(assert_fails(RegionFault::$fault, stringify!($rule));)+
            }
        )*

        const TABLE: &[(RegionFault, &[&str])] = &[$((RegionFault::$fault, &[$(stringify!($rule)),+])),*];
    };
}

/// Fails unless the rule of that name fails on a region with the fault.
#[track_caller]
fn assert_fails(fault: RegionFault, name: &str) {
    let is_taken: Rc<Cell<bool>> = Rc::default();
    let make = || PlantedRegion::new(&is_taken, fault);
    assert_caught(&suite::all_memory(), name, &Source::new(&make));
}

#[test]
fn every_fault_is_tried_and_every_rule_fails_on_one() {
    let missing = RegionFault::ALL
        .iter()
        .filter(|fault| TABLE.iter().all(|(listed, _)| listed != *fault));
    assert_eq!(missing.count(), 0);
    let listed = TABLE.iter().flat_map(|(_, rules)| rules.iter().copied());
    assert_same(
        listed,
        suite::all_memory::<PlantedRegion>().into_iter().map(|rule| rule.name),
    );
}

faults! {
refuses_claim: RefusesClaim => claimed_memory_can_be_written;
shares_claim: SharesClaim => a_second_claim_is_refused;
keeps_claim: KeepsClaim => a_dropped_region_can_be_had_again;
refusal_releases: RefusalReleases => a_second_claim_is_refused;
span_wobbles: SpanWobbles => the_span_is_always_the_same;
inside_itself: InsideItself => the_span_stays_when_the_region_moves;
says_zero: SaysZero => zeroed_memory_is_zero;
says_zero_when_grown: SaysZeroWhenGrown => zeroed_memory_is_zero;
never_grows: NeverGrows => the_region_can_grow;
grows_short: GrowsShort => growth_is_at_the_high_end;
grows_though_refused: GrowsThoughRefused => impossible_growth_is_refused;
growth_overwrites: GrowthOverwrites => growth_is_at_the_high_end;
agrees_to_anything: AgreesToAnything => impossible_growth_is_refused;
shrinks_low_end: ShrinksLowEnd => shrinking_is_at_the_high_end;
shrinks_too_much: ShrinksTooMuch => shrinking_is_at_the_high_end;
shrinks_below_nothing: ShrinksBelowNothing => shrinking_below_nothing_is_refused;
shrinks_though_refused: ShrinksThoughRefused => shrinking_below_nothing_is_refused;
shrinks_nothing: ShrinksNothing => a_region_that_shrinks_gives_bytes_back;
translates_anything: TranslatesAnything => foreign_pointers_are_not_translated;}
