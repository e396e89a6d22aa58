//! The contracts of kalloc: what backing memory is, what a heap is, and how both are looked into.
//!
//! ```text
//!   Vec, Box, HashMap …          Allocator of allocator-api2 0.2 · 0.3 · 0.4      glue
//!  ─────────────────────────────────────────────────────────────────────────
//!   allocate · deallocate · resize_in_place, by Layout           trait Heap
//!   owns · stats · walk · verify                                 trait Inspect
//!  ─────────────────────────────────────────────────────────────────────────
//!   one span of memory, lent exclusively, that may grow          trait RawRegion
//! ```
//!
//! Three independent choices make an allocator: where the memory lies (a [`RawRegion`]), how it is cut (a [`Heap`]:
//! `kalloc_bump::Bump`, `kalloc_pool::Pool`) and who may call (`&heap`, or `kalloc_sync::Locked`). This crate holds the
//! two contracts between them and no algorithm. It needs no `alloc`, no lock and no operating system.
//!
//! Two rules shape everything here:
//!
//! * **The layout is the header.** A block's extent is a pure function of `layout.size()`, the same when it is
//!   allocated, resized and freed. So a used block carries no header at all.
//! * **No user code runs while heap state is borrowed.** A region that is asked to grow may call the heap it feeds.
//!
//! A region of your own in a few lines:
//!
//! ```
//! use core::ptr::NonNull;
//! use kalloc_traits::{RawRegion, RegionError, Span};
//!
//! /// A frame buffer's unused tail, which the boot loader told us of.
//! struct FrameBufferTail {
//!     start: NonNull<u8>,
//!     len: usize,
//! }
//!
//! // SAFETY: the boot loader reserves the bytes for us, and nobody else gets this value.
//! unsafe impl RawRegion for FrameBufferTail {
//!     fn span(&self) -> Span {
//!         Span::new(self.start, self.len)
//!     }
//! }
//! ```
#![no_std]
#![deny(missing_docs)]
#![cfg_attr(kalloc_gate, feature(allocator_api, allow_internal_unstable))]
#![cfg_attr(
    kalloc_gate,
    expect(internal_features, reason = "the gate of `impl_allocator!`; see `glue`")
)]

pub mod arith;
mod claim;
pub mod error;
pub mod glue;
pub mod growth;
pub mod handoff;
pub mod heap;
pub mod introspect;
pub mod region;
pub mod request;
pub mod span;
pub mod survey;

// `thiserror-no-std` names `std` when any crate of the build turns its `std` feature on. In a crate without std that
// name is `core`'s, where `std::error::Error` and `core::error::Error` are the same trait.
extern crate core as std;

pub use error::{AllocError, Corruption, InitError, RegionError};
pub use growth::{Grown, Growth, allocate_growing};
pub use handoff::{HandOver, Handed, Refused};
pub use heap::{Heap, RawBlock};
pub use introspect::{Inspect, Run, RunKind, Stats};
#[cfg(all(feature = "mmap", unix))]
pub use region::mmap::MmapRegion;
pub use region::{
    RawRegion, carved::CarvedRegion, growable::GrowableRegion, linker::LinkerMemory, linker::LinkerRegion,
    pages::PageSource, range::RangeRegion, slice::SliceRegion, static_array::StaticArray, static_array::StaticRegion,
};
pub use span::Span;
pub use survey::{Survey, TextMap};
