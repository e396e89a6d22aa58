//! Under AddressSanitizer, with what is free in a heap poisoned: nobody but the heap touches it, and the heap stays inside of
//! its region. `RUSTFLAGS="-Zsanitizer=address --cfg asan"`, on nightly, with `--target` for the machine.
//!
//! The regions are allocations of the system, as long as the heap is told, so that the sanitizer sees reads beside them too.

#![cfg(asan)]

use std::alloc::{Layout, System};
use std::env;
use std::process::Command;
use std::ptr;

use kalloc_bump::{Bump, Downward};
use kalloc_pool::{AddressOrdered, BestFitting, Pool, Tiny};
use kalloc_testkit::conformance::{Report, Subject, suite};
use kalloc_testkit::drive::soak;
use kalloc_testkit::region::{Poison, Poisoned};
use kalloc_testkit::workload::ROOM;
use kalloc_traits::glue::global::GlobalHeap;
use kalloc_traits::{CarvedRegion, Heap, Inspect};

unsafe extern "C" {
    fn __asan_poison_memory_region(start: *const u8, len: usize);
    fn __asan_unpoison_memory_region(start: *const u8, len: usize);
}

const ASAN: Poison = Poison {
    // SAFETY: the sanitizer writes memory of its own only; the addresses are memory of the heap.
    set: |range| unsafe { __asan_poison_memory_region(ptr::without_provenance(range.start), range.len()) },
    // SAFETY: as above.
    clear: |range| unsafe { __asan_unpoison_memory_region(ptr::without_provenance(range.start), range.len()) },
};

type Region = CarvedRegion<GlobalHeap<System>>;

/// Returns a region of so many bytes, with the sanitizer's red zones around it.
fn region(len: usize) -> Region {
    CarvedRegion::new(GlobalHeap(System), Layout::from_size_align(len, 64).unwrap())
}

/// Judges a heap by what it owes; and takes random steps on it with what is free poisoned, in a region so small that the
/// walks after each step are short.
fn judge<H: Heap + Inspect + 'static>(make: impl Fn(Region) -> H) {
    let fresh = || make(region(ROOM + 11));
    let report = Report::in_full(&suite::contract(), &Subject::new(&fresh));
    assert!(report.broken.is_empty(), "{report}");
    for seed in 0..8 {
        let heap = Poisoned::new(make(region(4096 + seed as usize * 37)), ASAN);
        soak(&heap, seed, 3000, |heap| heap.verify());
    }
}

#[test]
fn a_pool_keeps_to_its_own() {
    judge(Pool::<_>::new);
}

#[test]
fn an_address_ordered_pool_keeps_to_its_own() {
    judge(Pool::<_, AddressOrdered>::with_config);
}

#[test]
fn a_best_fitting_pool_keeps_to_its_own() {
    judge(Pool::<_, BestFitting>::with_config);
}

#[test]
fn a_tiny_pool_keeps_to_its_own() {
    judge(Pool::<_, Tiny>::with_config);
}

#[test]
fn a_bump_keeps_to_its_own() {
    judge(Bump::new);
}

#[test]
fn a_downward_bump_keeps_to_its_own() {
    judge(Bump::<_, Downward>::with_settings);
}

/// The variable that tells a process of this test what to do wrong.
const WRONG: &str = "KALLOC_ASAN_WRONG";

/// Uses a block, and then what is not one.
fn misuse(wrong: &str) -> u8 {
    let heap = Poisoned::new(Pool::<_>::new(region(4096)), ASAN);
    let layout = Layout::new::<[u8; 64]>();
    let block = heap.allocate(layout).unwrap().cast::<u8>();
    // SAFETY: the block has 64 bytes.
    unsafe { block.write_bytes(7, 64) };
    let at = match wrong {
        "reads past the region" => 4096 - (block.addr().get() % 64),
        "reads past the block" => 64,
        _ => 8,
    };
    if wrong == "reads what was freed" {
        // SAFETY: the block is live with this layout.
        unsafe { heap.deallocate(block, layout) };
    }
    // SAFETY: right in a block of 64 bytes that is live; all else is the bug that the sanitizer must find.
    unsafe { block.as_ptr().wrapping_add(at).read_volatile() }
}

#[test]
fn what_nobody_may_touch_ends_the_process() {
    if let Ok(wrong) = env::var(WRONG) {
        assert_eq!(misuse(&wrong), 7);
        return;
    }
    for (wrong, words) in [
        ("reads what was freed", "use-after-poison"),
        ("reads past the block", "use-after-poison"),
        ("reads past the region", "heap-buffer-overflow"),
        ("nothing", ""),
    ] {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "what_nobody_may_touch_ends_the_process"]);
        let output = child.env(WRONG, wrong).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), words.is_empty(), "{wrong}: {said}");
        assert!(said.contains(words), "{wrong}: {said}");
    }
}
