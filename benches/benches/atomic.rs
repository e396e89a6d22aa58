//! The shared bump beside a bump behind a spin lock, with one thread and with two at the same time.
//!
//! A round is `BLOCKS` allocations by each thread, after which the heap starts over; rounds of all heaps take turns, so that
//! whatever else the machine does falls on all of them. Threads start each round together, and the slowest ends it. A round in which
//! they were not at work at the same time for most of it, as one was kept from its processor, measures nothing and is left out; of
//! the others the median counts. "And free" frees each block after the next one is allocated: when it is not the last.
//!
//! In "a chain each" every thread has a chain of its own, whose chunks come from the shared bump, and cuts its blocks from them.

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kalloc_bump::{AtomicBump, Bump, Chain, Lean, Settings};
use kalloc_sync::Locked;
use kalloc_traits::{Heap, Inspect, StaticArray};

/// Allocations of one thread in one round.
const BLOCKS: usize = 10_000;

/// The size of a block.
const LAYOUT: Layout = Layout::new::<[u64; 4]>();

const ROOM: usize = 4 << 20;

static SHARED_MEMORY: StaticArray<ROOM> = StaticArray::new();
static CHUNKS_MEMORY: StaticArray<ROOM> = StaticArray::new();
static LOCKED_MEMORY: StaticArray<ROOM> = StaticArray::new();

/// The chunks of "a chain each".
struct Chunks;

impl Settings for Chunks {
    const GROWTH_STEP: usize = 4096;
    const COUNTS: bool = Lean::COUNTS;
}

/// A heap that many share, and that starts over when it is alone.
trait Shared: Sync {
    /// Ends all blocks.
    fn start_over(&mut self);

    /// Does a thread's work.
    fn run(&self, work: Work);

    /// Looks whether all was served: `live` blocks are left.
    fn check(&self, live: usize);
}

impl<R: kalloc_traits::RawRegion + Send> Shared for AtomicBump<R> {
    fn start_over(&mut self) {
        self.reset();
    }

    fn run(&self, work: Work) {
        work.run(self);
    }

    fn check(&self, live: usize) {
        assert_eq!((self.stats().live_blocks, self.stats().failed_requests), (live, 0));
    }
}

/// A shared bump of which each thread has a chain.
struct ChainEach<R>(AtomicBump<R>);

impl<R: kalloc_traits::RawRegion + Send> Shared for ChainEach<R> {
    fn start_over(&mut self) {
        self.0.reset();
    }

    fn run(&self, work: Work) {
        let chain = Chain::<_, Chunks>::with_settings(&self.0);
        work.run(&chain);
        // Its chunks end when the bump starts over.
        std::mem::forget(chain);
    }

    fn check(&self, _: usize) {
        assert_eq!(self.0.stats().failed_requests, 0);
    }
}

impl<R: kalloc_traits::RawRegion + Send> Shared for Locked<Bump<R>> {
    fn start_over(&mut self) {
        self.get_mut().reset();
    }

    fn run(&self, work: Work) {
        work.run(self);
    }

    fn check(&self, live: usize) {
        assert_eq!((self.stats().live_blocks, self.stats().failed_requests), (live, 0));
    }
}

/// What a thread does `BLOCKS` times.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    Allocate,
    AllocateAndFree,
}

impl Work {
    /// Does it.
    fn run(self, heap: &impl Heap) {
        let mut before: Option<NonNull<u8>> = None;
        for _ in 0..BLOCKS {
            let block = black_box(heap).allocate(LAYOUT).expect("there is room").cast();
            if self == Self::AllocateAndFree {
                if let Some(before) = before.replace(block) {
                    // SAFETY: the block is live, and this is its layout.
                    unsafe { heap.deallocate(before, LAYOUT) };
                }
            }
            black_box(block);
        }
    }
}

/// When a thread was at work.
type Shift = (Instant, Instant);

