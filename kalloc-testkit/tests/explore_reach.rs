//! The explorer finds nothing in pools that are checked, lie in two regions, or move to another address and back before each step.
//!
//! `explore.rs` has the others.

use std::alloc::Layout;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kalloc_pool::{AddressOrdered, BestFitting, Checked, Config, Pool, Regions, Retained, Standard, Tiny};
use kalloc_testkit::drive::explore::{Explored, Explorer, InPlace, Kept};
use kalloc_traits::{AllocError, Corruption, Heap, InitError, Inspect, RangeRegion, RawRegion, Run, Span, Stats};

/// Returns a layout.
const fn layout(size: usize, align: usize) -> Layout {
    match Layout::from_size_align(size, align) {
        Ok(layout) => layout,
        Err(_) => panic!("a legal layout"),
    }
}

const LAYOUTS: [Layout; 4] = [layout(8, 8), layout(20, 4), layout(8, 32), layout(0, 16)];

/// Returns the number of steps to take. Under Miri no state is known twice.
const fn depth(steps: usize) -> usize {
    if cfg!(miri) { 2 } else { steps }
}

/// Explores a heap, and expects that nothing breaks, and that it has so many transitions.
fn explore<H: Heap + Inspect>(place: &mut InPlace<H>, explorer: &Explorer<'_>, transitions: u64) -> Explored {
    let explored = explorer.run(place).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{explored}");
    assert!(cfg!(miri) || explored.transitions >= transitions, "{explored}");
    explored
}

/// Explores a pool over a region of `len` bytes.
fn explore_pool<C: Config>(len: usize, transitions: u64) -> Explored {
    // SAFETY: a pool's state lies in its value and in the region, and nothing there points into the value.
    let mut place = unsafe { InPlace::open(len, Pool::<_, C>::with_config) };
    let explorer = Explorer::new(&LAYOUTS).filled_once().complete(C::GRANULE);
    explore(&mut place, &explorer.depth(depth(6)), transitions)
}

#[test]
fn a_checked_pool_keeps_its_word_in_every_program() {
    explore_pool::<Checked<Standard>>(720, 120_000);
}

#[test]
fn a_checked_pool_by_address_keeps_its_word_in_every_program() {
    explore_pool::<Checked<AddressOrdered>>(176, 55_000);
}

/// Returns a heap in two regions that touch, of which the first has `low` bytes.
fn two_regions<C: Config>(whole: &RangeRegion, low: usize) -> Regions<RangeRegion, 2, C> {
    let heap = Regions::with_supply(());
    let (start, len) = (whole.span().start(), whole.span().len());
    // SAFETY: these bytes are the first region's alone.
    let first = unsafe { RangeRegion::from_pointer(start, low) };
    // SAFETY: the offset is inside of the memory.
    let middle = unsafe { start.add(low) };
    // SAFETY: these bytes are the second region's alone.
    let second = unsafe { RangeRegion::from_pointer(middle, len - low) };
    heap.add(first).expect("enough memory");
    heap.add(second).expect("enough memory");
    heap
}

/// Explores a heap in two regions that touch, of so many bytes each. `from` is where a free block's state begins.
fn explore_regions<C: Config>([low, high]: [usize; 2], from: usize, steps: usize, transitions: u64) -> Explored {
    let build = |whole: RangeRegion| two_regions::<C>(&whole, low);
    // SAFETY: the state lies in the value and in the regions, and nothing there points into the value.
    let mut place = unsafe { InPlace::open(low + high, build) };
    let explorer = Explorer::new(&LAYOUTS)
        .in_pieces(2)
        .filled_once()
        .complete(C::GRANULE)
        .depth(depth(steps));
    let free = Kept { from, to: 12, tail: 4 };
    let cached = Kept {
        from: 0,
        to: 8,
        tail: 0,
    };
    // SAFETY: a pool keeps two links, of which a scan needs the second only, for its flag, and the size at a free block's
    // start, the size at its end, and a link and perhaps the size in a cached block.
    explore(&mut place, &unsafe { explorer.scrubbed(free, cached) }, transitions)
}

#[test]
fn two_regions_keep_their_word_in_every_program() {
    explore_regions::<Standard>([112, 112], 0, 7, 350_000);
}

#[test]
fn two_regions_by_address_keep_their_word_in_every_program_there_is() {
    let explored = explore_regions::<AddressOrdered>([48, 48], 0, usize::MAX, 1_400_000);
    assert!(explored.is_closed || cfg!(miri));
}

