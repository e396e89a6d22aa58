//! Allocators of others as heaps.

mod linked_list;
mod rlsf;
mod talc;

pub(crate) use linked_list::LinkedList;
pub(crate) use rlsf::Rlsf;
pub(crate) use talc::talc_over;
