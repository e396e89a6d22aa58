//! The memory that a heap is explored in, and images of it.

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

use kalloc_traits::RangeRegion;

use crate::region::bytes;

/// Bytes of a state's image, as they lie in memory: padding too.
pub type Image = Vec<MaybeUninit<u8>>;

/// Whether the bytes of a heap's value can be looked at, so that equal states are known to be equal. Miri rightly objects
/// to padding, and elsewhere it takes an assembler to fix what padding holds.
pub(super) const CAN_COMPARE: bool = cfg!(all(
    not(miri),
    any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "aarch64",
        target_arch = "arm",
        target_arch = "riscv64",
        target_arch = "riscv32"
    )
));

/// Where the region starts: a multiple of this.
const ALIGN: usize = 4096;
/// Bytes on either side of the region that belong to an image.
const GUARD: usize = 32;
/// The seed of what lies in all memory that the heap has not written.
const SEED: u64 = 0x0E47;

/// The memory of a heap that is explored. Whatever nobody has written holds one stream of bytes, each place its own.
///
/// # Invariants
///
/// `base` is an allocation of `layout`, valid until the value is dropped: `ALIGN` bytes, the region, `GUARD` bytes.
pub struct Memory {
    base: NonNull<u8>,
    layout: Layout,
    len: usize,
}

impl Memory {
    /// Returns memory for a region of `len` bytes.
    pub(super) fn new(len: usize) -> Self {
        let size = len.checked_add(ALIGN + GUARD);
        let layout = size.and_then(|size| Layout::from_size_align(size, ALIGN).ok());
        let layout = layout.expect("a small region");
        // SAFETY: the size is not zero.
        let base = NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        let memory = Self { base, layout, len };
        memory.refill();
        memory
    }

    /// Fills all of it with the stream. Assumes that no heap uses it.
    pub(super) fn refill(&self) {
        // SAFETY: the window is ours, and `start` is in one object with it.
        unsafe { bytes::fill_range(self.window(), 0..self.window_len(), SEED) };
    }

    /// Returns the region over it. Only one heap at a time may have one.
    pub(super) fn region(&self) -> RangeRegion {
        // SAFETY: the bytes are ours, stay valid until the memory is dropped, and are lent to one heap.
        unsafe { RangeRegion::from_pointer(self.at(0), self.len) }
    }

    /// Returns the length of the region in bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether the region has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the address of the region.
    pub fn start_addr(&self) -> usize {
        self.at(0).addr().get()
    }

    /// Returns the byte at an offset of the region, which lies in it or at its end.
    pub(super) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset <= self.len);
        // SAFETY: this is inside the allocation.
        unsafe { self.base.add(ALIGN + offset) }
    }

    /// Returns the first byte of the window.
    fn window(&self) -> NonNull<u8> {
        // SAFETY: this is inside the allocation.
        unsafe { self.base.add(ALIGN - GUARD) }
    }

    /// Returns the length of the window.
    const fn window_len(&self) -> usize {
        GUARD + self.len + GUARD
    }

    /// Writes the stream's bytes over a block.
    ///
    /// # Safety
    ///
    /// The bytes lie in the region, and belong to a block that is live.
    pub(super) unsafe fn fill(&self, offset: usize, len: usize) {
        let range = GUARD + offset..GUARD + offset + len;
        // SAFETY: the caller says so.
        unsafe { bytes::fill_range(self.window(), range, SEED) };
    }

    /// Returns the first byte of a block, from its start, that is not the stream's.
    ///
    /// # Safety
    ///
    /// The bytes lie in the region, and belong to a block that is live and was filled.
    pub(super) unsafe fn changed(&self, offset: usize, len: usize) -> Option<usize> {
        let range = GUARD + offset..GUARD + offset + len;
        // SAFETY: the caller says so.
        unsafe { bytes::difference_in(self.window(), range, SEED) }.map(|at| at - GUARD - offset)
    }

    /// Returns the byte that the stream has at an offset of the region.
    pub(super) const fn byte(offset: usize) -> u8 {
        bytes::byte(SEED, GUARD + offset)
    }

    /// Returns whether nobody has written beside the region.
    pub(super) fn is_guarded(&self) -> bool {
        let (low, high) = (0..GUARD, GUARD + self.len..self.window_len());
        // SAFETY: the window is initialised, and nobody but us uses what is beside the region.
        let is_changed = |range| unsafe { bytes::difference_in(self.window(), range, SEED) }.is_some();
        !is_changed(low) && !is_changed(high)
    }

    /// Appends the bytes of the window.
    pub(super) fn save(&self, image: &mut Image) {
        // SAFETY: the window is inside the allocation. No reference to it outlives this function, and no call is made.
        let window = unsafe { slice::from_raw_parts(self.window().cast().as_ptr(), self.window_len()) };
        image.extend_from_slice(window);
    }

    /// Writes the bytes of the window.
    pub(super) fn restore(&self, image: &[MaybeUninit<u8>]) {
        assert_eq!(image.len(), self.window_len());
        // SAFETY: the window is inside the allocation, and an image does not overlap it.
        unsafe {
            image
                .as_ptr()
                .copy_to_nonoverlapping(self.window().cast().as_ptr(), image.len())
        };
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}

/// Returns an image's bytes as numbers. Padding has some value then, the one that the machine's memory holds.
pub(super) fn fixed(image: &mut [MaybeUninit<u8>]) -> &[u8] {
    if !CAN_COMPARE {
        return &[];
    }
    #[cfg(all(
        not(miri),
        any(
            target_arch = "x86_64",
            target_arch = "x86",
            target_arch = "aarch64",
            target_arch = "arm",
            target_arch = "riscv64",
            target_arch = "riscv32"
        )
    ))]
    // SAFETY: no instruction is executed. As far as the compiler knows, the memory behind the
    // pointer, which is ours to write, is given values.
    unsafe {
        core::arch::asm!("/* {0} */", in(reg) image.as_mut_ptr(), options(nostack, preserves_flags));
    }
    // SAFETY: the bytes were given values just now, or this is not reached.
    unsafe { slice::from_raw_parts(image.as_ptr().cast(), image.len()) }
}
