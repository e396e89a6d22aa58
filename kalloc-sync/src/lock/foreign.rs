//! A lock that somebody else has: two or three plain functions, of a C library, an RTOS or a hypervisor.

use core::hint;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};

use super::RawLock;

/// The functions of a lock of which there is one.
///
/// # Safety
///
/// - *Mutual exclusion*: from the moment that [`lock`](Self::lock) returns, or [`try_lock`](Self::try_lock) returns `true`,
///   until [`unlock`](Self::unlock) is called, both return to nobody else. They may return to the holder: a lock that
///   counts how often one thread holds it will do.
/// - *Ordering*: whatever happened before an `unlock` happens before the acquisition that follows it.
/// - None of them unwinds, or calls the heap that the lock protects.
pub unsafe trait Functions {
    /// Acquires the lock, and waits for as long as somebody else holds it.
    fn lock();

    /// Acquires the lock and returns `true`, or returns `false` at once if somebody else holds it.
    fn try_lock() -> bool;

    /// Gives up one acquisition.
    ///
    /// # Safety
    ///
    /// The caller holds the lock, on the thread and the core that acquired it.
    unsafe fn unlock();
}

/// The lock whose functions are `F`. All values are one lock; heaps that share it take turns.
///
/// It excludes its own holder too, as every [`RawLock`] does, also if `F` does not: a call of the heap from within a call of
/// the heap waits for ever instead of corrupting it.
///
/// ```
/// use kalloc_sync::Locked;
/// use kalloc_sync::lock::foreign::{Foreign, Functions};
/// # use kalloc_traits::glue::global::GlobalHeap;
/// # const MY_HEAP: GlobalHeap<std::alloc::System> = GlobalHeap(std::alloc::System);
/// # mod rtos {
/// #     pub unsafe extern "C" fn heap_mutex_take() {}
/// #     pub unsafe extern "C" fn heap_mutex_try() -> i32 { 1 }
/// #     pub unsafe extern "C" fn heap_mutex_give() {}
/// # }
///
/// /// The mutex that the RTOS keeps for its heap.
/// struct HeapMutex;
///
/// // SAFETY: it is a mutex with priority inheritance, for tasks alone, and orders its holders.
/// unsafe impl Functions for HeapMutex {
///     fn lock() {
///         // SAFETY: the scheduler runs before any task allocates.
///         unsafe { rtos::heap_mutex_take() }
///     }
///
///     fn try_lock() -> bool {
///         // SAFETY: as above.
///         unsafe { rtos::heap_mutex_try() == 1 }
///     }
///
///     unsafe fn unlock() {
///         // SAFETY: the caller holds the lock.
///         unsafe { rtos::heap_mutex_give() }
///     }
/// }
///
/// static HEAP: Locked<GlobalHeap<std::alloc::System>, Foreign<HeapMutex>> = Locked::new(MY_HEAP);
/// # kalloc_traits::Heap::allocate(&HEAP, core::alloc::Layout::new::<u8>()).unwrap();
/// ```
pub struct Foreign<F> {
    /// Whether somebody holds this value; read and written by whoever holds the lock of `F`.
    is_held: AtomicBool,
    functions: PhantomData<fn() -> F>,
}

// SAFETY: `F` excludes others and orders them, and the flag excludes the holder: it is set and cleared under the lock of
// `F`, so that every holder sees what the one before has left. No method unwinds.
unsafe impl<F: Functions> RawLock for Foreign<F> {
    const INIT: Self = Self {
        is_held: AtomicBool::new(false),
        functions: PhantomData,
    };

    type State = ();

    #[inline]
    fn lock(&self) {
        F::lock();
        while self.is_held.load(Ordering::Relaxed) {
            hint::spin_loop();
        }
        self.is_held.store(true, Ordering::Relaxed);
    }

    #[inline]
    fn try_lock(&self) -> Option<()> {
        if !F::try_lock() {
            return None;
        }
        if self.is_held.load(Ordering::Relaxed) {
            // SAFETY: it was acquired above.
            unsafe { F::unlock() };
            return None;
        }
        self.is_held.store(true, Ordering::Relaxed);
        Some(())
    }

    #[inline]
    unsafe fn unlock(&self, (): ()) {
        self.is_held.store(false, Ordering::Relaxed);
        // SAFETY: the caller holds this value, so it holds the lock of `F`.
        unsafe { F::unlock() }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::cell::Cell;

    use super::*;

    std::thread_local! {
        /// How often this thread holds the lock, and whether another one does.
        static HELD: Cell<usize> = const { Cell::new(0) };
        static IS_ELSEWHERE: Cell<bool> = const { Cell::new(false) };
    }

    /// A lock that its holder can acquire again, as many of C have it.
    struct Counting;

    // SAFETY: each thread of these tests has a lock of its own, which nobody else can hold.
    unsafe impl Functions for Counting {
        fn lock() {
            assert!(!IS_ELSEWHERE.get());
            HELD.set(HELD.get() + 1);
        }

        fn try_lock() -> bool {
            if IS_ELSEWHERE.get() {
                return false;
            }
            HELD.set(HELD.get() + 1);
            true
        }

        unsafe fn unlock() {
            HELD.set(HELD.get() - 1);
        }
    }

    #[test]
    fn the_holder_is_refused_even_by_a_lock_that_lets_it_in() {
        let lock = Foreign::<Counting>::INIT;
        lock.lock();
        assert!(lock.try_lock().is_none());
        assert_eq!(HELD.get(), 1, "the refused acquisition was given up");
        // SAFETY: the lock was acquired above.
        unsafe { lock.unlock(()) };
        assert_eq!(HELD.get(), 0);
        assert!(lock.try_lock().is_some());
        // SAFETY: the lock was acquired above.
        unsafe { lock.unlock(()) };
        assert_eq!(HELD.get(), 0);
    }

    #[test]
    fn a_lock_that_is_held_elsewhere_is_refused() {
        let lock = Foreign::<Counting>::INIT;
        IS_ELSEWHERE.set(true);
        assert!(lock.try_lock().is_none());
        assert_eq!(HELD.get(), 0);
        IS_ELSEWHERE.set(false);
        assert!(lock.try_lock().is_some());
    }
}
