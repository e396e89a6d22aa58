//! What `Locked` promises: exclusion, growth and copies with the lock released, looking in from many threads.
//!
//! The heap, the lock and the regions underneath are mostly the test's own, and watch what is done to them.

#[cfg(feature = "allocator-api2-02")]
mod allocator;
mod exclusion;
mod face;
mod growing;
mod growth;
mod heaps;
mod inspect;
mod log;
mod single;
mod ticket;
mod tiny;
mod unlocked;
mod watchdog;
