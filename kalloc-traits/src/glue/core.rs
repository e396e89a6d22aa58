//! Glue to `core::alloc::Allocator`, the trait of std's own `Vec` and `Box`.
//!
//! It is there on a compiler in which the trait is stable, which is told by the version (Rust 1.101), and with the feature
//! `nightly` on an older nightly, for which nobody but the collections' user has to open the gate. On an older stable
//! compiler the feature has no effect.
//!
//! # allocator-api2 0.2 and its feature `nightly`
//!
//! allocator-api2 0.2 has a trait of its own, and kalloc implements both. Its feature `nightly` re-exports core's trait in
//! place of that, and no crate can see whether another one in the build has turned it on. If one has:
//!
//! - The two implementations are one too many (E0119). Leave the feature `allocator-api2-02` off, or set
//!   `RUSTFLAGS="--cfg kalloc_no_core"`, which leaves this module out: what remains serves under both names.
//! - On a nightly compiler that has the trait behind a gate, kalloc cannot name it (E0658) until its `nightly` is on too.
//!
//! So kalloc never turns that feature on: it breaks each crate in the build that uses allocator-api2 0.2 without a gate, as
//! hashbrown does by default.

super::api2_items!(core);
