//! Scopes, checkpoints and the walk of a chain.

use kalloc_bump::{Arena, Chain, Downward, Settings, Stale};
use kalloc_traits::{Heap, Inspect, RunKind};

use crate::chain::Watched;
use crate::common::{bytes, fill, filled, free, is_filled, with_settings};

/// A block that the first chunk has no room for, if there is one already.
const LARGE: usize = 512;

fn chain<S: Settings>() -> Chain<Watched, S> {
    Chain::with_settings(Watched::default())
}

/// Returns how many chunks the chain has from its heap.
fn nr_lent<S: Settings>(chain: &Chain<Watched, S>) -> usize {
    chain.source().lent.borrow().len()
}

with_settings!(
    scopes_give_their_chunks_back_and_keep_the_largest,
    what_was_before_a_scope_stays_whatever_it_takes,
    a_scope_that_unwinds_ends_too,
    checkpoints_go_back_over_chunks,
    checkpoints_are_stale_out_of_order_and_after_a_reset,
    a_change_behind_a_checkpoint_makes_it_stale,
    the_walk_shows_every_chunk
);

mod generic {
    use super::*;

    pub(super) fn scopes_give_their_chunks_back_and_keep_the_largest<S: Settings>() {
        let mut chain = chain::<S>();
        for round in 0..if cfg!(miri) { 2 } else { 5 } {
            chain.scope(|scope| {
                let kept = scope.try_alloc([round; 100]).unwrap();
                for size in [LARGE, 2 * LARGE, 5 * LARGE] {
                    scope.scope(|inner| {
                        let block = inner.allocate(bytes(size)).unwrap().cast::<u8>();
                        // SAFETY: the block is live and has as many bytes.
                        unsafe { block.write_bytes(7, size) };
                    });
                }
                assert_eq!(*kept, [round; 100]);
            });
            assert_eq!((chain.stats().used, chain.verify()), (0, Ok(())));
            assert_eq!(nr_lent(&chain), 1, "the largest is kept");
        }
        // The next round needs no chunk.
        chain.source().longest.set(Some(0));
        chain.scope(|scope| assert!(scope.allocate(bytes(5 * LARGE)).is_ok()));
        // One that is too short is given back when a larger one is needed.
        chain.source().longest.set(None);
        chain.scope(|scope| assert!(scope.allocate(bytes(50 * LARGE)).is_ok()));
        assert_eq!((nr_lent(&chain), chain.verify()), (1, Ok(())));
        chain.reset();
        assert!(chain.stats().free >= 50 * LARGE);
        let source = chain.source().lent.borrow().len();
        assert_eq!(source, 1);
    }

    pub(super) fn what_was_before_a_scope_stays_whatever_it_takes<S: Settings>() {
        let mut chain = chain::<S>();
        let old = filled(&chain, bytes(100), 1);
        let used = chain.stats().used;
        let peak = {
            let mut guard = chain.guard();
            for round in 2..if cfg!(miri) { 4 } else { 6 } {
                let scope = guard.scope();
                let blocks: Vec<_> = (0..8).map(|_| filled(&scope, bytes(200), round)).collect();
                assert!(blocks.iter().all(|block| is_filled(*block, 200, round)));
                guard.rewind();
            }
            drop(guard);
            chain.stats().peak_used
        };
        assert!(peak >= 1700, "{peak}");
        assert_eq!((chain.stats().used, chain.verify()), (used, Ok(())));
        let next = filled(&chain, bytes(50), 9);
        assert!(is_filled(old, 100, 1) && is_filled(next, 50, 9));
        assert!(
            next.addr().get().abs_diff(old.addr().get()) < 512,
            "the first chunk is cut again"
        );
    }

