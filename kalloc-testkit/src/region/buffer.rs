//! The allocation behind a guarded region.
//!
//! ```text
//!   base       start                 start+len            start+reserve
//!    ├┄┄ pad ┄┄├GUARD├── the span ────────├┄┄ not handed out ┄┄┄┄├GUARD├
//! ```
//!
//! It knows how much of itself is handed out. All other bytes from the first guard to the last hold noise that nobody
//! else should touch.

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use alloc::vec::Vec;
use core::fmt;
use core::hint;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::bytes;
use super::shape::{Fill, Shape};

/// Bytes of noise on either side.
const GUARD: usize = 128;

/// The seed of that noise.
const SEED: u64 = 0x6A5D_0FF5;

/// A byte beside a region that is no longer what it was: somebody wrote outside of the memory they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes from the start of the region; negative before it.
    pub offset: isize,
    /// How long the region is.
    pub len: usize,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, len } = self;
        write!(
            f,
            "a byte outside of the region was written: offset {offset} of a region of {len} bytes"
        )
    }
}

impl core::error::Error for Damage {}

/// Owned memory with guards, of which the first `len` bytes from `start` are handed out.
///
/// # Invariants
///
/// - `base` is an allocation of `layout`, valid until the buffer is dropped.
/// - `start` is at least [`GUARD`], `len` at most `reserve`, and `start + reserve + GUARD` at most `layout.size()`.
/// - While `is_busy` is held, and only then, bytes outside of the span are read or written.
pub(super) struct Buffer {
    base: NonNull<u8>,
    layout: Layout,
    start: usize,
    len: AtomicUsize,
    shape: Shape,
    is_busy: AtomicBool,
}

// SAFETY: the buffer itself touches bytes outside of the span only while it holds `is_busy`, and the bytes of the span
// only as they enter or leave it, on behalf of the region, which is alone in having them.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Returns the memory of `shape`, filled.
    ///
    /// # Panics
    ///
    /// The shape is larger than the address space, or there is not that much memory.
    pub(super) fn new(shape: Shape) -> Self {
        // A multiple of the alignment that leaves room for the guard.
        let start = GUARD.next_multiple_of(shape.align) + shape.misalignment;
        let size = start.checked_add(shape.reserve).and_then(|sum| sum.checked_add(GUARD));
        let layout = size.and_then(|size| Layout::from_size_align(size, shape.align).ok());
        let layout = layout.expect("a region smaller than the address space");
        // SAFETY: the size is at least `GUARD`.
        let base = NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        let buffer = Self {
            base,
            layout,
            start,
            len: AtomicUsize::new(0),
            shape,
            is_busy: AtomicBool::new(false),
        };
        let len = buffer.shape.len;
        buffer.write_noise(start - GUARD..start);
        buffer.write_noise(start + len..start + buffer.shape.reserve + GUARD);
        buffer.set_len(len);
        buffer
    }

    /// Returns the pointer to the first byte of the span.
    pub(super) fn start(&self) -> NonNull<u8> {
        // SAFETY: `start` lies inside the allocation.
        unsafe { self.base.add(self.start) }
    }

    /// Returns the length of the span.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Returns the greatest length.
    pub(super) const fn reserve(&self) -> usize {
        self.shape.reserve
    }

    /// Returns whether bytes that enter the span are zero, and the region says so.
    pub(super) const fn is_zeroed(&self) -> bool {
        self.shape.is_zeroed
    }

    /// Makes the span `len` bytes long. Bytes that enter it are filled as the shape says, those that leave it become
    /// noise. Assumes that `len` is at most the reserve and that nobody uses the bytes between the two lengths.
    pub(super) fn set_len(&self, len: usize) {
        assert!(len <= self.shape.reserve, "a region grows into its reserve only");
        self.exclusively(|| {
            let old = self.len();
            self.write_fill(old..len);
            self.write_noise(self.start + len..self.start + old);
            self.len.store(len, Ordering::Release);
        });
    }

    /// Looks for damage beside the span.
    ///
    /// # Errors
    ///
    /// The first byte that was written.
    pub(super) fn check(&self) -> Result<(), Damage> {
        self.exclusively(|| {
            let len = self.len();
            let before = self.start - GUARD..self.start;
            let behind = self.start + len..self.start + self.shape.reserve + GUARD;
            match self.noise_differs(before).or_else(|| self.noise_differs(behind)) {
                None => Ok(()),
                Some(at) => Err(Damage {
                    offset: at.wrapping_sub(self.start) as isize,
                    len,
                }),
            }
        })
    }

    /// Returns a copy of the bytes of the span, such as they are. Assumes that nobody uses them meanwhile.
    pub(super) fn image(&self) -> Vec<u8> {
        (self.start..self.start + self.len()).map(|at| self.read(at)).collect()
    }

    /// Runs `action` alone.
    fn exclusively<T>(&self, action: impl FnOnce() -> T) -> T {
        while self.is_busy.swap(true, Ordering::Acquire) {
            hint::spin_loop();
        }
        let result = action();
        self.is_busy.store(false, Ordering::Release);
        result
    }

    /// Writes noise at offsets of the allocation.
    fn write_noise(&self, range: Range<usize>) {
        assert!(range.end <= self.layout.size());
        // SAFETY: the range lies inside the allocation, which is ours.
        unsafe { bytes::fill_range(self.base, range, SEED) };
    }

    /// Returns the first offset of the allocation in a range of noise that is not noise any more.
    fn noise_differs(&self, range: Range<usize>) -> Option<usize> {
        assert!(range.end <= self.layout.size());
        // SAFETY: the range lies inside the allocation, and was written.
        unsafe { bytes::difference_in(self.base, range, SEED) }
    }

    /// Writes what the shape says at offsets of the region.
    fn write_fill(&self, range: Range<usize>) {
        assert!(range.end <= self.shape.reserve);
        match &self.shape.fill {
            Fill::Undefined => {}
            // SAFETY: the reserve is ours.
            Fill::Noise(seed) => unsafe { bytes::fill_range(self.start(), range, *seed) },
            fill => range.for_each(|offset| self.write(self.start + offset, fill.byte(offset))),
        }
    }

    /// Writes one byte at an offset of the allocation.
    fn write(&self, at: usize, value: u8) {
        assert!(at < self.layout.size());
        // SAFETY: the offset was just checked.
        let place = unsafe { self.base.add(at) };
        // SAFETY: as above; the memory is ours.
        unsafe { place.write(value) };
    }

    /// Reads the byte at an offset of the allocation that was written before.
    fn read(&self, at: usize) -> u8 {
        assert!(at < self.layout.size());
        // SAFETY: the offset was just checked.
        let place = unsafe { self.base.add(at) };
        // SAFETY: as above.
        unsafe { place.read() }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: `base` was allocated with `layout`.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}
