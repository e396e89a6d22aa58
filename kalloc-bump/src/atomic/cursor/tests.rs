//! Every case on small numbers, the corners of the large ones, and each invariant broken once.

extern crate std;

use core::alloc::Layout;

use super::super::word::HALF_BLOCKS;
use super::*;

/// The memory is at most this long where every case is tried. Miri sees no more in integers than the compiler does.
const LIMIT: usize = if cfg!(miri) { 2 } else { 12 };

fn request(size: usize, align: usize) -> Request {
    Request::new(Layout::from_size_align(size, align).unwrap()).unwrap()
}

/// A cursor of which the first `next` bytes are one live block.
fn cursor(next: usize) -> SharedCursor {
    let cursor = SharedCursor::new();
    if next != 0 {
        cursor.take(0, next, request(next, 1)).unwrap();
    }
    cursor
}

/// Small bases, and bases that end a memory of `limit` bytes at the top of the address space.
fn bases(limit: usize) -> impl Iterator<Item = usize> {
    let spread = if cfg!(miri) { 3 } else { 33 };
    (1..=spread).chain((0..=spread).map(move |back| usize::MAX - limit - back))
}

#[test]
fn take_finds_the_least_aligned_place_behind_the_last_block() {
    for limit in 0..=LIMIT {
        for (base, next) in bases(limit).flat_map(|base| (0..=limit).map(move |next| (base, next))) {
            for (size, align) in (1..=LIMIT + 1).flat_map(|size| [1, 2, 4, 8, 16].map(|align| (size, align))) {
                let expected = (next..=limit).find(|offset| (base + offset) % align == 0 && offset + size <= limit);
                let cursor = cursor(next);
                let before = cursor.stats(limit);
                let taken = cursor.take(base, limit, request(size, align));
                assert_eq!(taken.map(|taken| taken.offset), expected);
                let after = cursor.stats(limit);
                match expected {
                    Some(offset) => {
                        assert_eq!(cursor.next(), offset + size);
                        assert_eq!((after.used, after.cached), (next + size, offset - next));
                    }
                    None => assert_eq!(after, before),
                }
                assert_eq!(cursor.broken(limit), None);
            }
        }
    }
}

#[test]
fn the_largest_layouts_neither_wrap_nor_fit() {
    let largest = isize::MAX as usize;
    for limit in [0, 1, 100, LARGEST - 1, LARGEST] {
        for base in [1, 2, 4095, usize::MAX - LARGEST, usize::MAX - limit] {
            for next in [0, limit / 2, limit] {
                for shift in (0..usize::BITS - 1).step_by(if cfg!(miri) { 40 } else { 1 }) {
                    let cursor = cursor(next);
                    let taken = cursor.take(base, limit, request(largest - (1 << shift) + 1, 1 << shift));
                    if let Some(Taken { offset, .. }) = taken {
                        assert!(offset >= next && offset + largest - (1 << shift) < limit);
                        assert_eq!((base + offset) % (1 << shift), 0);
                    }
                    assert_eq!(cursor.broken(limit), None);
                }
            }
        }
    }
}

#[test]
fn the_last_block_is_freed_and_resized_and_others_leave_their_bytes() {
    let cursor = SharedCursor::new();
    let offset = |size, align| cursor.take(16, 100, request(size, align)).unwrap().offset;
    let (a, b, c) = (offset(10, 1), offset(8, 8), offset(20, 1));
    assert_eq!((a, b, c), (0, 16, 24));
    let seen = |stats: Stats| (stats.used, stats.cached, stats.free, stats.live_blocks);
    assert_eq!(seen(cursor.stats(100)), (38, 6, 56, 3));

    assert!(!cursor.resize(b, 8, 9, 100), "c lies behind it");
    assert!(cursor.resize(b, 8, 3, 100));
    assert_eq!(seen(cursor.stats(100)), (33, 11, 56, 3));
    assert!(!cursor.resize(c, 20, 77, 100), "that is one more than there is");
    assert!(cursor.resize(c, 20, 76, 100));
    assert_eq!(seen(cursor.stats(100)), (89, 11, 0, 3));
    assert!(cursor.resize(c, 76, 1, 100));
    cursor.give_back(a, 10);
    assert_eq!(seen(cursor.stats(100)), (4, 21, 75, 2));
    cursor.give_back(c, 1);
    assert_eq!((seen(cursor.stats(100)), cursor.next()), ((3, 21, 76, 1), 24));
    cursor.give_back(b, 3);
    assert_eq!(seen(cursor.stats(100)), (0, 24, 76, 0));
    assert_eq!((cursor.stats(100).peak_used, cursor.broken(100)), (89, None));
}

