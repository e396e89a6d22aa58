//! A pool allocator for places without an operating system: no headers, coalescing, aligned blocks without gaps.
//!
//! ```text
//!   25 bytes in a pool            25 bytes in a heap with headers
//!   ┌───────────────────────┬──┐  ┌────────┬───────────────────────┬──────────┐
//!   │ 25                    │+7│  │ header │ 25                    │ rounding │
//!   └───────────────────────┴──┘  └────────┴───────────────────────┴──────────┘
//! ```
//!
//! Rust's `dealloc` brings the `Layout` back, so a used block needs no header. What a heap must know of a block's
//! neighbours when it is freed stands in one bitmap outside of the blocks, a bit for each granule of 8 bytes.
//!
//! ```
//! use allocator_api2::vec::Vec;
//! use kalloc_pool::Pool;
//! use kalloc_traits::{Inspect, StaticArray};
//!
//! static MEMORY: StaticArray<65536> = StaticArray::new();
//!
//! let pool = Pool::new(MEMORY.region());
//! let mut numbers = Vec::new_in(&pool);
//! numbers.extend(0..1000u32);
//! assert_eq!(numbers.iter().sum::<u32>(), 499_500);
//!
//! let stats = pool.stats();
//! assert_eq!(stats.live_blocks, 1);
//! assert!(stats.used < 4200, "1024 numbers, and not a byte more");
//! ```
//!
//! Three things are chosen apart: the region (any [`RawRegion`](kalloc_traits::RawRegion)), the [`Config`], and who may call
//! (`&pool` on one thread, `kalloc_sync::Locked` on many). The configurations by name:
//!
//! | | [`Standard`] | [`RealTime`] | [`AddressOrdered`] | [`BestFitting`] | [`Tiny`] |
//! |---|---|---|---|---|---|
//! | places a request | in the bin of its size, or the next | as `Standard` | at the lowest address that fits | in the smallest block that fits | as `AddressOrdered` |
//! | allocate | O(1); one bin is searched before a refusal | O(1) | O(log region) | O(log region) | O(free blocks below) |
//! | free, resize in place | O(1) | O(1) | O(log region) | O(log region) | O(1) |
//! | state in the region | 1.6 %, and some 600 to 6,300 bytes | 1.6 %, and some 100 to 1,800 bytes | 1.6 % | 1.6 % | 1.6 % |
#![no_std]
#![deny(missing_docs)]

mod bitmap;
mod block;
mod boot;
mod bounds;
mod checked;
mod config;
mod engine;
mod granule;
mod index;
mod inspect;
mod loose;
mod misuse;
mod notes;
mod ops;
mod pool;
mod quick;
mod regions;
mod relocate;

pub use bounds::{Demand, guaranteed, is_guaranteed, region_for_capacity};
pub use config::{AddressOrdered, Adopting, BestFitting, Checked, Config, RealTime, Retained, Standard, Tiny};
pub use index::{BestFit, FirstFit, Index, ScanFit, SegregatedFit};
pub use misuse::{Misuse, MisuseKind, OnMisuse, Refuse};
pub use pool::{
    Pool,
    relocate::{Moved, RebaseError},
};
pub use regions::{AddError, Regions, RemoveError, Supply};
