//! A kernel that boots, uses its heap, fills it, empties it, and judges it.
//!
//! ```text
//!   boot.s ─► boot.rs ─► main.rs ─► exit.rs       stack and .bss · what is shown · the verdict
//!                           ├─► heap.rs             the global allocator: the file to copy
//!                           ├─► limits.rs           the heap when it is full, and afterwards
//!                           ├─► rules.rs            the test kit's rules, run by the kernel
//!                           └─► report.rs, uart.rs  words for all of that
//! ```
//!
//! Each step says what it shows, and panics if that is not so. A panic ends the machine with a status that is not zero.
//! What nobody else looks at goes through a black box: the compiler may leave out allocations that change nothing.
#![no_std]
#![no_main]

extern crate alloc;

mod boot;
mod exit;
mod fault;
mod heap;
mod limits;
mod report;
mod rules;
mod uart;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::array;
use core::hint::black_box;
use core::panic::PanicInfo;

use kalloc_traits::{Inspect, Stats};

use crate::exit::{Verdict, exit};
use crate::heap::HEAP;
use crate::report::{headline, nothing_is_left_of, print_memory, print_stats};

fn main() -> ! {
    println!("kalloc in a kernel: riscv64, machine virt, no firmware, no operating system");
    first_use();
    gaps();
    collections();
    page_tables();
    limits::exhaustion();
    limits::recovery();
    fault::happen();

    headline("The test kit's rules, on heaps that lie in this heap");
    rules::judge_all();
    headline("The same rules, on a heap with a known bug");
    rules::catch_a_bug();
    nothing_is_left_of("the rules");

    // The last line of a kernel that passes; `cargo xtask boot` looks for it.
    println!("\nPASSED: every check holds");
    exit(Verdict::Passed)
}

/// The heap is a static that nobody initialises: it lays itself out when it is first asked for memory.
fn first_use() {
    headline("First use");
    assert_eq!(HEAP.heap().stats(), Stats::default());
    println!("  nobody has asked for memory yet, and the heap has touched none");
    let answer = Box::new(42);
    println!("  a box with {answer} in it lies at {:p}", &raw const *answer);
    print_stats();
    drop(answer);
    nothing_is_left_of("the first use");
}

/// The heap tells what its memory is, and checks itself.
fn gaps() {
    headline("The heap's memory, after every other one of six blocks was freed, and a small one");
    let mut blocks: Vec<Option<Box<[u8; 1000]>>> = (0..6).map(|_| Some(Box::new([7; 1000]))).collect();
    blocks.iter_mut().step_by(2).for_each(|block| *block = None);
    drop(black_box(Box::new([7u8; 100])));
    print_memory();
    print_stats();
    assert_eq!(HEAP.heap().verify(), Ok(()));
    println!("  verify() finds no broken invariant");

    assert!(blocks.iter().flatten().all(|block| block.iter().all(|&byte| byte == 7)));
    drop(blocks);
    nothing_is_left_of("the blocks");
}

/// What the crate `alloc` offers works as in any program.
fn collections() {
    headline("Collections");
    let squares: Vec<u64> = (0..1000).map(|n| n * n).collect();
    println!("  Vec: the last of {} squares is {}", squares.len(), squares[999]);
    assert_eq!(squares[999], 998_001);

    let mut words: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for word in "a kernel has no heap but the one that it brings along".split(' ') {
        words.entry(word.len()).or_default().push(String::from(word));
    }
    println!("  BTreeMap: words by their length are {words:?}");
    assert_eq!(words[&2], ["no", "it"]);

    let sum: Box<dyn Fn(u64) -> String> = Box::new(move |n| format!("{} + {n}", squares[7]));
    println!("  Box: a closure that owns the squares says {}", sum(1));
    assert_eq!(sum(1), "49 + 1");

    print_stats();
    drop((words, sum));
    nothing_is_left_of("the collections");
}

/// A page table must start at a multiple of its size, as many things must that hardware reads.
#[repr(align(4096))]
struct PageTable([u64; 512]);

/// Blocks that are aligned to their own size cost that size and nothing else.
fn page_tables() {
    headline("Page tables, aligned to 4096 bytes");
    let tables: [Box<PageTable>; 8] = array::from_fn(|_| Box::new(PageTable([0; 512])));
    for table in black_box(&tables) {
        assert!((&raw const **table).addr() % 4096 == 0);
        assert!(table.0.iter().all(|&entry| entry == 0));
    }
    let used = HEAP.heap().stats().used;
    println!("  {} tables use {used} bytes: no header, no gap", tables.len());
    assert_eq!(used, tables.len() * 4096);
    drop(tables);
    nothing_is_left_of("the page tables");
}

#[panic_handler]
fn on_panic(info: &PanicInfo<'_>) -> ! {
    println!("\nFAILED: {info}");
    exit(Verdict::Panic)
}
