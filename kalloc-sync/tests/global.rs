//! A program whose every allocation, the test runner's too, comes from a `const` static.
//!
//! Not under Miri, where no allocator of Rust code may write into memory that a `Box` argument of a function still on
//! the stack has just given back (rust-lang/miri#5284). `sharing/face.rs` is for Miri.
#![cfg(not(miri))]

use std::collections::{BTreeMap, HashMap};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use std::{process, thread};

use kalloc_pool::Pool;
use kalloc_sync::{Global, Locked};
use kalloc_traits::{Inspect, Run, StaticArray, StaticRegion};

const BYTES: usize = 32 << 20;

static MEMORY: StaticArray<BYTES> = StaticArray::new();

#[global_allocator]
static HEAP: Global<Locked<Pool<StaticRegion<BYTES>>>> = Global::new(Locked::new(Pool::new(MEMORY.region())));

const THREADS: usize = 4;
const ROUNDS: usize = 200;

/// Builds maps, strings and vectors, changes them, and asserts that they hold what they should.
fn work(thread: usize) -> HashMap<String, Vec<usize>> {
    let mut map = HashMap::new();
    for key in 0..60 {
        let name = format!("thread {thread}, key {key}, {}", "x".repeat(key));
        let list: &mut Vec<usize> = map.entry(name).or_default();
        list.extend(0..key * 3);
        list.shrink_to_fit();
        list.push(thread);
    }
    let mut sorted = BTreeMap::new();
    for (name, list) in &map {
        assert_eq!(list.len() % 3, 1);
        assert_eq!(list.last(), Some(&thread));
        assert!(list[..list.len() - 1].iter().copied().eq(0..list.len() - 1));
        sorted.insert(list.len(), Box::new(name.clone()));
    }
    assert_eq!(sorted.len(), 60);
    for (key, (len, name)) in sorted.into_iter().enumerate() {
        assert_eq!(len, key * 3 + 1);
        assert!(name.ends_with(&format!("{key}, {}", "x".repeat(key))));
        if key % 2 == 0 {
            map.remove(&*name);
        }
    }
    map
}

#[test]
fn collections_on_four_threads() {
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for id in 0..THREADS {
            let sender = sender.clone();
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    sender.send((id, work(id))).unwrap();
                }
            });
        }
        drop(sender);
        let mut received = 0;
        for (id, map) in receiver {
            // What one thread has built, another reads and frees.
            assert!(map.len() == 30 && map.values().all(|list| list.last() == Some(&id)));
            assert!(
                map.keys()
                    .all(|name| HEAP.heap().owns(NonNull::from(name.as_bytes()).cast()))
            );
            received += 1;
        }
        assert_eq!(received, THREADS * ROUNDS);
    });
    assert_eq!(HEAP.heap().verify(), Ok(()));
}

#[test]
fn a_string_keeps_its_text_over_every_reallocation() {
    let mut text = String::new();
    for n in 0..1000 {
        text.push_str(&n.to_string());
        if n % 97 == 0 {
            text.shrink_to_fit();
        }
    }
    assert!(text.starts_with("012345678910") && text.ends_with("997998999"));
    assert_eq!(text.len(), 10 + 90 * 2 + 900 * 3);
}

#[test]
fn zeroed_memory_is_zero_where_others_have_written_before() {
    for size in [1, 100, 5000, 70_000] {
        drop(vec![0xFFu8; size]);
        assert!(vec![0u8; size].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn what_cannot_be_had_is_refused() {
    let before = HEAP.heap().stats().failed_requests;
    assert!(Vec::<u8>::new().try_reserve(BYTES).is_err());
    assert!(HEAP.heap().stats().failed_requests > before);
}

static HAS_WALKED: AtomicBool = AtomicBool::new(false);

#[test]
fn a_list_of_the_runs_is_made_in_the_heap_that_is_walked() {
    // If the lock were held meanwhile, nobody could allocate any more: not even to say so.
    let watchdog = thread::spawn(|| {
        thread::park_timeout(Duration::from_secs(60));
        if !HAS_WALKED.load(Ordering::Relaxed) {
            process::abort();
        }
    });
    let heap = HEAP.heap();
    let mut runs: Vec<Run> = Vec::new();
    heap.walk(&mut |run| runs.push(run));
    HAS_WALKED.store(true, Ordering::Relaxed);
    watchdog.thread().unpark();
    watchdog.join().unwrap();
    assert!(runs.len() > 1);
    assert!(runs.windows(2).all(|pair| pair[0].start + pair[0].len == pair[1].start));

    let stats = heap.stats();
    assert!(stats.live_blocks > 0 && stats.peak_used >= stats.used);
    assert_eq!(stats.used + stats.free + stats.cached, stats.capacity);
}
