//! A region that calls the bump it feeds.

use std::cell::Cell;
use std::rc::Rc;

use kalloc_bump::Bump;
use kalloc_traits::growth::Step;
use kalloc_traits::{AllocError, Heap, InitError, Inspect, RegionError};

use crate::common::{Extent, Memory, Scripted, bytes, filled, free, is_filled};

/// Runs `test` on a bump whose region calls `inner` with the bump, before it grows by what it was asked for.
fn with_reentrant(
    inner: impl Fn(&Bump<Scripted<'_>>, Step) -> Result<(), RegionError>,
    test: impl FnOnce(&Bump<Scripted<'_>>),
) {
    let mut memory = Memory::filled(0);
    let place: Rc<Cell<Option<*const Bump<Scripted<'_>>>>> = Rc::default();
    let inside = Rc::clone(&place);
    let script = |extent: &mut Extent, step: Step| {
        // SAFETY: the bump is alive, since its own region is running, and has not moved since `place` was set.
        let bump = unsafe { &*inside.get().unwrap() };
        inner(bump, step)?;
        if let Step::Grow(extra) = step {
            extent.len += extra;
        }
        Ok(())
    };
    let bump = Bump::new(Scripted::new(&mut memory, 64, script));
    place.set(Some(&raw const bump));
    test(&bump);
    assert_eq!(bump.verify(), Ok(()));
}

#[test]
fn a_growing_region_allocates_and_frees_from_what_there_is() {
    let nested = Cell::new(None);
    let inner = |bump: &Bump<Scripted<'_>>, step| {
        if step != Step::Claim && nested.get().is_none() {
            let scratch = filled(bump, bytes(8), 3);
            nested.set(Some(filled(bump, bytes(16), 4)));
            free(bump, scratch, bytes(8));
            assert_eq!(bump.verify(), Ok(()));
        }
        Ok(())
    };
    with_reentrant(inner, |bump| {
        let first = filled(bump, bytes(10), 1);
        let second = filled(bump, bytes(100), 2);
        assert!(is_filled(first, 10, 1) && is_filled(second, 100, 2));
        assert!(is_filled(nested.get().unwrap(), 16, 4));
        let stats = bump.stats();
        assert_eq!((stats.used, stats.cached, stats.free), (126, 8, 0));
        assert_eq!((stats.live_blocks, stats.failed_requests), (3, 0));
    });
}

#[test]
fn growth_inside_a_growth_is_refused() {
    let inner = |bump: &Bump<Scripted<'_>>, step| {
        if step != Step::Claim {
            assert_eq!(bump.allocate(bytes(65)), Err(AllocError));
            assert_eq!(bump.begin_growth(bytes(65)).unwrap_err(), RegionError::Busy);
            assert_eq!(bump.init(), Ok(()));
        }
        Ok(())
    };
    with_reentrant(inner, |bump| {
        filled(bump, bytes(100), 1);
        assert_eq!(bump.stats().failed_requests, 1);
    });
}

#[test]
fn a_region_that_is_being_claimed_finds_an_empty_heap() {
    let inner = |bump: &Bump<Scripted<'_>>, step| {
        if step == Step::Claim {
            assert_eq!(bump.init(), Err(InitError::Busy));
            assert_eq!(bump.allocate(bytes(1)), Err(AllocError));
            assert_eq!(bump.allocate(bytes(0)).map(|block| block.len()), Ok(0));
            assert_eq!(bump.stats().capacity, 0);
        }
        Ok(())
    };
    with_reentrant(inner, |bump| {
        assert_eq!(bump.init(), Ok(()));
        filled(bump, bytes(64), 1);
        assert_eq!(bump.stats().failed_requests, 1);
    });
}

#[test]
fn a_region_that_frees_the_last_block_while_it_grows_makes_room() {
    let block = Cell::new(None);
    let inner = |bump: &Bump<Scripted<'_>>, step| {
        if let (Step::Grow(_), Some(block)) = (step, block.take()) {
            free(bump, block, bytes(60));
            return Err(RegionError::Exhausted);
        }
        Ok(())
    };
    with_reentrant(inner, |bump| {
        block.set(Some(filled(bump, bytes(60), 1)));
        filled(bump, bytes(50), 2);
        assert_eq!((bump.stats().used, bump.stats().capacity), (50, 64));
    });
}
