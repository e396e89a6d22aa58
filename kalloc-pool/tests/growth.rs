//! Regions that grow, refuse, fall short, or call the heap that they feed.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use kalloc_pool::{AddressOrdered, BestFitting, Config, Pool, RealTime, Retained, Standard, Tiny};
use kalloc_testkit::drive::soak;
use kalloc_testkit::fault::{FailingRegion, Plan, Refusal, Yield};
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_traits::{Heap, InitError, Inspect, RawRegion, RegionError, Span, StaticArray};

/// Bytes that a region may grow to, where a request of 8000 makes it grow.
const RESERVE: usize = if cfg!(miri) { 20_000 } else { 65_536 };

const fn layout(size: usize, align: usize) -> Layout {
    match Layout::from_size_align(size, align) {
        Ok(layout) => layout,
        Err(_) => panic!("a valid layout"),
    }
}

/// Calls a generic test for each configuration.
macro_rules! for_each_config {
    ($test:ident) => {
        $test::<Standard>();
        $test::<BestFitting>();
        // What is theirs alone says no `unsafe`: Miri need not see it.
        if !cfg!(miri) {
            $test::<RealTime>();
            $test::<AddressOrdered>();
            $test::<Tiny>();
        }
    };
}

#[test]
fn a_pool_grows_from_nothing_through_many_small_steps() {
    fn test<C: Config>() {
        let reserve = if cfg!(miri) { 6_000 } else { 1 << 20 };
        let region = GuardedRegion::of(Shape::new(0).with_reserve(reserve).with_base(64, 3));
        let guards = region.guards();
        let pool = Pool::<_, C>::with_config(region);
        let mut blocks = Vec::new();
        while let Ok(block) = pool.allocate(layout(100, 8)) {
            // SAFETY: the block is ours.
            unsafe { block.cast::<u8>().write_bytes(0xC3, block.len()) };
            blocks.push(block.cast());
        }
        pool.verify().unwrap();
        guards.check().unwrap();
        // A 64th for the bitmap, an eighth of that in reserve, the old state runs, and the last step that was refused.
        let percent = if cfg!(miri) { 70 } else { 94 };
        assert!(
            blocks.len() * 104 * 100 > reserve * percent,
            "{} of {reserve}",
            blocks.len() * 104
        );
        for block in blocks {
            // SAFETY: the block is live.
            unsafe { pool.deallocate(block, layout(100, 8)) };
        }
        pool.trim();
        pool.verify().unwrap();
        assert_eq!(pool.stats().free, pool.stats().capacity);
    }
    for_each_config!(test);
}

#[test]
fn the_first_request_of_any_size_makes_an_empty_region_grow_enough() {
    for size in (1..200).step_by(if cfg!(miri) { 50 } else { 1 }) {
        let pool = Pool::new(GuardedRegion::of(Shape::new(0).with_reserve(RESERVE)));
        assert!(pool.allocate(layout(size, 8)).is_ok(), "{size}");
    }
}

#[test]
fn live_blocks_keep_their_contents_while_the_state_moves() {
    fn test<C: Config>() {
        let pool = Pool::<_, C>::with_config(GuardedRegion::of(Shape::new(2000).with_reserve(if cfg!(miri) {
            RESERVE
        } else {
            300_000
        })));
        soak(&pool, 7, if cfg!(miri) { 60 } else { 50_000 }, |pool| pool.verify());
        pool.trim();
        assert_eq!(pool.stats().free, pool.stats().capacity);
    }
    for_each_config!(test);
}

