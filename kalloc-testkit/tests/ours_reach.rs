//! Pools that do not lie in one fresh region: in several, where a bump was before, and at another address than they began at.
//!
//! Each has been in use before it is judged, and is empty again.

#![cfg(not(miri))]

use std::alloc::Layout;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use kalloc_bump::Bump;
use kalloc_pool::{
    AddressOrdered, Adopting, BestFitting, Checked, Config, Pool, Regions, Retained, Standard, Supply, Tiny,
};
use kalloc_testkit::conformance::{Report, Subject, suite};
use kalloc_testkit::fault::FailingRegion;
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_testkit::workload::ROOM;
use kalloc_testkit::{conformance, conformance_over};
use kalloc_traits::{Heap, Inspect, RawRegion, RegionError, Span};

/// The largest alignment of a block that moves with its pool.
const ALIGN: usize = 64;

/// A block whose bytes are all the same.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

impl Block {
    /// Takes the block of a number from a heap, if there is room.
    fn take(heap: &impl Heap, number: usize) -> Option<Self> {
        let layout = Layout::from_size_align(1 + number * 37 % 400, 1 << (number % 7)).expect("a small layout");
        let (start, byte) = (heap.allocate(layout).ok()?.cast::<u8>(), number as u8);
        // SAFETY: the block is ours.
        unsafe { start.write_bytes(byte, layout.size()) };
        Some(Self { start, layout, byte })
    }

    /// Expects that the block is as it was.
    fn check(&self) {
        // SAFETY: the block is live, was written, and nobody else uses it.
        let bytes = unsafe { NonNull::slice_from_raw_parts(self.start, self.layout.size()).as_ref() };
        assert!(
            bytes.iter().all(|&byte| byte == self.byte),
            "a live block was written to"
        );
    }

    /// Gives the block back.
    fn free(&self, heap: &impl Heap) {
        self.check();
        // SAFETY: the block is live, and has this layout.
        unsafe { heap.deallocate(self.start, self.layout) };
    }
}

/// Uses a heap, so that there are holes and cached blocks in it, and returns what is live.
fn use_some(heap: &impl Heap) -> Vec<Block> {
    let mut blocks: Vec<_> = (0..120).map_while(|number| Block::take(heap, number)).collect();
    let mut number = 0;
    blocks.retain(|block| {
        number += 1;
        let is_kept = number % 3 == 0;
        if !is_kept {
            block.free(heap);
        }
        is_kept
    });
    assert!(blocks.len() > 20);
    blocks
}

/// Returns a heap with half of its memory in each of two regions.
fn halves<C: Config>() -> Regions<GuardedRegion, 2, C> {
    let heap = Regions::with_supply(());
    for _ in 0..2 {
        heap.add(GuardedRegion::new(ROOM / 2)).expect("a region of its own");
    }
    heap
}

/// Returns a heap with a quarter of its memory in one region, which is supplied with three more.
fn supplied<C: Config>() -> Regions<GuardedRegion, 4, C, impl Supply<GuardedRegion>> {
    let heap = Regions::with_supply(|bytes: usize| (bytes <= ROOM).then(|| GuardedRegion::new(bytes.max(ROOM / 4))));
    heap.add(GuardedRegion::new(ROOM / 4)).expect("a region of its own");
    heap
}

/// Returns a heap that has room for two regions, and has one.
fn one_of_two<C: Config>(region: FailingRegion) -> Regions<FailingRegion, 2, C> {
    let heap = Regions::with_supply(());
    // A region that is refused makes a heap without memory.
    drop(heap.add(region));
    heap
}

