//! Running programs on a heap, with every answer checked.
//!
//! `failure` says what broke, `checked` is a heap whose every call is held against the shadow model, `single` plays whole
//! programs on one thread, `explore` plays all programs there are on a small heap. `tape` writes down what a heap was asked,
//! `shrink` makes programs that fail shorter, and `replay` plays what came of that. `reference` has three programs as users
//! write them.

mod checked;
pub mod explore;
mod failure;
pub mod reference;
mod replay;
pub mod shrink;
mod single;
pub mod tape;

pub use checked::Checked;
pub(crate) use failure::ensure;
pub use failure::{Failure, Verdict, caught};
pub use replay::{Lens, play, replay, replay_inside};
pub use single::{Check, Player, Summary, run, soak};