#[test]
fn a_refused_growth_changes_nothing_and_the_next_one_may_succeed() {
    fn test<C: Config>() {
        let plan = Plan {
            refusal: Refusal::Only(0),
            ..Plan::default()
        };
        let (region, watch) = FailingRegion::new(Shape::new(4096).with_reserve(RESERVE), plan);
        let pool = Pool::<_, C>::with_config(region);
        pool.init().unwrap();
        let before = pool.stats();
        assert!(pool.allocate(layout(8000, 8)).is_err());
        pool.verify().unwrap();
        assert_eq!(
            pool.stats(),
            kalloc_traits::Stats {
                failed_requests: 1,
                ..before
            }
        );
        assert!(pool.allocate(layout(8000, 8)).is_ok());
        pool.verify().unwrap();
        watch.check().unwrap();
    }
    for_each_config!(test);
}

#[test]
fn a_short_growth_is_an_error_and_what_came_is_used() {
    fn test<C: Config>() {
        for missing in [1, 8, 64, 500, 5000] {
            let plan = Plan {
                yields: Yield::Less(missing),
                ..Plan::default()
            };
            let (region, watch) = FailingRegion::new(Shape::new(4096).with_reserve(RESERVE), plan);
            let pool = Pool::<_, C>::with_config(region);
            let block = pool.allocate(layout(8000, 8));
            pool.verify().unwrap();
            watch.check().unwrap();
            if let Ok(block) = block {
                // SAFETY: the block is ours.
                unsafe { block.cast::<u8>().write_bytes(0x77, block.len()) };
            }
            watch.check().unwrap();
        }
    }
    for_each_config!(test);
}

#[test]
fn a_region_that_brings_more_than_asked_for_refuses_only_at_its_end() {
    fn test<C: Config>() {
        for more in [1000, 20_000] {
            let plan = Plan {
                yields: Yield::More(more),
                ..Plan::default()
            };
            let reserve = if cfg!(miri) { 30_000 } else { 4 << 20 };
            let (region, watch) = FailingRegion::new(Shape::new(4096).with_reserve(reserve), plan);
            let pool = Pool::<_, C>::with_config(region);
            while pool.allocate(layout(500, 8)).is_ok() {}
            pool.verify().unwrap();
            watch.check().unwrap();
            // Behind the last step there may be as much as one brings, and the bitmap takes a part.
            let capacity = pool.stats().capacity;
            assert!(capacity + 2 * more > reserve / 100 * 94, "{capacity} of {reserve}");
        }
    }
    for_each_config!(test);
}

#[test]
fn a_growth_that_brings_nothing_ends() {
    fn test<C: Config>() {
        let plan = Plan {
            yields: Yield::Nothing,
            ..Plan::default()
        };
        let (region, watch) = FailingRegion::new(Shape::new(4096).with_reserve(RESERVE), plan);
        let pool = Pool::<_, C>::with_config(region);
        assert!(pool.allocate(layout(8000, 8)).is_err());
        assert!(watch.growths() <= 3);
        pool.verify().unwrap();
    }
    for_each_config!(test);
}

#[test]
fn a_page_source_that_allocates_from_the_heap_it_feeds_gets_memory_or_an_error() {
    fn test<C: Config>() {
        let heap = Rc::new(Cell::new(None::<NonNull<Pool<FailingRegion, C>>>));
        let outcomes: Rc<Cell<(u32, u32)>> = Rc::default();
        let (hook_heap, hook_outcomes) = (Rc::clone(&heap), Rc::clone(&outcomes));
        let hook = move |_step| {
            let Some(pool) = hook_heap.get() else { return };
            // SAFETY: the pool stands still until the end of the test.
            let pool = unsafe { pool.as_ref() };
            let (served, refused) = hook_outcomes.get();
            // A small request is served from what there is, a large one would need growth.
            let small = pool.allocate(layout(24, 8)).is_ok();
            let large = pool.allocate(layout(6000, 8)).is_ok();
            hook_outcomes.set((served + u32::from(small), refused + u32::from(!large)));
            let _ = pool.init();
        };
        let plan = Plan {
            hook: Some(Box::new(hook)),
            ..Plan::default()
        };
        let (region, watch) = FailingRegion::new(Shape::new(4096).with_reserve(RESERVE), plan);
        let pool = Pool::<_, C>::with_config(region);
        heap.set(Some(NonNull::from(&pool)));

        // The claim calls back as well, before there is anything.
        assert_eq!(pool.init(), Ok(()));
        assert_eq!(outcomes.get(), (0, 1));
        let block = pool.allocate(layout(5000, 8)).unwrap();
        assert_eq!(
            outcomes.get(),
            (1, 2),
            "one small request served, one large one refused"
        );
        // SAFETY: the block is ours.
        unsafe { block.cast::<u8>().write_bytes(0x11, block.len()) };
        assert_eq!(watch.deepest(), 1);
        pool.verify().unwrap();
        watch.check().unwrap();
    }
    for_each_config!(test);
}

