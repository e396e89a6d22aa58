//! A reserved range of addresses that is backed with memory page by page, from its low end.
//!
//! ```text
//!   start                     backed                                       end of the reserve
//!     ├──────── the span ────────┼┄┄┄┄┄┄┄┄┄┄┄┄┄ addresses only ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┤
//!                                 ──► grow: map              shrink: unmap ◄──
//! ```
//!
//! The region keeps the count; a [`PageSource`] moves pages. Costs a call of the source for each growth,
//! whatever its size.

use core::ptr::NonNull;

use super::RawRegion;
use super::pages::PageSource;
use super::range::Source;
use crate::arith::{align_down, align_up};
use crate::error::RegionError;
use crate::span::Span;

/// A region in a reserved range of addresses, which starts empty and grows by whole pages that a [`PageSource`] gives.
///
/// Growth is rounded up to pages. What does not fit the reserve is refused without asking the source. A source that runs
/// short leaves the region longer, but by less than was asked; the heap uses that. Dropping the region unmaps all of it.
///
/// ```
/// use core::ptr::NonNull;
/// use kalloc_traits::{GrowableRegion, PageSource, RegionError};
/// # mod frames { pub fn take() -> Option<u64> { None } pub fn put(_: u64) {} }
/// # mod page_table { pub unsafe fn map(_: usize, _: u64) {} pub unsafe fn unmap(_: usize) -> u64 { 0 } }
///
/// const PAGE: usize = 4096;
///
/// /// The kernel's frames, mapped into its own address space.
/// struct KernelPages;
///
/// // SAFETY: each frame is taken for one page, and given back when that is unmapped.
/// unsafe impl PageSource for KernelPages {
///     fn page_size(&self) -> usize {
///         PAGE
///     }
///
///     fn map(&mut self, at: NonNull<u8>, bytes: usize) -> Result<usize, RegionError> {
///         for done in (0..bytes).step_by(PAGE) {
///             let Some(frame) = frames::take() else {
///                 return Ok(done);
///             };
///             // SAFETY: the page belongs to the heap's reserve, and nothing is mapped there.
///             unsafe { page_table::map(at.addr().get() + done, frame) };
///         }
///         Ok(bytes)
///     }
///
///     fn unmap(&mut self, at: NonNull<u8>, bytes: usize) -> Result<(), RegionError> {
///         for done in (0..bytes).step_by(PAGE) {
///             // SAFETY: `map` has mapped the page, and the heap does not use it any more.
///             frames::put(unsafe { page_table::unmap(at.addr().get() + done) });
///         }
///         Ok(())
///     }
/// }
///
/// /// Returns the heap's 256 MiB of the kernel's address space. To be called once.
/// const fn heap_region() -> GrowableRegion<KernelPages> {
///     // SAFETY: the layout of the address space keeps them for the heap.
///     unsafe { GrowableRegion::at_address(0xD000_0000, 256 << 20, KernelPages) }
/// }
/// # let _ = heap_region();
/// ```
///
/// # Invariants
///
/// - `reserve` starts and ends at multiples of `page`; it is empty until the region is claimed.
/// - `backed` is a multiple of `page`, at most the reserve's length; so many bytes from its start are backed.
#[derive(Debug)]
pub struct GrowableRegion<P: PageSource> {
    given: Source,
    is_claimed: bool,
    reserve: Span,
    page: usize,
    backed: usize,
    source: P,
}

// SAFETY: the addresses belong to the region alone, whichever thread it is on.
unsafe impl<P: PageSource + Send> Send for GrowableRegion<P> {}

impl<P: PageSource> GrowableRegion<P> {
    /// Returns a region in the `len` bytes of addresses from `start`, cut inward to pages. Can be called in a `const`
    /// context.
    ///
    /// Address 0 and the last byte of the address space are never part of it, nor are their pages.
    ///
    /// # Safety
    ///
    /// Nobody but the region and `source` uses the addresses for as long as the region or a heap on it lives, and they
    /// belong to no object of Rust's.
    #[inline]
    pub const unsafe fn at_address(start: usize, len: usize, source: P) -> Self {
        Self::from_source(Source::Address { start, len }, source)
    }

