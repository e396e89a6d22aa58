//! Static memory, which every allocator gets in turn.

use kalloc_traits::{RawRegion, RegionError, Span, StaticArray, StaticRegion};

use crate::peers::Peer;

/// How much memory there is, in bytes.
pub const BYTES: usize = 4 << 20;

/// The memory starts at a page, as a kernel's heap would, so no figure depends on where the linker put it.
#[repr(align(4096))]
struct Pages(StaticArray<BYTES>);

static PAGES: Pages = Pages(StaticArray::new());

/// The one claim on the memory.
pub struct Memory(StaticRegion<BYTES>);

impl Memory {
    /// Claims the memory and writes to all of it, so that its pages are there before a clock runs.
    ///
    /// # Errors
    ///
    /// [`RegionError::Claimed`] while another claim lives.
    pub fn claim() -> Result<Self, RegionError> {
        let mut region = PAGES.0.region();
        region.claim()?;
        let span = region.span();
        // SAFETY: the region was claimed, so its bytes are ours alone.
        unsafe { span.start().write_bytes(0xa5, span.len()) };
        Ok(Self(region))
    }

    /// Calls `work` with a new allocator on the first `len` bytes, and with where they lie. `None` if it cannot start on
    /// so few.
    pub fn lend<P: Peer, T>(&mut self, len: usize, work: impl FnOnce(&mut P, Span) -> T) -> Option<T> {
        let whole = self.0.span();
        let part = Span::new(whole.start(), len.min(whole.len()));
        // SAFETY: the bytes are ours alone as long as `self` is borrowed; the allocator ends before that does.
        let mut peer = unsafe { P::on(part) }?;
        Some(work(&mut peer, part))
    }
}
