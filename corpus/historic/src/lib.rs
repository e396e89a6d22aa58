//! Released allocators with bugs on record, as heaps.
//!
//! Adapters only translate. Where an allocator leaves to its caller what `Heap` promises, they say so, and the bug that is
//! looked for is never there.

mod adapters;
mod cases;
mod explored;

pub use explored::explore_linked_list_0_10_3;

pub use cases::{CASES, Case};
