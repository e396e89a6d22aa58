//! Claiming and growing the region: enough, too little, not at all, and wrongly.

use std::cell::Cell;
use std::rc::Rc;

use kalloc_bump::Bump;
use kalloc_traits::growth::Step;
use kalloc_traits::{AllocError, Heap, InitError, Inspect, RegionError, SliceRegion, Span};

use crate::common::{Memory, Scripted, bytes, filled, free, is_filled, layout};

#[test]
fn the_region_is_claimed_at_first_use_and_asked_for_no_more_than_what_is_missing() {
    let mut memory = Memory::filled(0);
    let asked = Rc::new(Cell::new(Vec::new()));
    let log = Rc::clone(&asked);
    let bump = Bump::new(Scripted::new(&mut memory, 16, move |extent, step| {
        let mut steps = log.take();
        steps.push(step);
        log.set(steps);
        if let Step::Grow(extra) = step {
            extent.len += extra;
        }
        Ok(())
    }));
    assert_eq!(asked.take(), []);
    filled(&bump, bytes(10), 0);
    assert_eq!(asked.take(), [Step::Claim]);
    filled(&bump, bytes(6), 0);
    assert_eq!(asked.take(), []);
    filled(&bump, bytes(1), 0);
    assert_eq!(asked.take(), [Step::Grow(1)]);
    filled(&bump, layout(8, 16), 0);
    assert_eq!(asked.take(), [Step::Grow(15 + 8)]);
    assert_eq!(bump.stats().capacity, 40);
}

#[test]
fn a_region_that_is_empty_at_first_has_its_place_from_the_first_growth() {
    let mut memory = Memory::filled(0);
    let start = memory.0.as_ptr().addr();
    let bump = Bump::new(Scripted::new(&mut memory, 0, |extent, step| {
        if step != Step::Claim {
            extent.len = 128;
        }
        Ok(())
    }));
    assert_eq!(bump.init(), Err(InitError::TooSmall));
    assert_eq!(filled(&bump, layout(100, 64), 1).addr().get(), start);
    assert_eq!(bump.init(), Ok(()));
    assert_eq!(bump.stats().capacity, 128);
}

#[test]
fn an_empty_span_may_stand_elsewhere() {
    let mut memory = Memory::filled(0);
    let mut place = None;
    let bump = Bump::new(Scripted::new(&mut memory, 0, move |extent, step| {
        match step {
            Step::Claim => place = Some(std::mem::replace(&mut extent.start, Span::EMPTY.start())),
            Step::Grow(extra) => {
                extent.start = place.unwrap();
                extent.len += extra;
            }
        }
        Ok(())
    }));
    // The first growth is measured from the wrong place, and may need a second one.
    let block = filled(&bump, layout(100, 64), 1);
    assert!(bump.owns(block));
    assert!(is_filled(block, 100, 1));
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn a_short_growth_fails_but_what_came_is_used() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::new(&mut memory, 16, |extent, step| {
        if step != Step::Claim {
            extent.len += 8;
        }
        Ok(())
    }));
    assert_eq!(bump.allocate(bytes(100)), Err(AllocError));
    assert_eq!((bump.stats().capacity, bump.stats().failed_requests), (24, 1));
    filled(&bump, bytes(24), 0);

    let growth = bump.begin_growth(bytes(9)).unwrap();
    // SAFETY: the bump is alive and not moved, and its region is not used until `end_growth`.
    let grown = unsafe { growth.run() };
    assert_eq!(bump.end_growth(grown), Err(RegionError::Exhausted));
    filled(&bump, bytes(8), 0);
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn what_came_with_a_refusal_is_used_too() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::new(&mut memory, 16, |extent, step| {
        if step == Step::Claim {
            return Ok(());
        }
        extent.len += 100;
        Err(RegionError::Exhausted)
    }));
    filled(&bump, bytes(100), 0);
    assert_eq!((bump.stats().capacity, bump.stats().failed_requests), (116, 0));
}

#[test]
fn a_refused_growth_changes_nothing_but_the_count() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::fixed(&mut memory, 16));
    let block = filled(&bump, bytes(10), 1);
    let mut expected = bump.stats();
    for failures in 1..5 {
        assert_eq!(bump.allocate(bytes(7)), Err(AllocError));
        expected.failed_requests = failures;
        assert_eq!(bump.stats(), expected);
    }
    assert!(is_filled(block, 10, 1));
    filled(&bump, bytes(6), 0);
}

#[test]
fn a_region_that_says_yes_and_does_nothing_is_not_asked_for_ever() {
    let mut memory = Memory::filled(0);
    let calls = Cell::new(0);
    let bump = Bump::new(Scripted::new(&mut memory, 16, |_, _| {
        calls.set(calls.get() + 1);
        Ok(())
    }));
    assert_eq!(bump.allocate(bytes(17)), Err(AllocError));
    assert_eq!(calls.get(), 2, "one claim and one growth");
}

