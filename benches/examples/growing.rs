//! Three ways for a heap to grow from 64 KiB to 1 GiB, side by side: what the worst step takes, and how much memory the bitmap
//! touches. `cargo run --release -p kalloc-benches --example growing`; `docs/bounds.md` says what follows from it.
//!
//! Blocks of 4 KiB are taken until they are 1 GiB; nobody writes to them, so what becomes resident is the heap's own state.

use std::alloc::{Layout, alloc_zeroed};
use std::fs;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use kalloc_pool::{Pool, RealTime, Regions};
use kalloc_traits::{Heap, MmapRegion, RangeRegion};

const FIRST: usize = 64 << 10;
const BLOCK: Layout = match Layout::from_size_align(4096, 8) {
    Ok(layout) => layout,
    Err(_) => panic!("a valid layout"),
};
const BLOCKS: usize = (1 << 30) / BLOCK.size();
const ROUNDS: usize = 5;

/// Returns memory that the system backs when it is touched, and that is never given back.
fn lazy(bytes: usize) -> RangeRegion {
    let layout = Layout::from_size_align(bytes, 16).expect("a valid layout");
    // SAFETY: the size is not zero.
    let memory = NonNull::new(unsafe { alloc_zeroed(layout) }).expect("addresses enough");
    // SAFETY: nobody else has the memory, and it is never freed.
    unsafe { RangeRegion::from_pointer(memory, bytes) }
}

/// Returns the resident memory of this process in KiB.
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").expect("Linux says how much memory a process has");
    text.split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok())
        .expect("a number of pages")
        * 4
}

/// Makes a heap several times and fills it each time. Each step counts with its least time, as interruptions hit others.
fn measure<H: Heap>(name: &str, make: impl Fn() -> H) {
    let mut least = vec![Duration::MAX; BLOCKS + 1];
    let mut grown = 0;
    for round in 0..ROUNDS {
        let before = resident();
        let start = Instant::now();
        let heap = make();
        heap.init().expect("a heap");
        least[BLOCKS] = least[BLOCKS].min(start.elapsed());
        for least in &mut least[..BLOCKS] {
            let start = Instant::now();
            heap.allocate(BLOCK).expect("there is more");
            *least = start.elapsed().min(*least);
        }
        if round == 0 {
            grown = resident().saturating_sub(before);
        }
    }
    let init = least.pop().unwrap_or_default();
    let total: Duration = least.iter().sum();
    least.sort_unstable();
    println!(
        "{name:44} {:>9.1} {:>12.1} {:>12.1} {:>10.1} {grown:>12}",
        init.as_nanos() as f64 / 1000.0,
        least[BLOCKS - 1].as_nanos() as f64 / 1000.0,
        least[BLOCKS - 1 - BLOCKS / 1000].as_nanos() as f64 / 1000.0,
        total.as_nanos() as f64 / BLOCKS as f64,
    );
}

fn main() {
    println!(
        "{:44} {:>9} {:>12} {:>12} {:>10} {:>12}",
        "from 64 KiB to 1 GiB", "init, us", "worst, us", "99.9 %, us", "mean, ns", "state, KiB"
    );
    measure("moved: one region that grows", || {
        let pool = Pool::<_, RealTime>::with_config(MmapRegion::new(1 << 31));
        let _ = pool.init();
        pool.extend(FIRST).expect("room for the first step");
        pool
    });
    measure("segments: regions that double", || {
        let mut next = FIRST;
        let supply = move |bytes: usize| {
            let region = lazy(next.max(bytes));
            next *= 2;
            Some(region)
        };
        let heap = Regions::<RangeRegion, 24, RealTime, _>::with_supply(supply);
        heap.add(lazy(FIRST)).expect("memory enough");
        heap
    });
    measure("reserved: a bitmap for the maximum", || {
        Pool::<_, RealTime>::with_config(lazy((1 << 30) + (1 << 26)))
    });
}
