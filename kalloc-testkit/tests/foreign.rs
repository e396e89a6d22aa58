//! Sound allocators of others pass: the suite raises no false alarm.
//!
//! Each is judged by what every heap owes, and by the qualities that it has. Adapters only translate; where an allocator
//! leaves to its caller what `Heap` promises (requests of no bytes, regions that are too small), they say so.
#![cfg(not(miri))]

mod adapters;

use std::alloc::System;

use adapters::{LinkedList, Rlsf, talc_over};
use kalloc_testkit::face::GlobalFace;
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_testkit::{conformance, conformance_over, thread_conformance};

// The system's allocator. It never fills up here, and its blocks have no extent but their size.
conformance!(system, || GlobalFace(System), quality: [reuses]);
thread_conformance!(system_shared, || GlobalFace(System));

// Its `Allocator` face. `TalcLock`, the `GlobalAlloc` one, leaves requests of no bytes to the caller.
conformance!(
    talc,
    || talc_over(GuardedRegion::new(ROOM)),
    quality: [lifo, reuses, coalesces, exact_fit, deterministic]
);
conformance_over!(talc_over_regions, talc_over);

conformance!(
    linked_list_allocator,
    || LinkedList::over(GuardedRegion::new(ROOM)),
    quality: [lifo, reuses, coalesces, exact_fit, deterministic]
);
conformance_over!(linked_list_allocator_over_regions, LinkedList::over);

// TLSF rounds up when it searches, so a hole need not serve the request that left it: not `exact_fit`.
conformance!(
    rlsf,
    || Rlsf::over(GuardedRegion::new(ROOM)),
    quality: [lifo, reuses, coalesces, deterministic]
);
conformance_over!(rlsf_over_regions, Rlsf::over);

// The simplest locks that there are: a flag that is swapped, and tickets.
mod locks {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::thread;

    use kalloc_testkit::lock_conformance;

    lock_conformance!(
        a_flag,
        || AtomicBool::new(false),
        lock: |flag| while flag.swap(true, Ordering::Acquire) { thread::yield_now() },
        try_lock: |flag| (!flag.swap(true, Ordering::Acquire)).then_some(()),
        unlock: |flag, ()| flag.store(false, Ordering::Release)
    );

    /// A lock by tickets, which serves in the order of arrival.
    #[derive(Default)]
    struct Tickets {
        next: AtomicU32,
        served: AtomicU32,
    }

    impl Tickets {
        fn lock(&self) -> u32 {
            let ticket = self.next.fetch_add(1, Ordering::Relaxed);
            while self.served.load(Ordering::Acquire) != ticket {
                thread::yield_now();
            }
            ticket
        }

        fn try_lock(&self) -> Option<u32> {
            let served = self.served.load(Ordering::Acquire);
            let next = served.wrapping_add(1);
            let had = self
                .next
                .compare_exchange(served, next, Ordering::Acquire, Ordering::Relaxed);
            had.ok()
        }

        fn unlock(&self, ticket: u32) {
            self.served.store(ticket.wrapping_add(1), Ordering::Release);
        }
    }

    lock_conformance!(
        tickets,
        Tickets::default,
        lock: Tickets::lock,
        try_lock: Tickets::try_lock,
        unlock: Tickets::unlock
    );
}
