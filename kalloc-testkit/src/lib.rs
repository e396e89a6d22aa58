//! Judges memory allocators: one named test for every rule, on anything that allocates.
//!
//! ```text
//!                         conformance      170 rules for heaps, 13 for regions, 16 for locks, one function each
//!                              │
//!                            drive         runs programs, holds every call against the model, shortens what fails
//!               ┌──────────────┼──────────────────┐
//!            workload        model              fault
//!       programs from seeds, which blocks live,  heaps and regions that refuse, lie, call back;
//!       bytes and history    what is in them     and with 167 planted bugs
//!               └──────────────┼──────────────────┘
//!                            region        memory with guards around it, of any shape
//! ```
//!
//! # A heap of your own
//!
//! One line, beside the others of your tests:
//!
//! ```
//! # struct MyHeap;
//! # impl MyHeap {
//! #     fn new(region: GuardedRegion) -> kalloc_testkit::fault::planted::Planted<GuardedRegion> {
//! #         kalloc_testkit::fault::planted::Planted::new(region, kalloc_testkit::fault::planted::Fault::None)
//! #     }
//! # }
//! use kalloc_testkit::{conformance, region::GuardedRegion, workload::ROOM};
//!
//! conformance!(my_heap, || MyHeap::new(GuardedRegion::new(ROOM)));
//! # fn main() {}
//! ```
//!
//! `cargo test` then lists `my_heap::a_freed_block_is_handed_out_once` and all the others. What not every sound heap can do
//! is judged where it is declared, and nowhere else:
//!
//! ```
//! # use kalloc_testkit::fault::planted::{Fault, Planted};
//! # struct MyHeap;
//! # impl MyHeap {
//! #     fn new(region: GuardedRegion) -> Planted<GuardedRegion> { Planted::new(region, Fault::None) }
//! # }
//! use kalloc_testkit::{conformance, region::GuardedRegion, workload::ROOM};
//!
//! conformance!(my_heap, || MyHeap::new(GuardedRegion::new(ROOM)), quality: [inspect, reuses, coalesces]);
//! # fn main() {}
//! ```
//!
//! [`conformance`](mod@conformance) lists the qualities. A heap that takes its region as a type parameter can also be held
//! to its manners: small, odd and dirty regions, growth that is refused, short or generous, and regions that call back.
//!
//! ```
//! # use kalloc_testkit::fault::planted::{Fault, Planted};
//! # struct MyHeap;
//! # impl MyHeap {
//! #     fn new<R: kalloc_traits::RawRegion>(region: R) -> Planted<R> { Planted::new(region, Fault::None) }
//! # }
//! use kalloc_testkit::conformance_over;
//!
//! conformance_over!(my_heap_over, |region| MyHeap::new(region), quality: [grows, lazy, inspect]);
//! # fn main() {}
//! ```
//!
//! A heap that knows nothing of regions gets its memory by [`region::Held`].
//!
//! # An `Allocator`
//!
//! `AsHeap` of the matching version of allocator-api2 makes a heap of it:
//!
//! ```
//! # #[cfg(feature = "allocator-api2-02")] mod example {
//! # use kalloc_testkit::fault::planted::{Fault, Planted};
//! # struct TheirAllocator;
//! # impl TheirAllocator {
//! #     fn new(region: GuardedRegion) -> Planted<GuardedRegion> { Planted::new(region, Fault::None) }
//! # }
//! use kalloc_testkit::{conformance, region::GuardedRegion, workload::ROOM};
//! use kalloc_traits::glue::api2_02::AsHeap;
//!
//! conformance!(theirs, || AsHeap(TheirAllocator::new(GuardedRegion::new(ROOM))), quality: [reuses]);
//! # }
//! # fn main() {}
//! ```
//!
//! # A `GlobalAlloc`
//!
//! ```
//! use kalloc_testkit::conformance;
//! use kalloc_testkit::face::GlobalFace;
//!
//! conformance!(system, || GlobalFace(std::alloc::System), quality: [reuses]);
//! # fn main() {}
//! ```
//!
//! # A region
//!
//! ```
//! use kalloc_testkit::region_conformance;
//! use kalloc_traits::StaticArray;
//!
//! static MEMORY: StaticArray<1000> = StaticArray::new();
//!
//! region_conformance!(memory, || MEMORY.region(), quality: [claims]);
//! # fn main() {}
//! ```
//!
//! # A lock, and what threads share
//!
//! A lock is three functions, whatever trait it implements:
//!
//! ```
//! use std::sync::atomic::{AtomicBool, Ordering};
//!
//! use kalloc_testkit::lock_conformance;
//!
//! lock_conformance!(
//!     flag,
//!     || AtomicBool::new(false),
//!     lock: |flag| while flag.swap(true, Ordering::Acquire) { std::thread::yield_now() },
//!     try_lock: |flag| (!flag.swap(true, Ordering::Acquire)).then_some(()),
//!     unlock: |flag, ()| flag.store(false, Ordering::Release)
//! );
//! # fn main() {}
//! ```
//!
//! With the feature `std`, `thread_conformance!` judges a heap that is `Sync`.
//!
//! # Without a test harness
//!
//! The crate needs `alloc` and no more. Every rule is a plain function that returns what broke, so a kernel can judge its
//! own allocator at run time:
//!
//! ```
//! use kalloc_testkit::conformance::{Report, Subject, layout, suite};
//! use kalloc_traits::glue::global::GlobalHeap;
//!
//! let subject = Subject::new(&|| GlobalHeap(std::alloc::System));
//! layout::every_alignment_is_kept_or_refused(&subject).unwrap();
//!
//! let report = Report::in_full(&suite::contract(), &subject);
//! assert!(report.broken.is_empty(), "{report}");
//! ```
//!
//! # What a failure says
//!
//! The rule with its tier, the items of the [catalogue](conformance::catalogue) that it decides, what was seen, with the seed
//! of a program, and the shortest program that shows it; all of it is deterministic:
//!
//! ```text
//! wide_sizes_are_not_truncated [contract; L13]: the block at 0x7f6038 overlaps the live one at 0x7f6038
//!   shown by 2 of 271 steps: step 1: the block at 0x7f6038 overlaps the live one at 0x7f6038
//!        0  allocate 0: 4294967296 align 1
//!        1  allocate 1: 1 align 1
//!   replay(make, "a0:4294967296@1 a1:1@1")
//! ```
//!
//! [`replay`] plays that again. Failures of locks are for [`replay_lock`], those among threads for `replay_threads`.
//!
//! # How good it is
//!
//! The suite is held to the bugs in [`fault::planted`], [`fault::PlantedRegion`] and [`fault::PlantedLock`]: each of them fails
//! the rule that names it, each rule fails on at least one, and the same heap without a bug passes everything. Sound
//! allocators of others (talc, rlsf, linked_list_allocator, the system's) pass too, with the qualities that they have.
//!
//! The rules were made of a catalogue of 133 inputs that have broken allocators. Those that cannot be decided from outside
//! say why, in [`conformance::catalogue`].
//!
//! For long runs with a check of your own after each step, see [`drive::soak`].
//!
//! Modules, from low to high: [`face`], [`region`], [`model`], [`workload`], [`fault`], [`drive`], [`conformance`](mod@conformance).
#![no_std]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod face;

pub mod region;

pub mod model;

pub mod workload;

pub mod fault;

pub mod drive;

pub mod conformance;

pub use conformance::replay_lock;
#[cfg(feature = "std")]
pub use conformance::replay_threads;
pub use drive::{replay, replay_inside};
