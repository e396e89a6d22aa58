//! Who is judged among heaps that threads share.

use alloc::boxed::Box;
use core::cell::Cell;

use kalloc_traits::Heap;

/// Something that makes fresh heaps, each to be used by several threads.
pub struct Crowd<'a> {
    make: Box<dyn Fn() -> Box<dyn Heap + Sync> + 'a>,
    /// The most steps of a thread, when a failure is looked into.
    pub(super) limit: Cell<usize>,
    /// The steps of a thread that the last rule has asked for.
    pub(super) asked: Cell<usize>,
}

impl<'a> Crowd<'a> {
    /// Returns the subject whose heaps `make` returns: fresh ones, with about [`ROOM`](crate::workload::ROOM) bytes each
    /// that are nobody else's.
    pub fn new<H: Heap + Sync + 'static>(make: &'a dyn Fn() -> H) -> Self {
        Self {
            make: Box::new(|| Box::new(make())),
            limit: Cell::new(usize::MAX),
            asked: Cell::new(0),
        }
    }

    /// Returns a fresh heap.
    pub(super) fn make(&self) -> Box<dyn Heap + Sync> {
        (self.make)()
    }

    /// Returns how many steps a thread takes where a rule would take so many.
    pub(super) fn steps(&self, most: usize) -> usize {
        self.asked.set(most.min(self.limit.get()));
        self.asked.get()
    }
}