/// Returns how long one round takes with `nr_threads` threads; nothing if they were not at work at the same time.
fn measure(heap: &mut dyn Shared, work: Work, nr_threads: usize) -> Option<Duration> {
    heap.start_over();
    let shifts = run(heap, work, nr_threads);
    let all = |pick: fn(&Shift) -> Instant| shifts.iter().map(pick);
    let (first, last) = (all(|shift| shift.0).min()?, all(|shift| shift.1).max()?);
    let (together, apart) = (all(|shift| shift.0).max()?, all(|shift| shift.1).min()?);
    heap.check(match work {
        Work::Allocate => nr_threads * BLOCKS,
        Work::AllocateAndFree => nr_threads,
    });
    let (whole, shared) = (last - first, apart.saturating_duration_since(together));
    (shared * 10 >= whole * 7).then_some(whole)
}

/// Runs one round, and returns when each thread was at work.
fn run(heap: &dyn Shared, work: Work, nr_threads: usize) -> Vec<Shift> {
    let barrier = Barrier::new(nr_threads);
    // A barrier wakes one thread after the other; they meet for a second time without going to sleep.
    let ready = [const { AtomicBool::new(false) }; 2];
    thread::scope(|scope| {
        let threads: Vec<_> = (0..nr_threads)
            .map(|index| {
                let (barrier, ready) = (&barrier, &ready);
                scope.spawn(move || {
                    barrier.wait();
                    ready[index].store(true, Ordering::Release);
                    while !ready[..nr_threads].iter().all(|flag| flag.load(Ordering::Acquire)) {
                        std::hint::spin_loop();
                    }
                    let began = Instant::now();
                    heap.run(work);
                    (began, Instant::now())
                })
            })
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.map(|shift| shift.expect("the work ends well")).collect()
    })
}

/// Runs rounds of all heaps in turn, and prints what an allocation costs each, and in how many rounds.
fn compare(heaps: &mut [(&str, &mut dyn Shared)], name: &str, work: Work, nr_threads: usize, rounds: usize) {
    let mut taken = vec![Vec::new(); heaps.len()];
    for _ in 0..rounds {
        for ((_, heap), taken) in heaps.iter_mut().zip(&mut taken) {
            taken.extend(measure(*heap, work, nr_threads));
        }
    }
    println!("{name}, {nr_threads} at a time");
    let mut last = None;
    for ((heap, _), mut taken) in heaps.iter().zip(taken).rev() {
        taken.sort_unstable();
        let Some(median) = taken.get(taken.len() / 2) else {
            println!("    {heap:28} never at work at the same time");
            continue;
        };
        let nanoseconds = median.as_secs_f64() * 1e9 / BLOCKS as f64;
        let of = *last.get_or_insert(nanoseconds) / nanoseconds;
        println!(
            "    {heap:28} {nanoseconds:8.2} ns, in {:4} rounds; the lock takes {of:.1} times as long",
            taken.len()
        );
    }
}

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let mut shared = AtomicBump::new(SHARED_MEMORY.region());
    let mut chunks = ChainEach(AtomicBump::new(CHUNKS_MEMORY.region()));
    let mut locked = Locked::<_>::new(Bump::new(LOCKED_MEMORY.region()));
    shared.init().expect("nobody else uses the memory");
    chunks.0.init().expect("nobody else uses the memory");
    locked.get_mut().init().expect("nobody else uses the memory");
    let mut heaps: [(&str, &mut dyn Shared); 3] = [
        ("AtomicBump", &mut shared),
        ("AtomicBump, a chain each", &mut chunks),
        ("Locked<Bump>", &mut locked),
    ];
    let rounds = if is_bench { 1000 } else { 1 };
    for nr_threads in [1, 2] {
        compare(&mut heaps, "allocate", Work::Allocate, nr_threads, rounds);
        compare(
            &mut heaps,
            "allocate and free",
            Work::AllocateAndFree,
            nr_threads,
            rounds,
        );
    }
}
