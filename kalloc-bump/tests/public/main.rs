//! The bump through its public face.

mod arena;
mod atomic;
mod blocks;
mod chain;
mod chain_scopes;
#[cfg(feature = "allocator-api2-02")]
mod collections;
mod common;
mod growth;
mod inspect;
mod layouts;
mod random;
mod reentry;
mod regions;
mod resize;
mod scopes;
mod zeroed;
