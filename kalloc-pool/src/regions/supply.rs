//! Who has another region for a heap that is full.

use kalloc_traits::{RawRegion, RegionError, Span};

/// Where a heap of several regions gets another one when a request fits in none of those that it has: the frame allocator, a
/// second bank, a list that the firmware gave. A closure does.
///
/// It is called with nothing borrowed and, behind a lock, with the lock released. It may call the heap: requests are served from
/// what there is, and fail where that does not do. To unwind from it aborts.
pub trait Supply<R> {
    /// Returns memory with at least `bytes` bytes, so that the request which did not fit fits there; `None` if there is none. A
    /// shorter region is taken in as well.
    fn supply(&mut self, bytes: usize) -> Option<R>;
}

/// There is no more.
impl<R> Supply<R> for () {
    fn supply(&mut self, _bytes: usize) -> Option<R> {
        None
    }
}

impl<R, F: FnMut(usize) -> Option<R>> Supply<R> for F {
    fn supply(&mut self, bytes: usize) -> Option<R> {
        self(bytes)
    }
}

/// A supply, and what it has brought: it is called as a region is, in the steps of `kalloc_traits::growth`.
#[derive(Debug)]
pub(super) struct Supplier<S, R> {
    pub(super) source: S,
    pub(super) offered: Option<R>,
}

// SAFETY: the span is empty.
unsafe impl<S: Supply<R>, R> RawRegion for Supplier<S, R> {
    fn span(&self) -> Span {
        Span::EMPTY
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        self.offered = self.source.supply(min_extra);
        self.offered.as_ref().map(|_| ()).ok_or(RegionError::Exhausted)
    }
}