    /// Returns a region in the `len` bytes of addresses from `start`, with that pointer's provenance. Where there is a
    /// pointer, this is the better constructor.
    ///
    /// # Safety
    ///
    /// As for [`at_address`](Self::at_address), but the addresses may belong to an object, and `start` is valid for all of
    /// them as far as `source` backs them.
    #[inline]
    pub unsafe fn from_pointer(start: NonNull<u8>, len: usize, source: P) -> Self {
        Self::from_source(Source::Pointer(Span::new(start, len)), source)
    }

    const fn from_source(given: Source, source: P) -> Self {
        Self {
            given,
            is_claimed: false,
            reserve: Span::EMPTY,
            page: 1,
            backed: 0,
            source,
        }
    }

    /// Returns the length in bytes that the region may reach; 0 until it is claimed.
    #[inline]
    pub const fn reserve_len(&self) -> usize {
        self.reserve.len()
    }

    /// Returns the source, for tests that change it behind the region's back.
    #[cfg(all(test, feature = "mmap", unix, not(miri)))]
    pub(super) fn source_mut(&mut self) -> &mut P {
        &mut self.source
    }

    /// Returns the pointer to the byte at `offset`. Assumes that it is at most the reserve's length.
    fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset <= self.reserve.len());
        let start = self.reserve.start();
        start.map_addr(|address| address.saturating_add(offset))
    }
}

// SAFETY: the first `backed` bytes of the reserve are valid and nobody else's, as the source and the constructor's caller
// promise. They change at the high end only, and all pointers derive from the reserve's.
unsafe impl<P: PageSource> RawRegion for GrowableRegion<P> {
    /// Measures the reserve; nothing is backed yet.
    ///
    /// # Errors
    ///
    /// [`RegionError::Claimed`] if that was done already, [`RegionError::Exhausted`] if the page size is no power of two.
    fn claim(&mut self) -> Result<(), RegionError> {
        if self.is_claimed {
            return Err(RegionError::Claimed);
        }
        let page = self.source.page_size();
        if !page.is_power_of_two() {
            return Err(RegionError::Exhausted);
        }
        self.page = page;
        self.reserve = self.given.span().aligned(page);
        self.is_claimed = true;
        Ok(())
    }

    fn span(&self) -> Span {
        Span::new(self.reserve.start(), self.backed)
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        let room = self.reserve.len() - self.backed;
        match align_up(min_extra, self.page) {
            Some(0) => Ok(()),
            Some(bytes) if bytes <= room => {
                let mapped = self.source.map(self.at(self.backed), bytes)?;
                debug_assert!(mapped <= bytes && mapped % self.page == 0);
                // A page that is not whole cannot be given back.
                let mapped = align_down(mapped.min(bytes), self.page);
                self.backed += mapped;
                if mapped > 0 {
                    Ok(())
                } else {
                    Err(RegionError::Exhausted)
                }
            }
            _ => Err(RegionError::Exhausted),
        }
    }

    /// Gives the whole pages among the last `bytes` back.
    ///
    /// # Errors
    ///
    /// [`RegionError::Shortfall`] if there are fewer bytes, or no whole page among them; the source's reason if it refuses.
    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        if bytes == 0 {
            return Ok(());
        }
        let kept = self.backed.checked_sub(bytes).ok_or(RegionError::Shortfall)?;
        // Up, as the heap keeps its part of the last page.
        let kept = align_up(kept, self.page).ok_or(RegionError::Shortfall)?;
        if kept == self.backed {
            return Err(RegionError::Shortfall);
        }
        self.source.unmap(self.at(kept), self.backed - kept)?;
        self.backed = kept;
        Ok(())
    }

    fn is_zeroed(&self) -> bool {
        self.source.is_zeroed()
    }

    fn translate(&self, pointer: NonNull<u8>) -> Option<usize> {
        let is_inside = self.span().contains(pointer);
        is_inside.then(|| self.source.translate(pointer)).flatten()
    }
}

impl<P: PageSource> Drop for GrowableRegion<P> {
    fn drop(&mut self) {
        if self.backed > 0 {
            // A source that refuses keeps the pages mapped: they are lost, but nobody uses them.
            let _ = self.source.unmap(self.at(0), self.backed);
        }
    }
}

#[cfg(test)]
mod tests;
