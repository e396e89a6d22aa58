//! Memory that notices when somebody writes beside it.
//!
//! ```text
//!    guard      the region's span        untouched reserve        guard
//!   ├┄┄┄┄┄┄├──────────────────────────├┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄├┄┄┄┄┄┄┤
//!   noise    noise, zeros, old image     noise, until it grows   noise
//! ```
//!
//! [`GuardedRegion`] is an ordinary region for any heap. Its base may be misaligned and its length odd, it may grow into
//! a reserve, and what it hands over is dirty on purpose. The bytes around it are checked when it is dropped, and
//! whenever its [`Guards`] are asked.
//!
//! Modules, from low to high: `bytes` (patterns that tell one block from another), `shape` (what a region looks like),
//! `buffer` (the allocation behind it), `guarded` (the region), `forward` (a heap's methods, passed on), `held` (a heap of
//! somebody else's together with a region), `poisoned` (a heap whose free memory nobody may touch).

mod buffer;
pub(crate) mod bytes;
mod forward;
mod guarded;
mod held;
mod poisoned;
mod shape;

pub use buffer::Damage;
pub(crate) use forward::forward;
pub use guarded::{GuardedRegion, Guards};
pub use held::Held;
pub use poisoned::{Poison, Poisoned};
pub use shape::{Fill, Shape};
