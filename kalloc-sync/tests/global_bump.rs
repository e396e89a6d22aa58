//! A program whose allocator is a bump that all threads share without a lock.
//!
//! Not under Miri: the harness asks for more alignment than the static has by its type, which Miri's check of alignments
//! reports although the block's address has it. `kalloc-bump/tests/public/atomic.rs` is for Miri.
#![cfg(not(miri))]

use std::ptr::NonNull;
use std::thread;

use kalloc_bump::AtomicBump;
use kalloc_sync::Global;
use kalloc_traits::{Inspect, StaticArray, StaticRegion};

/// Room for all that the harness and the test ever allocate, as little of it comes back.
const BYTES: usize = 16 << 20;

static MEMORY: StaticArray<BYTES> = StaticArray::new();

#[global_allocator]
static HEAP: Global<AtomicBump<StaticRegion<BYTES>>> = Global::new(AtomicBump::new(MEMORY.region()));

#[test]
fn threads_share_a_bump_as_the_allocator_of_everything() {
    let threads: Vec<_> = (0..4u64)
        .map(|seed| {
            thread::spawn(move || {
                let mut words: Vec<String> = Vec::new();
                for number in 0..50 {
                    words.push(format!("{seed} {number}"));
                }
                words
            })
        })
        .collect();
    for (seed, thread) in threads.into_iter().enumerate() {
        let words = thread.join().unwrap();
        assert!((0..50).all(|number| words[number] == format!("{seed} {number}")));
        assert!(HEAP.heap().owns(NonNull::from(&words[0]).cast()));
    }
    let stats = HEAP.heap().stats();
    assert!(stats.live_blocks > 0 && stats.failed_requests == 0);
    assert_eq!(stats.used + stats.free + stats.cached, BYTES);
    assert_eq!(HEAP.heap().verify(), Ok(()));
}
