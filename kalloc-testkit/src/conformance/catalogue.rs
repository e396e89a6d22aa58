//! The catalogue: inputs that have broken allocators, each with the rules that decide it, or the reason why none does.
//!
//! | letter | what |
//! |---|---|
//! | L | sizes and alignments |
//! | R | regions |
//! | C | a heap's life, and its handles |
//! | A | growing and shrinking |
//! | M | misuse |
//! | T | threads, handlers, locks |
//! | F | patterns that tear memory to pieces |
//! | S | long runs, exhaustion, counters |
//! | P | targets |
//!
//! It was made of published bugs: advisories, issues and change logs of some forty allocators. A test holds it against the
//! tables of the rules, so that neither has what the other lacks.

/// An input that has broken allocators.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Its name: a letter and a number.
    pub id: &'static str,
    /// The input.
    pub input: &'static str,
    /// What decides it.
    pub decided: Decided,
}

/// What decides an item.
#[derive(Clone, Copy, Debug)]
pub enum Decided {
    /// These rules.
    By(&'static [&'static str]),
    /// No rule, for this reason.
    Not(&'static str),
}

/// Returns the items that a rule decides.
pub fn decided_by(rule: &str) -> impl Iterator<Item = &'static str> {
    ITEMS.iter().filter_map(move |item| match item.decided {
        Decided::By(rules) => rules.contains(&rule).then_some(item.id),
        Decided::Not(_) => None,
    })
}

/// Returns an item that rules decide.
const fn by(id: &'static str, input: &'static str, rules: &'static [&'static str]) -> Item {
    Item {
        id,
        input,
        decided: Decided::By(rules),
    }
}

/// Returns an item that no rule decides.
const fn not(id: &'static str, input: &'static str, reason: &'static str) -> Item {
    Item {
        id,
        input,
        decided: Decided::Not(reason),
    }
}

