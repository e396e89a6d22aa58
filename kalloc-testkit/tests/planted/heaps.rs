//! The bugs of heaps.

use kalloc_testkit::conformance::{Builder, Rule, Subject, suite};
use kalloc_testkit::fault::planted::{Fault, Planted};
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;

use super::{assert_caught, assert_same};

/// Emits a test for each fault, and the table.
macro_rules! faults {
    ($($test:ident: $fault:ident => $($rule:ident),+;)*) => {
        $(
            #[test]
            fn $test() {
                $(assert_fails(Fault::$fault, stringify!($rule));)+
            }
        )*

        const TABLE: &[(Fault, &[&str])] = &[$((Fault::$fault, &[$(stringify!($rule)),+])),*];
    };
}

/// Fails unless the rule of that name fails on a heap with the fault.
#[track_caller]
fn assert_fails(fault: Fault, name: &str) {
    if rules_over().iter().any(|rule| rule.name == name) {
        let build = |region| Planted::new(region, fault);
        assert_caught(&rules_over(), name, &Builder::open(&build));
    } else {
        let make = || Planted::new(GuardedRegion::new(ROOM), fault);
        assert_caught(&rules(), name, &Subject::open(&make));
    }
}

/// Returns every rule for heaps.
fn rules<'a>() -> Vec<Rule<Subject<'a>>> {
    [suite::all(), suite::hardened()].concat()
}

/// Returns every rule for heaps over regions.
fn rules_over<'a>() -> Vec<Rule<Builder<'a>>> {
    [suite::all_over(), suite::over_verifies()].concat()
}

#[test]
fn every_fault_is_tried_and_every_rule_fails_on_one() {
    let missing = Fault::ALL
        .iter()
        .filter(|fault| TABLE.iter().all(|(listed, _)| listed != *fault));
    assert_eq!(missing.count(), 0);
    let listed = TABLE.iter().flat_map(|(_, rules)| rules.iter().copied());
    let existing = rules().into_iter().map(|rule| rule.name);
    assert_same(listed, existing.chain(rules_over().into_iter().map(|rule| rule.name)));
}

