//! What of kalloc-sync threads share: its locks, and heaps behind them.

use kalloc_bump::Bump;
use kalloc_pool::{AddressOrdered, Pool};
use kalloc_sync::{Locked, RawLock, Single, SingleThread, SpinLock};
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_testkit::{lock_conformance, thread_conformance};

/// Releases a lock of kalloc-sync.
fn unlock<L: RawLock>(lock: &L, state: L::State) {
    // SAFETY: the rules release what they hold, with its state, on the thread that acquired it, and the last first.
    unsafe { lock.unlock(state) }
}

lock_conformance!(spin, || SpinLock::INIT, lock: SpinLock::lock, try_lock: SpinLock::try_lock, unlock: unlock);

/// One thread uses each lock, which the rules for one thread keep.
mod single {
    use kalloc_testkit::conformance::{Lock, Report, suite};

    use super::*;

    struct OneThread;

    // SAFETY: each lock is a local variable of a rule that starts no thread.
    unsafe impl SingleThread for OneThread {}

    #[test]
    fn the_lock_of_one_thread_is_one() {
        let lock = Lock::new(|| Single::<OneThread>::INIT, Single::lock, Single::try_lock, unlock);
        let report = Report::in_full(&suite::lock(), &lock);
        assert!(report.broken.is_empty(), "{report}");
    }
}

/// A lock as the documentation of kalloc-sync shows it, over interrupts that are a variable of each thread.
mod masking {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static ARE_MASKED: Cell<bool> = const { Cell::new(false) };
    }

    /// Masks interrupts, then keeps the other threads out.
    struct IrqSpinLock(SpinLock);

    // SAFETY: the spin lock excludes and orders.
    unsafe impl RawLock for IrqSpinLock {
        const INIT: Self = Self(SpinLock::INIT);
        type State = bool;

        fn lock(&self) -> bool {
            let were_masked = ARE_MASKED.replace(true);
            self.0.lock();
            were_masked
        }

        fn try_lock(&self) -> Option<bool> {
            let were_masked = ARE_MASKED.replace(true);
            if self.0.try_lock().is_none() {
                ARE_MASKED.set(were_masked);
                return None;
            }
            Some(were_masked)
        }

        unsafe fn unlock(&self, were_masked: bool) {
            // SAFETY: the caller holds the lock, so it holds the spin lock in it.
            unsafe { self.0.unlock(()) };
            ARE_MASKED.set(were_masked);
        }
    }

    lock_conformance!(
        irq_spin,
        || IrqSpinLock::INIT,
        lock: IrqSpinLock::lock,
        try_lock: IrqSpinLock::try_lock,
        unlock: unlock,
        masks: || ARE_MASKED.get(), |masked| ARE_MASKED.set(masked)
    );
}

/// Returns guarded memory for a heap.
fn memory() -> GuardedRegion {
    GuardedRegion::new(ROOM)
}

thread_conformance!(bump_locked, || Locked::<_>::new(Bump::new(memory())));
thread_conformance!(segregated_locked, || Locked::<_>::new(Pool::<_>::new(memory())));
thread_conformance!(first_fit_locked, || Locked::<_>::new(
    Pool::<_, AddressOrdered>::with_config(memory())
));
