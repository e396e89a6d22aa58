//! The suite: one rule, one function, one named test.
//!
//! ```text
//!   conformance!(mine, || MyHeap::new(…))        any heap: what every heap owes
//!       quality: [coalesces, inspect, …]           and what this one says of itself
//!   region_conformance!(mine, || MyRegion::new())  any region
//!   conformance_over!(mine, |region| …)            a heap over any region: edges, growth, re-entry
//!   thread_conformance!(mine, || MyHeap::new(…))   a heap that threads share
//!   lock_conformance!(mine, || MyLock::new(), …)   any lock
//! ```
//!
//! A rule makes as many fresh heaps as it needs, and either holds or says what broke. It never skips, and it never asks
//! for what the contract leaves open:
//!
//! * A refusal is always allowed, except from a fresh heap with [`ROOM`](crate::workload::ROOM) bytes for a small block.
//!   Rules about being served again belong to qualities.
//! * A block without bytes may lie anywhere, also inside of another.
//! * Where a block lies, and whether it grows in place, is the heap's own business.
//! * No memory is touched that a heap might have handed out on credit: sizes beyond the machine's are asked for, not
//!   written.
//! * Calls go through [`black_box`](core::hint::black_box), or the compiler would remove them.
//! * Of `grow_zeroed`, `Heap` promises more than `Allocator` does: zeros from the old *size* on. An allocator that keeps the
//!   bytes between the old size and the length of the old slice is sound, but not as an `AsHeap`.
//!
//! A **quality** is something that not every sound heap has. Rules for it exist only where it is declared:
//!
//! | quality | what the heap says of itself |
//! |---|---|
//! | `inspect` | it implements `Inspect`: counters, walk, `owns`, `verify` |
//! | `lifo` | blocks without gaps make room again when they are freed in the reverse order of their allocation |
//! | `reuses` | blocks freed in any order do, for blocks of the same sizes |
//! | `coalesces` | blocks freed in any order do, for one block of all of it |
//! | `exact_fit` | a freed block serves the same request again, whatever else is full |
//! | `resize_in_place` | a block shrinks where it is, and the tail can be had again |
//! | `deterministic` | the same program gives the same addresses, relative to the first |
//! | `hardened` | a block that is freed twice, by another size, at another heap or from its middle is noticed: ignored, or a panic |
//!
//! Before a heap has to be whole again, it is told to give up what it keeps apart, by `Heap::trim`.
//!
//! Each rule is also a plain function, so that it runs where there is no test harness: [`suite`] has the tables. Which of
//! the inputs that are known to break allocators a rule decides, and which cannot be decided from outside, is in
//! [`catalogue`].

#[cfg(feature = "std")]
mod again;
mod bolt;
pub mod catalogue;
#[cfg(feature = "std")]
pub mod contention;
pub mod contents;
#[cfg(feature = "std")]
mod crowd;
pub mod disjoint;
pub mod edges;
pub mod exhaustion;
pub mod extent;
pub mod flips;
pub mod grow;
pub mod growth;
pub mod in_place;
pub mod layout;
pub mod life;
pub mod lock;
mod lock_program;
mod macros;
pub mod masks;
pub mod memory;
pub mod misuse;
pub mod patterns;
mod probe;
pub mod programs;
pub mod recovery;
pub mod reentry;
pub mod refusals;
mod report;
mod retell;
mod rules;
pub mod shrink;
pub mod stats;
mod subject;
pub mod suite;
#[cfg(feature = "std")]
pub mod threads;
pub mod walk;
pub mod zero;

#[cfg(feature = "std")]
pub use again::replay_threads;
pub use bolt::{Grip, Lock};
#[cfg(feature = "std")]
pub use crowd::Crowd;
pub use lock_program::replay_lock;
pub use report::{Report, Retell, Rule, Tier, assert_holds};
pub use subject::{Builder, Fresh, Source, Subject};
