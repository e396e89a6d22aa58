//! Physical memory, simulated: this process has it at one address, the bus at another.
//!
//! On a machine that has just booted the two are the same, and the region is a `RangeRegion` with a `translate` that
//! returns what it is given. Later they differ, by an offset as here.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use kalloc_traits::{RawRegion, RegionError, Span, StaticArray, StaticRegion};

/// Where the memory that a boot loader left free starts, for the bus.
pub const DRAM_START: u64 = 0x8020_0000;

/// How much it left.
pub const RAM_BYTES: usize = 1 << 20;

/// The memory. It starts at a page, as it does for the bus: what is aligned for the one is for the other.
#[repr(align(4096))]
pub struct Ram(StaticArray<RAM_BYTES>);

/// All of the memory, for a heap.
pub struct AllOfRam {
    region: StaticRegion<RAM_BYTES>,
}

/// A region that finds the pointer of a physical address: what a kernel can do for its own memory.
pub trait RamRegion {
    /// Returns the pointer to what the bus sees at `physical`, if it is in the region.
    fn pointer(&self, physical: u64) -> Option<NonNull<u8>>;
}

impl Ram {
    /// Returns memory that nobody uses.
    #[expect(clippy::new_without_default, reason = "it is for statics")]
    pub const fn new() -> Self {
        Self(StaticArray::new())
    }

    /// Returns a region over all of it; one at a time can be used.
    pub const fn region(&'static self) -> AllOfRam {
        AllOfRam {
            region: self.0.region(),
        }
    }

    /// Reads a word as the bus does, or nothing if there is no memory at that physical address.
    pub fn read(&self, physical: u64) -> Option<u64> {
        let offset = usize::try_from(physical.checked_sub(DRAM_START)?).ok()?;
        if offset >= RAM_BYTES || offset % 8 != 0 {
            return None;
        }
        let start = (&raw const self.0).cast::<u8>().cast_mut();
        // SAFETY: the offset is inside the bytes, which are the first thing in a `StaticArray`, by its `repr(C)`.
        let word = unsafe { start.add(offset) }.cast::<u64>();
        // SAFETY: the word is aligned, inside, and alive as `self` is. Tables are written by atomic stores alone; the tests
        // read no memory that is anything else.
        Some(unsafe { AtomicU64::from_ptr(word) }.load(Ordering::Acquire))
    }
}

// SAFETY: the region in it does the work.
unsafe impl RawRegion for AllOfRam {
    fn claim(&mut self) -> Result<(), RegionError> {
        self.region.claim()
    }

    fn span(&self) -> Span {
        self.region.span()
    }

    fn translate(&self, pointer: NonNull<u8>) -> Option<usize> {
        let span = self.span();
        let offset = pointer.addr().get() - span.start_addr();
        span.contains(pointer).then_some(offset + DRAM_START as usize)
    }
}

impl RamRegion for AllOfRam {
    fn pointer(&self, physical: u64) -> Option<NonNull<u8>> {
        let offset = usize::try_from(physical.checked_sub(DRAM_START)?).ok()?;
        // SAFETY: the offset is below the length of the span.
        (offset < self.span().len()).then(|| unsafe { self.span().start().add(offset) })
    }
}
