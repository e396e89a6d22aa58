//! Sharing for kalloc heaps: locks, heaps behind locks, and the face that `#[global_allocator]` wants.
//!
//! ```text
//!     Vec, Box, String …          HashMap::new_in(&HEAP) …
//!         │ GlobalAlloc                  │ Allocator, Heap, Inspect
//!   ┌─────▼──────┐                       │
//!   │  Global    ├──── .heap() ──────────┤
//!   └────────────┘                 ┌─────▼─────┐   state    ┌───────────────────────────────┐
//!                                  │  Locked   ├◄──────────►│ RawLock: SpinLock, Single, or │
//!                                  └─────┬─────┘            │ yours over interrupt masking  │
//!                                        │ one step at a    └───────────────────────────────┘
//!                                        │ time, locked
//!                                  ┌─────▼─────┐
//!                                  │ any Heap  ├──► its region, called with no lock held
//!                                  └───────────┘
//! ```
//!
//! The allocator of a kernel or of a firmware, in a static that needs no initialisation:
//!
//! ```
//! # #[cfg(feature = "spin")] mod example {
//! use kalloc_pool::Pool;
//! use kalloc_sync::{Global, Locked};
//! use kalloc_traits::{Inspect, StaticArray, StaticRegion};
//!
//! const HEAP_BYTES: usize = 1 << 20;
//!
//! static MEMORY: StaticArray<HEAP_BYTES> = StaticArray::new();
//!
//! #[global_allocator]
//! static HEAP: Global<Locked<Pool<StaticRegion<HEAP_BYTES>>>> = Global::new(Locked::new(Pool::new(MEMORY.region())));
//!
//! # pub
//! fn main() {
//!     let squares: Vec<u32> = (0..1000).map(|n| n * n).collect();
//!     assert_eq!(squares[999], 998_001);
//!
//!     let stats = HEAP.heap().stats();
//!     assert!(stats.live_blocks >= 1 && stats.used >= 4000);
//!     assert_eq!(HEAP.heap().verify(), Ok(()));
//! }
//! # }
//! # fn main() { #[cfg(feature = "spin")] example::main() }
//! ```
//!
//! What holds for every heap behind every lock:
//!
//! - The lock is held for single, short steps of the heap. **No region, no closure of `walk`, no copying or clearing of
//!   bytes runs under it**, so a page source may use the very heap that it feeds.
//! - It is released on every path, even if the heap unwinds, which a heap must not.
//! - Requests of zero bytes do not take it.
//!
//! **Interrupt handlers** may not use a heap behind a bare `SpinLock`: they would wait for what they interrupted. A
//! lock that masks interrupts is [`IrqSave`].
//!
//! The feature `spin`, on by default, brings `SpinLock` and makes it the default of [`Locked`], where the target has
//! compare-and-swap. On others, as Armv6-M, name the lock: `Locked<H, MyLock>`, with a lock over interrupt masking, or
//! [`Single`].
//!
//! Modules, from low to high: [`lock`] (what a lock is), `patience` (how to wait for another's growth), [`locked`],
//! [`global`].
#![no_std]
#![deny(missing_docs)]

pub mod global;
pub mod lock;
pub mod locked;
mod patience;

pub use global::Global;
pub use lock::RawLock;
pub use lock::foreign::Foreign;
pub use lock::irq::IrqSave;
pub use lock::single::{Single, SingleThread};
#[cfg(all(feature = "spin", target_has_atomic = "8"))]
pub use lock::spin::SpinLock;
pub use locked::Locked;
