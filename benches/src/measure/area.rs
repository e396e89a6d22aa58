//! Memory of any size, which is backed by pages when they are touched.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Span;

use crate::peers::Peer;

const PAGE: usize = 4096;
/// What the system may back by one page, if it likes.
const HUGE_PAGE: usize = 2 << 20;

/// Where the memory begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// At a huge page: where the time counts.
    HugePage,
    /// At a page, and at nothing larger: where the room counts, so that no allocator is lucky.
    Page,
}

/// Memory for allocators, one after another.
pub struct Area {
    /// Zero bytes, as large as `layout`, which lets the system back them lazily.
    block: NonNull<u8>,
    layout: Layout,
    span: Span,
}

impl Area {
    /// Returns `len` bytes, or `None` if the system has no room for them.
    pub fn new(len: usize, base: Base) -> Option<Self> {
        // A small alignment, since for a larger one the system's allocator clears the memory itself.
        let layout = Layout::from_size_align(len.checked_add(2 * HUGE_PAGE)?, 16).ok()?;
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) })?;
        let to_huge_page = block.addr().get().next_multiple_of(HUGE_PAGE) - block.addr().get();
        let offset = match base {
            Base::HugePage => to_huge_page,
            Base::Page => to_huge_page + PAGE,
        };
        // SAFETY: the offset is below the two huge pages by which the block is larger.
        let start = unsafe { block.add(offset) };
        Some(Self {
            block,
            layout,
            span: Span::new(start, len),
        })
    }

    /// Returns the memory of [`new`](Self::new) with all of its pages touched, so that no fault is timed.
    pub fn touched(len: usize) -> Option<Self> {
        let area = Self::new(len, Base::HugePage)?;
        for offset in (0..len).step_by(PAGE) {
            // SAFETY: the offset lies within the memory.
            let page = unsafe { area.span.start().add(offset) };
            // SAFETY: as above; nobody else uses it.
            unsafe { page.write_volatile(1) };
        }
        Some(area)
    }

    /// Returns where the memory lies, for whoever brings a heap of his own.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Calls `work` with a new allocator on the first `len` bytes, and with where they lie. `None` if it cannot start on
    /// so few.
    pub fn lend<P: Peer, T>(&mut self, len: usize, work: impl FnOnce(&mut P, Span) -> T) -> Option<T> {
        let part = Span::new(self.span.start(), len.min(self.span.len()));
        // SAFETY: the bytes are ours alone as long as `self` is borrowed; the allocator ends before that does.
        let mut peer = unsafe { P::on(part) }?;
        Some(work(&mut peer, part))
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: the block was allocated with this layout, and no allocator is left on it.
        unsafe { std::alloc::dealloc(self.block.as_ptr(), self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Talc;

    #[test]
    fn memory_begins_where_it_is_said_to() {
        assert_eq!(
            Area::new(5000, Base::HugePage).unwrap().span.start_addr() % HUGE_PAGE,
            0
        );
        assert_eq!(Area::new(5000, Base::Page).unwrap().span.start_addr() % HUGE_PAGE, PAGE);
        let mut area = Area::touched(100_000).unwrap();
        assert_eq!(area.lend(50_000, |_: &mut Talc, span| span.len()), Some(50_000));
        assert_eq!(area.lend(200_000, |_: &mut Talc, span| span.len()), Some(100_000));
    }

    #[test]
    fn more_than_there_is_is_refused() {
        assert!(Area::new(usize::MAX, Base::Page).is_none());
        assert!(Area::new(isize::MAX as usize, Base::Page).is_none());
    }
}