conformance!(
    regions_alone,
    halves::<Standard>,
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance!(
    regions_by_address_alone,
    halves::<AddressOrdered>,
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance!(
    regions_checked_alone,
    halves::<Checked<Standard>>,
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place, hardened]
);
conformance!(
    regions_supplied,
    supplied::<Standard>,
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance!(
    regions_by_best_fit_supplied,
    supplied::<BestFitting>,
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance_over!(regions_over, one_of_two::<Standard>, quality: [grows, sparing, inspect]);
conformance_over!(regions_by_address_over, one_of_two::<AddressOrdered>, quality: [grows, sparing, inspect]);

/// Memory with blocks of a boot allocator in it, which are looked at when the heap over it is gone.
struct Watched {
    memory: GuardedRegion,
    boot: Rc<RefCell<Vec<Block>>>,
}

// SAFETY: the span is that of the memory, of which nothing else is called.
unsafe impl RawRegion for Watched {
    fn span(&self) -> Span {
        self.memory.span()
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        self.memory.grow(min_extra)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.boot.borrow().iter().for_each(Block::check);
        }
    }
}

/// Returns a pool over what was a bump's memory. Some blocks of the bump are live, and some the pool has freed.
fn adopted<C: Config>() -> Pool<Watched, Adopting<C>> {
    let boot = Rc::new(RefCell::new(Vec::new()));
    let memory = GuardedRegion::new(ROOM + (1 << 15));
    let bump = Bump::new(Watched {
        memory,
        boot: Rc::clone(&boot),
    });
    let blocks: Vec<_> = (0..120).filter_map(|number| Block::take(&bump, number)).collect();
    let adopted = Pool::<_, Adopting<C>>::adopt(bump);
    let pool = adopted.map_err(|refused| refused.reason).expect("a bump with room");
    for (number, block) in blocks.into_iter().enumerate() {
        if number % 3 == 0 {
            block.free(&pool);
        } else {
            boot.borrow_mut().push(block);
        }
    }
    pool
}

// No `lifo` and no `reuses` with quick lists: what waits in one may lie in the midst of a hole between boot blocks.
conformance!(
    adopted_alone,
    adopted::<Standard>,
    quality: [inspect, coalesces, exact_fit, deterministic, resize_in_place]
);
conformance!(
    adopted_by_address_alone,
    adopted::<AddressOrdered>,
    quality: [inspect, lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place]
);

/// Returns memory elsewhere than in the pages of the first, with the same bytes.
fn copy_of(from: Span) -> GuardedRegion {
    let copy = GuardedRegion::of(Shape::new(from.len()).with_base(4096, ALIGN));
    // SAFETY: both spans are as long, and are apart.
    unsafe { copy.span().start().copy_from_nonoverlapping(from.start(), from.len()) };
    copy
}

/// Writes over memory that is left.
fn spoil(region: GuardedRegion) {
    let span = region.span();
    // SAFETY: nobody uses the region any more.
    unsafe { span.start().write_bytes(0xA5, span.len()) };
}

/// Returns a pool that was used, moved to another address with its blocks, and emptied there.
fn rebased<C: Config>() -> Pool<GuardedRegion, C> {
    let memory = GuardedRegion::new(ROOM);
    let here = memory.span();
    let mut pool = Pool::with_config(memory);
    let mut blocks = use_some(&pool);
    // SAFETY: the copy holds what the pool's memory holds, and blocks are aligned to 64 at most.
    let rebased = unsafe { pool.rebase(copy_of(here), ALIGN) };
    let (old, moved) = rebased.map_err(|refused| refused.reason).expect("a copy");
    spoil(old);
    for block in &mut blocks {
        block.start = moved.translate(block.start).expect("a block of the pool");
        block.free(&pool);
    }
    pool
}

/// Returns a pool that was used, left, taken up at another address, and emptied there.
fn taken_up<C: Config>() -> Pool<GuardedRegion, Retained<C>> {
    let pool = Pool::<_, Retained<C>>::with_config(GuardedRegion::new(ROOM));
    let mut blocks = use_some(&pool);
    let left = pool.detach(ALIGN).map_err(|refused| refused.reason).expect("in order");
    let copy = copy_of(left.span());
    spoil(left);
    // SAFETY: the memory is initialised, and holds what the pool left.
    let attached = unsafe { Pool::<_, Retained<C>>::attach(copy) };
    let (pool, moved) = attached.map_err(|refused| refused.reason).expect("an image");
    for block in &mut blocks {
        block.start = moved.translate(block.start).expect("a block of the pool");
        block.free(&pool);
    }
    pool
}

/// Returns a pool that was moved before its first block. All counters are as in a pool that was not.
fn rebased_unused<C: Config>() -> Pool<GuardedRegion, C> {
    let memory = GuardedRegion::new(ROOM);
    let here = memory.span();
    let mut pool = Pool::with_config(memory);
    pool.init().expect("enough memory");
    // SAFETY: the copy holds what the pool's memory holds, and there is no block.
    let rebased = unsafe { pool.rebase(copy_of(here), 1) };
    let (old, _) = rebased.map_err(|refused| refused.reason).expect("a copy");
    spoil(old);
    pool
}

/// Returns a pool that was left and taken up before its first block.
fn taken_up_unused<C: Config>() -> Pool<GuardedRegion, Retained<C>> {
    let pool = Pool::<_, Retained<C>>::with_config(GuardedRegion::new(ROOM));
    pool.init().expect("enough memory");
    let left = pool.detach(1).map_err(|refused| refused.reason).expect("in order");
    let copy = copy_of(left.span());
    spoil(left);
    // SAFETY: the memory is initialised, and holds what the pool left.
    let attached = unsafe { Pool::<_, Retained<C>>::attach(copy) };
    attached.map_err(|refused| refused.reason).expect("an image").0
}

/// Judges heaps that remember how much was used before, by what their inside shows. Two rules ask for a heap that was not.
fn judge_inside<H: Heap + Inspect + 'static>(make: impl Fn() -> H) {
    let mut rules = suite::inspect();
    rules.retain(|rule| !["an_untouched_heap_uses_nothing", "the_peak_is_the_greatest_used"].contains(&rule.name));
    assert!(rules.len() + 2 == suite::inspect().len());
    let report = Report::of(&rules, &Subject::open(&make));
    assert!(report.broken.is_empty(), "{report}");
    let heap = make();
    assert!(heap.stats().used == 0 && heap.stats().peak_used > 10_000);
}

#[test]
fn a_pool_that_has_moved_shows_its_inside() {
    judge_inside(rebased::<Standard>);
    judge_inside(rebased::<AddressOrdered>);
    judge_inside(rebased::<BestFitting>);
    judge_inside(rebased::<Tiny>);
    judge_inside(rebased::<Checked<Standard>>);
}

#[test]
fn a_pool_that_was_taken_up_shows_its_inside() {
    judge_inside(taken_up::<Standard>);
    judge_inside(taken_up::<AddressOrdered>);
    judge_inside(taken_up::<Checked<Standard>>);
}

macro_rules! moved {
    ($($name:ident: $make:expr $(, $quality:ident)*;)*) => {
        $(conformance!(
            $name,
            $make,
            quality: [lifo, reuses, coalesces, exact_fit, deterministic, resize_in_place $(, $quality)*]
        );)*
    };
}

moved! {
    segregated_rebased: rebased::<Standard>;
    first_fit_rebased: rebased::<AddressOrdered>;
    best_fit_rebased: rebased::<BestFitting>;
    tiny_rebased: rebased::<Tiny>;
    checked_rebased: rebased::<Checked<Standard>>, hardened;
    segregated_rebased_unused: rebased_unused::<Standard>, inspect;
    first_fit_rebased_unused: rebased_unused::<AddressOrdered>, inspect;
    segregated_taken_up: taken_up::<Standard>;
    first_fit_taken_up: taken_up::<AddressOrdered>;
    checked_taken_up: taken_up::<Checked<Standard>>, hardened;
    segregated_taken_up_unused: taken_up_unused::<Standard>, inspect;
}

conformance_over!(
    retained_over,
    Pool::<FailingRegion, Retained<Standard>>::with_config,
    quality: [grows, lazy, sparing, inspect]
);
