//! Scopes and checkpoints.

use kalloc_bump::{Arena, Bump, Downward, Settings, Stale, Standard};
use kalloc_traits::{Heap, Inspect};

use crate::common::{Memory, Scripted, bytes, fill, filled, free, is_filled, with_settings};

fn bump<S: Settings>(memory: &mut Memory, len: usize) -> Bump<Scripted<'_>, S> {
    Bump::with_settings(Scripted::growing(memory, len))
}

with_settings!(
    scopes_nest_and_give_back_what_they_took,
    a_scope_that_claims_the_region_gives_all_of_it_back,
    a_scope_whose_region_grows_keeps_what_was_before,
    a_scope_that_unwinds_ends_too,
    a_guard_rewinds_as_often_as_it_is_told,
    checkpoints_nest_and_are_stale_out_of_order,
    a_checkpoint_of_another_bump_is_stale,
    every_end_of_all_blocks_closes_all_checkpoints,
    going_back_never_cuts_through_a_block_that_has_grown
);

mod generic {
    use super::*;

    pub(super) fn scopes_nest_and_give_back_what_they_took<S: Settings>() {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<S>(&mut memory, 500);
        let kept = filled(&bump, bytes(10), 9);
        let before = bump.stats();
        let sum = bump.scope(|outer| {
            let first = outer.try_alloc_slice_copy(&[1u8, 2, 3]).unwrap();
            let middle = outer.try_alloc(4u64).unwrap();
            for _ in 0..if cfg!(miri) { 3 } else { 100 } {
                outer.scope(|inner| {
                    let most = inner.try_alloc_slice_fill(200, 5u8).unwrap();
                    inner.scope(|innermost| drop(innermost.try_alloc([6u8; 100]).unwrap()));
                    let more = inner.try_alloc_slice_fill(100, 7u8).unwrap();
                    assert!(most.iter().all(|byte| *byte == 5) && more.iter().all(|byte| *byte == 7));
                });
            }
            let last = outer.try_alloc(8u8).unwrap();
            first.iter().map(|byte| u64::from(*byte)).sum::<u64>() + *middle + u64::from(*last)
        });
        assert_eq!((sum, bump.verify()), (18, Ok(())));
        assert_eq!((bump.stats().used, bump.stats().free), (before.used, before.free));
        assert_eq!(bump.stats().capacity, 500, "the rounds reused their memory");
        assert!(is_filled(kept, 10, 9));
    }

    pub(super) fn a_scope_that_claims_the_region_gives_all_of_it_back<S: Settings>() {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<S>(&mut memory, 100);
        bump.scope(|scope| drop(scope.try_alloc([0u8; 90]).unwrap()));
        assert_eq!(
            (bump.stats().free, bump.stats().capacity, bump.verify()),
            (100, 100, Ok(()))
        );
    }

    pub(super) fn a_scope_whose_region_grows_keeps_what_was_before<S: Settings>() {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<S>(&mut memory, 100);
        let kept = filled(&bump, bytes(60), 9);
        bump.scope(|scope| {
            let grown = filled(scope, bytes(300), 1);
            assert!(is_filled(kept, 60, 9) && is_filled(grown, 300, 1));
        });
        assert_eq!(bump.verify(), Ok(()));
        let next = filled(&bump, bytes(40), 2);
        assert!(is_filled(kept, 60, 9) && is_filled(next, 40, 2));
        bump.reset();
        assert_eq!(bump.stats().free, bump.stats().capacity);
    }

