//! What the tour and the chores are made of.
//!
//! ```text
//!   chapters   the tour itself                progress   what happens meanwhile, on a terminal
//!   timing     many runs, side by side        figures    what a heap looks like, in numbers
//!   smallest   the least memory               picture    and as an SVG
//!                                             table      how the figures look
//! ```
//!
//! `trace` and `replay` are the benches' own.

pub mod chapters;
pub mod figures;
pub mod paging;
pub mod picture;
pub mod progress;
pub mod smallest;
pub mod table;
pub mod timing;

pub use kalloc_benches::{replay, trace};

/// The examples of README.md, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The examples of docs/porting.md, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/porting.md")]
struct Porting;

/// The examples of docs/judging.md, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/judging.md")]
struct Judging;