#[test]
fn a_second_claimant_gets_an_error_and_an_empty_heap() {
    static MEMORY: StaticArray<4096> = StaticArray::new();

    let first = Pool::new(MEMORY.region());
    let second = Pool::new(MEMORY.region());
    assert!(first.allocate(layout(10, 1)).is_ok());
    assert_eq!(second.init(), Err(InitError::Claimed));
    assert!(second.allocate(layout(10, 1)).is_err());
    assert_eq!(second.stats().capacity, 0);
    second.verify().unwrap();
    assert_eq!(first.init(), Ok(()));

    drop(first);
    assert!(
        second.allocate(layout(10, 1)).is_ok(),
        "the memory has no owner any more"
    );
}

#[test]
fn a_region_that_refuses_to_be_claimed_leaves_an_empty_heap() {
    let plan = Plan {
        claim: Err(RegionError::Exhausted),
        ..Plan::default()
    };
    let (region, watch) = FailingRegion::new(Shape::new(4096), plan);
    let pool = Pool::new(region);
    assert_eq!(pool.init(), Err(InitError::Refused));
    assert!(pool.allocate(layout(1, 1)).is_err());
    pool.trim();
    pool.walk(&mut |run| panic!("{run:?}"));
    assert_eq!(watch.early_spans(), 0);
}

#[test]
fn a_pool_with_a_record_at_its_start_grows_from_nothing_at_once() {
    fn test<C: Config>() {
        for size in [1, 8, 100, 5000] {
            let region = GuardedRegion::of(Shape::new(0).with_reserve(RESERVE).with_base(64, 3));
            let pool = Pool::<_, Retained<C>>::with_config(region);
            assert!(pool.allocate(layout(size, 8)).is_ok(), "{size} bytes");
            pool.verify().unwrap();
        }
    }
    for_each_config!(test);
}

/// Takes blocks until there is no memory, and writes the number of each into it.
fn numbered<R: RawRegion, C: Config>(pool: &Pool<R, C>) -> Vec<NonNull<u64>> {
    let blocks = std::iter::from_fn(|| pool.allocate(layout(8, 8)).ok().map(NonNull::cast::<u64>));
    let blocks: Vec<_> = blocks.collect();
    for (&block, number) in blocks.iter().zip(0..) {
        // SAFETY: the block is ours, and has so many bytes.
        unsafe { block.write(number) };
    }
    blocks
}

/// Expects the numbers in the blocks, and frees every other one.
fn expect_numbers<R: RawRegion, C: Config>(pool: &Pool<R, C>, blocks: &[NonNull<u64>]) {
    for (&block, number) in blocks.iter().zip(0..) {
        // SAFETY: the block is live, and was written.
        assert_eq!(unsafe { block.read() }, number);
        if number % 2 == 0 {
            // SAFETY: the block is live, and has this layout.
            unsafe { pool.deallocate(block.cast(), layout(8, 8)) };
        }
    }
    pool.verify().unwrap();
}

