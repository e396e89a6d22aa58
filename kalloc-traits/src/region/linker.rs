//! Memory between two symbols of the linker script, claimed at first use.
//!
//! As with [`StaticArray`](super::static_array::StaticArray), the memory is a static and the region a handle to it:
//! [`linker_region!`](crate::linker_region) declares the symbols and the static, which keeps the claim. Costs two pointers
//! and the claim.

use core::ptr::{self, NonNull};

use super::RawRegion;
use crate::claim::Claim;
use crate::error::RegionError;
use crate::span::Span;

/// Declares a static [`LinkerMemory`](crate::LinkerMemory): what lies between two symbols of the linker script.
///
/// ```text
/// .heap (NOLOAD) : ALIGN(16) {
///     __heap_start = .;
///     . += 64K;
///     __heap_end = .;
/// } > RAM
/// ```
///
/// ```
/// # #[cfg(all(target_os = "linux", not(miri)))] {
/// # // What the linker script does on a board.
/// # mod board {
/// #     core::arch::global_asm!(
/// #         ".pushsection .data.kalloc_doc, \"aw\"",
/// #         ".globl __heap_start", "__heap_start:", ".zero 65536", ".globl __heap_end", "__heap_end:",
/// #         ".popsection",
/// #     );
/// # }
/// use kalloc_traits::{RawRegion, RegionError, linker_region};
///
/// linker_region! {
///     // SAFETY: the linker script keeps these bytes for the heap, and this is the only place that names them.
///     static HEAP_MEMORY = unsafe { __heap_start..__heap_end };
/// }
///
/// let mut region = HEAP_MEMORY.region();
/// assert_eq!(region.claim(), Ok(()));
/// assert_eq!(region.span().len(), 64 * 1024);
/// assert_eq!(HEAP_MEMORY.region().claim(), Err(RegionError::Claimed));
/// # }
/// ```
///
/// # Safety
///
/// The word `unsafe` promises what [`LinkerMemory::from_symbols`](crate::LinkerMemory::from_symbols) asks for. So the
/// macro is used once for a pair of symbols: each static that it declares has a claim of its own.
#[macro_export]
macro_rules! linker_region {
    ($(#[$meta:meta])* $vis:vis static $name:ident = unsafe { $start:ident..$end:ident } $(;)?) => {
        $(#[$meta])*
        $vis static $name: $crate::LinkerMemory = {
            // SAFETY: the declared type has no bytes, so it claims nothing of what lies at the symbols.
            unsafe extern "C" {
                static $start: [u8; 0];
                static $end: [u8; 0];
            }

            // SAFETY: whoever wrote `unsafe` promises it.
            unsafe { $crate::LinkerMemory::from_symbols(&raw const $start, &raw const $end) }
        };
    };
}

/// Memory between two addresses that the linker knows, for a static. [`linker_region!`](crate::linker_region) makes one.
///
/// An end at or before the start is no memory. Address 0 and the last byte of the address space are left out.
#[derive(Debug)]
pub struct LinkerMemory {
    start: *mut u8,
    end: *mut u8,
    origin: Origin,
    claim: Claim,
}

/// What `start` is worth.
#[derive(Clone, Copy, Debug)]
enum Origin {
    /// It names a symbol, and not the bytes behind it.
    Symbol,
    /// It is valid for all bytes up to `end`.
    Pointer,
}

// SAFETY: the addresses never change, and the memory is reached only through a region that holds `claim`, of which there
// is one at a time.
unsafe impl Sync for LinkerMemory {}
// SAFETY: as above; nothing belongs to a thread.
unsafe impl Send for LinkerMemory {}

impl LinkerMemory {
    /// Returns the memory from the symbol `start` up to the symbol `end`.
    ///
    /// # Safety
    ///
    /// For the rest of the program, the bytes between the symbols are memory outside of Rust's own objects, valid for
    /// reads and writes, and used by nobody but the region over this value. They need not be initialised.
    #[inline]
    pub const unsafe fn from_symbols(start: *const [u8; 0], end: *const [u8; 0]) -> Self {
        Self {
            start: start.cast_mut().cast(),
            end: end.cast_mut().cast(),
            origin: Origin::Symbol,
            claim: Claim::new(),
        }
    }

    /// Returns the memory from `start` up to `end`, with the provenance of `start`.
    ///
    /// # Safety
    ///
    /// As for [`from_symbols`](Self::from_symbols), but the bytes may belong to an object, and `start` is valid for all of
    /// them.
    #[inline]
    pub const unsafe fn from_pointers(start: *mut u8, end: *mut u8) -> Self {
        Self {
            start,
            end,
            origin: Origin::Pointer,
            claim: Claim::new(),
        }
    }

    /// Returns a region that will own the memory from its first use until it is dropped. Can be called in a `const`
    /// context. Of several regions over the same memory, the first that is used gets it, the others an error.
    #[inline]
    pub const fn region(&'static self) -> LinkerRegion {
        LinkerRegion {
            memory: self,
            has_claim: false,
        }
    }

    fn span(&self) -> Span {
        let start = self.start.addr().max(1);
        let len = self.end.addr().saturating_sub(start);
        let pointer = match self.origin {
            Origin::Pointer => self.start,
            Origin::Symbol => {
                self.start.expose_provenance();
                ptr::with_exposed_provenance_mut(start)
            }
        };
        NonNull::new(pointer).map_or(Span::EMPTY, |pointer| Span::new(pointer, len))
    }
}

/// The region over a [`LinkerMemory`].
///
/// # Invariants
///
/// `has_claim` says that this value, and no other, took the memory's claim.
#[derive(Debug)]
pub struct LinkerRegion {
    memory: &'static LinkerMemory,
    has_claim: bool,
}

// SAFETY: the memory is where the linker put it, and its constructor's caller promises that nobody else uses it. Only the
// region that holds the claim has a span that is not empty, and it gives the claim back when it is dropped. The pointer is
// always the same.
unsafe impl RawRegion for LinkerRegion {
    const CAN_GROW: bool = false;

    fn claim(&mut self) -> Result<(), RegionError> {
        if self.has_claim || !self.memory.claim.acquire() {
            return Err(RegionError::Claimed);
        }
        self.has_claim = true;
        Ok(())
    }

    fn span(&self) -> Span {
        if self.has_claim {
            self.memory.span()
        } else {
            Span::EMPTY
        }
    }
}

impl Drop for LinkerRegion {
    fn drop(&mut self) {
        if self.has_claim {
            self.memory.claim.release();
        }
    }
}

#[cfg(test)]
mod tests;
