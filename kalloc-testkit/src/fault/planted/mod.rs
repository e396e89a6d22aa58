//! A correct heap with a switch for one bug.
//!
//! The heap is the plainest there is: first fit over an interval list, granules of 8 bytes, nothing stored in the memory
//! that it cuts. Each [`Fault`] changes a line or two of it, after bugs that real allocators have shipped. A suite is
//! worth what it finds: every fault must fail a rule, and every rule must fail on a fault.
//!
//! Some faults write where they must not: a byte beside the region, or into a block that is live. Give such a heap a
//! [`GuardedRegion`](crate::region::GuardedRegion), whose guards and reserve they stay in.
//!
//! Modules, from low to high: `fault` (the list), `state` (the allocator, in numbers), `taking`
//! (what it takes and gives), `heap` (the region and its
//! pointers), `laying` (claim and growth), `moves` (what resizing cannot do in place), `contract` (the trait), `inspect`
//! (counters and walk).

mod contract;
mod fault;
mod heap;
mod inspect;
mod laying;
mod moves;
mod state;
mod taking;

pub use fault::Fault;
pub use heap::Planted;
