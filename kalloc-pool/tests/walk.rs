//! What a walk shows, from wherever it starts.

use std::alloc::Layout;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, Checked, Config, Pool, RealTime, Standard, Tiny};
use kalloc_traits::{Heap, Inspect, Run, RunKind, SliceRegion};

/// Calls `test` with a heap that has holes, and blocks in its quick lists if it has these.
fn with_holes<C: Config>(test: impl Fn(&Pool<SliceRegion<'_>, C>)) {
    let mut memory = Box::new_uninit_slice(4096);
    let pool = Pool::<_, C>::with_config(SliceRegion::new(&mut memory));
    let blocks = [40, 8, 100, 300, 48, 16, 200, 24].map(|size| {
        let layout = Layout::from_size_align(size, 8).unwrap();
        (pool.allocate(layout).unwrap().cast::<u8>(), layout)
    });
    for round in 0..2 {
        for &(block, layout) in blocks[round..].iter().step_by(3) {
            // SAFETY: the block is live, and has this layout.
            unsafe { pool.deallocate(block, layout) };
        }
        if round == 0 {
            pool.trim();
        }
    }
    test(&pool);
}

/// Calls a generic test for each configuration.
macro_rules! for_each_config {
    ($test:ident) => {
        with_holes::<Standard>($test);
        with_holes::<RealTime>($test);
        with_holes::<AddressOrdered>($test);
        with_holes::<Tiny>($test);
        with_holes::<Checked<Standard>>($test);
    };
}

fn runs(pool: &impl Inspect) -> Vec<Run> {
    let mut runs = Vec::new();
    pool.walk(&mut |run| runs.push(run));
    runs
}

#[test]
fn a_run_is_found_from_any_address_in_it() {
    fn test<C: Config>(pool: &Pool<SliceRegion<'_>, C>) {
        let runs = runs(pool);
        assert!(runs.iter().filter(|run| run.kind == RunKind::Free).count() > 2);
        for run in &runs {
            for skipped in (0..run.len).step_by(if cfg!(miri) { 56 } else { 4 }) {
                let expected = Run {
                    start: run.start + skipped,
                    len: run.len - skipped,
                    ..*run
                };
                assert_eq!(
                    pool.next_run(expected.start),
                    Some(expected),
                    "from {skipped} of {run:?}"
                );
            }
        }
        let last = runs.last().unwrap();
        assert_eq!(pool.next_run(last.start + last.len), None);
    }
    for_each_config!(test);
}

#[test]
fn runs_cover_the_memory_and_add_up() {
    fn test<C: Config>(pool: &Pool<SliceRegion<'_>, C>) {
        let runs = runs(pool);
        for pair in runs.windows(2) {
            assert_eq!(pair[0].start + pair[0].len, pair[1].start);
        }
        let sum = |kind| {
            runs.iter()
                .filter(|run| run.kind == kind)
                .map(|run| run.len)
                .sum::<usize>()
        };
        let stats = pool.stats();
        assert_eq!([sum(RunKind::Free), sum(RunKind::Cached)], [stats.free, stats.cached]);
        let first = NonNull::new(std::ptr::without_provenance_mut(runs[0].start)).unwrap();
        assert!(pool.owns(first));
    }
    for_each_config!(test);
}