#[test]
fn only_bytes_that_no_block_had_are_fresh() {
    let mut cursor = SharedCursor::new();
    let take = |cursor: &SharedCursor, size| cursor.take(0, 100, request(size, 1)).unwrap();
    assert!(take(&cursor, 10).is_fresh);
    let Taken { offset, .. } = take(&cursor, 10);
    assert!(cursor.resize(offset, 10, 30, 100) && cursor.resize(offset, 30, 5, 100));
    for (size, is_fresh) in [(20, false), (5, false), (1, true)] {
        assert_eq!(take(&cursor, size).is_fresh, is_fresh);
    }
    cursor.give_back(40, 1);
    cursor.rewind(Mark::START);
    assert!(!take(&cursor, 41).is_fresh && take(&cursor, 59).is_fresh);
}

#[test]
fn what_is_pinned_stays_where_it_is() {
    let mut cursor = cursor(10);
    cursor.pin(10);
    assert!(!cursor.resize(0, 10, 11, 100));
    assert!(cursor.resize(0, 10, 5, 100));
    assert_eq!(cursor.next(), 10);
    let offset = cursor.take(0, 100, request(5, 1)).unwrap().offset;
    assert!(cursor.resize(offset, 5, 7, 100));
    cursor.give_back(offset, 7);
    cursor.give_back(0, 5);
    assert_eq!((cursor.next(), cursor.broken(100)), (10, None));
    assert_eq!((cursor.stats(100).used, cursor.stats(100).cached), (0, 10));
}

#[test]
fn a_rewind_counts_exactly_unless_old_and_new_blocks_are_mixed() {
    let old_freed = [false, true];
    let new_freed = [false, true];
    for (is_old_freed, is_new_freed) in old_freed.iter().flat_map(|&old| new_freed.map(|new| (old, new))) {
        let mut cursor = cursor(10);
        cursor.take(0, 100, request(3, 1)).unwrap();
        let mark = cursor.mark();
        cursor.pin(mark.next());
        let new = cursor.take(0, 100, request(7, 4)).unwrap();
        assert_eq!(new.offset, 16);
        if is_old_freed {
            cursor.give_back(0, 10);
        }
        if is_new_freed {
            cursor.give_back(new.offset, 7);
        }
        cursor.rewind(mark);
        let stats = cursor.stats(100);
        let (used, live) = match (is_old_freed, is_new_freed) {
            (false, _) => (13, 2),
            (true, true) => (3, 1),
            // Three bytes are right. The counters cannot know, and say no more than before.
            (true, false) => (10, 2),
        };
        assert_eq!((stats.used, stats.live_blocks), (used, live));
        assert_eq!((stats.free, stats.cached), (87, 13 - used));
        assert_eq!(cursor.broken(100), None);
    }
}

#[test]
fn blocks_are_counted_beyond_what_the_word_holds() {
    let mut cursor = SharedCursor::new();
    let rounds = if cfg!(miri) { 1 } else { 3 * HALF_BLOCKS + 5 };
    let mut count = 0;
    for _ in 0..rounds {
        for live in 1..=3 {
            let offset = cursor.take(0, 10, request(3, 1)).unwrap().offset;
            assert_eq!(cursor.live(), live);
            count += 1;
            assert_eq!(taken(cursor.halves.load(Relaxed), cursor.word.load(Relaxed)), count);
            if live == 3 {
                cursor.give_back(offset, 3);
                assert!(cursor.resize(offset - 3, 3, 4, 10));
            }
        }
        assert_eq!(cursor.broken(10), None);
        cursor.rewind(Mark::START);
        assert_eq!(cursor.live(), 0);
    }
}

#[test]
fn each_invariant_is_missed_when_it_is_broken() {
    let broken = |change: &dyn Fn(&mut SharedCursor)| {
        let mut cursor = cursor(10);
        assert_eq!(cursor.broken(100), None);
        change(&mut cursor);
        cursor.broken(100).map(|(invariant, _)| invariant)
    };
    assert_eq!(broken(&|cursor| cursor.lost.store(11, Relaxed)), Some("A1"));
    assert_eq!(broken(&|cursor| cursor.word.store(101, Relaxed)), Some("A2"));
    let taken = |cursor: &mut SharedCursor| cursor.given.store(usize::MAX - 9, Relaxed);
    assert_eq!(broken(&taken), Some("A3"), "eleven blocks in ten bytes");
    assert_eq!(broken(&|cursor| cursor.lost.store(10, Relaxed)), Some("A3"));
    assert_eq!(broken(&|cursor| _ = cursor.pin(11)), Some("A6"));
    // A block that is freed twice.
    assert_eq!(
        broken(&|cursor| {
            cursor.give_back(0, 10);
            cursor.give_back(0, 10);
        }),
        Some("A1")
    );
}
