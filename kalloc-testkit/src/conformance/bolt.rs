//! Who is judged among locks: any type with three functions, whatever trait it implements.

use alloc::boxed::Box;
use core::marker::PhantomData;

/// Threads that contend for a lock in the rules about threads.
pub(super) const THREADS: usize = 3;

/// How often each of them takes it at most.
pub(super) const TURNS: usize = 4000;

/// A lock, whatever its type.
pub(super) trait Bolt: Send + Sync {
    /// Acquires the lock, and waits for it.
    fn acquire(&self) -> Grip<'_>;

    /// Acquires the lock if nobody has it.
    fn attempt(&self) -> Option<Grip<'_>>;

    /// Moves the lock to another place.
    fn moved(self: Box<Self>) -> Box<dyn Bolt>;
}

/// An acquisition of a lock, which ends when it is dropped. Forgotten, it never ends.
pub struct Grip<'l>(Option<Box<dyn FnOnce() + 'l>>);

impl Drop for Grip<'_> {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            release();
        }
    }
}

/// A lock with the functions that use it.
struct Adapted<L, S, A, B, C> {
    lock: L,
    acquire: A,
    attempt: B,
    release: C,
    state: PhantomData<fn() -> S>,
}

impl<L, S, A, B, C> Bolt for Adapted<L, S, A, B, C>
where
    L: Send + Sync + 'static,
    S: 'static,
    A: Fn(&L) -> S + Send + Sync + 'static,
    B: Fn(&L) -> Option<S> + Send + Sync + 'static,
    C: Fn(&L, S) + Send + Sync + 'static,
{
    fn acquire(&self) -> Grip<'_> {
        let state = (self.acquire)(&self.lock);
        Grip(Some(Box::new(move || (self.release)(&self.lock, state))))
    }

    fn attempt(&self) -> Option<Grip<'_>> {
        let state = (self.attempt)(&self.lock)?;
        Some(Grip(Some(Box::new(move || (self.release)(&self.lock, state)))))
    }

    fn moved(self: Box<Self>) -> Box<dyn Bolt> {
        // The old box is freed last, so the new one is elsewhere.
        Box::new(*self)
    }
}

/// What a lock masks while it is held, for the thread that holds it.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    pub(super) is_masked: fn() -> bool,
    pub(super) set: fn(bool),
}

/// Something that makes locks to be judged, which nobody holds.
pub struct Lock<'a> {
    make: Box<dyn Fn() -> Box<dyn Bolt> + 'a>,
    mask: Option<Mask>,
}

impl<'a> Lock<'a> {
    /// Returns the subject whose locks `make` returns, and which `lock`, `try_lock` and `unlock` use.
    ///
    /// `unlock` is called with what the acquisition returned, on the thread that acquired, and on the last acquired first.
    pub fn new<L, S>(
        make: impl Fn() -> L + 'a,
        lock: impl Fn(&L) -> S + Copy + Send + Sync + 'static,
        try_lock: impl Fn(&L) -> Option<S> + Copy + Send + Sync + 'static,
        unlock: impl Fn(&L, S) + Copy + Send + Sync + 'static,
    ) -> Self
    where
        L: Send + Sync + 'static,
        S: 'static,
    {
        let make = move || -> Box<dyn Bolt> {
            Box::new(Adapted {
                lock: make(),
                acquire: lock,
                attempt: try_lock,
                release: unlock,
                state: PhantomData,
            })
        };
        Self {
            make: Box::new(make),
            mask: None,
        }
    }

    /// Says how to learn whether what the locks mask is masked for this thread, and how to mask and unmask it.
    #[must_use]
    pub fn masking(self, is_masked: fn() -> bool, set: fn(bool)) -> Self {
        let mask = Some(Mask { is_masked, set });
        Self { mask, ..self }
    }

    /// Returns a fresh lock.
    pub(super) fn make(&self) -> Box<dyn Bolt> {
        (self.make)()
    }

    /// Returns what the locks mask.
    pub(super) const fn mask(&self) -> Option<Mask> {
        self.mask
    }
}
