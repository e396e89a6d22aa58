//! A heap that answers as it was told and says how it was called, behind a reference, and under what is built on it.

extern crate std;
use core::cell::{Cell, RefCell, UnsafeCell};
use std::vec::Vec;

use super::*;
use crate::growth::{Step, allocate_growing};
use crate::region::RawRegion;
use crate::span::Span;

const LAYOUT: Layout = Layout::new::<u64>();

/// A region without memory that answers as it was told.
struct Source(Result<(), RegionError>);

// SAFETY: the span is empty.
unsafe impl RawRegion for Source {
    fn span(&self) -> Span {
        Span::EMPTY
    }

    fn grow(&mut self, _: usize) -> Result<(), RegionError> {
        self.0
    }
}

/// A heap of one block, which it hands out again and again.
struct Scripted {
    block: UnsafeCell<u64>,
    /// What it says of the block, whatever that holds.
    is_zeroed: bool,
    /// How many requests it refuses.
    refusals: Cell<u32>,
    /// How many growths it refuses because another runs, and how many it begins then.
    busy: Cell<u32>,
    growths: Cell<u32>,
    source: UnsafeCell<Source>,
    calls: RefCell<Vec<&'static str>>,
}

impl Scripted {
    /// Returns a heap that serves every request, and whose region answers every growth so.
    fn new(answer: Result<(), RegionError>) -> Self {
        Self {
            block: UnsafeCell::new(u64::MAX),
            is_zeroed: false,
            refusals: Cell::new(0),
            busy: Cell::new(0),
            growths: Cell::new(1),
            source: UnsafeCell::new(Source(answer)),
            calls: RefCell::new(Vec::new()),
        }
    }

    fn note(&self, call: &'static str) {
        self.calls.borrow_mut().push(call);
    }

    /// Returns how often a method was called.
    fn count(&self, call: &str) -> usize {
        self.calls.borrow().iter().filter(|&&other| other == call).count()
    }

    fn lend(&self) -> Result<NonNull<[u8]>, AllocError> {
        let block = NonNull::from(&self.block).cast::<u8>();
        Ok(NonNull::slice_from_raw_parts(block, LAYOUT.size()))
    }

    fn begin(&self) -> Growth {
        Growth::new(NonNull::from(&self.source).cast::<Source>(), Step::Grow(8))
    }
}

/// Takes one off, if there is one.
fn spend(count: &Cell<u32>) -> bool {
    let left = count.get();
    count.set(left.saturating_sub(1));
    left > 0
}

// SAFETY: there is one block, which is the heap's own, and the tests hold it once at a time.
unsafe impl Heap for Scripted {
    fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.note("allocate");
        self.lend()
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {
        self.note("deallocate");
    }

    unsafe fn resize_in_place(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.note("resize_in_place");
        self.lend()
    }

    fn allocate_raw(&self, _: Layout) -> Result<RawBlock, AllocError> {
        self.note("allocate_raw");
        Ok(RawBlock {
            block: self.lend()?,
            is_zeroed: self.is_zeroed,
        })
    }

    fn allocate_zeroed(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.note("allocate_zeroed");
        self.lend()
    }

    fn allocate_within(&self, _: Layout) -> Result<RawBlock, AllocError> {
        self.note("allocate_within");
        if spend(&self.refusals) {
            return Err(AllocError);
        }
        Ok(RawBlock {
            block: self.lend()?,
            is_zeroed: self.is_zeroed,
        })
    }

    fn begin_growth(&self, _: Layout) -> Result<Growth, RegionError> {
        self.note("begin_growth");
        if spend(&self.busy) {
            return Err(RegionError::Busy);
        }
        if spend(&self.growths) {
            return Ok(self.begin());
        }
        Err(RegionError::Fixed)
    }

    fn end_growth(&self, grown: Grown) -> Result<(), RegionError> {
        self.note("end_growth");
        grown.result()
    }

    fn count_failure(&self) {
        self.note("count_failure");
    }

    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        self.note("begin_claim");
        Ok(spend(&self.growths).then(|| self.begin()))
    }

    fn init(&self) -> Result<(), InitError> {
        self.note("init");
        Err(InitError::TooSmall)
    }

    fn trim(&self) {
        self.note("trim");
    }

    unsafe fn grow(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.note("grow");
        self.lend()
    }

    unsafe fn grow_zeroed(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.note("grow_zeroed");
        self.lend()
    }

    unsafe fn shrink(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.note("shrink");
        self.lend()
    }
}

/// The same heap with the provided methods, but for those that they are built on.
struct Provided<'a>(&'a Scripted);

// SAFETY: every method is the scripted heap's, or provided.
unsafe impl Heap for Provided<'_> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { self.0.deallocate(block, layout) }
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

    fn allocate_raw(&self, layout: Layout) -> Result<RawBlock, AllocError> {
        self.0.allocate_raw(layout)
    }

    fn begin_claim(&self) -> Result<Option<Growth>, InitError> {
        self.0.begin_claim()
    }
}