#[test]
fn a_region_is_not_asked_for_what_no_region_can_have() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::new(&mut memory, 16, |_, step| {
        assert_eq!(step, Step::Claim);
        Ok(())
    }));
    filled(&bump, bytes(1), 0);
    // The memory is aligned to 4096 bytes, and its first byte is taken.
    for align in (0..=12).map(|shift| 1 << shift) {
        let largest = isize::MAX as usize - (align - 1);
        assert_eq!(bump.allocate(layout(largest, align)), Err(AllocError));
    }
    assert_eq!(
        bump.begin_growth(bytes(isize::MAX as usize)).unwrap_err(),
        RegionError::Fixed
    );
    assert_eq!(bump.begin_growth(bytes(0)).unwrap_err(), RegionError::Fixed);
}

#[test]
fn a_refused_claim_is_reported_and_tried_again() {
    let mut memory = Memory::filled(0);
    let is_open = Cell::new(false);
    let bump = Bump::new(Scripted::new(&mut memory, 16, |_, _| match is_open.get() {
        true => Ok(()),
        false => Err(RegionError::Exhausted),
    }));
    assert_eq!(bump.init(), Err(InitError::Refused));
    assert_eq!(bump.allocate(bytes(1)), Err(AllocError));
    assert_eq!((bump.stats().capacity, bump.stats().failed_requests), (0, 1));
    assert_eq!(bump.verify(), Ok(()));
    is_open.set(true);
    assert_eq!(bump.init(), Ok(()));
    assert_eq!(bump.init(), Ok(()));
    filled(&bump, bytes(16), 0);
}

#[test]
fn while_a_growth_runs_others_are_refused_and_the_memory_at_hand_serves() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::growing(&mut memory, 16));
    bump.init().unwrap();
    let growth = bump.begin_growth(bytes(100)).unwrap();
    assert_eq!(bump.begin_growth(bytes(100)).unwrap_err(), RegionError::Busy);
    assert_eq!(bump.init(), Ok(()), "it is laid out");
    assert_eq!(bump.allocate(bytes(17)), Err(AllocError));
    let block = filled(&bump, bytes(16), 1);

    // SAFETY: the bump is alive and not moved, and its region is not used until `end_growth`.
    let grown = unsafe { growth.run() };
    assert_eq!(bump.end_growth(grown), Ok(()));
    assert_eq!((bump.stats().capacity, bump.stats().free), (100, 84));
    assert!(is_filled(block, 16, 1));
}

#[test]
fn a_start_that_moves_is_ignored() {
    let mut memory = Memory::filled(0);
    let bump = Bump::new(Scripted::new(&mut memory, 64, |extent, step| {
        if step != Step::Claim {
            // SAFETY: the memory is 4096 bytes long.
            extent.start = unsafe { extent.start.add(64) };
            extent.len = 1024;
        }
        Ok(())
    }));
    let block = filled(&bump, bytes(60), 1);
    assert_eq!(bump.allocate(bytes(100)), Err(AllocError));
    assert_eq!(bump.stats().capacity, 64);
    let rest = filled(&bump, bytes(4), 2);
    assert_eq!(rest.addr().get(), block.addr().get() + 60);
    assert!(is_filled(block, 60, 1));
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn an_end_that_moves_down_is_followed_as_far_as_the_last_block() {
    let mut memory = Memory::filled(0);
    let lengths = Rc::new(Cell::new(0));
    let len = Rc::clone(&lengths);
    let bump = Bump::new(Scripted::new(&mut memory, 64, move |extent, step| {
        if step != Step::Claim {
            extent.len = len.get();
        }
        Ok(())
    }));
    let block = filled(&bump, bytes(40), 1);
    for (len, capacity) in [(50, 50), (20, 40), (0, 40), (30, 40), (48, 48)] {
        lengths.set(len);
        assert_eq!(bump.allocate(bytes(100)), Err(AllocError));
        assert_eq!((bump.stats().capacity, bump.stats().used), (capacity, 40));
        assert_eq!(bump.verify(), Ok(()));
    }
    assert!(is_filled(block, 40, 1));

    lengths.set(64);
    let second = filled(&bump, bytes(24), 2);
    assert!(is_filled(block, 40, 1) && is_filled(second, 24, 2));
    free(&bump, second, bytes(24));
    free(&bump, block, bytes(40));
    assert_eq!(bump.stats().free, 64);
}

#[test]
fn a_limit_that_is_raised_gives_the_rest_of_a_fixed_region() {
    let mut memory = Box::new_uninit_slice(4096);
    let bump = Bump::new(SliceRegion::new(&mut memory));
    bump.set_limit(1024);
    assert!(bump.allocate(bytes(800)).is_ok());
    assert_eq!(bump.allocate(bytes(800)), Err(AllocError));
    bump.set_limit(4096);
    assert!(bump.allocate(bytes(800)).is_ok());
}
