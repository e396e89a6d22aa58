//! Who is judged, and what comes of it.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Deref;

use kalloc_traits::{Heap, Inspect};

use crate::drive::tape::{Tape, Taped};
use crate::drive::{Failure, Verdict};
use crate::fault::{FailingRegion, Recipe};

/// A tape that a heap and a failure's teller share.
pub(super) type SharedTape = Rc<RefCell<Tape>>;

/// A fresh heap, whatever its type: so that each rule is compiled once and not for every heap that it judges.
pub struct Fresh(Box<dyn Kept>);

/// What a heap that is kept in a box can do besides.
trait Kept {
    /// Returns the heap.
    fn heap(&self) -> &(dyn Heap + 'static);

    /// Returns its inside, if it was made to be looked into.
    fn inside(&self) -> Option<&dyn Inspect>;

    /// Moves the heap to another place.
    fn moved(self: Box<Self>) -> Box<dyn Kept>;
}

/// A heap, and how it is looked into.
struct Keeper<H> {
    heap: H,
    inside: Option<fn(&H) -> &dyn Inspect>,
}

impl<H: Heap + 'static> Kept for Keeper<H> {
    fn heap(&self) -> &(dyn Heap + 'static) {
        &self.heap
    }

    fn inside(&self) -> Option<&dyn Inspect> {
        self.inside.map(|inside| inside(&self.heap))
    }

    fn moved(self: Box<Self>) -> Box<dyn Kept> {
        // The old box is freed last, so the new one is elsewhere.
        Box::new(*self)
    }
}

impl Fresh {
    /// Keeps a heap, and tapes it if there is a tape.
    fn plain<H: Heap + 'static>(heap: H, tape: Option<SharedTape>) -> Self {
        match tape {
            None => Self(Box::new(Keeper { heap, inside: None })),
            Some(tape) => Self(Box::new(Keeper {
                heap: Taped::new(heap, tape),
                inside: None,
            })),
        }
    }

    /// Keeps a heap that can be looked into, and tapes it if there is a tape.
    fn open<H: Heap + Inspect + 'static>(heap: H, tape: Option<SharedTape>) -> Self {
        match tape {
            None => Self::inspected(heap),
            Some(tape) => Self::inspected(Taped::new(heap, tape)),
        }
    }

    /// Keeps a heap that can be looked into.
    fn inspected<H: Heap + Inspect + 'static>(heap: H) -> Self {
        let inside: fn(&H) -> &dyn Inspect = |heap| heap;
        Self(Box::new(Keeper {
            heap,
            inside: Some(inside),
        }))
    }

    /// Returns the heap's inside.
    ///
    /// # Errors
    ///
    /// The subject was made by `new`, and not by `open`.
    pub fn inside(&self) -> Verdict<&dyn Inspect> {
        let inside = self.0.inside();
        inside.ok_or_else(|| Failure::new(String::from("the subject was not made to be looked into: use `open`")))
    }

    /// Returns the heap after it has moved to another address.
    #[must_use]
    pub fn moved(self) -> Self {
        Self(self.0.moved())
    }
}

impl Deref for Fresh {
    type Target = dyn Heap;

    fn deref(&self) -> &Self::Target {
        self.0.heap()
    }
}

/// Something that makes fresh heaps to be judged.
///
/// ```
/// use kalloc_testkit::conformance::{Subject, layout};
/// use kalloc_traits::glue::global::GlobalHeap;
///
/// let subject = Subject::new(&|| GlobalHeap(std::alloc::System));
/// layout::every_alignment_is_kept_or_refused(&subject).unwrap();
/// ```
pub struct Subject<'a> {
    make: Box<dyn Fn(Option<SharedTape>) -> Fresh + 'a>,
    /// The tapes of the heaps that were made, while they are taped.
    tapes: RefCell<Option<Vec<SharedTape>>>,
}