#[test]
fn memory_that_can_only_grow_by_a_move_refuses_and_its_heap_goes_on_in_a_longer_copy() {
    // R9: a vector's memory, say.
    fn test<C: Config>() {
        const LEN: usize = 2000;
        let region = GuardedRegion::new(LEN);
        let here = region.span();
        let mut pool = Pool::<_, C>::with_config(region);
        let mut blocks = numbered(&pool);
        assert!(blocks.len() > 100 && pool.allocate(layout(LEN, 8)).is_err());
        let there = GuardedRegion::new(LEN * 4);
        // SAFETY: both spans have so many bytes, and are apart.
        unsafe { there.span().start().copy_from_nonoverlapping(here.start(), LEN) };
        // SAFETY: this is the end of the old memory, which goes below.
        let end = unsafe { here.start().add(LEN) };
        // SAFETY: the new region starts with what the old one holds, and the blocks are aligned to 8.
        let (_, moved) = unsafe { pool.rebase(there, 8) }.unwrap();
        for block in &mut blocks {
            *block = moved.translate(block.cast()).unwrap().cast();
        }
        assert_eq!(moved.translate(end), None);
        assert!(pool.allocate(layout(LEN, 8)).is_ok(), "what is longer is taken in");
        expect_numbers(&pool, &blocks);
    }
    for_each_config!(test);
}

/// Breaks its contract: when it grows, its span is elsewhere.
struct Moving {
    now: GuardedRegion,
    next: Option<GuardedRegion>,
    /// Where it was, which stays valid.
    before: Option<GuardedRegion>,
}

// SAFETY: none: the span does not stay where it is. No bytes of it are anybody else's.
unsafe impl RawRegion for Moving {
    fn span(&self) -> Span {
        self.now.span()
    }

    fn grow(&mut self, _min_extra: usize) -> Result<(), RegionError> {
        let next = self.next.take().ok_or(RegionError::Exhausted)?;
        self.before = Some(std::mem::replace(&mut self.now, next));
        Ok(())
    }
}

#[test]
fn a_region_that_has_moved_is_not_taken_in() {
    // R9, where the region is wrong.
    fn test<C: Config>() {
        let pool = Pool::<_, C>::with_config(Moving {
            now: GuardedRegion::new(2000),
            next: Some(GuardedRegion::new(8000)),
            before: None,
        });
        let blocks = numbered(&pool);
        assert!(blocks.len() > 100);
        let before = pool.stats();
        assert!(pool.allocate(layout(2000, 8)).is_err());
        let after = pool.stats();
        assert_eq!((before.used, before.capacity), (after.used, after.capacity));
        expect_numbers(&pool, &blocks);
        assert!(pool.allocate(layout(8, 8)).is_ok_and(|block| pool.owns(block.cast())));
    }
    for_each_config!(test);
}

#[test]
fn a_region_is_given_back_but_for_one_granule_and_grows_again() {
    fn test<C: Config>() {
        let pool = Pool::<_, C>::with_config(GuardedRegion::of(Shape::new(4096).with_reserve(RESERVE)));
        pool.init().unwrap();
        let capacity = pool.stats().capacity;
        assert_eq!(pool.truncate(usize::MAX), Ok(capacity - 8));
        assert_eq!(pool.stats().capacity, 8);
        pool.verify().unwrap();
        assert!(pool.allocate(layout(8, 8)).is_ok());
        assert!(pool.allocate(layout(8000, 8)).is_ok());
        pool.verify().unwrap();
    }
    for_each_config!(test);
}

#[test]
#[cfg(not(miri))]
fn a_pool_that_grows_by_small_steps_moves_its_state_now_and_then() {
    const STEP: usize = 4096;
    let region = GuardedRegion::of(Shape::new(8 * STEP).with_reserve(64 * STEP));
    let pool = Pool::<_, AddressOrdered>::with_config(region);
    pool.init().unwrap();
    let mut moves = 0;
    for _ in 8..64 {
        let before = pool.stats().capacity;
        pool.extend(STEP).unwrap();
        moves += u32::from(pool.stats().capacity != before + STEP);
    }
    // It grows eightfold, by an eighth with each move.
    assert!((1..=18).contains(&moves), "{moves}");
}
