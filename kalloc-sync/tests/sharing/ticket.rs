//! A fair lock, whose acquisitions have a state: what one returns is needed to end it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use kalloc_sync::RawLock;

/// A lock that is given to those who want it in the order in which they came.
pub(crate) struct TicketLock {
    next: AtomicUsize,
    served: AtomicUsize,
}

// SAFETY: tickets are drawn once each, and the number that is served is that of one ticket. The holder passes on by a
// store with release ordering, which the next one loads with acquire ordering.
unsafe impl RawLock for TicketLock {
    const INIT: Self = Self {
        next: AtomicUsize::new(0),
        served: AtomicUsize::new(0),
    };

    type State = usize;

    fn lock(&self) -> usize {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        while self.served.load(Ordering::Acquire) != ticket {
            thread::yield_now();
        }
        ticket
    }

    fn try_lock(&self) -> Option<usize> {
        let ticket = self.served.load(Ordering::Acquire);
        self.next
            .compare_exchange(ticket, ticket + 1, Ordering::Relaxed, Ordering::Relaxed)
            .ok()
    }

    unsafe fn unlock(&self, ticket: usize) {
        self.served.store(ticket + 1, Ordering::Release);
    }
}
