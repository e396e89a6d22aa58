//! A region that grows into a reserve, and calls somebody meanwhile.

use std::mem::MaybeUninit;

use kalloc_traits::{RawRegion, RegionError, SliceRegion, Span};

/// `N` bytes, aligned to 64.
#[repr(align(64))]
pub(crate) struct Memory<const N: usize>([MaybeUninit<u8>; N]);

impl<const N: usize> Memory<N> {
    pub(crate) const fn new() -> Self {
        Self([MaybeUninit::uninit(); N])
    }

    /// Returns the bytes.
    pub(crate) fn bytes(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.0
    }

    /// Returns a region over the bytes that has none of them yet, and calls `hook` before it gets more.
    pub(crate) fn growing<F: FnMut(During)>(&mut self, hook: F) -> Growing<SliceRegion<'_>, F> {
        Growing::new(SliceRegion::new(&mut self.0), hook)
    }
}

/// What the region is doing while it calls its hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum During {
    Claim,
    Grow,
}

/// The first bytes of the region `whole`, none of them at the start. It grows by exactly what it is asked for.
pub(crate) struct Growing<R, F> {
    whole: R,
    len: usize,
    hook: F,
}

impl<R, F> Growing<R, F> {
    pub(crate) const fn new(whole: R, hook: F) -> Self {
        Self { whole, len: 0, hook }
    }
}

// SAFETY: a part of a region is a region, and it changes at its high end only.
unsafe impl<R: RawRegion, F: FnMut(During)> RawRegion for Growing<R, F> {
    fn claim(&mut self) -> Result<(), RegionError> {
        (self.hook)(During::Claim);
        self.whole.claim()
    }

    fn span(&self) -> Span {
        Span::new(self.whole.span().start(), self.len)
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        (self.hook)(During::Grow);
        if self.whole.span().len() - self.len < min_extra {
            return Err(RegionError::Exhausted);
        }
        self.len += min_extra;
        Ok(())
    }
}
