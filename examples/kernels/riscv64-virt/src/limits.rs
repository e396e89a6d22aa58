//! The heap at its end: full, and whole again.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hint::black_box;
use core::mem::forget;

use kalloc_traits::Inspect;

use crate::fault::Fault;
use crate::heap::HEAP;
use crate::println;
use crate::report::{headline, nothing_is_left_of, print_stats};

/// Bytes of each chunk that the heap is filled with.
const CHUNK: usize = 64 << 10;

/// A request that cannot be served is an error for whoever made it, and nobody else is affected.
pub(crate) fn exhaustion() {
    headline("Exhaustion: 64 KiB at a time, until there is no more");
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    let refusal = loop {
        let mut chunk = Vec::new();
        let room = chunks.try_reserve(1).and_then(|()| chunk.try_reserve_exact(CHUNK));
        if let Err(refusal) = room {
            break refusal;
        }
        chunk.resize(CHUNK, chunks.len() as u8);
        chunks.push(chunk);
    };
    println!("  chunk {}: {refusal}", chunks.len() + 1);
    print_stats();
    assert!(HEAP.heap().stats().free < 2 * CHUNK, "refused while there was room");
    assert_eq!(HEAP.heap().verify(), Ok(()));

    let is_intact = |(i, chunk): (usize, &Vec<u8>)| chunk.iter().all(|&byte| byte == i as u8);
    assert!(chunks.iter().enumerate().all(is_intact));
    println!("  every chunk still holds what was written to it");

    let middle = chunks.len() / 2;
    drop(chunks.swap_remove(middle));
    let mut again: Vec<u8> = Vec::new();
    assert_eq!(again.try_reserve_exact(CHUNK), Ok(()));
    black_box(&again);
    println!("  one chunk was freed, and the next request was served");

    drop((chunks, again));
    if Fault::Leak.is_planted() {
        forget(black_box(Box::new([0u8; 100])));
    }
    nothing_is_left_of("the chunks");
}

/// When everything is free again, it is one piece again: a single block can have all of it.
pub(crate) fn recovery() {
    headline("Recovery: one block of everything");
    let capacity = HEAP.heap().stats().capacity;
    let mut everything: Vec<u8> = Vec::new();
    assert_eq!(everything.try_reserve_exact(capacity), Ok(()));
    everything.resize(capacity, 1);
    black_box(&everything);
    println!("  one block has all {capacity} bytes, and each was written to");
    print_stats();
    drop(everything);
    nothing_is_left_of("the block");
}
