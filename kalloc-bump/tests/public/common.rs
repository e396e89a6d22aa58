//! Memory, a region that follows a script, and shorthands.

use std::alloc::Layout;
use std::marker::PhantomData;
use std::ptr::NonNull;

use kalloc_traits::growth::Step;
use kalloc_traits::{Heap, RawRegion, RegionError, Span};

/// Memory for regions, aligned to its length.
#[repr(C, align(4096))]
pub(crate) struct Memory(pub(crate) [u8; 4096]);

impl Memory {
    /// Returns memory whose bytes are all `byte`.
    pub(crate) fn filled(byte: u8) -> Box<Self> {
        Box::new(Self([byte; 4096]))
    }
}

/// What a script may change.
pub(crate) struct Extent {
    pub(crate) start: NonNull<u8>,
    pub(crate) len: usize,
    pub(crate) is_zeroed: bool,
}

type Script<'a> = Box<dyn FnMut(&mut Extent, Step) -> Result<(), RegionError> + 'a>;

/// A region over a `Memory` that does on `claim` and `grow` what its script says.
pub(crate) struct Scripted<'a> {
    extent: Extent,
    script: Script<'a>,
    memory: PhantomData<&'a mut Memory>,
}

impl<'a> Scripted<'a> {
    /// Returns a region over the first `len` bytes of `memory`.
    pub(crate) fn new(
        memory: &'a mut Memory,
        len: usize,
        script: impl FnMut(&mut Extent, Step) -> Result<(), RegionError> + 'a,
    ) -> Self {
        assert!(len <= 4096);
        Self {
            extent: Extent {
                start: NonNull::from(memory).cast(),
                len,
                is_zeroed: false,
            },
            script: Box::new(script),
            memory: PhantomData,
        }
    }

    /// Returns a region that never grows.
    pub(crate) fn fixed(memory: &'a mut Memory, len: usize) -> Self {
        Self::new(memory, len, |_, step| match step {
            Step::Grow(_) => Err(RegionError::Fixed),
            Step::Claim => Ok(()),
        })
    }

    /// Returns a region that grows by exactly what it is asked for, up to the whole memory.
    pub(crate) fn growing(memory: &'a mut Memory, len: usize) -> Self {
        Self::new(memory, len, |extent, step| match step {
            Step::Grow(extra) if extra <= 4096 - extent.len => {
                extent.len += extra;
                Ok(())
            }
            Step::Grow(_) => Err(RegionError::Exhausted),
            Step::Claim => Ok(()),
        })
    }
}

// SAFETY: the memory is borrowed for as long as the region lives, and lies outside of it. Scripts that lower the end or
// move the start do so in tests of exactly that, which use no byte outside of the span.
unsafe impl RawRegion for Scripted<'_> {
    fn claim(&mut self) -> Result<(), RegionError> {
        (self.script)(&mut self.extent, Step::Claim)
    }

    fn span(&self) -> Span {
        assert!(self.extent.len <= 4096);
        Span::new(self.extent.start, self.extent.len)
    }

    fn grow(&mut self, min_extra: usize) -> Result<(), RegionError> {
        (self.script)(&mut self.extent, Step::Grow(min_extra))
    }

    fn is_zeroed(&self) -> bool {
        self.extent.is_zeroed
    }
}

/// Returns the layout of `size` bytes at a multiple of `align`.
pub(crate) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Returns the layout of `size` bytes anywhere.
pub(crate) fn bytes(size: usize) -> Layout {
    layout(size, 1)
}

/// Allocates, checks the block's extent and alignment, and writes all of it.
pub(crate) fn filled(heap: &impl Heap, layout: Layout, byte: u8) -> NonNull<u8> {
    let block = heap.allocate(layout).unwrap();
    assert_eq!(block.len(), layout.size());
    assert_eq!(block.addr().get() % layout.align(), 0);
    fill(block.cast(), layout.size(), byte);
    block.cast()
}

/// Writes `size` bytes.
pub(crate) fn fill(block: NonNull<u8>, size: usize, byte: u8) {
    // SAFETY: the callers own a live block of that size.
    unsafe { block.write_bytes(byte, size) };
}

/// Returns whether `size` bytes are all `byte`.
pub(crate) fn is_filled(block: NonNull<u8>, size: usize, byte: u8) -> bool {
    // SAFETY: the callers own a live and initialised block of that size.
    let block = unsafe { NonNull::slice_from_raw_parts(block, size).as_ref() };
    // One comparison of memory, which costs Miri far less than one of each byte.
    block == vec![byte; size]
}

/// Frees a block that the heap returned for `layout`.
pub(crate) fn free(heap: &impl Heap, block: NonNull<u8>, layout: Layout) {
    // SAFETY: the callers own the live block, and allocated it with this layout.
    unsafe { heap.deallocate(block, layout) };
}

/// Runs each test with each of the settings, by the function of its name in the module `generic`.
macro_rules! with_settings {
    ($($test:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            generic::$test::<kalloc_bump::Standard>();
            generic::$test::<kalloc_bump::Downward>();
            generic::$test::<kalloc_bump::Lean>();
            generic::$test::<kalloc_bump::LeanDownward>();
        })*
    };
}
pub(crate) use with_settings;
