//! Compiles if kalloc's errors implement `std::error::Error` exactly once while `thiserror-no-std` emits it too.

use std::error::Error;

use kalloc_traits::{AllocError, Corruption, InitError, RegionError};

/// An error of the stranger's own, which shows that the feature is on: its derive yields `std::error::Error`.
#[derive(Debug, thiserror_no_std::Error)]
#[error("the stranger's own")]
pub struct Own;

/// Assumes nothing but the trait.
const fn assert_error<E: Error + Copy + Send + Sync + 'static>() {}

const _: () = {
    assert_error::<AllocError>();
    assert_error::<Corruption>();
    assert_error::<InitError>();
    assert_error::<RegionError>();
};

/// Puts one of kalloc's errors and the stranger's own behind one pointer.
pub fn boxed() -> [Box<dyn Error>; 2] {
    [Box::new(AllocError), Box::new(Own)]
}
