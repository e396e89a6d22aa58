//! What the kernel says of its heap, and the check after each step.

use kalloc_traits::{Heap, Inspect, Stats};

use crate::heap::HEAP;
use crate::println;

/// Starts a step.
pub(crate) fn headline(words: &str) {
    println!("\n{words}");
}

/// Prints the heap's counters.
pub(crate) fn print_stats() {
    let Stats {
        used,
        peak_used,
        free,
        cached,
        live_blocks,
        failed_requests,
        ..
    } = HEAP.heap().stats();
    println!("  live blocks: {live_blocks}, refused requests: {failed_requests}");
    println!("  bytes: {used} used, {free} free, {cached} cached; {peak_used} used at the peak");
}

/// Prints what the heap's memory is, from one end to the other. A heap without headers cannot tell neighbours that are both
/// in use apart; cached blocks are free, but wait a while for a request of their size.
pub(crate) fn print_memory() {
    HEAP.heap()
        .walk(&mut |run| println!("  {:#x} {:>9} bytes  {:?}", run.start, run.len, run.kind));
}

/// Checks that everything is free again, and that no invariant of the heap is broken.
pub(crate) fn nothing_is_left_of(what: &str) {
    let heap = HEAP.heap();
    // What is cached is available too, but this is a check.
    heap.trim();
    let stats = heap.stats();
    assert_eq!(stats.live_blocks, 0, "blocks left of {what}");
    assert_eq!(stats.free, stats.capacity, "bytes free and in all, after {what}");
    assert_eq!(heap.verify(), Ok(()), "after {what}");
    println!("  nothing is left of {what}: all {} bytes are free", stats.free);
}
