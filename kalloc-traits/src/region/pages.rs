//! Who gives a [`GrowableRegion`](super::growable::GrowableRegion) its pages.

use core::ptr::NonNull;

use crate::error::RegionError;

/// Who backs addresses with memory: a kernel's frame allocator and page tables, an operating system.
///
/// # Safety
///
/// - The page size is a power of two and never changes.
/// - After [`map`](Self::map), the bytes that it says it has backed are valid for reads and writes through the pointer
///   to the start of the reserve, and nobody else uses them, until [`unmap`](Self::unmap) takes them back.
/// - If [`is_zeroed`](Self::is_zeroed) says so, every byte is zero when it has just been backed, also when the same
///   address was backed before.
pub unsafe trait PageSource {
    /// Returns the size in bytes of what can be backed at once, a power of two. A source that would rather be called
    /// seldom names a multiple of its page size.
    fn page_size(&self) -> usize;

    /// Backs the `bytes` from `at`, both multiples of the page size, and returns how many it has backed: a multiple of
    /// the page size, counted from `at`. Fewer than `bytes` is a shortfall that the heap learns of.
    ///
    /// # Errors
    ///
    /// [`RegionError::Exhausted`], or another reason. Nothing was backed.
    fn map(&mut self, at: NonNull<u8>, bytes: usize) -> Result<usize, RegionError>;

    /// Takes the `bytes` from `at` back, both multiples of the page size. They were backed, and are the last that are.
    ///
    /// # Errors
    ///
    /// [`RegionError::Fixed`], which is the default, or another reason. All of the bytes are still backed.
    #[inline]
    fn unmap(&mut self, at: NonNull<u8>, bytes: usize) -> Result<(), RegionError> {
        let _ = (at, bytes);
        Err(RegionError::Fixed)
    }

    /// Returns whether bytes that were just backed are zero.
    #[inline]
    fn is_zeroed(&self) -> bool {
        false
    }

    /// Returns the address of a backed byte for another observer, as [`RawRegion::translate`](super::RawRegion::translate) does.
    #[inline]
    fn translate(&self, pointer: NonNull<u8>) -> Option<usize> {
        let _ = pointer;
        None
    }
}
