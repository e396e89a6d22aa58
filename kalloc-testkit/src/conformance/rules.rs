//! The names of all rules, once: from here come both the tests and the tables, so that neither can lack one.

/// Hands the rules of a quality to the macro `$then`, behind `$arguments` and the list's
/// name: families with the names of their rules.
#[doc(hidden)]
#[macro_export]
macro_rules! __rules {
    (contract, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments contract
            layout: [
                a_fresh_heap_serves_small_blocks,
                every_small_size_is_served_in_bounds,
                a_size_need_not_be_a_multiple_of_its_alignment,
                sizes_beside_bin_edges_are_served_in_full,
                wide_sizes_are_not_truncated,
                the_largest_size_of_every_alignment_is_refused,
                sizes_that_would_wrap_are_refused,
                sizes_beyond_the_last_power_of_two_are_refused,
                every_alignment_is_kept_or_refused,
                over_aligned_blocks_lie_apart,
                the_largest_block_is_all_there,
                impossible_requests_leave_a_heap_usable,
            ]
            zero: [
                no_bytes_are_served_at_every_alignment,
                no_bytes_at_huge_alignments_do_no_harm,
                no_bytes_never_exhaust_a_heap,
                a_full_heap_serves_no_bytes,
                freeing_no_bytes_changes_nothing,
                no_bytes_grow_to_a_block,
                a_block_can_shrink_to_no_bytes,
            ]
            extent: [
                one_size_has_one_extent_at_every_alignment,
                a_zeroed_block_has_the_extent_of_its_size,
                a_grown_block_has_the_extent_of_its_size,
                a_shrunk_block_has_the_extent_of_its_size,
                a_block_resized_in_place_has_the_extent_of_its_size,
                every_size_up_to_the_extent_has_that_extent,
                any_size_of_the_extent_frees_a_block,
                any_size_of_the_extent_resizes_a_block,
            ]
            disjoint: [
                blocks_never_overlap_until_the_heap_is_full,
                a_freed_block_is_handed_out_once,
                two_heaps_share_nothing,
                a_moved_heap_keeps_its_blocks,
                a_reference_is_the_same_heap,
            ]
            programs: [
                random_programs_of_small_blocks,
                random_programs_of_mixed_blocks,
                random_programs_at_bin_edges,
                random_programs_of_over_aligned_blocks,
                random_programs_of_huge_blocks,
                random_programs_on_a_full_heap,
            ]
            patterns: [
                a_sawtooth_is_survived,
                a_comb_is_survived,
                robsons_adversary_is_survived,
                slivers_are_survived,
                aligned_and_small_blocks_get_along,
                doubling_vectors_keep_their_contents,
                neighbours_that_resize_get_along,
                alternating_sizes_get_along,
                pins_among_short_lives_are_survived,
                a_thousand_holes_are_survived,
                the_killer_of_best_fit_is_survived,
                sizes_that_round_up_get_along,
                the_last_block_is_freed_last,
            ]
            contents: [
                zeroed_blocks_are_zero,
                zeroed_blocks_are_zero_after_use,
                blocks_said_to_be_zero_are,
                blocks_can_be_written_to_their_extent,
                freeing_the_neighbours_leaves_a_block_alone,
            ]
            exhaustion: [
                a_full_heap_refuses_and_keeps_its_blocks,
                refusals_change_nothing,
                a_full_heap_resizes_or_refuses,
            ]
            grow: [
                growing_keeps_the_contents,
                growing_between_neighbours_keeps_the_contents,
                growing_to_a_larger_alignment_is_obeyed,
                growing_to_a_smaller_alignment_is_obeyed,
                growing_to_the_same_size_changes_nothing,
                a_refused_growth_leaves_the_block,
                growing_zeroed_clears_what_is_new,
                growing_zeroed_clears_what_a_shrink_gave_up,
                growing_backwards_keeps_the_contents,
                growing_beside_a_hole_too_small_does_no_harm,
            ]
            shrink: [
                shrinking_keeps_the_contents,
                going_up_and_down_keeps_the_contents,
                shrinking_to_a_larger_alignment_is_obeyed,
                shrinking_to_a_smaller_alignment_is_obeyed,
                a_refused_shrink_leaves_the_block,
                shrinking_to_the_same_size_changes_nothing,
                what_a_shrink_gives_up_is_handed_out_once,
            ]
            refusals: [
                a_vector_bears_any_refusal,
                a_map_bears_any_refusal,
                an_arena_bears_any_refusal,
            ]
            in_place: [
                resizing_in_place_never_moves,
                a_refused_resize_leaves_the_block,
                resizing_in_place_obeys_the_alignment,
                growing_in_place_takes_free_memory_only,
            ]
        }
    };
    (documented, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments documented
            zero: [
                no_bytes_are_never_resized_in_place,
            ]
            grow: [
                growing_to_less_is_refused,
            ]
            shrink: [
                shrinking_to_more_is_refused,
            ]
            life: [
                laying_out_again_changes_nothing,
                trimming_leaves_live_blocks_alone,
            ]
        }
    };
    (lifo, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments lifo
            recovery: [
                freeing_backwards_makes_room,
            ]
        }
    };
    (reuses, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments reuses
            recovery: [
                freeing_in_any_order_makes_room,
                shrinking_to_no_bytes_makes_room,
                a_block_comes_and_goes_past_narrow_counters,
            ]
        }
    };
    (coalesces, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments coalesces
            recovery: [
                freed_forwards_the_heap_is_whole_again,
                freed_backwards_the_heap_is_whole_again,
                freed_in_no_order_the_heap_is_whole_again,
                freed_every_other_first_the_heap_is_whole_again,
                gaps_of_aligned_blocks_come_back,
                remainders_come_back,
                random_programs_leave_the_heap_whole,
                patterns_leave_the_heap_whole,
            ]
        }
    };
    (exact_fit, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments exact_fit
            recovery: [
                a_hole_serves_the_request_that_left_it,
                one_block_can_be_replaced_for_ever,
                an_aligned_hole_serves_the_request_that_left_it,
            ]
        }
    };
    (deterministic, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments deterministic
            recovery: [
                the_same_program_gives_the_same_addresses,
            ]
        }
    };
    (resize_in_place, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments resize_in_place
            in_place: [
                shrinking_in_place_always_succeeds,
                the_tail_of_a_shrink_can_be_had_again,
            ]
        }
    };
    (hardened, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments hardened
            misuse: [
                a_double_free_is_refused,
                freeing_foreign_memory_is_refused,
                freeing_inside_of_a_block_is_refused,
                freeing_by_another_size_is_refused,
                freeing_at_another_heap_is_refused,
            ]
        }
    };
    (inspect, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments inspect
            stats: [
                counters_add_up,
                used_is_the_extents_of_live_blocks,
                live_blocks_are_counted,
                the_capacity_stays,
                the_peak_is_the_greatest_used,
                every_refusal_is_counted_once,
                refusals_change_no_other_counter,
                no_bytes_count_nowhere,
                an_emptied_heap_uses_nothing,
                an_untouched_heap_uses_nothing,
                the_invariants_hold,
            ]
            walk: [
                the_walk_leaves_no_gap,
                live_blocks_lie_in_used_runs,
                free_runs_add_up_to_the_free_bytes,
                a_run_can_be_asked_for_by_any_address,
                a_visitor_may_use_the_heap,
                live_blocks_are_owned,
                foreign_memory_is_not_owned,
                blocks_of_another_heap_are_not_owned,
            ]
        }
    };
    (over, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments over
            edges: [
                no_small_region_is_overrun,
                no_odd_region_is_overrun,
                an_empty_region_makes_a_heap_that_refuses,
                old_contents_are_not_trusted,
                zeroed_regions_do_not_stay_zero,
                a_region_is_claimed_once_and_let_go,
                a_refused_region_is_left_alone,
                requests_around_the_region_stay_inside,
                growing_in_place_stays_inside,
            ]
            life: [
                a_heap_can_be_dropped_with_live_blocks,
            ]
            growth: [
                blocks_survive_growth,
                any_growth_may_be_refused,
                a_short_growth_is_not_believed,
                a_generous_growth_does_no_harm,
                a_request_gives_up,
            ]
            reentry: [
                a_claim_inside_of_a_claim_is_refused,
            ]
        }
    };
    (over_grows, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments over_grows
            growth: [
                a_region_that_grows_serves_more,
                what_a_generous_growth_brought_is_used,
                what_a_short_growth_brought_is_used,
                a_refused_growth_is_tried_again,
            ]
            reentry: [
                a_growing_region_may_allocate,
                a_growing_region_may_free,
                a_growing_region_may_resize,
                a_growth_inside_of_a_growth_is_refused,
            ]
        }
    };
    (over_sparing, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments over_sparing
            edges: [
                one_small_block_touches_little,
            ]
        }
    };
    (over_verifies, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments over_verifies
            flips: [
                a_flipped_bit_is_reported_or_harmless,
            ]
        }
    };
    (over_lazy, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments over_lazy
            edges: [
                an_unused_heap_leaves_its_region_alone,
                a_refused_claim_is_tried_again,
                init_tells_what_is_wrong,
            ]
        }
    };
    (over_inspect, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments over_inspect
            edges: [
                small_regions_are_counted_right,
            ]
            growth: [
                growth_is_counted_right,
            ]
            reentry: [
                a_growing_region_may_look_into_the_heap,
                what_is_freed_during_a_growth_is_free,
            ]
            flips: [
                verify_bears_any_flipped_bit,
            ]
            refusals: [
                a_vector_bears_any_refused_growth,
                a_map_bears_any_refused_growth,
                an_arena_bears_any_refused_growth,
            ]
        }
    };
    (memory, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments memory
            memory: [
                claimed_memory_can_be_written,
                the_span_is_always_the_same,
                the_span_stays_when_the_region_moves,
                zeroed_memory_is_zero,
                growth_is_at_the_high_end,
                impossible_growth_is_refused,
                shrinking_is_at_the_high_end,
                shrinking_below_nothing_is_refused,
                foreign_pointers_are_not_translated,
                a_dropped_region_can_be_had_again,
            ]
        }
    };
    (memory_claims, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments memory_claims
            memory: [
                a_second_claim_is_refused,
            ]
        }
    };
    (memory_shrinks, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments memory_shrinks
            memory: [
                a_region_that_shrinks_gives_bytes_back,
            ]
        }
    };
    (lock, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments lock
            lock: [
                a_fresh_lock_can_be_had,
                a_held_lock_is_refused,
                a_released_lock_can_be_had_again,
                refused_attempts_change_nothing,
                two_locks_are_two,
                locks_inside_of_one_another_are_held,
                a_free_lock_can_be_moved,
                a_lock_goes_on_past_narrow_counters,
            ]
        }
    };
    (lock_masks, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments lock_masks
            masks: [
                a_held_lock_masks,
                a_release_restores_what_was,
                locks_inside_of_one_another_restore_in_order,
                a_refused_attempt_restores,
            ]
        }
    };
    (lock_threads, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments lock_threads
            contention: [
                one_thread_at_a_time_has_a_lock,
                an_attempt_never_waits,
                a_waiter_waits_and_then_has_the_lock,
                what_was_written_under_a_lock_is_seen,
            ]
        }
    };
    (threads, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments threads
            threads: [
                threads_share_a_heap,
                blocks_are_freed_by_other_threads,
                threads_exhaust_a_heap_together,
            ]
        }
    };
    (memory_grows, $then:ident $arguments:tt) => {
        $crate::$then! { $arguments memory_grows
            memory: [
                the_region_can_grow,
            ]
        }
    };
}