/// Calls each method once, and checks that each answer is the script's.
fn call_each(heap: impl Heap) {
    let block = heap.allocate(LAYOUT).unwrap();
    let first = block.cast::<u8>();
    assert_eq!(heap.allocate_raw(LAYOUT).map(|raw| raw.block), Ok(block));
    assert_eq!(heap.allocate_zeroed(LAYOUT), Ok(block));
    assert_eq!(heap.allocate_within(LAYOUT).map(|raw| raw.block), Ok(block));
    // SAFETY: the block is live. A scripted heap only notes the call, here and below.
    assert_eq!(unsafe { heap.resize_in_place(first, LAYOUT, LAYOUT) }, Ok(block));
    // SAFETY: as above.
    assert_eq!(unsafe { heap.grow(first, LAYOUT, LAYOUT) }, Ok(block));
    // SAFETY: as above.
    assert_eq!(unsafe { heap.grow_zeroed(first, LAYOUT, LAYOUT) }, Ok(block));
    // SAFETY: as above.
    assert_eq!(unsafe { heap.shrink(first, LAYOUT, LAYOUT) }, Ok(block));
    // SAFETY: as above.
    unsafe { heap.deallocate(first, LAYOUT) };
    assert!(matches!(heap.begin_growth(LAYOUT), Err(RegionError::Busy)));
    let growth = heap.begin_claim().unwrap().unwrap();
    // SAFETY: the heap is alive, does not use its region meanwhile, and gets the result.
    let grown = unsafe { growth.run() };
    assert_eq!(heap.end_growth(grown), Err(RegionError::Exhausted));
    heap.count_failure();
    assert_eq!(heap.init(), Err(InitError::TooSmall));
    heap.trim();
}

#[test]
fn a_reference_passes_every_call_on() {
    let heap = Scripted::new(Err(RegionError::Exhausted));
    heap.busy.set(1);
    call_each(&heap);
    let expected = [
        "allocate",
        "allocate_raw",
        "allocate_zeroed",
        "allocate_within",
        "resize_in_place",
        "grow",
        "grow_zeroed",
        "shrink",
        "deallocate",
        "begin_growth",
        "begin_claim",
        "end_growth",
        "count_failure",
        "init",
        "trim",
    ];
    assert_eq!(*heap.calls.borrow(), expected);
}

#[test]
fn memory_is_cleared_unless_it_is_zero_already() {
    for (is_zeroed, expected) in [(false, 0), (true, u64::MAX)] {
        let mut heap = Scripted::new(Ok(()));
        heap.is_zeroed = is_zeroed;
        assert!(Provided(&heap).allocate_zeroed(LAYOUT).is_ok());
        assert_eq!(*heap.block.get_mut(), expected);
    }
}

#[test]
fn what_the_region_refuses_is_told_where_the_heap_is_laid_out() {
    for (answer, expected) in [
        (Ok(()), Ok(())),
        (Err(RegionError::Claimed), Err(InitError::Claimed)),
        (Err(RegionError::Exhausted), Err(InitError::Refused)),
    ] {
        let heap = Scripted::new(answer);
        assert_eq!(Provided(&heap).init(), expected);
        assert_eq!(Provided(&heap).init(), Ok(()), "the script claims once");
    }
}

#[test]
fn a_request_lets_its_memory_grow_three_times() {
    for (refusals, growths, is_served) in [(0, 0, true), (2, 2, true), (3, 3, true), (4, 3, false)] {
        let heap = Scripted::new(Ok(()));
        heap.refusals.set(refusals);
        // Here ends what would not end.
        heap.growths.set(9);
        assert_eq!(allocate_growing(&heap, LAYOUT, 0).is_ok(), is_served, "{refusals}");
        assert_eq!(heap.count("begin_growth"), growths);
        assert_eq!(heap.count("end_growth"), growths);
        assert_eq!(heap.count("count_failure"), usize::from(!is_served));
    }
}

#[test]
fn what_came_in_spite_of_a_refusal_is_tried_once() {
    for (refusals, is_served) in [(1, true), (2, false)] {
        let heap = Scripted::new(Err(RegionError::Exhausted));
        heap.refusals.set(refusals);
        heap.growths.set(9);
        assert_eq!(allocate_growing(&heap, LAYOUT, 0).is_ok(), is_served, "{refusals}");
        assert_eq!((heap.count("allocate_within"), heap.count("end_growth")), (2, 1));
    }
}

#[test]
fn a_request_waits_as_often_as_it_has_patience() {
    for patience in [0, 1, 3] {
        let heap = Scripted::new(Ok(()));
        heap.refusals.set(u32::MAX);
        heap.busy.set(9);
        assert_eq!(allocate_growing(&heap, LAYOUT, patience), Err(AllocError));
        assert_eq!(heap.count("begin_growth"), patience as usize + 1);
        assert_eq!(heap.count("count_failure"), 1);
    }
}
