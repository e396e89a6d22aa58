//! The explorer finds planted bugs with the shortest programs, and nothing in kalloc's own heaps.
//!
//! The spaces here are small; `cargo xtask explore` closes large ones. Under Miri no state is known twice, so there only
//! the first steps are taken.

use std::alloc::Layout;

use kalloc_bump::{Bump, Direction, Downward, Lean, LeanDownward, Settings};
use kalloc_pool::{AddressOrdered, Config, Pool, SegregatedFit, Standard, Tiny};
use kalloc_testkit::drive::explore::{Explored, Explorer, InPlace, Kept, Rebuilt};
use kalloc_testkit::fault::planted::{Fault, Planted};
use kalloc_traits::RangeRegion;

/// How many steps to take.
const DEPTH: usize = if cfg!(miri) { 2 } else { 5 };

/// Returns a layout.
const fn layout(size: usize, align: usize) -> Layout {
    match Layout::from_size_align(size, align) {
        Ok(layout) => layout,
        Err(_) => panic!("a legal layout"),
    }
}

const LAYOUTS: [Layout; 4] = [layout(8, 8), layout(20, 4), layout(8, 32), layout(0, 16)];

/// Quick lists that a tiny region has room for.
struct Hoarder;

impl Config for Hoarder {
    const GRANULE: usize = 16;
    const QUICK_EXACT: u32 = 3;
    const QUICK_LARGEST: usize = 32;
    const QUICK_SHARE: u32 = 8;
    const QUICK_RESERVE: u32 = 0;
    type Index = SegregatedFit<1>;
}

/// Explores a pool over a region of `len` bytes to a depth, and expects that nothing breaks.
fn explore<C: Config>(len: usize, depth: usize) -> Explored {
    // SAFETY: a pool's state lies in its value and in the region, and nothing there points into the value.
    let mut place = unsafe { InPlace::open(len, Pool::<_, C>::with_config) };
    let explorer = Explorer::new(&LAYOUTS).filled_once().complete(C::GRANULE).depth(depth);
    explorer.run(&mut place).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn a_pool_by_size_keeps_its_word_in_every_program() {
    assert!(explore::<Standard>(700, DEPTH - 1).states > 100);
}

#[test]
fn a_pool_by_address_keeps_its_word_in_every_program() {
    assert!(explore::<AddressOrdered>(128, DEPTH).states > 100);
}

#[test]
fn quick_lists_keep_their_word_in_every_program() {
    assert!(explore::<Hoarder>(288, DEPTH).states > 100);
}

/// A bump in units of 4 bytes.
struct Words<const DOWN: bool>;

impl<const DOWN: bool> Settings for Words<DOWN> {
    const DIRECTION: Direction = if DOWN { Direction::Down } else { Direction::Up };
    const MIN_ALIGN: usize = 4;
}

/// Explores a bump over 40 bytes to a depth, and expects that nothing breaks. One that does not count knows neither its blocks
/// nor when all of them are gone.
fn explore_bump<S: Settings>() {
    let explorer = Explorer::new(&LAYOUTS).depth(DEPTH);
    let build = Bump::<RangeRegion, S>::with_settings;
    let explored = if S::COUNTS {
        // SAFETY: a bump's state lies in its value, and nothing there points into it.
        explorer.run(&mut unsafe { InPlace::open(40, build) })
    } else {
        // SAFETY: as before.
        explorer
            .may_stay_in_pieces()
            .run(&mut unsafe { InPlace::new(40, build) })
    };
    let explored = explored.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(cfg!(miri) || explored.transitions > 500, "{explored}");
}

#[test]
fn a_bump_keeps_its_word_in_every_program() {
    explore_bump::<kalloc_bump::Standard>();
    explore_bump::<Downward>();
}

#[test]
fn a_bump_in_words_keeps_its_word_in_every_program() {
    explore_bump::<Words<false>>();
    explore_bump::<Words<true>>();
}

#[test]
fn a_bump_that_does_not_count_keeps_its_word_in_every_program() {
    explore_bump::<Lean>();
    explore_bump::<LeanDownward>();
}

/// Explores a planted heap, and returns what broke.
#[cfg(not(miri))]
fn first_failure(fault: Fault, layouts: &[Layout]) -> String {
    let mut place = Rebuilt::new(64, |region| Planted::new(region, fault), |heap| format!("{heap:?}"));
    let outcome = Explorer::new(layouts).complete(8).depth(5).run(&mut place);
    outcome.expect_err("the bug is planted").to_string()
}

/// Without a fault, a closed space has nothing to report, and all of it is seen.
#[test]
#[cfg(not(miri))]
fn a_small_space_closes() {
    let layouts = [layout(8, 8), layout(16, 8)];
    // SAFETY: a pool's state lies in its value and in the region, and nothing there points into the value.
    let mut place = unsafe { InPlace::open(48, Pool::<_, Tiny>::with_config) };
    let explorer = Explorer::new(&layouts).filled_once().complete(8);
    let whole = explorer.run(&mut place).unwrap();
    assert!(whole.is_closed && whole.refused > 0);

    let (free, cached) = (
        Kept {
            from: 4,
            to: 12,
            tail: 4,
        },
        Kept::default(),
    );
    // SAFETY: a pool keeps a flag and the size at a free block's start, and the size at its end; a scan has no links.
    let scrubbed = unsafe { explorer.scrubbed(free, cached) }.run(&mut place).unwrap();
    assert!(
        scrubbed.is_closed && scrubbed.states < whole.states,
        "{scrubbed}, unscrubbed {whole}"
    );

    let sound = Rebuilt::new(
        64,
        |region| Planted::new(region, Fault::None),
        |heap| format!("{heap:?}"),
    );
    let explored = Explorer::new(&layouts)
        .complete(8)
        .depth(4)
        .run(&mut { sound })
        .unwrap();
    assert!(!explored.is_closed && explored.depth == 4);
}

/// Each planted bug, and the shortest program that shows it.
#[test]
#[cfg(not(miri))]
fn planted_bugs_are_found_with_the_shortest_program() {
    let (small, large) = (layout(8, 8), layout(16, 8));
    let cases: [(Fault, usize, &str); 9] = [
        (Fault::IgnoresAlignment, 2, "is no multiple of 32"),
        (Fault::OverlapsByGranule, 2, "overlap"),
        (Fault::HandsOutTwice, 4, "overlap"),
        (Fault::NoLeftMerge, 4, "the largest block of the fresh heap"),
        (Fault::NoRightMerge, 2, "the largest block of the fresh heap"),
        (Fault::LosesFrontPadding, 4, "a request was refused that fits"),
        (Fault::ShrinkForgetsContents, 3, "was lost"),
        (Fault::ZeroedIsDirty, 1, "is not zero"),
        (Fault::ClearsBehindFreed, 3, "lost its byte"),
    ];
    for (fault, steps, words) in cases {
        let failure = first_failure(fault, &[small, large, layout(8, 32)]);
        assert!(
            failure.starts_with(&format!("{steps} steps")) && failure.contains(words),
            "{fault:?}: {failure}"
        );
    }
}