/// The catalogue.
#[rustfmt::skip]
pub const ITEMS: [Item; 133] = [
    by("L1", "no bytes, at alignments from 1 to a page", &[
        "no_bytes_are_served_at_every_alignment", "freeing_no_bytes_changes_nothing", "no_bytes_never_exhaust_a_heap",
        "a_full_heap_serves_no_bytes", "an_untouched_heap_uses_nothing", "no_bytes_count_nowhere",
    ]),
    by("L2", "no bytes, at an alignment beyond the region", &["no_bytes_at_huge_alignments_do_no_harm"]),
    by("L3", "one byte", &["a_fresh_heap_serves_small_blocks", "every_small_size_is_served_in_bounds"]),
    by("L4", "every size of up to four granules, and one more and less", &[
        "every_small_size_is_served_in_bounds", "random_programs_of_small_blocks",
    ]),
    by("L5", "a size that is no multiple of its alignment", &["a_size_need_not_be_a_multiple_of_its_alignment"]),
    by("L6", "the largest legal size of every alignment", &[
        "the_largest_size_of_every_alignment_is_refused", "impossible_requests_leave_a_heap_usable",
    ]),
    by("L7", "sizes that wrap with a header, an alignment or a granule", &["sizes_that_would_wrap_are_refused"]),
    by("L8", "sizes whose next power of two does not exist", &["sizes_beyond_the_last_power_of_two_are_refused"]),
    by("L9", "every alignment up to 2^62", &[
        "every_alignment_is_kept_or_refused", "random_programs_of_over_aligned_blocks", "over_aligned_blocks_lie_apart",
    ]),
    by("L10", "pages of one byte until none is left", &["gaps_of_aligned_blocks_come_back"]),
    by("L11", "the whole region, a byte more, a byte less", &[
        "the_largest_block_is_all_there", "requests_around_the_region_stay_inside", "growing_in_place_stays_inside",
    ]),
    by("L12", "sizes beside the edges of bins", &[
        "sizes_beside_bin_edges_are_served_in_full", "random_programs_at_bin_edges",
    ]),
    by("L13", "sizes past 2^16, 2^24, 2^31 and 2^32", &[
        "wide_sizes_are_not_truncated", "random_programs_of_huge_blocks",
    ]),
    by("L14", "the only hole there is, by its own size", &[
        "a_hole_serves_the_request_that_left_it", "an_aligned_hole_serves_the_request_that_left_it",
    ]),
    not("L15", "layouts that are none",
        "who makes one has broken Rust's own rules already"),
    by("R1", "no region, and 1 to 64 bytes, at every misalignment", &[
        "no_small_region_is_overrun", "an_empty_region_makes_a_heap_that_refuses",
    ]),
    by("R2", "odd starts and lengths", &["no_odd_region_is_overrun", "small_regions_are_counted_right"]),
    not("R3", "a region at address 0",
        "`Span` cannot hold one, and kalloc-traits tests that; a block that lies outside of its region is found by R1"),
    not("R4", "a region at the end of the address space",
        "`Span` leaves the last byte out, and kalloc-traits tests that; no host lends a test that memory"),
    not("R5", "regions of 2^31 and 2^32 bytes and around",
        "needs gigabytes of addresses, which a kernel's test has not; kalloc-pool has tests of its own for them"),
    not("R6", "two regions that touch",
        "a heap's face takes one region"),
    not("R7", "regions that overlap",
        "a heap's face takes one region; a second claim of the same memory is C2"),
    by("R8", "memory that is added while blocks are live", &[
        "blocks_survive_growth", "growth_is_counted_right", "a_growing_region_may_allocate",
    ]),
    by("R9", "a region that moves as it grows", &[
        "growth_is_at_the_high_end", "the_span_stays_when_the_region_moves", "the_span_is_always_the_same",
    ]),
    by("R10", "growth that is refused, short or generous", &[
        "any_growth_may_be_refused", "a_short_growth_is_not_believed", "a_generous_growth_does_no_harm",
        "what_a_generous_growth_brought_is_used", "what_a_short_growth_brought_is_used",
        "a_region_that_grows_serves_more", "the_region_can_grow", "impossible_growth_is_refused",
    ]),
    by("R11", "growth that succeeds, and still nothing fits", &["a_request_gives_up"]),
    by("R12", "shrinking to nothing, and below", &[
        "shrinking_is_at_the_high_end", "shrinking_below_nothing_is_refused", "a_region_that_shrinks_gives_bytes_back",
    ]),
    not("R13", "many regions, one of them removed",
        "a heap's face takes one region"),
    by("R14", "a pointer to the region's end", &[
        "foreign_memory_is_not_owned", "foreign_pointers_are_not_translated", "small_regions_are_counted_right",
    ]),
    by("R15", "memory full of anything, an old heap too", &["old_contents_are_not_trusted"]),
    by("R16", "memory that goes back as it came", &[
        "a_region_is_claimed_once_and_let_go", "a_dropped_region_can_be_had_again", "claimed_memory_can_be_written",
    ]),
    by("R17", "memory that was never written", &["old_contents_are_not_trusted", "zeroed_blocks_are_zero"]),
    by("R18", "memory that should not be touched before it is lent", &[
        "one_small_block_touches_little", "an_unused_heap_leaves_its_region_alone", "a_refused_region_is_left_alone",
    ]),
    not("R19", "a pointer with too little provenance",
        "only Miri sees it: under Miri every rule looks for it"),
    not("R20", "memory that takes whole words only",
        "what a device's memory bears is between it and its driver; `RawRegion` asks for plain memory"),
    by("C1", "use before init", &[
        "an_unused_heap_leaves_its_region_alone", "a_refused_claim_is_tried_again", "a_fresh_heap_serves_small_blocks",
    ]),
    by("C2", "init twice", &[
        "laying_out_again_changes_nothing", "init_tells_what_is_wrong", "a_second_claim_is_refused",
        "a_claim_inside_of_a_claim_is_refused",
    ]),
    by("C3", "requests made by whoever brings more memory", &[
        "a_growing_region_may_allocate", "a_growing_region_may_free", "a_growing_region_may_resize",
        "a_growth_inside_of_a_growth_is_refused",
    ]),
    not("C4", "reset while blocks are live",
        "`Heap` has no reset; where a heap has one it is `unsafe` or takes `&mut`, which the compiler checks"),
    by("C5", "a heap that is dropped with live blocks", &["a_heap_can_be_dropped_with_live_blocks"]),
    by("C6", "allocate by one handle, free by another", &["a_reference_is_the_same_heap"]),
    by("C7", "two heaps are two", &["blocks_of_another_heap_are_not_owned", "two_heaps_share_nothing"]),
    by("C8", "a heap that is moved", &["a_moved_heap_keeps_its_blocks"]),
    by("C9", "a lock's guard that is forgotten", &["a_held_lock_is_refused"]),
    not("C10", "a static in every section",
        "where the linker puts it is the target's; examples/kernels boots with one"),
    not("C11", "`Send` and `Sync`",
        "types are judged by the compiler, in tests that must not compile"),
    not("C12", "use in a constant",
        "judged by the compiler"),
    by("C13", "counters asked for in the middle of a call", &[
        "a_visitor_may_use_the_heap", "a_growing_region_may_look_into_the_heap",
        "what_is_freed_during_a_growth_is_free",
    ]),
    by("A1", "a block that moves takes its own bytes along, and no other's", &[
        "growing_between_neighbours_keeps_the_contents", "a_grown_block_has_the_extent_of_its_size",
    ]),
    by("A2", "growing and shrinking to another alignment", &[
        "growing_to_a_larger_alignment_is_obeyed", "growing_to_a_smaller_alignment_is_obeyed",
        "shrinking_to_a_larger_alignment_is_obeyed", "shrinking_to_a_smaller_alignment_is_obeyed",
        "resizing_in_place_obeys_the_alignment",
    ]),
    by("A3", "a shrink that must move, in a full heap", &[
        "a_refused_shrink_leaves_the_block", "a_full_heap_resizes_or_refuses",
    ]),
    by("A4", "to the same size, and within a size class", &[
        "growing_to_the_same_size_changes_nothing", "shrinking_to_the_same_size_changes_nothing",
        "a_shrunk_block_has_the_extent_of_its_size",
    ]),
    by("A5", "a free neighbour that is a granule too small", &[
        "growing_beside_a_hole_too_small_does_no_harm", "growing_in_place_takes_free_memory_only",
    ]),
    by("A6", "growth over the block's own old place", &["growing_backwards_keeps_the_contents"]),
    by("A7", "a growth that fails", &[
        "a_refused_growth_leaves_the_block", "a_refused_growth_is_tried_again", "a_refused_resize_leaves_the_block",
    ]),
    by("A8", "clearing what a shrink gave up", &["growing_zeroed_clears_what_a_shrink_gave_up"]),
    by("A9", "clearing what was freed", &["growing_zeroed_clears_what_is_new"]),
    by("A10", "to nothing, and from nothing", &[
        "a_block_can_shrink_to_no_bytes", "no_bytes_grow_to_a_block", "shrinking_to_no_bytes_makes_room",
        "no_bytes_are_never_resized_in_place",
    ]),
    by("A11", "growing to the largest size", &["a_refused_growth_leaves_the_block"]),
    by("A12", "cleared memory where somebody was before", &[
        "zeroed_blocks_are_zero_after_use", "blocks_said_to_be_zero_are", "zeroed_regions_do_not_stay_zero",
        "zeroed_memory_is_zero", "a_zeroed_block_has_the_extent_of_its_size",
    ]),
    by("A13", "up and down again, at every alignment", &[
        "growing_keeps_the_contents", "going_up_and_down_keeps_the_contents", "shrinking_keeps_the_contents",
        "random_programs_of_mixed_blocks",
    ]),
    by("A14", "the last block, the first, the only one", &[
        "resizing_in_place_never_moves", "a_block_resized_in_place_has_the_extent_of_its_size",
        "shrinking_in_place_always_succeeds", "the_tail_of_a_shrink_can_be_had_again",
        "what_a_shrink_gives_up_is_handed_out_once",
    ]),
    by("A15", "freeing by any size of the block's extent", &[
        "any_size_of_the_extent_frees_a_block", "any_size_of_the_extent_resizes_a_block",
        "every_size_up_to_the_extent_has_that_extent", "one_size_has_one_extent_at_every_alignment",
        "blocks_can_be_written_to_their_extent", "growing_to_less_is_refused", "shrinking_to_more_is_refused",
    ]),
    by("M1", "freeing twice", &["a_double_free_is_refused"]),
    not("M2", "freeing twice, with another owner between",
        "to the heap it is the free of a live block by its own layout: only tags that callers keep can tell"),
    by("M3", "freeing nothing", &["freeing_no_bytes_changes_nothing", "freeing_foreign_memory_is_refused"]),
    by("M4", "freeing what is not the heap's", &["freeing_foreign_memory_is_refused"]),
    by("M5", "freeing from the middle", &["freeing_inside_of_a_block_is_refused"]),
    by("M6", "freeing by a wrong size", &["freeing_by_another_size_is_refused"]),
    not("M7", "freeing by a wrong alignment",
        "a heap need not keep what it was; nothing else depends on it"),
    not("M8", "writing past a block's end",
        "a heap without headers has nothing there to be hurt; what canaries cost is a heap's own choice"),
    not("M9", "writing before a block",
        "as for writing past its end"),
    by("M10", "writing into a freed block", &["a_flipped_bit_is_reported_or_harmless"]),
    not("M11", "a forged link in a freed block",
        "a whole word of the attacker's choice: `verify` need not know; single bits are M10"),
    not("M12", "reading a freed block",
        "a reader is not the heap"),
    by("M13", "every single bit of the heap's own memory", &[
        "verify_bears_any_flipped_bit", "a_flipped_bit_is_reported_or_harmless",
    ]),
    by("M14", "a list that runs in a circle", &["verify_bears_any_flipped_bit"]),
    not("M15", "the heap's value overwritten",
        "no safe way leads there, and bytes of a Rust value are not a test's to change"),
    not("M16", "an old image in place of the new",
        "needs a key that changes with each start, which no backend has"),
    by("M17", "freeing at another heap", &["freeing_at_another_heap_is_refused"]),
    not("M18", "freeing what was allocated before a reset",
        "`Heap` has no reset"),
    not("M19", "counters at their end",
        "a counter cannot be set from outside, nor counted there in time"),
    not("M20", "reading fresh memory",
        "it is the reader's fault; Miri sees it"),
    by("T1", "threads that share a heap, and free each other's blocks", &[
        "threads_share_a_heap", "blocks_are_freed_by_other_threads", "threads_exhaust_a_heap_together",
        "one_thread_at_a_time_has_a_lock",
    ]),
    by("T2", "a handler that comes while the lock is held", &[
        "a_held_lock_masks", "an_attempt_never_waits", "a_waiter_waits_and_then_has_the_lock",
    ]),
    by("T3", "a panic handler that allocates", &[
        "an_attempt_never_waits", "a_held_lock_is_refused", "refused_attempts_change_nothing",
    ]),
    not("T4", "a holder that panics",
        "a heap does not unwind by contract, and calls others through functions that abort: a test cannot outlive it"),
    by("T5", "the lock while a region grows", &["a_growing_region_may_allocate", "a_growing_region_may_free"]),
    by("T6", "an unlock that orders too little", &["what_was_written_under_a_lock_is_seen"]),
    not("T7", "another core in the middle of a cache's operation",
        "which core runs is the pin guard's to say, and a cache has no face here of its own"),
    by("T8", "masking inside of masking", &[
        "a_release_restores_what_was", "locks_inside_of_one_another_restore_in_order", "a_refused_attempt_restores",
        "locks_inside_of_one_another_are_held",
    ]),
    not("T9", "priorities that invert",
        "there is no scheduler here; a lock that masks (T2, T8) has no such case"),
    not("T10", "a copy of all memory that runs on",
        "documented by whoever copies"),
    not("T11", "a signal handler",
        "to an allocator it is a panic handler, T3"),
    by("T12", "counters of a lock that wrap", &[
        "a_lock_goes_on_past_narrow_counters", "a_fresh_lock_can_be_had", "a_released_lock_can_be_had_again",
        "two_locks_are_two", "a_free_lock_can_be_moved",
    ]),
    not("T13", "a thread sanitizer",
        "a tool's: run it over these rules"),
    by("F1", "Robson's adversary", &["robsons_adversary_is_survived", "patterns_leave_the_heap_whole"]),
    by("F2", "a checkerboard, and a size more", &["a_comb_is_survived", "patterns_leave_the_heap_whole"]),
    by("F3", "a sawtooth", &["a_sawtooth_is_survived", "patterns_leave_the_heap_whole"]),
    by("F4", "a comb that keeps one of each page", &["a_comb_is_survived"]),
    by("F5", "vectors that double in turn", &["doubling_vectors_keep_their_contents", "a_vector_bears_any_refusal"]),
    by("F6", "pins among short lives", &["pins_among_short_lives_are_survived"]),
    by("F7", "tiny holes at low addresses", &["a_thousand_holes_are_survived"]),
    by("F8", "what kills best fit", &["the_killer_of_best_fit_is_survived"]),
    by("F9", "aligned and unaligned blocks by turns", &["aligned_and_small_blocks_get_along"]),
    by("F10", "neighbours that resize by turns", &["neighbours_that_resize_get_along"]),
    by("F11", "sizes that a good fit rounds up", &["sizes_that_round_up_get_along"]),
    by("F12", "two sizes by turns, freed in every order", &[
        "alternating_sizes_get_along", "one_block_can_be_replaced_for_ever",
    ]),
    by("F13", "the last block freed last", &["the_last_block_is_freed_last", "freeing_backwards_makes_room"]),
    not("F14", "chunks of 16 MiB in 32 bits",
        "needs a 32-bit target and its memory; sizes past 2^24 are L13"),
    by("F15", "holes of one granule", &["slivers_are_survived", "remainders_come_back"]),
    by("S1", "fill with bytes, free in four orders, and be whole", &[
        "freed_forwards_the_heap_is_whole_again", "freed_backwards_the_heap_is_whole_again",
        "freed_in_no_order_the_heap_is_whole_again", "freed_every_other_first_the_heap_is_whole_again",
        "freeing_in_any_order_makes_room",
    ]),
    by("S2", "ageing", &["random_programs_leave_the_heap_whole", "random_programs_on_a_full_heap"]),
    by("S3", "a refusal at every request, and at every growth", &[
        "a_vector_bears_any_refusal", "a_map_bears_any_refusal", "an_arena_bears_any_refusal",
        "a_vector_bears_any_refused_growth", "a_map_bears_any_refused_growth", "an_arena_bears_any_refused_growth",
    ]),
    by("S4", "counters that add up after every step", &[
        "counters_add_up", "used_is_the_extents_of_live_blocks", "live_blocks_are_counted", "the_capacity_stays",
        "the_peak_is_the_greatest_used", "an_emptied_heap_uses_nothing", "the_walk_leaves_no_gap",
        "live_blocks_lie_in_used_runs", "free_runs_add_up_to_the_free_bytes", "a_run_can_be_asked_for_by_any_address",
        "live_blocks_are_owned", "the_invariants_hold",
    ]),
    not("S5", "counters near their end",
        "a counter cannot be set from outside"),
    by("S6", "one block that comes and goes past 2^16", &["a_block_comes_and_goes_past_narrow_counters"]),
    by("S7", "storms of refusals", &[
        "refusals_change_nothing", "a_full_heap_refuses_and_keeps_its_blocks", "every_refusal_is_counted_once",
    ]),
    by("S8", "a refusal that changes nothing", &[
        "refusals_change_no_other_counter", "trimming_leaves_live_blocks_alone",
    ]),
    by("S9", "the lowest page", &["a_fresh_heap_serves_small_blocks", "blocks_never_overlap_until_the_heap_is_full"]),
    by("S10", "the same program, the same addresses", &["the_same_program_gives_the_same_addresses"]),
    by("S11", "two heaps by turns", &["two_heaps_share_nothing"]),
    by("S12", "guard bytes around every region", &[
        "no_small_region_is_overrun", "no_odd_region_is_overrun", "blocks_never_overlap_until_the_heap_is_full",
        "a_freed_block_is_handed_out_once", "freeing_the_neighbours_leaves_a_block_alone",
    ]),
    not("S13", "no system calls in short operations",
        "a tool's: a heap without `std` has none to make"),
    not("S14", "a stack that stays shallow",
        "the stack is the caller's, and painting it is the target's"),
    not("S15", "coverage",
        "a tool's: it is about the tests, and not about the heap"),
    not("P1", "32 and 64 bits, both byte orders",
        "run the rules there: under Miri, or in a kernel"),
    not("P2", "cores that want aligned words",
        "run the rules there"),
    not("P3", "cores without compare-and-swap",
        "judged by the compiler"),
    not("P4", "16-bit addresses",
        "judged by the compiler"),
    not("P5", "all profiles",
        "run the rules in each"),
    not("P6", "strict provenance",
        "run the rules under Miri"),
    not("P7", "panics that abort and that unwind",
        "run the rules in each"),
];
