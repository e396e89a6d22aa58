//! What happened on this thread, in order: a lock and a heap that write it down.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use kalloc_sync::{RawLock, SpinLock};

/// One thing that happened. Locking and unlocking also say what the first byte of the newest block was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Lock(Option<u8>),
    Unlock(Option<u8>),
    Within,
    Free,
    Resize,
    Begin,
    Region,
    End,
    Fail,
}

thread_local! {
    static LOG: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
    static NEWEST: Cell<Option<NonNull<u8>>> = const { Cell::new(None) };
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// Writes `event` down.
pub(crate) fn note(event: Event) {
    LOG.with_borrow_mut(|log| log.push(event));
}

/// Makes `block` the newest block, or says that it is gone.
pub(crate) fn watch(block: Option<NonNull<u8>>) {
    NEWEST.set(block);
}

/// Returns what was written down since the last call.
pub(crate) fn taken() -> Vec<Event> {
    LOG.take()
}

/// Returns whether this thread holds a [`LoggingLock`].
pub(crate) fn is_held() -> bool {
    HELD.get() != 0
}

/// Returns the first byte of the newest block.
fn newest_byte() -> Option<u8> {
    // SAFETY: the heap that named the block has initialised it, and takes the name back when it frees the block.
    NEWEST.get().map(|block| unsafe { block.read() })
}

/// A spin lock that writes down what is done to it.
pub(crate) struct LoggingLock(SpinLock);

/// That an acquisition came from `lock` or `try_lock`, and nowhere else.
pub(crate) struct Acquired(());

// SAFETY: the spin lock in it does the work.
unsafe impl RawLock for LoggingLock {
    const INIT: Self = Self(SpinLock::INIT);

    type State = Acquired;

    fn lock(&self) -> Acquired {
        self.0.lock();
        HELD.set(HELD.get() + 1);
        note(Event::Lock(newest_byte()));
        Acquired(())
    }

    fn try_lock(&self) -> Option<Acquired> {
        self.0.try_lock()?;
        HELD.set(HELD.get() + 1);
        note(Event::Lock(newest_byte()));
        Some(Acquired(()))
    }

    unsafe fn unlock(&self, _: Acquired) {
        note(Event::Unlock(newest_byte()));
        HELD.set(HELD.get() - 1);
        // SAFETY: the caller holds the lock, so it holds the spin lock in it.
        unsafe { self.0.unlock(()) };
    }
}
