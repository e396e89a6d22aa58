//! Loom's atomics, with two bugs that can be planted in all of them at once.

extern crate std;

use core::sync::atomic::Ordering::{self, Relaxed};
use std::cell::Cell;
use std::sync::OnceLock;

use loom::sync::atomic as modelled;

/// A bug in every atomic of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// None.
    None,
    /// Every access is `Relaxed`, whatever order it asks for.
    Unordered,
    /// What reads and writes at once, such as a compare-and-swap, is a load and then a store.
    Torn,
}

std::thread_local! {
    /// The planted bug. Loom runs all threads of a model on one.
    static FAULT: Cell<Fault> = const { Cell::new(Fault::None) };
}

/// Calls `f` with a bug planted.
pub(crate) fn with_fault<T>(fault: Fault, f: impl FnOnce() -> T) -> T {
    FAULT.set(fault);
    let result = f();
    FAULT.set(Fault::None);
    result
}

/// Returns the order that is used where `order` is asked for.
fn order(order: Ordering) -> Ordering {
    if FAULT.get() == Fault::Unordered {
        Relaxed
    } else {
        order
    }
}

/// Lets other threads go on; without that, loom would let this one wait for ever.
pub(crate) fn spin_loop() {
    loom::thread::yield_now();
}

/// Emits an atomic that can be made in a `const` context, as core's can: loom's comes into being at the first use.
macro_rules! atomic {
    ($name:ident$(<$generic:ident>)?, $value:ty) => {
        pub(crate) struct $name$(<$generic>)? {
            first: $value,
            inner: OnceLock<modelled::$name$(<$generic>)?>,
        }

        impl$(<$generic>)? $name$(<$generic>)? {
            pub(crate) const fn new(first: $value) -> Self {
                let inner = OnceLock::new();
                Self { first, inner }
            }

            fn inner(&self) -> &modelled::$name$(<$generic>)? {
                self.inner.get_or_init(|| modelled::$name::new(self.first))
            }

            pub(crate) fn load(&self, load: Ordering) -> $value {
                self.inner().load(order(load))
            }

            pub(crate) fn store(&self, value: $value, store: Ordering) {
                self.inner().store(value, order(store));
            }
        }
    };
}

atomic!(AtomicBool, bool);
atomic!(AtomicUsize, usize);
atomic!(AtomicPtr<T>, *mut T);

// SAFETY: it is an atomic, and the pointer beside it is only copied.
unsafe impl<T> Send for AtomicPtr<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for AtomicPtr<T> {}

impl AtomicUsize {
    /// Replaces the value by what `f` makes of it, if anything; with the bug `Torn`, not at once.
    fn update(&self, set: Ordering, fetch: Ordering, f: impl Fn(usize) -> Option<usize>) -> Result<usize, usize> {
        if FAULT.get() != Fault::Torn {
            return self.inner().fetch_update(order(set), order(fetch), f);
        }
        let found = self.inner().load(fetch);
        let value = f(found).ok_or(found)?;
        self.inner().store(value, Relaxed);
        Ok(found)
    }

    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        f: impl Fn(usize) -> Option<usize>,
    ) -> Result<usize, usize> {
        self.update(set, fetch, f)
    }

    pub(crate) fn fetch_add(&self, value: usize, both: Ordering) -> usize {
        if FAULT.get() != Fault::Torn {
            return self.inner().fetch_add(value, order(both));
        }
        let (Ok(found) | Err(found)) = self.update(Relaxed, Relaxed, |found| Some(found.wrapping_add(value)));
        found
    }

    pub(crate) fn fetch_max(&self, value: usize, both: Ordering) -> usize {
        if FAULT.get() != Fault::Torn {
            return self.inner().fetch_max(value, order(both));
        }
        let (Ok(found) | Err(found)) = self.update(Relaxed, Relaxed, |found| Some(found.max(value)));
        found
    }

    pub(crate) fn compare_exchange(
        &self,
        current: usize,
        new: usize,
        success: Ordering,
        failure: Ordering,
    ) -> Result<usize, usize> {
        if FAULT.get() != Fault::Torn {
            let inner = self.inner();
            return inner.compare_exchange(current, new, order(success), order(failure));
        }
        self.update(success, failure, |found| (found == current).then_some(new))
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: usize,
        new: usize,
        success: Ordering,
        failure: Ordering,
    ) -> Result<usize, usize> {
        self.compare_exchange(current, new, success, failure)
    }
}
