//! Every case on small numbers in both directions, and the corners of the large ones.

use core::alloc::Layout;

use super::*;
use crate::settings::{Downward, Standard};

/// The memory is at most this long where every case is tried. Miri sees no more in integers than the compiler does.
const LIMIT: usize = if cfg!(miri) { 2 } else { 10 };

#[derive(Clone, Copy)]
struct Words;

impl Settings for Words {
    const MIN_ALIGN: usize = 4;
}

#[derive(Clone, Copy)]
struct WordsDown;

impl Settings for WordsDown {
    const DIRECTION: Direction = Direction::Down;
    const MIN_ALIGN: usize = 4;
}

/// A cursor over `limit` bytes from `base`, of which the first `taken` are one live block.
pub(super) fn cursor<S: Settings>(base: usize, taken: usize, limit: usize) -> Cursor {
    let mut cursor = Cursor::new(1);
    cursor.take_in::<S>(base, base + limit);
    if taken != 0 {
        cursor.take::<S>(taken, 1).unwrap();
    }
    cursor
}

/// Small bases, and bases that end a memory of `limit` bytes at the top of the address space.
fn bases(limit: usize) -> impl Iterator<Item = usize> {
    let spread = if cfg!(miri) { 1 } else { 33 };
    (1..=spread).chain((0..=spread).map(move |back| usize::MAX - limit - back))
}

fn requests() -> impl Iterator<Item = (usize, usize)> {
    let step = if cfg!(miri) { 3 } else { 1 };
    (1..=LIMIT + 1).flat_map(move |size| (0..5).step_by(step).map(move |shift| (size, 1 << shift)))
}

fn take_finds_the_next_place<S: Settings>() {
    for limit in 0..=LIMIT {
        for (base, taken) in bases(limit).flat_map(|base| (0..=limit).map(move |taken| (base, taken))) {
            for (size, align) in requests() {
                let fits = |start: &usize| start % align == 0 && *start - base + size <= limit;
                let expected = if is_up::<S>() {
                    (base + taken..=base + limit).find(fits)
                } else {
                    let fits = |start: &usize| fits(start) && *start - base + size <= limit - taken;
                    (base..=base + limit).rev().find(fits)
                };
                let before = cursor::<S>(base, taken, limit);
                let (mut after, mut known) = (before, before);
                assert_eq!(after.take::<S>(size, align), expected);
                assert_eq!((known.take_known::<S>(size, align), known), (expected, after));
                let (from, to) = after.free::<S>();
                match expected {
                    Some(start) if is_up::<S>() => assert_eq!((from, to), (start + size, base + limit)),
                    Some(start) => assert_eq!((from, to), (base, start)),
                    None => assert_eq!(after, before),
                }
                assert_eq!(after.broken::<S>(), None);
            }
        }
    }
}

#[test]
fn take_finds_the_aligned_place_next_to_the_last_block() {
    take_finds_the_next_place::<Standard>();
    take_finds_the_next_place::<Downward>();
}

fn shortfall_is_least<S: Settings>() {
    for limit in 0..=LIMIT {
        for (base, taken) in bases(LIMIT + 40).flat_map(|base| (0..=limit).map(move |taken| (base, taken))) {
            for (size, align) in requests() {
                let before = cursor::<S>(base, taken, limit);
                if before.clone().take::<S>(size, align).is_some() {
                    continue;
                }
                let fits = |extra: &usize| {
                    let mut grown = before;
                    // Memory that there is none of starts where it is told to.
                    grown.take_in::<S>(base, base + limit + extra);
                    grown.take::<S>(size, align).is_some()
                };
                let least = (0..45).find(fits);
                assert_eq!(before.shortfall::<S>(size, align), least, "{before:?} {size} {align}");
            }
        }
    }
}

#[test]
fn the_shortfall_is_the_least_growth_that_lets_the_request_fit() {
    shortfall_is_least::<Standard>();
    shortfall_is_least::<Downward>();
}

