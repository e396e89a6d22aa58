//! A lock that masks interrupts on this core before it keeps the other cores out.
//!
//! How interrupts are masked is the processor's affair, and the program says it in one `unsafe impl`. Cost: that of the
//! lock inside, and of masking and restoring.

use core::marker::PhantomData;

use super::RawLock;

/// How interrupts are masked on this processor.
///
/// # Safety
///
/// - From the moment that [`mask`](Self::mask) returns until [`restore`](Self::restore) is called with what it returned,
///   no interrupt handler runs on the calling core that uses a heap behind an [`IrqSave`] of this type, and the calling
///   thread stays on its core.
/// - Pairs of calls may be nested: a handler may run only when the outermost is undone.
/// - The compiler moves no access to memory across either: in inline assembly, that is to leave out `nomem`.
/// - Neither unwinds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how interrupts are masked",
    note = "implement `kalloc_sync::lock::irq::Interrupts` for a type of your own"
)]
pub unsafe trait Interrupts {
    /// What the mask was before: the flags register, PRIMASK, `sstatus.SIE`, `DAIF`.
    type State;

    /// Masks the interrupts of this core, and returns what was before.
    fn mask() -> Self::State;

    /// Makes the mask what it was.
    ///
    /// # Safety
    ///
    /// - `before` is what `mask` returned, on this core.
    /// - Calls of `mask` since then have been undone.
    unsafe fn restore(before: Self::State);
}

/// The lock `L`, held with the interrupts of the core masked as `C` says.
///
/// The interrupts come first and are restored last, so no handler on this core meets the lock while the core holds it. A
/// handler may wait for *another* core, which is not interrupted and goes on. While a core waits for the lock, its
/// interrupts are masked.
///
/// ```
/// # #[cfg(feature = "spin")] mod example {
/// use kalloc_sync::lock::irq::{Interrupts, IrqSave};
/// use kalloc_sync::{Locked, SpinLock};
/// # use kalloc_traits::glue::global::GlobalHeap;
/// # const MY_HEAP: GlobalHeap<std::alloc::System> = GlobalHeap(std::alloc::System);
/// # mod csr {
/// #     pub unsafe fn clear_sie() -> usize { 0 }
/// #     pub unsafe fn set_sie(_: usize) {}
/// # }
///
/// /// The interrupts of a RISC-V hart in supervisor mode.
/// struct Sie;
///
/// // SAFETY: without SIE the hart takes no interrupt in supervisor mode, where all users of the heap run, and the kernel's
/// // threads change harts in one only. The assembly in both may access memory, as far as the compiler knows.
/// unsafe impl Interrupts for Sie {
///     type State = usize;
///
///     fn mask() -> usize {
///         // SAFETY: `csrrci {0}, sstatus, 2` clears the bit and returns what was before.
///         unsafe { csr::clear_sie() }
///     }
///
///     unsafe fn restore(before: usize) {
///         // SAFETY: `csrs sstatus, {0}` sets the bit if it was set.
///         unsafe { csr::set_sie(before & 2) }
///     }
/// }
///
/// static HEAP: Locked<GlobalHeap<std::alloc::System>, IrqSave<SpinLock, Sie>> = Locked::new(MY_HEAP);
/// # pub fn main() { kalloc_traits::Heap::allocate(&HEAP, core::alloc::Layout::new::<()>()).unwrap(); }
/// # }
/// # fn main() { #[cfg(feature = "spin")] example::main() }
/// ```
pub struct IrqSave<L, C> {
    lock: L,
    interrupts: PhantomData<fn() -> C>,
}

// SAFETY:
// - `L` excludes other cores and orders them. On this core handlers are masked, from before the lock is acquired until after
//   it is released, and the holder itself is excluded by `L`.
// - Acquisitions on one core end in the reverse order, so masks are restored in the reverse order.
// - No method of either unwinds.
unsafe impl<L: RawLock, C: Interrupts> RawLock for IrqSave<L, C> {
    const INIT: Self = Self {
        lock: L::INIT,
        interrupts: PhantomData,
    };

    type State = (C::State, L::State);

    #[inline]
    fn lock(&self) -> Self::State {
        let before = C::mask();
        (before, self.lock.lock())
    }

    #[inline]
    fn try_lock(&self) -> Option<Self::State> {
        let before = C::mask();
        match self.lock.try_lock() {
            Some(state) => Some((before, state)),
            None => {
                // SAFETY: it is from the call of `mask` above, and `try_lock` has undone its own.
                unsafe { C::restore(before) };
                None
            }
        }
    }

    #[inline]
    unsafe fn unlock(&self, (before, state): Self::State) {
        // SAFETY: the caller holds this lock, so it holds the one inside, whose state this is.
        unsafe { self.lock.unlock(state) };
        // SAFETY: it is from the call of `mask` of this acquisition, and those of later ones were undone with them.
        unsafe { C::restore(before) }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::cell::Cell;

    use super::*;
    use crate::lock::single::{Single, SingleThread};

    std::thread_local! {
        /// Whether interrupts are masked on this core.
        static IS_MASKED: Cell<bool> = const { Cell::new(false) };
    }

    struct Pretended;

    // SAFETY: there are no handlers here.
    unsafe impl Interrupts for Pretended {
        type State = bool;

        fn mask() -> bool {
            IS_MASKED.replace(true)
        }

        unsafe fn restore(before: bool) {
            IS_MASKED.set(before);
        }
    }

    /// A lock that looks at the mask.
    struct Looking(Single<Self>);

    // SAFETY: each of the locks below is used by one thread.
    unsafe impl SingleThread for Looking {}

    // SAFETY: the lock in it does the work.
    unsafe impl RawLock for Looking {
        const INIT: Self = Self(Single::INIT);

        type State = ();

        fn lock(&self) {
            assert!(IS_MASKED.get(), "the lock is acquired before interrupts are masked");
            self.0.lock();
        }

        fn try_lock(&self) -> Option<()> {
            assert!(IS_MASKED.get(), "the lock is tried before interrupts are masked");
            self.0.try_lock()
        }

        unsafe fn unlock(&self, (): ()) {
            assert!(IS_MASKED.get(), "interrupts are restored while the lock is held");
            // SAFETY: the caller upholds the contract.
            unsafe { self.0.unlock(()) }
        }
    }

    #[test]
    fn interrupts_are_masked_first_and_restored_last_to_what_they_were() {
        let (outer, inner) = (IrqSave::<Looking, Pretended>::INIT, IrqSave::<Looking, Pretended>::INIT);
        let outer_state = outer.lock();
        assert!(IS_MASKED.get());
        let inner_state = inner.try_lock().unwrap();
        // SAFETY: the lock was acquired above, as the last.
        unsafe { inner.unlock(inner_state) };
        assert!(IS_MASKED.get(), "the outer lock is still held");
        // SAFETY: the lock was acquired above.
        unsafe { outer.unlock(outer_state) };
        assert!(!IS_MASKED.get());
    }

    #[test]
    fn a_lock_that_is_refused_leaves_the_mask_as_it_was() {
        let lock = IrqSave::<Looking, Pretended>::INIT;
        let state = lock.try_lock().unwrap();
        assert!(lock.try_lock().is_none() && IS_MASKED.get());
        IS_MASKED.set(false);
        assert!(lock.try_lock().is_none() && !IS_MASKED.get());
        IS_MASKED.set(true);
        // SAFETY: the lock was acquired above.
        unsafe { lock.unlock(state) };
        assert!(!IS_MASKED.get());
    }
}
