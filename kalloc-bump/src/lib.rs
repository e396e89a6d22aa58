//! A bump allocator: blocks are cut from one end of a region, one behind the other.
//!
//! ```text
//!   start of the region                         cursor                    its end
//!     ├─────┬───────┬┄┄┄┄┄┬───────────┬┄┄┄┄┄┄┄┄┄┬─────┼──────────────────────────┤┄┄┄┄┄┄┄┄┄┄┄
//!     │  A  │   B   ┊     ┊     C     ┊         ┊  D  │           free           │  may grow
//!     └─────┴───────┴┄┄┄┄┄┴───────────┴┄┄┄┄┄┄┄┄┄┴─────┼──────────────────────────┤┄┄┄┄┄┄┄┄┄┄┄
//!                  padding              freed                ──► next block
//! ```
//!
//! To allocate is to align the cursor, to compare and to add. A block has no header and takes exactly the bytes that
//! were asked for. The last block (D) can be freed, grown and shrunk in place, also by growing the region behind it. What is
//! freed elsewhere, and the padding before an aligned block, waits for [`Bump::reset`], for the end of a
//! [scope](Bump::scope), or for the moment when no block is live any more: then the whole region is free again.
//!
//! ```
//! # #[cfg(feature = "allocator-api2-02")] {
//! use allocator_api2::vec::Vec;
//! use kalloc_bump::{Arena, Bump};
//! use kalloc_traits::{AllocError, Inspect, StaticArray};
//!
//! static MEMORY: StaticArray<4096> = StaticArray::new();
//!
//! let mut bump = Bump::new(MEMORY.region());
//!
//! // Collections of every `Allocator`. The vector is the last block, so it grew and shrinks where it stands.
//! let mut squares = Vec::new_in(&bump);
//! squares.extend((0..100u32).map(|n| n * n));
//! squares.shrink_to_fit();
//! assert_eq!(bump.stats().used, 400);
//! drop(squares);
//!
//! // Values, slices and text, which all end with the scope.
//! let length = bump.scope(|scope| {
//!     let number = scope.try_alloc(42)?;
//!     let text = scope.try_alloc_fmt(format_args!("{number} is the answer"))?;
//!     Ok::<_, AllocError>(text.len())
//! })?;
//! assert_eq!((length, bump.stats().used), (16, 0));
//! # }
//! # Ok::<(), kalloc_traits::AllocError>(())
//! ```
//!
//! # What there is
//!
//! | | |
//! |---|---|
//! | [`Bump`] | the bump over a region; a [`Heap`](kalloc_traits::Heap), and every `Allocator` |
//! | [`Settings`] | up or down, the least alignment, how much a region is asked to grow, with or without counters |
//! | [`Arena`] | values, slices, text, iterators, uninitialised room, for all that follow too |
//! | [`BumpBox`] | what these return: the owner of a value, which drops it |
//! | [`Scope`], [`ScopeGuard`] | work that ends together; use after its end does not compile |
//! | [`Checkpoint`], [`ChainCheckpoint`] | the same as plain values; misuse is an error |
//! | [`Dropping`] | a bump whose `reset` drops the values in it |
//! | [`Chain`] | a bump over chunks of another heap, where no region can grow |
//!
//! # Where it fits
//!
//! Boot code, frames of a game or a compiler, requests of a server: work whose memory ends together. For blocks that
//! come and go in any order there is `kalloc_pool::Pool`.
//!
//! A [`Bump`] serves one thread at a time (`Send`, not `Sync`); `kalloc_sync::Locked` shares it. It never reads or
//! writes the region itself, but for blocks that it moves or clears, so that memory no one touches stays uncommitted.
//!
//! # It does not panic
//!
//! Every method that can fail returns an error, and nothing in the crate can reach a panic: CI links all of its interface on a
//! bare target, with a panic handler that cannot be linked. The feature `panic` adds `PanickingArena`, the methods of [`Arena`]
//! without `try_`, for programs that cannot go on without memory.
//!
//! An `AtomicBump` serves any number of cores, and interrupt handlers, without a lock, where the target has compare-and-swap
//! for `usize`. It takes a region of a fixed size, and starts over only by `reset` or `rewind`, which want it alone.
//!
//! # Cost
//!
//! | | time | memory |
//! |---|---|---|
//! | allocate | constant, no loop; what the region takes if it must grow | the size, and the padding if over-aligned |
//! | free, resize in place, reset, scope, checkpoint | constant; downwards, a resize moves the block's bytes | |
//! | the bump itself | | twenty words and the region value |
//! | the shared one | one compare-and-swap to allocate, tried again if another core was quicker; at most two atomic operations to free | 384 bytes, or 60 on targets of 32 bits, and the region value |
//!
//! `cargo bench --bench bump_instructions` counts the instructions of single calls beside bump-scope and bumpalo, and fails if
//! [`Lean`] or [`LeanDownward`] takes more in any of its cases.
#![no_std]
#![deny(missing_docs)]

mod arena;
#[cfg(target_has_atomic = "ptr")]
pub mod atomic;
mod boxed;
mod bump;
mod chain;
mod checkpoint;
mod cursor;
mod dropping;
mod handoff;
mod heap;
mod inspect;
#[cfg(feature = "panic")]
mod panicking;
mod resize;
mod scope;
mod settings;
mod state;
mod vector;

pub use arena::Arena;
#[cfg(target_has_atomic = "ptr")]
pub use atomic::AtomicBump;
pub use boxed::BumpBox;
pub use bump::Bump;
pub use chain::{Chain, ChainCheckpoint};
pub use checkpoint::{Checkpoint, Stale};
pub use dropping::Dropping;
#[cfg(feature = "panic")]
pub use panicking::PanickingArena;
pub use scope::{Scope, ScopeGuard};
pub use settings::{Direction, Downward, Lean, LeanDownward, Settings, Standard};
