//! The lock of a program in which only one thread of execution uses the heap.
//!
//! It needs no atomic swap, so it works on Armv6-M as well, and costs a load and two stores. That nobody else comes in
//! between is a promise that the program makes with an `unsafe impl`, once.

use core::hint;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};

use super::RawLock;

/// A promise that one thread of execution uses the locks [`Single<Self>`](Single), made by the program as a whole.
///
/// # Safety
///
/// All uses of every value of type `Single<Self>`, and of every heap behind one, are made by one thread of execution:
///
/// - one core, and one thread on it if there are several;
/// - no interrupt, exception or signal handler.
pub unsafe trait SingleThread {}

/// A lock among one thread of execution, which `P` promises.
///
/// It excludes nobody but its own holder: a call of the heap from within a call of the heap waits for ever, as with any
/// other lock, instead of corrupting it.
///
/// ```
/// use kalloc_sync::{Locked, RawLock, Single, SingleThread};
///
/// /// The firmware of a board with one core, whose interrupt handlers never allocate.
/// struct Firmware;
///
/// // SAFETY: there is one core and no scheduler, and no handler uses the heap.
/// unsafe impl SingleThread for Firmware {}
///
/// # use kalloc_traits::glue::global::GlobalHeap;
/// # const MY_HEAP: GlobalHeap<std::alloc::System> = GlobalHeap(std::alloc::System);
/// static HEAP: Locked<GlobalHeap<std::alloc::System>, Single<Firmware>> = Locked::new(MY_HEAP);
/// # kalloc_traits::Heap::allocate(&HEAP, core::alloc::Layout::new::<()>()).unwrap();
/// ```
///
/// Without the promise there is no lock:
///
/// ```compile_fail,E0277
/// use kalloc_sync::{RawLock, Single};
///
/// struct NoPromise;
/// let lock = <Single<NoPromise> as RawLock>::INIT;
/// ```
pub struct Single<P> {
    is_held: AtomicBool,
    promise: PhantomData<fn() -> P>,
}

// SAFETY: `P` promises that all calls come from one thread of execution, so none comes between the load and the store
// in `try_lock`, and program order is the ordering. No method unwinds.
unsafe impl<P: SingleThread> RawLock for Single<P> {
    const INIT: Self = Self {
        is_held: AtomicBool::new(false),
        promise: PhantomData,
    };

    type State = ();

    #[inline]
    fn lock(&self) {
        while self.try_lock().is_none() {
            hint::spin_loop();
        }
    }

    #[inline]
    fn try_lock(&self) -> Option<()> {
        if self.is_held.load(Ordering::Acquire) {
            return None;
        }
        self.is_held.store(true, Ordering::Relaxed);
        Some(())
    }

    #[inline]
    unsafe fn unlock(&self, (): ()) {
        self.is_held.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_refused_a_second_acquisition() {
        struct ThisTest;
        // SAFETY: the lock below is a local variable of one thread.
        unsafe impl SingleThread for ThisTest {}

        let lock = Single::<ThisTest>::INIT;
        lock.lock();
        assert!(lock.try_lock().is_none());
        // SAFETY: the lock was acquired above.
        unsafe { lock.unlock(()) };
        assert!(lock.try_lock().is_some());
    }
}