faults! {
size_wraps: SizeWraps => sizes_that_would_wrap_are_refused, the_largest_size_of_every_alignment_is_refused, impossible_requests_leave_a_heap_usable;
narrow_size: NarrowSize => wide_sizes_are_not_truncated;
ignores_alignment: IgnoresAlignment => every_alignment_is_kept_or_refused, over_aligned_blocks_lie_apart;
misaligned_by_granule: MisalignedByGranule => every_alignment_is_kept_or_refused, the_largest_block_is_all_there, growing_keeps_the_contents;
refuses_odd_sizes: RefusesOddSizes => a_size_need_not_be_a_multiple_of_its_alignment;
panics_on_huge_layouts: PanicsOnHugeLayouts => sizes_beyond_the_last_power_of_two_are_refused, a_full_heap_refuses_and_keeps_its_blocks, blocks_never_overlap_until_the_heap_is_full;
refuses_all: RefusesAll => a_fresh_heap_serves_small_blocks;
extent_follows_alignment: ExtentFollowsAlignment => one_size_has_one_extent_at_every_alignment, every_small_size_is_served_in_bounds, aligned_and_small_blocks_get_along, two_heaps_share_nothing;
extent_follows_path: ExtentFollowsPath => a_block_resized_in_place_has_the_extent_of_its_size;
extent_of_zeroed_differs: ExtentOfZeroedDiffers => a_zeroed_block_has_the_extent_of_its_size, no_bytes_are_served_at_every_alignment;
extent_of_moved_differs: ExtentOfMovedDiffers => a_grown_block_has_the_extent_of_its_size, a_block_can_shrink_to_no_bytes;
extent_keeps_growing: ExtentKeepsGrowing => every_size_up_to_the_extent_has_that_extent;
frees_by_size: FreesBySize => used_is_the_extents_of_live_blocks;
frees_one_more: FreesOneMore => any_size_of_the_extent_frees_a_block, sizes_beside_bin_edges_are_served_in_full;
resizes_by_size: ResizesBySize => patterns_leave_the_heap_whole;
resizes_one_more: ResizesOneMore => any_size_of_the_extent_resizes_a_block, shrinking_to_the_same_size_changes_nothing;
overlaps_by_granule: OverlapsByGranule => blocks_can_be_written_to_their_extent, blocks_never_overlap_until_the_heap_is_full;
hands_out_twice: HandsOutTwice => a_freed_block_is_handed_out_once, freeing_the_neighbours_leaves_a_block_alone, a_sawtooth_is_survived, alternating_sizes_get_along, slivers_are_survived, robsons_adversary_is_survived;
loses_back_padding: LosesBackPadding => remainders_come_back;
loses_front_padding: LosesFrontPadding => gaps_of_aligned_blocks_come_back;
no_left_merge: NoLeftMerge => freed_forwards_the_heap_is_whole_again, freed_every_other_first_the_heap_is_whole_again;
no_right_merge: NoRightMerge => freed_backwards_the_heap_is_whole_again, freed_in_no_order_the_heap_is_whole_again;
skips_exact_fit: SkipsExactFit => a_hole_serves_the_request_that_left_it, an_aligned_hole_serves_the_request_that_left_it, one_block_can_be_replaced_for_ever;
refuses_after_oom: RefusesAfterOom => freeing_in_any_order_makes_room;
leaks_on_refusal: LeaksOnRefusal => refusals_change_nothing;
never_reuses: NeverReuses => freeing_in_any_order_makes_room, freeing_backwards_makes_room;
not_deterministic: NotDeterministic => the_same_program_gives_the_same_addresses;
forgets_when_moved: ForgetsWhenMoved => a_moved_heap_keeps_its_blocks;
clears_behind_freed: ClearsBehindFreed => freeing_the_neighbours_leaves_a_block_alone;
zero_takes_block: ZeroTakesBlock => no_bytes_never_exhaust_a_heap;
zero_is_unaligned: ZeroIsUnaligned => no_bytes_are_served_at_every_alignment, no_bytes_at_huge_alignments_do_no_harm;
zero_needs_room: ZeroNeedsRoom => a_full_heap_serves_no_bytes, an_empty_region_makes_a_heap_that_refuses;
frees_zero_size: FreesZeroSize => freeing_no_bytes_changes_nothing, random_programs_of_mixed_blocks;
shrink_to_zero_leaks: ShrinkToZeroLeaks => shrinking_to_no_bytes_makes_room, an_emptied_heap_uses_nothing, random_programs_leave_the_heap_whole;
resizes_zero: ResizesZero => no_bytes_are_never_resized_in_place;
refuses_grow_from_zero: RefusesGrowFromZero => no_bytes_grow_to_a_block;
zeroed_is_dirty: ZeroedIsDirty => zeroed_blocks_are_zero, zeroed_blocks_are_zero_after_use, a_reference_is_the_same_heap;
zeroed_is_short: ZeroedIsShort => zeroed_blocks_are_zero;
trusts_freed_memory: TrustsFreedMemory => zeroed_regions_do_not_stay_zero;
trusts_region: TrustsRegion => zeroed_blocks_are_zero;
says_zero: SaysZero => blocks_said_to_be_zero_are;
failed_grow_frees: FailedGrowFrees => a_refused_growth_leaves_the_block, refusals_change_no_other_counter;
grow_copies_too_little: GrowCopiesTooLittle => growing_between_neighbours_keeps_the_contents, going_up_and_down_keeps_the_contents, doubling_vectors_keep_their_contents;
grow_zeroed_is_dirty: GrowZeroedIsDirty => growing_zeroed_clears_what_is_new, growing_zeroed_clears_what_a_shrink_gave_up;
copies_by_alignment: CopiesByAlignment => growing_to_a_smaller_alignment_is_obeyed, growing_to_a_larger_alignment_is_obeyed;
grows_left_backwards: GrowsLeftBackwards => growing_backwards_keeps_the_contents, neighbours_that_resize_get_along;
grows_down: GrowsDown => growing_to_less_is_refused;
grows_to_same: GrowsToSame => growing_to_the_same_size_changes_nothing;
grows_too_far: GrowsTooFar => growing_beside_a_hole_too_small_does_no_harm, growing_in_place_takes_free_memory_only;
shrink_keeps_tail: ShrinkKeepsTail => the_tail_of_a_shrink_can_be_had_again;
shrink_frees_too_much: ShrinkFreesTooMuch => what_a_shrink_gives_up_is_handed_out_once, shrinking_to_a_smaller_alignment_is_obeyed;
shrink_forgets_contents: ShrinkForgetsContents => a_shrunk_block_has_the_extent_of_its_size, shrinking_to_a_larger_alignment_is_obeyed;
shrinks_up: ShrinksUp => shrinking_to_more_is_refused;
failed_shrink_frees: FailedShrinkFrees => a_refused_shrink_leaves_the_block, random_programs_of_over_aligned_blocks, random_programs_of_huge_blocks, random_programs_on_a_full_heap;
resize_ignores_alignment: ResizeIgnoresAlignment => resizing_in_place_obeys_the_alignment, growing_to_a_larger_alignment_is_obeyed;
resize_moves: ResizeMoves => resizing_in_place_never_moves, shrinking_keeps_the_contents;
refuses_to_shrink_in_place: RefusesToShrinkInPlace => shrinking_in_place_always_succeeds;
failed_resize_frees_tail: FailedResizeFreesTail => a_refused_resize_leaves_the_block, a_full_heap_resizes_or_refuses, random_programs_at_bin_edges, random_programs_of_small_blocks;
failures_uncounted: FailuresUncounted => every_refusal_is_counted_once;
failures_counted_twice: FailuresCountedTwice => every_refusal_is_counted_once;
peak_stale: PeakStale => the_peak_is_the_greatest_used;
used_drifts: UsedDrifts => counters_add_up;
counts_before_use: CountsBeforeUse => an_untouched_heap_uses_nothing, a_growing_region_may_look_into_the_heap;
zero_counts_live: ZeroCountsLive => no_bytes_count_nowhere, live_blocks_are_counted;
capacity_moves: CapacityMoves => small_regions_are_counted_right, the_capacity_stays;
owns_the_end: OwnsTheEnd => small_regions_are_counted_right, foreign_memory_is_not_owned;
owns_all: OwnsAll => blocks_of_another_heap_are_not_owned;
owns_nothing: OwnsNothing => live_blocks_are_owned;
walk_leaves_gaps: WalkLeavesGaps => the_walk_leaves_no_gap;
walk_hides_free: WalkHidesFree => free_runs_add_up_to_the_free_bytes;
walk_shows_used_as_free: WalkShowsUsedAsFree => live_blocks_lie_in_used_runs;
run_is_not_cut: RunIsNotCut => a_run_can_be_asked_for_by_any_address;
verify_alarms: VerifyAlarms => a_visitor_may_use_the_heap, the_invariants_hold;
writes_past_region: WritesPastRegion => no_small_region_is_overrun, no_odd_region_is_overrun;
writes_before_region: WritesBeforeRegion => no_small_region_is_overrun;
rounds_end_up: RoundsEndUp => no_small_region_is_overrun;
rounds_start_down: RoundsStartDown => no_odd_region_is_overrun, blocks_survive_growth;
uses_refused_region: UsesRefusedRegion => a_refused_region_is_left_alone;
claims_twice: ClaimsTwice => a_region_is_claimed_once_and_let_go;
never_retries: NeverRetries => a_refused_claim_is_tried_again;
zero_claims: ZeroClaims => an_unused_heap_leaves_its_region_alone;
init_lies: InitLies => init_tells_what_is_wrong;
measures_before_claim: MeasuresBeforeClaim => a_region_is_claimed_once_and_let_go;
trusts_old_image: TrustsOldImage => old_contents_are_not_trusted;
leaks_region: LeaksRegion => a_region_is_claimed_once_and_let_go;
never_grows: NeverGrows => a_region_that_grows_serves_more, a_growing_region_may_free;
believes_growth: BelievesGrowth => a_short_growth_is_not_believed;
takes_refused_growth: TakesRefusedGrowth => any_growth_may_be_refused;
ignores_excess: IgnoresExcess => what_a_generous_growth_brought_is_used;
loses_short_growth: LosesShortGrowth => what_a_short_growth_brought_is_used;
stays_busy: StaysBusy => a_refused_growth_is_tried_again;
grows_for_ever: GrowsForEver => a_request_gives_up;
nests_growth: NestsGrowth => a_growth_inside_of_a_growth_is_refused, a_claim_inside_of_a_claim_is_refused, a_growing_region_may_allocate, a_growing_region_may_resize;
forgets_old_memory: ForgetsOldMemory => growth_is_counted_right;
merges_across_live: MergesAcrossLive => a_comb_is_survived, robsons_adversary_is_survived, two_heaps_share_nothing;
rounds_growth_up: RoundsGrowthUp => a_generous_growth_does_no_harm;
align_wraps: AlignWraps => the_largest_size_of_every_alignment_is_refused;
tag_overlaps_size: TagOverlapsSize => wide_sizes_are_not_truncated;
aligns_by_offset: AlignsByOffset => no_odd_region_is_overrun, requests_around_the_region_stay_inside;
hands_out_zero_page: HandsOutZeroPage => no_small_region_is_overrun;
accepts_region_plus_one: AcceptsRegionPlusOne => requests_around_the_region_stay_inside;
accepts_empty_region: AcceptsEmptyRegion => an_empty_region_makes_a_heap_that_refuses;
takes_more_than_it_frees: TakesMoreThanItFrees => freed_forwards_the_heap_is_whole_again;
frees_wrong_suffix: FreesWrongSuffix => blocks_never_overlap_until_the_heap_is_full, random_programs_of_over_aligned_blocks;
loses_list_at_sliver: LosesListAtSliver => gaps_of_aligned_blocks_come_back, random_programs_leave_the_heap_whole;
searches_wrong_bin: SearchesWrongBin => a_hole_serves_the_request_that_left_it;
skips_first_run: SkipsFirstRun => one_block_can_be_replaced_for_ever;
inserts_unsorted: InsertsUnsorted => freed_in_no_order_the_heap_is_whole_again, patterns_leave_the_heap_whole;
loses_some_frees: LosesSomeFrees => freeing_in_any_order_makes_room;
frees_to_wrong_bin: FreesToWrongBin => freed_backwards_the_heap_is_whole_again;
frees_large_shifted: FreesLargeShifted => random_programs_of_mixed_blocks, doubling_vectors_keep_their_contents;
link_too_wide: LinkTooWide => freeing_the_neighbours_leaves_a_block_alone, a_thousand_holes_are_survived, the_killer_of_best_fit_is_survived, a_map_bears_any_refused_growth;
trim_drops_cache: TrimDropsCache => freed_forwards_the_heap_is_whole_again;
trim_frees_live: TrimFreesLive => trimming_leaves_live_blocks_alone;
serial_wraps: SerialWraps => a_block_comes_and_goes_past_narrow_counters;
accepts_double_free: AcceptsDoubleFree => a_double_free_is_refused;
accepts_interior_free: AcceptsInteriorFree => freeing_inside_of_a_block_is_refused;
accepts_wrong_size: AcceptsWrongSize => freeing_by_another_size_is_refused;
accepts_foreign_free: AcceptsForeignFree => freeing_foreign_memory_is_refused, freeing_at_another_heap_is_refused;
zeroes_too_far: ZeroesTooFar => zeroed_blocks_are_zero_after_use;
same_size_frees: SameSizeFrees => growing_to_the_same_size_changes_nothing;
grows_past_end: GrowsPastEnd => growing_in_place_stays_inside, an_arena_bears_any_refused_growth;
move_loses_alignment: MoveLosesAlignment => growing_to_a_larger_alignment_is_obeyed;
move_returns_old: MoveReturnsOld => doubling_vectors_keep_their_contents, a_vector_bears_any_refusal;
grow_zeroed_trusts_tail: GrowZeroedTrustsTail => growing_zeroed_clears_what_a_shrink_gave_up;
grow_zeroed_clears_all: GrowZeroedClearsAll => growing_zeroed_clears_what_is_new;
grow_copies_too_much: GrowCopiesTooMuch => growing_zeroed_clears_what_is_new;
zero_free_counts_down: ZeroFreeCountsDown => no_bytes_count_nowhere;
verify_trusts_memory: VerifyTrustsMemory => verify_bears_any_flipped_bit;
verify_misses_state: VerifyMissesState => a_flipped_bit_is_reported_or_harmless;
init_forgets: InitForgets => laying_out_again_changes_nothing;
sweeps_region: SweepsRegion => one_small_block_touches_little;
panics_on_leak: PanicsOnLeak => a_heap_can_be_dropped_with_live_blocks;
loses_frees_while_growing: LosesFreesWhileGrowing => what_is_freed_during_a_growth_is_free;
hands_out_twice_in_patterns: HandsOutTwice => pins_among_short_lives_are_survived, a_thousand_holes_are_survived, sizes_that_round_up_get_along, the_last_block_is_freed_last, a_map_bears_any_refusal, an_arena_bears_any_refusal;
failed_grow_frees_in_programs: FailedGrowFrees => a_vector_bears_any_refused_growth;}