    pub(super) fn a_scope_that_unwinds_ends_too<S: Settings>() {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<S>(&mut memory, 100);
        filled(&bump, bytes(10), 9);
        let used = bump.stats().used;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            bump.scope(|scope| {
                let _block = scope.try_alloc(1u8);
                scope.scope(|inner| {
                    let _block = inner.try_alloc([0u8; 20]);
                    panic!("as planned")
                })
            });
        }));
        assert!(outcome.is_err());
        assert_eq!((bump.stats().used, bump.verify()), (used, Ok(())));
    }

    pub(super) fn a_guard_rewinds_as_often_as_it_is_told<S: Settings>() {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<S>(&mut memory, 100);
        filled(&bump, bytes(10), 9);
        let used = bump.stats().used;
        let mut guard = bump.guard();
        for round in 0..if cfg!(miri) { 3 } else { 100u8 } {
            let scope = guard.scope();
            let value = scope.try_alloc([round; 80]).unwrap().into_mut();
            assert!(value.iter().all(|byte| *byte == round));
            guard.rewind();
        }
        let scope = guard.scope();
        scope.try_alloc(1u8).unwrap();
        drop(guard);
        assert_eq!((bump.stats().used, bump.stats().capacity), (used, 100));
    }

    pub(super) fn checkpoints_nest_and_are_stale_out_of_order<S: Settings>() {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<S>(&mut memory, 500);
        let kept = filled(&bump, bytes(10), 1);
        let outer = bump.checkpoint();
        let middle = filled(&bump, bytes(20), 2);
        let inner = bump.checkpoint();
        filled(&bump, bytes(30), 3);

        assert_eq!(bump.rewind(outer.clone()), Err(Stale), "the inner one is open");
        assert_eq!(bump.stats().used, 60, "an error changes nothing");
        assert_eq!(bump.rewind(inner.clone()), Ok(()));
        assert_eq!((bump.stats().used, bump.verify()), (30, Ok(())));
        assert!(is_filled(kept, 10, 1) && is_filled(middle, 20, 2));
        assert_eq!(bump.rewind(inner), Err(Stale));
        let released = bump.checkpoint();
        filled(&bump, bytes(5), 4);
        assert_eq!(bump.release(released.clone()), Ok(()));
        assert_eq!((bump.rewind(released), bump.stats().used), (Err(Stale), 35));
        assert_eq!(bump.rewind(outer), Ok(()));
        assert_eq!((bump.stats().used, bump.verify()), (10, Ok(())));
        fill(kept, 10, 5);
    }

    pub(super) fn a_checkpoint_of_another_bump_is_stale<S: Settings>() {
        let (mut one, mut two) = (Memory::filled(0), Memory::filled(0));
        let (mut one, mut two) = (bump::<S>(&mut one, 100), bump::<S>(&mut two, 100));
        filled(&one, bytes(10), 1);
        filled(&two, bytes(10), 1);
        let (of_one, of_two) = (one.checkpoint(), two.checkpoint());
        assert_eq!(
            (one.rewind(of_two.clone()), two.rewind(of_one)),
            (Err(Stale), Err(Stale))
        );
        assert_eq!(two.rewind(of_two), Ok(()));
    }

    pub(super) fn every_end_of_all_blocks_closes_all_checkpoints<S: Settings>() {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<S>(&mut memory, 100);
        let block = filled(&bump, bytes(10), 1);
        let here = bump.checkpoint();
        bump.reset();
        filled(&bump, bytes(50), 1);
        assert_eq!(bump.rewind(here), Err(Stale));
        bump.reset();

        // So does a block from before that is freed: to go back would count it as live.
        let block_after = filled(&bump, bytes(10), 1);
        assert_eq!(block_after, block);
        let here = bump.checkpoint();
        free(&bump, block, bytes(10));
        assert_eq!(bump.rewind(here), Err(Stale));
        assert_eq!(bump.verify(), Ok(()));
    }

    pub(super) fn going_back_never_cuts_through_a_block_that_has_grown<S: Settings>() {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<S>(&mut memory, 500);
        let block = filled(&bump, bytes(10), 1);
        let here = bump.checkpoint();
        // SAFETY: the block is live and was allocated with this layout.
        let grown = unsafe { bump.grow(block, bytes(10), bytes(100)) }.unwrap().cast();
        fill(grown, 100, 1);
        assert_eq!(bump.rewind(here), Err(Stale));
        filled(&bump, bytes(50), 2);
        assert!(is_filled(grown, 100, 1));
    }
}

#[test]
fn a_block_of_the_checkpoint_or_later_may_be_freed() {
    let mut memory = Memory::filled(0);
    let mut bump = bump::<Standard>(&mut memory, 500);
    filled(&bump, bytes(10), 1);
    let here = bump.checkpoint();
    let (first, second) = (filled(&bump, bytes(20), 2), filled(&bump, bytes(20), 2));
    free(&bump, first, bytes(20));
    free(&bump, second, bytes(20));
    assert_eq!(bump.rewind(here), Ok(()));
    assert_eq!(
        (bump.stats().used, bump.stats().live_blocks, bump.stats().free),
        (10, 1, 490)
    );
}

#[test]
fn no_misuse_of_checkpoints_breaks_an_invariant() {
    // Every order of a handful of steps, with checkpoints that are used again, too late, or never.
    let steps = if cfg!(miri) { 2 } else { 6 };
    for program in 0..5u32.pow(steps) {
        let mut memory = Memory::filled(0);
        let mut bump = bump::<Downward>(&mut memory, 64);
        let mut checkpoints = Vec::new();
        let mut rest = program;
        for step in 0..steps {
            match rest % 5 {
                0 => drop(bump.allocate(bytes(20))),
                1 => checkpoints.push(bump.checkpoint()),
                2 => drop(checkpoints.first().map(|first| bump.rewind(first.clone()))),
                3 => drop(checkpoints.last().map(|last| bump.rewind(last.clone()))),
                _ if step % 2 == 0 => bump.reset(),
                _ => drop(checkpoints.pop().map(|last| bump.release(last))),
            }
            rest /= 5;
            assert_eq!(bump.verify(), Ok(()), "program {program}, step {step}");
        }
    }
}
