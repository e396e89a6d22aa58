//! Free blocks that no index holds: the *top*, at the high end of the region, and the *rest* of the last block that was cut.
//!
//! They bear no mark, so cutting from them and giving back to them touch neither bitmap nor lists: a heap that mostly grows
//! costs little more than a bump. dlmalloc has both, as top chunk and designated victim (Lea, "A memory allocator", 1996,
//! "wilderness preservation", and the notes in his malloc.c 2.8).

use crate::block::Free;

/// A range of free granules that bears no mark, perhaps empty.
///
/// # Invariants
///
/// As for [`Free`], if it is not empty. No mark lies inside. An empty one lies at 0, or right behind what was cut off last:
/// a block that is freed there is taken in again.
#[derive(Debug)]
pub(crate) struct Loose {
    start: u32,
    end: u32,
}

impl Loose {
    /// No granule. No block starts or ends here.
    pub(crate) const NONE: Self = Self { start: 0, end: 0 };

    /// Returns the range that consists of `block`.
    #[inline]
    pub(crate) fn new(block: Free) -> Self {
        Self {
            start: block.start(),
            end: block.end(),
        }
    }

    /// Returns the first granule, or the end if there is none.
    #[inline]
    pub(crate) const fn start(&self) -> u32 {
        self.start
    }

    /// Returns the granule behind the last.
    #[inline]
    pub(crate) const fn end(&self) -> u32 {
        self.end
    }

    /// Returns the number of granules.
    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.end - self.start
    }

    /// Cuts `len` granules off the low end, if there are so many.
    #[inline]
    pub(crate) fn cut(&mut self, len: u32) -> Option<Free> {
        if len > self.len() || len == 0 {
            return None;
        }
        let start = self.start;
        self.start += len;
        // SAFETY: the range owned these granules, and has given them up.
        Some(unsafe { Free::new(start, len) })
    }

    /// Cuts `len` granules from `start` on, and what lies before them.
    pub(crate) fn cut_at(&mut self, start: u32, len: u32) -> Option<(Option<Free>, Free)> {
        if self.len() == 0 || start.checked_add(len)? > self.end {
            return None;
        }
        let gap = self.cut(start - self.start);
        Some((gap, self.cut(len)?))
    }

    /// Gives up what lies behind `end`, which is the region's again.
    pub(crate) fn cut_end(&mut self, end: u32) {
        debug_assert!((self.start..=self.end).contains(&end));
        self.end = end;
    }

    /// Takes `block` in, which ends where the range starts.
    #[inline]
    pub(crate) fn join(&mut self, block: Free) {
        debug_assert_eq!(block.end(), self.start);
        self.start = block.start();
    }

    /// Takes everything out. The range is still where it ended.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Free> {
        let len = self.len();
        self.cut(len)
    }
}
