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
        if old.size() != 0 && !self.permits_checked(block, old) {
            return Err(AllocError);
        }
        if old.size() == 0 || new.size() == 0 {
            // SAFETY: the caller upholds the contract.
            return unsafe { resize_or_move(self, block, old, new) };
        }
        if block.addr().get() & (new.align() - 1) == 0 {
            // SAFETY: the block is live, and `old` has its extent, as was checked.
            if let Some(resized) = self.with(|engine| unsafe { engine.resize(block, old.size(), new.size()) }) {
                return Ok(resized);
            }
        }
        let moved = self.allocate(new)?;
        if R::CAN_GROW && !self.permits_checked(block, old) {
            // The region's code has freed it meanwhile.
            // SAFETY: the block was just allocated, and nobody has seen it.
            self.with(|engine| unsafe { engine.deallocate(moved.cast(), new.size()) });
            return Err(AllocError);
        }
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

    /// Takes `block` back, which a user frees by `layout`, whose size is not zero, if that is permitted. If not, counts and reports.
    #[inline(always)]
    pub(super) fn deallocate_checked(&self, block: NonNull<u8>, layout: Layout) {
        if !self.with(|engine| engine.deallocate_short(block, layout)) {
            self.deallocate_long(block, layout);
        }
    }

    /// The part of a free that one comparison does not settle.
    #[inline(never)]
    fn deallocate_long(&self, block: NonNull<u8>, layout: Layout) {
        if !self.with(|engine| engine.deallocate_long(block, layout)) {
            self.refuse(block, layout);
        }
    }

    /// Returns whether `block` may be freed or resized by `layout`, whose size is not zero. If not, counts and reports.
    #[inline]
    pub(crate) fn permits_checked(&self, block: NonNull<u8>, layout: Layout) -> bool {
        self.with(|engine| engine.permits_short(block, layout)) || self.permits_long(block, layout)
    }

    /// As [`permits_checked`](Self::permits_checked), where one comparison does not settle it.
    #[inline(never)]
    fn permits_long(&self, block: NonNull<u8>, layout: Layout) -> bool {
        let is_permitted = self.with(|engine| engine.permits_long(block, layout));
        if !is_permitted {
            self.refuse(block, layout);
        }
        is_permitted
    }

    /// Counts and reports a call that is not permitted.
    #[cold]
    #[inline(never)]
    fn refuse(&self, block: NonNull<u8>, layout: Layout) {
        let kind = self.with(|engine| {
            engine.count_misuse();
            engine.flaw(block, layout.align())
        });
        // Nothing is borrowed.
        report::<C>(&Misuse {
            kind,
            address: block.addr().get(),
            layout,
        });
    }
}

/// Calls the handler. As an `extern "C"` function it lets no unwinding pass, but aborts.
extern "C" fn report<C: Config>(misuse: &Misuse) {
    (C::ON_MISUSE)(misuse);
}
