//! A checked pool: what is not permitted is refused, counted, and reported.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::heap::resize_or_move;
use kalloc_traits::{AllocError, Heap, RawRegion};

use super::Pool;
use crate::config::Config;
use crate::misuse::Misuse;

impl<R: RawRegion, C: Config> Pool<R, C> {
    /// Resizes a block in place or moves it, after one check: a block that is moved is copied, and by a wrong size too much of it.
    ///
    /// # Errors
    ///
    /// Those of [`Heap::grow`], and what is not permitted.
    ///
    /// # Safety
    ///
    /// As for [`Heap::grow`].
    pub(super) unsafe fn resize_checked(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 || new.size() == 0 {
            // SAFETY: the caller upholds the contract.
            return unsafe { resize_or_move(self, block, old, new) };
        }
        if !self.permits(block, old) {
            return Err(AllocError);
        }
        if block.addr().get() & (new.align() - 1) == 0 {
            // SAFETY: the block is live, and `old` has its extent, as was checked.
            if let Some(resized) = self.with(|engine| unsafe { engine.resize(block, old.size(), new.size()) }) {
                return Ok(resized);
            }
        }
        let moved = self.allocate(new)?;
        let kept = old.size().min(new.size());
        // SAFETY: both blocks are live, hold `kept` bytes, and do not overlap.
        unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, kept) };
        // SAFETY: the block is live, and `old` has its extent.
        self.with(|engine| unsafe { engine.deallocate(block, old.size()) });
        Ok(moved)
    }
}

impl<R, C: Config> Pool<R, C> {
    /// Returns how many calls a checked pool has refused because the contract forbids them, saturating; 0 if the configuration is
    /// not [`CHECKED`](Config::CHECKED).
    pub fn misuses(&self) -> usize {
        if C::CHECKED {
            self.with(|engine| engine.misuses() as usize)
        } else {
            0
        }
    }

    /// Returns whether `block` may be freed or resized by `layout`, whose size is not zero. If not, counts and reports.
    #[inline]
    pub(crate) fn permits(&self, block: NonNull<u8>, layout: Layout) -> bool {
        match self.with(|engine| engine.check(block, layout)) {
            Ok(_) => true,
            Err(kind) => {
                self.refuse(&Misuse {
                    kind,
                    address: block.addr().get(),
                    layout,
                });
                false
            }
        }
    }

    #[cold]
    fn refuse(&self, misuse: &Misuse) {
        self.with(|engine| engine.count_misuse());
        // Nothing is borrowed.
        report::<C>(misuse);
    }
}

/// Calls the handler. As an `extern "C"` function it lets no unwinding pass, but aborts.
extern "C" fn report<C: Config>(misuse: &Misuse) {
    (C::ON_MISUSE)(misuse);
}