#[test]
fn the_largest_layouts_neither_wrap_nor_fit() {
    let lengths = [0, 1, 100, isize::MAX as usize - 1, isize::MAX as usize];
    for limit in lengths {
        for base in [1, 2, 4095, isize::MAX as usize, usize::MAX - limit] {
            if base > usize::MAX - limit {
                continue;
            }
            for taken in [0, limit / 2, limit] {
                for shift in (0..usize::BITS - 1).step_by(if cfg!(miri) { 40 } else { 1 }) {
                    let align = 1 << shift;
                    for size in [1, 1 << (usize::BITS - 24), isize::MAX as usize - (align - 1)] {
                        if Layout::from_size_align(size, align).is_ok() {
                            check_large::<Standard>(cursor::<Standard>(base, taken, limit), size, align);
                            check_large::<Downward>(cursor::<Downward>(base, taken, limit), size, align);
                        }
                    }
                }
            }
        }
    }
}

/// Compares `take` and `shortfall` with the same sums in 128 bits.
fn check_large<S: Settings>(before: Cursor, size: usize, align: usize) {
    let (from, to) = before.free::<S>();
    let (from, to, size_wide, align_wide) = (from as i128, to as i128, size as i128, align as i128);
    let start = if is_up::<S>() {
        (from + align_wide - 1).div_euclid(align_wide) * align_wide
    } else {
        (to - size_wide).div_euclid(align_wide) * align_wide
    };
    let fits = start >= from && start + size_wide <= to;
    let (mut after, mut known) = (before, before);
    let taken = after.take::<S>(size, align);
    assert_eq!((known.take_known::<S>(size, align), known), (taken, after));
    assert_eq!(
        taken.map(|taken| taken as i128),
        fits.then_some(start),
        "{before:?} {size} {align}"
    );
    assert_eq!(after.broken::<S>(), None);
    if !fits {
        assert_eq!(after, before);
        // Whatever is asked for is neither more than a region can have nor too little.
        if let Some(extra) = before.shortfall::<S>(size, align) {
            let mut grown = before;
            grown.take_in::<S>(before.start, before.end + extra);
            assert!(grown.take::<S>(size, align).is_some());
        }
    }
}

#[test]
fn extents_round_up_to_the_least_alignment_and_never_wrap() {
    use crate::settings::extent;
    for size in 1..100 {
        assert_eq!(extent::<Standard>(size), Some(size));
        assert_eq!(extent::<Words>(size), Some(size.div_ceil(4) * 4));
    }
    let half = isize::MAX as usize;
    assert_eq!(
        (extent::<Words>(half - 3), extent::<Words>(half - 2)),
        (Some(half - 3), None)
    );
    assert_eq!(extent::<Standard>(half), Some(half));
}

#[test]
fn the_edges_that_are_not_aligned_are_not_used() {
    for (base, limit) in (1..20).flat_map(|base| (0..30).map(move |limit| (base, limit))) {
        for cursor in [cursor::<Words>(base, 0, limit), cursor::<WordsDown>(base, 0, limit)] {
            assert!(cursor.capacity() == 0 || cursor.start() % 4 == 0 && cursor.end() % 4 == 0);
            assert!(cursor.start() >= base && cursor.end() <= base + limit && cursor.capacity() + 6 >= limit);
        }
    }
}

#[test]
fn upwards_the_end_never_falls_below_the_last_block() {
    let mut cursor = cursor::<Standard>(100, 5, 10);
    cursor.take_in::<Standard>(100, 107);
    assert_eq!(cursor.end(), 107);
    cursor.take_in::<Standard>(100, 103);
    assert_eq!((cursor.end(), cursor.broken::<Standard>()), (105, None));
}

