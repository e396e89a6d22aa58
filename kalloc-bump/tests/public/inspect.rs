//! Counters, walk and ownership.

use kalloc_bump::{Bump, Lean, LeanDownward, Settings};
use kalloc_traits::{Heap, Inspect, Run, RunKind, Stats};
use std::ptr::NonNull;

use crate::common::{Memory, Scripted, bytes, filled, free, layout};

fn runs(heap: &impl Inspect) -> Vec<Run> {
    let mut runs = Vec::new();
    heap.walk(&mut |run| runs.push(run));
    runs
}

fn run(kind: RunKind, start: usize, end: usize) -> Run {
    Run {
        kind,
        start,
        len: end - start,
    }
}

#[test]
fn the_walk_shows_what_lies_below_the_cursor_and_what_lies_behind() {
    let mut memory = Memory::filled(0);
    let start = memory.0.as_ptr().addr();
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    assert_eq!(runs(&bump), [], "nothing is laid out yet");
    bump.init().unwrap();
    assert_eq!(runs(&bump), [run(RunKind::Free, start, start + 100)]);

    let first = filled(&bump, bytes(3), 0);
    filled(&bump, layout(8, 8), 0);
    free(&bump, first, bytes(3));
    let both = [
        run(RunKind::Used, start, start + 16),
        run(RunKind::Free, start + 16, start + 100),
    ];
    assert_eq!(runs(&bump), both);

    filled(&bump, bytes(84), 0);
    assert_eq!(runs(&bump), [run(RunKind::Used, start, start + 100)]);
}

#[test]
fn a_walk_from_the_middle_is_cut_there() {
    let mut memory = Memory::filled(0);
    let start = memory.0.as_ptr().addr();
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    filled(&bump, bytes(40), 0);
    for from in start - 10..start + 110 {
        let expected = match from {
            _ if from < start + 40 => Some(run(RunKind::Used, from.max(start), start + 40)),
            _ if from < start + 100 => Some(run(RunKind::Free, from, start + 100)),
            _ => None,
        };
        assert_eq!(bump.next_run(from), expected);
    }
    assert_eq!(
        (bump.next_run(0).unwrap().start, bump.next_run(usize::MAX)),
        (start, None)
    );
}

#[test]
fn a_visitor_may_use_the_heap() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    filled(&bump, bytes(10), 0);
    let mut covered = 0;
    bump.walk(&mut |run| {
        assert_eq!(bump.verify(), Ok(()));
        if bump.stats().live_blocks < 5 {
            bump.allocate(bytes(5)).unwrap();
        }
        covered += run.len;
    });
    assert_eq!(covered, 100);
}

#[test]
fn the_heap_owns_its_memory_from_the_first_byte_to_the_last() {
    let mut memory = Memory::filled(0);
    let start = NonNull::from(&mut memory.0).cast::<u8>();
    let at = |offset: isize| NonNull::new(start.as_ptr().wrapping_offset(offset)).unwrap();
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    assert!(!bump.owns(at(0)), "not before it is laid out");
    bump.init().unwrap();
    assert!(bump.owns(at(0)) && bump.owns(at(99)));
    assert!(!bump.owns(at(-1)) && !bump.owns(at(100)));
}

#[test]
fn the_counters_add_up() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    let first = filled(&bump, bytes(10), 0);
    filled(&bump, layout(20, 16), 0);
    free(&bump, first, bytes(10));
    assert!(bump.allocate(bytes(5000)).is_err());
    let expected = Stats {
        capacity: 100,
        used: 20,
        free: 64,
        cached: 16,
        peak_used: 30,
        live_blocks: 1,
        failed_requests: 1,
    };
    assert_eq!(bump.stats(), expected);
}

#[test]
fn a_bump_that_does_not_count_takes_what_it_has_handed_out_for_one_block() {
    fn test<S: Settings>() {
        let mut memory = Memory::filled(0);
        let bump = Bump::<_, S>::with_settings(Scripted::growing(&mut memory, 104));
        bump.init().unwrap();
        let empty = bump.stats();
        assert_eq!((empty.used, empty.free, empty.live_blocks), (0, empty.capacity, 0));
        filled(&bump, layout(8, 8), 0);
        filled(&bump, layout(16, 8), 0);
        let expected = Stats {
            used: 24,
            free: empty.capacity - 24,
            peak_used: 24,
            live_blocks: 1,
            ..empty
        };
        assert_eq!(bump.stats(), expected);
    }
    test::<Lean>();
    test::<LeanDownward>();
}

#[test]
fn debug_shows_the_counters() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 100));
    filled(&bump, bytes(42), 0);
    assert!(format!("{bump:?}").contains("used: 42"));
}
