//! One thread at a time is inside the heap, whatever the lock, and nobody's bytes change under them.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kalloc_sync::lock::foreign::{Foreign, Functions};
use kalloc_sync::lock::irq::{Interrupts, IrqSave};
use kalloc_sync::{Locked, RawLock, SpinLock};
use kalloc_traits::{AllocError, Heap, Inspect};

use crate::growing::Memory;
use crate::log::LoggingLock;
use crate::ticket::TicketLock;
use crate::tiny::{SLOT, Tiny};
use crate::watchdog::guarded;

const THREADS: usize = 4;
pub(crate) const STEPS: usize = if cfg!(miri) { 60 } else { 20_000 };
/// Threads that wait in line for each other, and are more than the processors, wait for the scheduler at every turn.
const STEPS_IN_LINE: usize = if cfg!(miri) { 60 } else { 2_000 };

/// A block that a thread holds, filled with one byte.
struct Held {
    block: NonNull<u8>,
    layout: Layout,
    fill: u8,
}

impl Held {
    fn fill(&self) {
        // SAFETY: the block is ours and as long as that.
        unsafe { self.block.write_bytes(self.fill, self.layout.size()) };
    }

    /// Asserts that the first `len` bytes are what they were.
    fn check(&self, len: usize) {
        for at in 0..len {
            // SAFETY: the block is longer than that.
            let byte = unsafe { self.block.add(at) };
            // SAFETY: the block is ours and filled.
            assert_eq!(unsafe { byte.read() }, self.fill, "somebody else wrote into the block");
        }
    }
}

/// A step of xorshift.
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 40).unwrap()
}

/// Allocates, resizes and frees at random, looking after every byte.
fn churn(heap: &impl Heap, thread: usize, steps: usize) {
    let mut seed = 0x9E37_79B9_7F4A_7C15 ^ (thread as u64 + 1);
    let mut blocks: Vec<Held> = Vec::new();
    for step in 0..steps {
        let size = 1 + random(&mut seed) % 200;
        let layout = Layout::from_size_align(size, 1 << (random(&mut seed) % 7)).unwrap();
        let fill = u8::try_from((step * THREADS + thread) % 256).unwrap();
        if blocks.len() < 6 {
            if let Ok(block) = heap.allocate(layout) {
                let held = Held {
                    block: block.cast(),
                    layout,
                    fill,
                };
                held.fill();
                blocks.push(held);
            }
            continue;
        }
        let mut held = blocks.swap_remove(random(&mut seed) % 6);
        held.check(held.layout.size());
        if step % 3 == 0 {
            // SAFETY: the block is live, and this is its layout.
            unsafe { heap.deallocate(held.block, held.layout) };
            continue;
        }
        let resized = if layout.size() >= held.layout.size() {
            // SAFETY: the block is live, and this is its layout.
            unsafe { heap.grow(held.block, held.layout, layout) }
        } else {
            // SAFETY: the block is live, and this is its layout.
            unsafe { heap.shrink(held.block, held.layout, layout) }
        };
        if let Ok(block) = resized {
            held.block = block.cast();
            held.check(held.layout.size().min(size));
            held = Held { layout, fill, ..held };
            held.fill();
        }
        blocks.push(held);
    }
    for held in blocks {
        held.check(held.layout.size());
        // SAFETY: the block is live, and this is its layout.
        unsafe { heap.deallocate(held.block, held.layout) };
    }
}

/// Lets several threads churn `heap`.
pub(crate) fn churn_together(heap: &(impl Heap + Inspect + Sync), steps: usize) {
    thread::scope(|scope| {
        for id in 0..THREADS {
            scope.spawn(move || churn(heap, id, steps));
        }
    });
    let stats = heap.stats();
    assert_eq!((stats.used, stats.live_blocks), (0, 0));
    assert!(stats.peak_used > 0);
    assert_eq!(heap.verify(), Ok(()));
}

/// Lets several threads churn one heap behind a lock `L`.
fn churn_behind<L: RawLock + Sync>(steps: usize) {
    guarded(move || {
        let mut memory = Box::new(Memory::<{ 256 * SLOT }>::new());
        churn_together(&Locked::<_, L>::new(Tiny::new(memory.growing(|_| {}))), steps);
    });
}

#[test]
fn threads_share_a_heap_behind_a_spin_lock() {
    churn_behind::<SpinLock>(STEPS);
}

#[test]
fn threads_share_a_heap_behind_a_lock_with_a_state() {
    churn_behind::<TicketLock>(STEPS_IN_LINE);
}

