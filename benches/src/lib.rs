//! kalloc and its peers behind one trait, and loads for them, for whatever measures them side by side.
//!
//! ```text
//!   peers     one adapter per allocator      loads     what is asked of them, as traces
//!   memory    which they get in turn         trace     the form of that, and its file
//!   measure   what docs/figures.md says      replay    running it, for the clock or for the truth
//!                                            callgrind counting it
//! ```
//!
//! `cargo bench -p kalloc-benches` measures with criterion; `cargo test` runs every bench once. Each bench first checks every
//! byte of every block, apart from the clock. `cargo xtask gate` counts the instructions of `src/bin/programs`, `cargo xtask
//! worst` those of each call in `src/bin/worst`. The tour uses all of it but the loads.

pub mod callgrind;
pub mod loads;
pub mod measure;
pub mod memory;
pub mod peers;
mod random;
pub mod replay;
mod script;
pub mod trace;

pub use peers::Peer;
