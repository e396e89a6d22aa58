//! The spin lock, by the crate `spin`.
//!
//! One compare-and-swap to acquire, one store to release, one byte. Waiters read until the lock looks free. It is not
//! fair: under steady contention there is no bound on how long one waiter waits.

use core::mem;

use spin::mutex::SpinMutex;

use super::RawLock;

/// A lock that waits by spinning; the default of [`Locked`](crate::Locked).
///
/// It does not mask interrupts: see [the module above](super#interrupts) before a handler uses the heap.
pub struct SpinLock(SpinMutex<()>);

// SAFETY: `SpinMutex` sets its flag by a compare-and-swap with acquire ordering, which one contender wins, and clears
// it by a store with release ordering. Its guard is forgotten, so that only `unlock` clears it. It does not unwind.
unsafe impl RawLock for SpinLock {
    const INIT: Self = Self(SpinMutex::new(()));

    type State = ();

    #[inline]
    fn lock(&self) {
        mem::forget(self.0.lock());
    }

    #[inline]
    fn try_lock(&self) -> Option<()> {
        self.0.try_lock().map(mem::forget)
    }

    #[inline]
    unsafe fn unlock(&self, (): ()) {
        // SAFETY: the caller holds the lock.
        unsafe { self.0.force_unlock() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_refused_until_it_is_released() {
        let lock = SpinLock::INIT;
        lock.lock();
        assert!(lock.try_lock().is_none());
        // SAFETY: the lock was acquired above.
        unsafe { lock.unlock(()) };
        assert!(lock.try_lock().is_some());
        assert!(lock.try_lock().is_none());
        // SAFETY: the lock was acquired above.
        unsafe { lock.unlock(()) };
        lock.lock();
    }
}
