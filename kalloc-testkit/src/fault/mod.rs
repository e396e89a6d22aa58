//! What goes wrong: heaps and regions that fail on purpose, bits that turn over, and heaps, regions and locks with planted
//! faults that the suite must find.

mod corrupt;
mod failing_heap;
mod failing_region;
pub mod planted;
mod planted_lock;
mod planted_region;

pub use corrupt::Bit;
pub use failing_heap::FailingHeap;
pub use failing_region::{FailingRegion, Hook, Plan, Recipe, Refusal, Watch, Yield};
pub use planted_lock::{LockFault, PlantedLock};
pub use planted_region::{PlantedRegion, RegionFault};