#[test]
fn threads_share_a_heap_behind_a_heap_behind_a_lock() {
    guarded(|| {
        let mut memory = Box::new(Memory::<{ 256 * SLOT }>::new());
        let inner = Locked::<_, TicketLock>::new(Tiny::new(memory.growing(|_| {})));
        let heap = Locked::<_, SpinLock>::new(&inner);
        thread::scope(|scope| {
            scope.spawn(|| churn(&heap, 0, STEPS_IN_LINE));
            scope.spawn(|| churn(&inner, 1, STEPS_IN_LINE));
        });
        assert_eq!(heap.stats().live_blocks, 0);
    });
}

/// A block on its way to another thread.
struct Sent(NonNull<u64>);

// SAFETY: whoever sends the block does not use it any more.
unsafe impl Send for Sent {}

#[test]
fn a_block_may_be_freed_by_another_thread_than_it_came_from() {
    guarded(|| {
        let mut memory = Box::new(Memory::<{ 64 * SLOT }>::new());
        let heap = Locked::<_, SpinLock>::new(Tiny::new(memory.growing(|_| {})));
        let layout = Layout::new::<u64>();
        let (sender, receiver) = mpsc::sync_channel::<Sent>(8);
        thread::scope(|scope| {
            let heap = &heap;
            scope.spawn(move || {
                for number in 0..STEPS as u64 {
                    let block = heap.allocate(layout).expect("at most ten are live").cast::<u64>();
                    // SAFETY: the block is ours, and large and aligned enough.
                    unsafe { block.write(number) };
                    sender.send(Sent(block)).unwrap();
                }
            });
            scope.spawn(move || {
                for (number, Sent(block)) in receiver.iter().enumerate() {
                    // SAFETY: the sender has written it and given it away.
                    assert_eq!(unsafe { block.read() }, number as u64);
                    // SAFETY: the block is live, and this is its layout.
                    unsafe { heap.deallocate(block.cast(), layout) };
                }
            });
        });
        assert_eq!(heap.stats().live_blocks, 0);
    });
}

/// A heap that has no memory, but counts who is inside and stays there until another comes in or the time is over.
struct Probe {
    inside: AtomicUsize,
    most: AtomicUsize,
}

// SAFETY: it never returns a block.
unsafe impl Heap for &Probe {
    fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        let end = Instant::now() + Duration::from_millis(200);
        while self.most.load(Ordering::SeqCst) < 2 && Instant::now() < end {
            thread::yield_now();
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
        Err(AllocError)
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}

    unsafe fn resize_in_place(&self, _: NonNull<u8>, _: Layout, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }
}

/// Returns how many of two threads were inside at once.
fn most_inside<L: RawLock + Sync>() -> usize {
    let probe = Probe {
        inside: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    };
    let heap = Locked::<_, L>::new(&probe);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert!(heap.allocate(Layout::new::<u8>()).is_err()));
        }
    });
    probe.most.load(Ordering::SeqCst)
}

/// A program without interrupts.
struct NoInterrupts;

// SAFETY: there are no handlers.
unsafe impl Interrupts for NoInterrupts {
    type State = ();

    fn mask() {}

    unsafe fn restore((): ()) {}
}

/// A lock as somebody else has it.
struct Plain;

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

// SAFETY: whoever swaps `true` in for `false` is alone until it stores `false`; the orders are those of a lock.
unsafe impl Functions for Plain {
    fn lock() {
        while !Self::try_lock() {
            thread::yield_now();
        }
    }

    fn try_lock() -> bool {
        !IS_TAKEN.swap(true, Ordering::Acquire)
    }

    unsafe fn unlock() {
        IS_TAKEN.store(false, Ordering::Release);
    }
}

/// Not a lock at all.
struct NoLock;

// SAFETY: not kept, which is the point. The heap behind it is made of atomics and has no memory.
unsafe impl RawLock for NoLock {
    const INIT: Self = Self;

    type State = ();

    fn lock(&self) {}

    fn try_lock(&self) -> Option<()> {
        Some(())
    }

    unsafe fn unlock(&self, (): ()) {}
}

#[test]
fn a_second_thread_comes_in_when_the_first_has_left() {
    assert_eq!(most_inside::<SpinLock>(), 1);
    assert_eq!(most_inside::<TicketLock>(), 1);
    assert_eq!(most_inside::<LoggingLock>(), 1);
    assert_eq!(most_inside::<IrqSave<SpinLock, NoInterrupts>>(), 1);
    assert_eq!(most_inside::<Foreign<Plain>>(), 1);
}

#[test]
fn the_probe_notices_a_lock_that_excludes_nobody() {
    assert_eq!(most_inside::<NoLock>(), 2);
}
