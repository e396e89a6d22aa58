//! What a heap does, one operation a file. Each leaves the state consistent before it returns.

mod allocate;
mod coalesce;
mod free;
pub(crate) mod grow;
mod release;
mod resize;