    pub(super) fn a_scope_that_unwinds_ends_too<S: Settings>() {
        let mut chain = chain::<S>();
        filled(&chain, bytes(10), 1);
        let used = chain.stats().used;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            chain.scope(|scope| {
                let _block = scope.try_alloc([0u8; LARGE]);
                scope.scope(|inner| {
                    let _block = inner.try_alloc([0u8; 2 * LARGE]);
                    panic!("as planned")
                })
            });
        }));
        assert!(outcome.is_err());
        assert_eq!((chain.stats().used, chain.verify()), (used, Ok(())));
    }

    pub(super) fn checkpoints_go_back_over_chunks<S: Settings>() {
        let mut chain = chain::<S>();
        let kept = filled(&chain, bytes(10), 1);
        let outer = chain.checkpoint();
        let middle = filled(&chain, bytes(LARGE), 2);
        let used = chain.stats().used;
        let inner = chain.checkpoint();
        for size in [10, 2 * LARGE, 10, 5 * LARGE] {
            filled(&chain, bytes(size), 3);
        }
        assert_eq!(chain.rewind(inner), Ok(()));
        assert_eq!((chain.stats().used, chain.verify()), (used, Ok(())));
        filled(&chain, bytes(LARGE), 4);
        assert!(is_filled(kept, 10, 1) && is_filled(middle, LARGE, 2));
        assert_eq!(chain.rewind(outer), Ok(()));
        assert_eq!((chain.stats().used, chain.verify()), (10, Ok(())));
        fill(kept, 10, 5);
    }

    pub(super) fn checkpoints_are_stale_out_of_order_and_after_a_reset<S: Settings>() {
        let (mut one, mut two) = (chain::<S>(), chain::<S>());
        filled(&one, bytes(10), 1);
        filled(&two, bytes(10), 1);
        let outer = one.checkpoint();
        let inner = one.checkpoint();
        assert_eq!(
            (one.rewind(outer.clone()), one.release(outer.clone())),
            (Err(Stale), Err(Stale))
        );
        assert_eq!(one.release(inner.clone()), Ok(()));
        assert_eq!(one.rewind(inner), Err(Stale));
        let other = two.checkpoint();
        assert_eq!(
            (one.rewind(other.clone()), two.rewind(outer.clone())),
            (Err(Stale), Err(Stale))
        );
        one.reset();
        filled(&one, bytes(10), 1);
        assert_eq!((one.rewind(outer), two.rewind(other)), (Err(Stale), Ok(())));
    }

    pub(super) fn a_change_behind_a_checkpoint_makes_it_stale<S: Settings>() {
        // The block is in the checkpoint's chunk, or in an older one; after the checkpoint come more chunks, or none.
        for (is_older, is_newer) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut chain = chain::<S>();
            let block = filled(&chain, bytes(10), 1);
            if is_older {
                filled(&chain, bytes(LARGE), 1);
            }
            let here = chain.checkpoint();
            let young = filled(&chain, bytes(if is_newer { 3 * LARGE } else { 10 }), 2);
            let younger = filled(&chain, bytes(10), 2);
            free(&chain, younger, bytes(10));
            free(&chain, young, bytes(if is_newer { 3 * LARGE } else { 10 }));
            assert_eq!(chain.rewind(here), Ok(()), "what is younger may be freed");
            let here = chain.checkpoint();
            filled(&chain, bytes(if is_newer { 3 * LARGE } else { 10 }), 3);
            free(&chain, block, bytes(10));
            assert_eq!(chain.rewind(here), Err(Stale));
            assert_eq!(chain.verify(), Ok(()));
        }
        let mut chain = chain::<S>();
        let last = filled(&chain, bytes(10), 1);
        let here = chain.checkpoint();
        // SAFETY: the block is live and was allocated with this layout.
        let grown = unsafe { chain.grow(last, bytes(10), bytes(100)) }.unwrap().cast();
        fill(grown, 100, 1);
        assert_eq!(chain.rewind(here), Err(Stale), "it would cut through the block");
        filled(&chain, bytes(50), 2);
        assert!(is_filled(grown, 100, 1));
    }

    pub(super) fn the_walk_shows_every_chunk<S: Settings>() {
        let chain = chain::<S>();
        let blocks = [10, LARGE, 3 * LARGE, 20].map(|size| (filled(&chain, bytes(size), 1), size));
        let (mut end, mut len, mut nr_free, mut runs) = (0, 0, 0, Vec::new());
        chain.walk(&mut |run| {
            assert!(run.start >= end && run.len > 0, "by ascending address");
            end = run.start + run.len;
            len += run.len;
            nr_free += if run.kind == RunKind::Free { run.len } else { 0 };
            runs.push(run);
        });
        assert_eq!((len, nr_free), (chain.stats().capacity, chain.stats().free));
        for (block, size) in blocks {
            let start = block.addr().get();
            let holds = |run: &kalloc_traits::Run| {
                run.kind == RunKind::Used && run.start <= start && start + size <= run.start + run.len
            };
            assert!(runs.iter().any(holds) && chain.owns(block));
        }
        let mut nr_chunks = 0;
        chain.chunks(&mut |chunk| {
            nr_chunks += 1;
            assert!(!chain.owns(chunk.start()), "what stands at its start is no block's");
        });
        assert_eq!(nr_chunks, nr_lent(&chain));
    }
}

#[test]
fn no_misuse_of_checkpoints_harms_what_is_live() {
    // Every order of a handful of steps, with checkpoints that are used again, too late, or never.
    let steps = if cfg!(miri) { 2 } else { 6 };
    for program in 0..6u32.pow(steps) {
        let mut chain = chain::<Downward>();
        let mut checkpoints = Vec::new();
        let mut blocks = Vec::new();
        let mut rest = program;
        for step in 0..steps {
            match rest % 6 {
                0 => blocks.push((filled(&chain, bytes(200), step as u8), 200)),
                1 => blocks.push((filled(&chain, bytes(LARGE), step as u8), LARGE)),
                2 => checkpoints.push((chain.checkpoint(), blocks.len())),
                3 => {
                    if let Some((first, nr_blocks)) = checkpoints.first() {
                        if chain.rewind(first.clone()).is_ok() {
                            blocks.truncate(*nr_blocks);
                        }
                    }
                }
                4 => {
                    if let Some((last, nr_blocks)) = checkpoints.last() {
                        if chain.rewind(last.clone()).is_ok() {
                            blocks.truncate(*nr_blocks);
                        }
                    }
                }
                _ if step % 2 == 0 => {
                    chain.reset();
                    blocks.clear();
                }
                _ => drop(checkpoints.pop().map(|(last, _)| chain.release(last))),
            }
            rest /= 6;
            assert_eq!(chain.verify(), Ok(()), "program {program}, step {step}");
            // All that was not ended is there: each block still holds one byte all over.
            for (block, size) in &blocks {
                // SAFETY: the block is live and was filled.
                let byte = unsafe { block.read() };
                assert!(is_filled(*block, *size, byte), "program {program}, step {step}");
            }
            assert_eq!(
                chain.stats().live_blocks,
                blocks.len(),
                "program {program}, step {step}"
            );
        }
    }
}