impl<'a> Subject<'a> {
    /// Returns the subject whose heaps `make` returns: fresh ones, with about [`ROOM`](crate::workload::ROOM) bytes each
    /// that are nobody else's.
    pub fn new<H: Heap + 'static>(make: &'a dyn Fn() -> H) -> Self {
        Self {
            make: Box::new(|tape| Fresh::plain(make(), tape)),
            tapes: RefCell::new(None),
        }
    }

    /// Returns the subject whose heaps `make` returns, to be looked into as well.
    pub fn open<H: Heap + Inspect + 'static>(make: &'a dyn Fn() -> H) -> Self {
        Self {
            make: Box::new(|tape| Fresh::open(make(), tape)),
            tapes: RefCell::new(None),
        }
    }

    /// Returns a fresh heap.
    pub fn make(&self) -> Fresh {
        let tape = self.tapes.borrow_mut().as_mut().map(|tapes| {
            tapes.push(SharedTape::default());
            Rc::clone(&tapes[tapes.len() - 1])
        });
        (self.make)(tape)
    }

    /// Runs `action`, and returns the tapes of the heaps that were made meanwhile.
    pub(super) fn taped<T>(&self, action: impl FnOnce() -> T) -> (T, Vec<SharedTape>) {
        self.tapes.replace(Some(Vec::new()));
        let result = action();
        (result, self.tapes.take().unwrap_or_default())
    }
}

/// What became of a heap over a region: its tape, and how to make such a region again.
pub(super) type Taken = (SharedTape, Option<Recipe>);

/// Something that builds heaps over regions that it is given.
pub struct Builder<'a> {
    build: Box<dyn Fn(FailingRegion, Option<SharedTape>) -> Fresh + 'a>,
    /// The tapes of the heaps that were built, while they are taped.
    tapes: RefCell<Option<Vec<Taken>>>,
}

impl<'a> Builder<'a> {
    /// Returns the builder whose heaps `build` returns. It must accept every region, even one that is empty; the heap may
    /// then refuse every request.
    pub fn new<H: Heap + 'static>(build: &'a dyn Fn(FailingRegion) -> H) -> Self {
        Self {
            build: Box::new(|region, tape| Fresh::plain(build(region), tape)),
            tapes: RefCell::new(None),
        }
    }

    /// Returns the builder whose heaps `build` returns, to be looked into as well.
    pub fn open<H: Heap + Inspect + 'static>(build: &'a dyn Fn(FailingRegion) -> H) -> Self {
        Self {
            build: Box::new(|region, tape| Fresh::open(build(region), tape)),
            tapes: RefCell::new(None),
        }
    }

    /// Returns a heap over a region.
    pub fn build(&self, region: FailingRegion) -> Fresh {
        let recipe = region.recipe();
        let tape = self.tapes.borrow_mut().as_mut().map(|tapes| {
            let tape = SharedTape::default();
            tapes.push((Rc::clone(&tape), recipe));
            tape
        });
        (self.build)(region, tape)
    }

    /// Runs `action`, and returns the tapes of the heaps that were built meanwhile.
    pub(super) fn taped<T>(&self, action: impl FnOnce() -> T) -> (T, Vec<Taken>) {
        self.tapes.replace(Some(Vec::new()));
        let result = action();
        (result, self.tapes.take().unwrap_or_default())
    }
}

/// Something that makes fresh regions to be judged.
pub struct Source<'a, R> {
    make: &'a dyn Fn() -> R,
}

impl<'a, R> Source<'a, R> {
    /// Returns the source whose regions `make` returns: fresh ones, not yet claimed. Only one is alive at a time.
    pub fn new(make: &'a dyn Fn() -> R) -> Self {
        Self { make }
    }

    /// Keeps `lock` borrowed for as long as the source is used: for makers whose regions share their memory.
    #[must_use]
    pub const fn holding<T>(self, lock: &'a T) -> Self {
        let _ = lock;
        self
    }

    /// Returns a fresh region.
    pub fn make(&self) -> R {
        (self.make)()
    }
}