#[test]
fn two_regions_by_best_fit_keep_their_word_in_every_program() {
    explore_regions::<BestFitting>([64, 48], 0, 8, 340_000);
}

#[test]
fn two_regions_by_a_scan_keep_their_word_in_every_program() {
    explore_regions::<Tiny>([48, 56], 4, 8, 320_000);
}

#[test]
fn two_checked_regions_keep_their_word_in_every_program() {
    explore_regions::<Checked<Standard>>([112, 112], 0, 10, 200_000);
    let explored = explore_regions::<Checked<AddressOrdered>>([64, 48], 0, usize::MAX, 180_000);
    assert!(explored.is_closed || cfg!(miri));
}

/// A heap in two regions that serves small requests from the first alone.
struct Partial(Regions<RangeRegion, 2, AddressOrdered>, Span);

// SAFETY: every block is the heap's.
unsafe impl Heap for Partial {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = self.0.allocate(layout)?;
        if layout.size() == 8 && !self.1.contains(block.cast()) {
            // SAFETY: the block was just allocated with this layout.
            unsafe { self.0.deallocate(block.cast(), layout) };
            return Err(AllocError);
        }
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.deallocate(block, layout) };
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.resize_in_place(block, old, new) }
    }
}

#[test]
fn a_request_that_only_the_second_region_could_serve_is_not_refused_unseen() {
    let build = |whole: RangeRegion| {
        let heap = two_regions(&whole, 32);
        Partial(heap, Span::new(whole.span().start(), 32))
    };
    // SAFETY: the state lies in the value and in the regions, and nothing there points into the value.
    let mut place = unsafe { InPlace::new(64, build) };
    let layouts = [layout(8, 8), layout(24, 8)];
    let explorer = Explorer::new(&layouts).in_pieces(2).complete(8).depth(5);
    let failure = explorer.run(&mut place).unwrap_err().to_string();
    assert!(
        failure.contains("a request was refused that fits at offset"),
        "{failure}"
    );
    // Where one piece is looked at, nothing shows.
    assert!(explorer.in_pieces(1).run(&mut place).is_ok());
}

/// The most that a block is aligned to.
const ALIGN: usize = 32;

/// Lets a pool go on in `there`, which holds nothing of it yet.
type Go<C> = fn(pool: Pool<RangeRegion, C>, here: Span, there: RangeRegion) -> Pool<RangeRegion, C>;

/// A pool that goes to another address before each call, and back. What it leaves there is written over.
struct Traveller<C: Config> {
    /// It is taken out for the time of a call.
    pool: Cell<Option<Pool<RangeRegion, C>>>,
    here: Span,
    there: NonNull<u8>,
    go: Go<C>,
}

impl<C: Config> Traveller<C> {
    /// Calls the pool where it is.
    fn stay<T>(&self, call: impl FnOnce(&Pool<RangeRegion, C>) -> T) -> T {
        let pool = self.pool.take().expect("no call is made from a call");
        let answer = call(&pool);
        self.pool.set(Some(pool));
        answer
    }

    /// Calls the pool after it was elsewhere.
    fn travel<T>(&self, call: impl FnOnce(&Pool<RangeRegion, C>) -> T) -> T {
        let mut pool = self.pool.take().expect("no call is made from a call");
        if pool.stats().capacity > 0 {
            let there = Span::new(self.there, self.here.len());
            for (from, to) in [(self.here, there), (there, self.here)] {
                // SAFETY: the memory is the traveller's alone.
                let region = unsafe { RangeRegion::from_pointer(to.start(), to.len()) };
                pool = (self.go)(pool, from, region);
                // SAFETY: nobody has anything there any more.
                unsafe { from.start().write_bytes(0xA5, from.len()) };
            }
        }
        self.pool.set(Some(pool));
        self.stay(call)
    }
}

// SAFETY: every call is the pool's, which has its blocks at their places again.
unsafe impl<C: Config> Heap for Traveller<C> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.travel(|pool| pool.allocate(layout))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        self.travel(|pool| unsafe { pool.deallocate(block, layout) });
    }

    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        self.travel(|pool| unsafe { pool.resize_in_place(block, old, new) })
    }

    fn init(&self) -> Result<(), InitError> {
        self.travel(Pool::init)
    }

    fn trim(&self) {
        self.travel(Pool::trim);
    }

    fn count_failure(&self) {
        self.stay(Heap::count_failure);
    }

    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        self.travel(|pool| unsafe { pool.grow(block, old, new) })
    }

    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller upholds the contract.
        self.travel(|pool| unsafe { pool.shrink(block, old, new) })
    }
}

