//! Looking into a heap.

pub(crate) mod stats;
mod verify;
mod walk;
