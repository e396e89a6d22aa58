//! Memory grows with the lock released: for other threads, and for a region that calls the heap it feeds.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use kalloc_sync::{Locked, SpinLock};
use kalloc_traits::{AllocError, Heap, Inspect, StaticArray, StaticRegion};

use crate::growing::{During, Growing, Memory};
use crate::ticket::TicketLock;
use crate::tiny::{SLOT, Tiny};
use crate::watchdog::guarded;

const ONE: Layout = match Layout::from_size_align(SLOT, 8) {
    Ok(layout) => layout,
    Err(_) => panic!(),
};

const SLOTS: usize = 1024;

/// Returns memory for [`SLOTS`] slots.
fn memory() -> Box<Memory<{ SLOTS * SLOT }>> {
    Box::new(Memory::new())
}

/// Frees a block of one slot.
fn free(heap: &impl Heap, block: NonNull<[u8]>) {
    // SAFETY: the tests pass blocks that are live, each once, and all are of one slot.
    unsafe { heap.deallocate(block.cast(), ONE) };
}

mod reentrant {
    //! A page source that keeps its accounts on the heap that it feeds.

    use super::*;

    type Source = Growing<StaticRegion<4096>, fn(During)>;

    static MEMORY: StaticArray<4096> = StaticArray::new();
    pub(super) static HEAP: Locked<Tiny<Source>> =
        Locked::with_patience(Tiny::new(Growing::new(MEMORY.region(), call_back)), 1000);

    pub(super) static SERVED: AtomicUsize = AtomicUsize::new(0);
    pub(super) static REFUSED: AtomicUsize = AtomicUsize::new(0);

    /// Asks for one slot, then for more than there is, and looks in.
    fn call_back(_: During) {
        if let Ok(block) = HEAP.allocate(ONE) {
            SERVED.fetch_add(1, Ordering::Relaxed);
            free(&HEAP, block);
        }
        match HEAP.allocate(Layout::new::<[u8; 4096]>()) {
            Ok(_) => panic!("there is not so much, and a growth is under way"),
            Err(AllocError) => REFUSED.fetch_add(1, Ordering::Relaxed),
        };
        assert!(HEAP.stats().capacity < 4096);
        assert_eq!(HEAP.verify(), Ok(()));
    }
}

#[test]
fn a_region_that_calls_the_heap_it_feeds_gets_memory_or_an_error() {
    use reentrant::{HEAP, REFUSED, SERVED};

    guarded(|| {
        // Claiming and growing: nothing is there yet.
        let first = HEAP.allocate(ONE).expect("the region grows");
        assert_eq!(
            (SERVED.load(Ordering::Relaxed), REFUSED.load(Ordering::Relaxed)),
            (0, 2)
        );
        // A request that needs growth finds one free slot meanwhile.
        free(&HEAP, first);
        let two = Layout::new::<[u8; 2 * SLOT]>();
        let second = HEAP.allocate(two).expect("the region grows");
        assert_eq!(
            (SERVED.load(Ordering::Relaxed), REFUSED.load(Ordering::Relaxed)),
            (1, 3)
        );
        // SAFETY: the block is live, and this is its layout.
        unsafe { HEAP.deallocate(second.cast(), two) };
        // Each of the nested requests failed once, and no other did.
        assert_eq!(HEAP.stats().failed_requests, 2 + 3);
        assert_eq!(HEAP.stats().live_blocks, 0);
    });
}

#[test]
fn others_are_served_while_the_memory_grows() {
    guarded(|| {
        let mut memory = memory();
        let (started, has_started) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let heap = Locked::<_, SpinLock>::new(Tiny::new(memory.growing(move |during| {
            if during == During::Grow {
                started.send(()).unwrap();
                may_go_on.recv().unwrap();
            }
        })));
        go_on.send(()).unwrap();
        let block = heap.allocate(ONE).expect("the region grows");
        has_started.recv().unwrap();
        free(&heap, block);

        thread::scope(|scope| {
            let grower = scope.spawn(|| heap.allocate(Layout::new::<[u8; 2 * SLOT]>()).is_ok());
            has_started.recv().unwrap();
            // The growth is under way now. What the heap has, it gives, and takes back.
            let block = heap.allocate(ONE).expect("one slot is free");
            assert_eq!(heap.stats().used, SLOT);
            free(&heap, block);
            go_on.send(()).unwrap();
            assert!(grower.join().unwrap());
        });
    });
}