impl<C: Config> Inspect for Traveller<C> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        self.stay(|pool| pool.owns(pointer))
    }

    fn stats(&self) -> Stats {
        self.stay(Inspect::stats)
    }

    fn next_run(&self, from: usize) -> Option<Run> {
        self.stay(|pool| pool.next_run(from))
    }

    fn verify(&self) -> Result<(), Corruption> {
        self.stay(Inspect::verify)
    }
}

/// Lets a pool go on in a copy of its memory.
fn rebase<C: Config>(mut pool: Pool<RangeRegion, C>, here: Span, there: RangeRegion) -> Pool<RangeRegion, C> {
    copy(here, &there);
    // SAFETY: the copy holds what the pool's memory holds, and blocks are aligned to 32 at most.
    let (_, moved) = unsafe { pool.rebase(there, ALIGN) }
        .map_err(|refused| refused.reason)
        .expect("a copy");
    assert!(moved.translate(here.start()).is_some() && pool.verify() == Ok(()));
    pool
}

/// Leaves a pool, and takes it up in a copy of its memory.
fn take_up<C: Config>(
    pool: Pool<RangeRegion, Retained<C>>,
    here: Span,
    there: RangeRegion,
) -> Pool<RangeRegion, Retained<C>> {
    pool.detach(ALIGN).map_err(|refused| refused.reason).expect("in order");
    copy(here, &there);
    // SAFETY: the memory is initialised, and holds what the pool left.
    let attached = unsafe { Pool::attach(there) };
    attached.map_err(|refused| refused.reason).expect("an image").0
}

/// Copies what a pool has to where it will be.
fn copy(here: Span, there: &RangeRegion) {
    // SAFETY: both spans are as long, and are apart.
    unsafe { there.span().start().copy_from_nonoverlapping(here.start(), here.len()) };
}

/// Memory that is as aligned as blocks are, but not to a page.
#[repr(align(64))]
struct Elsewhere([MaybeUninit<u8>; 1024]);

/// Explores a pool over a region of `len` bytes, which goes elsewhere and back before each step.
fn explore_travels<C: Config>(len: usize, go: Go<C>, transitions: u64) -> Explored {
    let mut memory = Elsewhere([MaybeUninit::uninit(); 1024]);
    let there = NonNull::from(&mut memory.0[..len]).cast();
    let build = |region: RangeRegion| Traveller {
        here: region.span(),
        there,
        pool: Cell::new(Some(Pool::with_config(region))),
        go,
    };
    // SAFETY: the pool's state lies in the value and in the region between two calls, and nothing there points into the value.
    let mut place = unsafe { InPlace::open(len, build) };
    let explorer = Explorer::new(&LAYOUTS).filled_once().complete(C::GRANULE);
    explore(&mut place, &explorer.depth(depth(6)), transitions)
}

/// Explores a pool that is rebased before each step. No state differs from those of a pool that stays.
fn explore_rebased<C: Config>(len: usize, transitions: u64) {
    let stays = explore_pool::<C>(len, transitions);
    assert_eq!(explore_travels::<C>(len, rebase, transitions), stays);
}

#[test]
fn a_pool_that_is_rebased_keeps_its_word_in_every_program() {
    explore_rebased::<Standard>(700, 18_000);
}

#[test]
fn pools_by_address_and_by_best_fit_that_are_rebased_keep_their_word_in_every_program() {
    explore_rebased::<AddressOrdered>(128, 10_000);
    explore_rebased::<BestFitting>(128, 9_000);
    explore_rebased::<Tiny>(128, 10_000);
}

#[test]
fn a_checked_pool_that_is_rebased_keeps_its_word_in_every_program() {
    explore_rebased::<Checked<Standard>>(720, 17_000);
}

// The values of pools that are made anew differ in their padding, so there are some states more than once.
#[test]
fn a_pool_that_is_left_and_taken_up_keeps_its_word_in_every_program() {
    explore_travels::<Retained<Standard>>(800, take_up, 10_000);
    explore_travels::<Retained<AddressOrdered>>(224, take_up, 10_000);
    explore_travels::<Retained<Checked<Standard>>>(832, take_up, 10_000);
}
