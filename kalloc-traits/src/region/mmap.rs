//! Memory of a Unix process, reserved by `mmap` and backed as it is needed. Feature `mmap`.
//!
//! A [`GrowableRegion`] whose pages come from the operating system. For tests, benches and hosted programs; costs one
//! system call for each growth, two for each shrink.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use rustix::mm::{self, MapFlags, MprotectFlags, ProtFlags};

use super::RawRegion;
use super::growable::GrowableRegion;
use super::pages::PageSource;
use crate::arith::align_up;
use crate::error::RegionError;
use crate::span::Span;

/// What is backed at once, in bytes: a multiple of every page size in use, and enough to make system calls rare.
const UNIT: usize = 64 * 1024;

/// A region of anonymous, private memory, which starts empty and grows to a fixed length at most.
///
/// The addresses are reserved when the region is claimed, and unmapped when it is dropped; memory is used as it grows, in
/// steps of 64 KiB. Fresh memory is zero, also when it had been given back.
///
/// ```
/// use kalloc_traits::{MmapRegion, RawRegion, RegionError};
///
/// let mut region = MmapRegion::new(1 << 30);
/// region.claim()?;
/// assert!(region.span().is_empty());
/// region.grow(1)?;
/// assert_eq!(region.span().len(), 64 * 1024);
/// # Ok::<(), RegionError>(())
/// ```
#[derive(Debug)]
pub struct MmapRegion {
    max_bytes: usize,
    pages: Option<GrowableRegion<Pages>>,
}

impl MmapRegion {
    /// Returns a region that may grow to `max_bytes`, rounded up to 64 KiB. Nothing is reserved before the first use. Can
    /// be called in a `const` context.
    #[inline]
    pub const fn new(max_bytes: usize) -> Self {
        Self { max_bytes, pages: None }
    }

    /// Reserves the addresses.
    fn reserve(&self) -> Option<GrowableRegion<Pages>> {
        let len = align_up(self.max_bytes, UNIT)?;
        // The system aligns to its own pages, which may be smaller.
        let reserved = len.checked_add(UNIT)?;
        // SAFETY: the system chooses an address where nothing is mapped.
        let base = unsafe { mm::mmap_anonymous(ptr::null_mut(), reserved, ProtFlags::empty(), MapFlags::PRIVATE) };
        let base = NonNull::new(base.ok()?)?;
        let source = Pages {
            base,
            reserved,
            used_end: 0,
        };
        let skip = align_up(base.addr().get(), UNIT)? - base.addr().get();
        // SAFETY: `skip` is below `UNIT`, and so inside the mapping.
        let start = unsafe { base.cast::<u8>().add(skip) };
        // SAFETY: `skip + len` is at most `reserved`, and the mapping is ours.
        Some(unsafe { GrowableRegion::from_pointer(start, len, source) })
    }
}

// SAFETY: it is the growable region's span, which is empty before the claim. That was made for a mapping that lasts as
// long as it.
unsafe impl RawRegion for MmapRegion {
    /// Reserves the addresses.
    ///
    /// # Errors
    ///
    /// [`RegionError::Exhausted`] if the system has not that many, [`RegionError::Claimed`] if they are reserved already.
    fn claim(&mut self) -> Result<(), RegionError> {
        if self.pages.is_some() {
            return Err(RegionError::Claimed);
        }
        self.pages.insert(self.reserve().ok_or(RegionError::Exhausted)?).claim()
    }

    fn span(&self) -> Span {
        self.pages.as_ref().map_or(Span::EMPTY, RawRegion::span)
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        self.pages.as_mut().ok_or(RegionError::Exhausted)?.grow(min_extra)
    }

    fn shrink(&mut self, bytes: usize) -> Result<(), RegionError> {
        self.pages.as_mut().ok_or(RegionError::Shortfall)?.shrink(bytes)
    }

    fn is_zeroed(&self) -> bool {
        true
    }
}

/// A mapping of which parts are made accessible.
///
/// # Invariants
///
/// - The `reserved` bytes from `base` are a mapping that belongs to this value.
/// - Its bytes at addresses from `used_end` on are zero.
#[derive(Debug)]
struct Pages {
    base: NonNull<c_void>,
    reserved: usize,
    used_end: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for Pages {}

/// Makes the system forget the bytes from `at`, so that they are zero when they are next read; `false` where it cannot.
///
/// # Safety
///
/// The bytes are whole pages of a private, anonymous mapping, and nobody needs them.
unsafe fn discard(at: NonNull<u8>, bytes: usize) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // SAFETY: the caller upholds the contract. Linux promises the zeros.
        unsafe { mm::madvise(at.as_ptr().cast(), bytes, mm::Advice::LinuxDontNeed) }.is_ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        // Elsewhere the call is a hint that may leave the bytes as they are.
        let _ = (at, bytes);
        false
    }
}

/// Gives the bytes from `at` the protection `flags`.
///
/// # Safety
///
/// The bytes are whole pages of a mapping, and nobody uses them in a way that `flags` forbid.
unsafe fn protect(at: NonNull<u8>, bytes: usize, flags: MprotectFlags) -> Result<(), RegionError> {
    // SAFETY: the caller upholds the contract.
    unsafe { mm::mprotect(at.as_ptr().cast(), bytes, flags) }.map_err(|_| RegionError::Exhausted)
}

// SAFETY: the page size is a constant. Accessible bytes of the mapping are memory of the process that nobody else knows
// of. They are zero: `used_end` says which may not be, and those are cleared.
unsafe impl PageSource for Pages {
    fn page_size(&self) -> usize {
        UNIT
    }

    fn map(&mut self, at: NonNull<u8>, bytes: usize) -> Result<usize, RegionError> {
        // SAFETY: the region asks for bytes inside the mapping, and this takes no permission away.
        unsafe { protect(at, bytes, MprotectFlags::READ | MprotectFlags::WRITE) }?;
        let old = self.used_end.saturating_sub(at.addr().get()).min(bytes);
        // SAFETY: the bytes were just made writable, and belong to nobody yet.
        unsafe { at.write_bytes(0, old) };
        self.used_end = self.used_end.max(at.addr().get() + bytes);
        Ok(bytes)
    }

    fn unmap(&mut self, at: NonNull<u8>, bytes: usize) -> Result<(), RegionError> {
        // SAFETY: the region gives up bytes inside the mapping.
        unsafe { protect(at, bytes, MprotectFlags::empty()) }?;
        // What lies behind was given up before, but perhaps not discarded.
        let used = self.used_end.saturating_sub(at.addr().get());
        // SAFETY: nobody needs the bytes from `at` on.
        if unsafe { discard(at, used) } {
            self.used_end = at.addr().get();
        }
        Ok(())
    }

    fn is_zeroed(&self) -> bool {
        true
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and the region that handed it out is being dropped.
        // It can fail only for arguments that `mmap` has not returned; then the mapping would stay.
        let _ = unsafe { mm::munmap(self.base.as_ptr(), self.reserved) };
    }
}

#[cfg(all(test, not(miri)))]
mod tests;