#[test]
fn downwards_a_growth_leaves_what_was_free_behind_until_all_is_gone() {
    let mut cursor = cursor::<Downward>(100, 5, 10);
    cursor.take_in::<Downward>(100, 120);
    assert_eq!(cursor.free::<Downward>(), (110, 120));
    assert_eq!(cursor.take::<Downward>(10, 1), Some(110));
    assert_eq!(cursor.take::<Downward>(1, 1), None);
    let stats = cursor.stats::<Downward>();
    assert_eq!((stats.capacity, stats.used, stats.free, stats.cached), (20, 15, 0, 5));
    cursor.give_back::<Downward>(110, 10);
    assert_eq!(cursor.free::<Downward>(), (110, 120));
    // With nothing in the new part, more of it is one with it.
    cursor.take_in::<Downward>(100, 130);
    assert_eq!(cursor.free::<Downward>(), (110, 130));
    cursor.give_back::<Downward>(105, 5);
    assert_eq!(
        (cursor.free::<Downward>(), cursor.broken::<Downward>()),
        ((100, 130), None)
    );
}

#[test]
fn a_block_freed_twice_shows_as_a_broken_invariant_and_does_not_panic() {
    let mut alone = cursor::<Standard>(1, 5, 10);
    alone.give_back::<Standard>(1, 5);
    assert_eq!(alone.broken::<Standard>(), None);
    alone.give_back::<Standard>(1, 5);
    assert_eq!(alone.broken::<Standard>().unwrap().0, "B1");

    let mut two = cursor::<Downward>(1, 5, 10);
    two.take::<Downward>(3, 1).unwrap();
    two.give_back::<Downward>(6, 5);
    two.give_back::<Downward>(6, 5);
    assert!(two.broken::<Downward>().is_some());
}

#[test]
fn each_invariant_is_checked_on_its_own() {
    let sound = cursor::<Standard>(100, 6, 10);
    assert_eq!(sound.broken::<Standard>(), None);
    assert_eq!(Cursor { used: 7, ..sound }.broken::<Standard>(), Some(("B1", 106)));
    assert_eq!(Cursor { edge: 105, ..sound }.broken::<Standard>(), Some(("B2", 106)));
    assert_eq!(Cursor { next: 99, ..sound }.broken::<Standard>(), Some(("B2", 99)));
    assert_eq!(Cursor { live: 7, ..sound }.broken::<Standard>(), Some(("B3", 106)));
    assert_eq!(Cursor { live: 0, ..sound }.broken::<Standard>(), Some(("B4", 106)));
    let aligned = cursor::<Words>(100, 4, 12);
    assert_eq!(aligned.broken::<Words>(), None);
    assert_eq!(Cursor { next: 105, ..aligned }.broken::<Words>(), Some(("B7", 105)));
}

#[test]
fn a_position_is_gone_back_to_unless_the_cursor_went_behind_it() {
    goes_back::<Standard>();
    goes_back::<Downward>();
}

fn goes_back<S: Settings>() {
    let mut cursor = cursor::<S>(100, 3, 20);
    let here = cursor.position::<S>();
    let (before, later) = (cursor, cursor.take::<S>(5, 1).unwrap());
    assert!(cursor.can_go_back::<S>(here));
    cursor.go_back::<S>(here);
    assert_eq!((cursor.free::<S>(), cursor.stats::<S>().used), (before.free::<S>(), 3));
    let _ = later;

    cursor.rewind::<S>();
    assert!(!cursor.can_go_back::<S>(here), "the cursor is behind it");
    let mut other = Cursor::new(1);
    other.take_in::<S>(500, 520);
    other.take::<S>(9, 1).unwrap();
    assert!(!other.can_go_back::<S>(here), "that is elsewhere");
    other.rewind::<S>();
    let first = other.position::<S>();
    other.take::<S>(9, 1).unwrap();
    other.take_in::<S>(500, 600);
    assert!(other.can_go_back::<S>(first));
    other.go_back::<S>(first);
    assert_eq!(other.free::<S>(), (500, 600), "with what came in the meantime");
}