/// Starts a growth on one thread; on another, asks for more than there is with this `patience`. The growth ends when the
/// other has its answer, or, if it waits for ever, at once. Returns whether the other was served.
fn ask_during_growth(patience: u32) -> bool {
    let mut memory = memory();
    let (started, has_started) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let region = memory.growing(move |during| {
        if during == During::Claim {
            started.send(()).unwrap();
            may_go_on.recv().unwrap();
        }
    });
    let heap = Locked::<_, SpinLock>::with_patience(Tiny::new(region), patience);
    thread::scope(|scope| {
        let grower = scope.spawn(|| heap.allocate(ONE).is_ok());
        has_started.recv().unwrap();
        let other = scope.spawn(|| heap.allocate(ONE).is_ok());
        let is_served = match patience {
            0 => other.join().unwrap(),
            _ => {
                go_on.send(()).unwrap();
                other.join().unwrap()
            }
        };
        // Nobody listens any more where the growth has ended.
        let _ = go_on.send(());
        assert!(grower.join().unwrap());
        is_served
    })
}

#[test]
fn a_request_without_patience_fails_while_the_memory_grows() {
    guarded(|| assert!(!ask_during_growth(0)));
}

#[test]
fn a_request_with_patience_waits_for_the_growth_of_another() {
    guarded(|| assert!(ask_during_growth(u32::MAX)));
}

#[test]
fn whoever_brings_memory_is_served_from_it() {
    const THREADS: usize = 4;
    const EACH: usize = if cfg!(miri) { 4 } else { 32 };

    guarded(|| {
        for _ in 0..if cfg!(miri) { 1 } else { 5 } {
            let mut memory = memory();
            // Each growth brings one slot, for which all threads stand in line.
            let region = memory.growing(|_| thread::yield_now());
            let heap = Locked::<_, TicketLock>::with_patience(Tiny::new(region), u32::MAX);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        for _ in 0..EACH {
                            heap.allocate(ONE).expect("the region has enough for all");
                        }
                    });
                }
            });
            let stats = heap.stats();
            assert_eq!((stats.live_blocks, stats.failed_requests), (THREADS * EACH, 0));
            assert_eq!(stats.free, 0, "nobody let more grow than was needed");
        }
    });
}

#[test]
fn a_request_that_growth_does_not_serve_ends_after_some_rounds() {
    guarded(|| {
        let mut memory = memory();
        let growths = AtomicUsize::new(0);
        let region = memory.growing(|during| {
            growths.fetch_add(usize::from(during == During::Grow), Ordering::Relaxed);
        });
        let heap = Locked::<_, SpinLock>::new(Tiny::new(region));
        let first = heap.allocate(ONE).expect("the region grows");
        let before = growths.swap(0, Ordering::Relaxed);
        // Each growth brings one slot, and none lies at a multiple of a gibibyte.
        let aligned = Layout::from_size_align(SLOT, 1 << 30).unwrap();
        assert_eq!(heap.allocate(aligned), Err(AllocError));
        assert_eq!((before, growths.load(Ordering::Relaxed)), (1, 8));
        assert_eq!(heap.stats().failed_requests, 1);
        free(&heap, first);
    });
}

#[test]
fn a_heap_keeps_its_blocks_when_it_leaves_the_lock() {
    let mut memory = memory();
    let mut heap = Locked::<_, SpinLock>::new(Tiny::new(memory.growing(|_| {})));
    let block = heap.allocate_zeroed(ONE).unwrap();
    assert_eq!(heap.get_mut().stats().live_blocks, 1);

    let heap = heap.into_inner();
    // SAFETY: the block is live.
    assert_eq!(unsafe { block.as_ref() }, [0; SLOT]);
    free(&heap, block);
    assert_eq!(heap.stats().live_blocks, 0);
}
