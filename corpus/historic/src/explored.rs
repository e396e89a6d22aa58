//! A buggy release under the explorer.

use std::alloc::Layout;

use kalloc_testkit::drive::Verdict;
use kalloc_testkit::drive::explore::{Explored, Explorer, InPlace};

use crate::adapters::LinkedList0_10_3;

/// Explores linked_list_allocator 0.10.3 over 128 bytes. It keeps its state in its value and in the holes.
pub fn explore_linked_list_0_10_3() -> Verdict<Explored> {
    let layouts = [(8, 8), (16, 8), (24, 8), (40, 8), (8, 32), (64, 8)]
        .map(|(size, align)| Layout::from_size_align(size, align).expect("legal"));
    // SAFETY: the heap is a length, two pointers into the region and a hole that links to others there; `RefCell` adds a
    // counter, and `Held` the region. Nothing points into the value: the first hole is in it, and no hole links back.
    let mut place = unsafe { InPlace::new(128, |region| LinkedList0_10_3::over(region)) };
    Explorer::new(&layouts).transitions(10_000_000).run(&mut place)
}
