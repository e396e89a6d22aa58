//! Nothing but tests: that the collections people use take kalloc's heaps, whichever version of the `Allocator` trait they
//! are built on. The versions stand in `Cargo.toml`.
#![no_std]
