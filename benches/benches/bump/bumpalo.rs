//! bumpalo: chunks from std's allocator, filled from their high end.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2_02::vec::Vec;
use bumpalo::Bump;

use crate::arena::{Arena, BYTES};

pub(crate) struct Bumpalo(Bump);

impl Arena for Bumpalo {
    const NAME: &'static str = "bumpalo 3.20.4";

    fn new() -> Self {
        Self(Bump::with_capacity(BYTES))
    }

    fn number(&self, value: u32) -> &u32 {
        self.0.alloc(value)
    }

    fn slice(&self, values: &[u32]) -> &[u32] {
        self.0.alloc_slice_copy(values)
    }

    fn block(&self, layout: Layout) -> NonNull<u8> {
        self.0.alloc_layout(layout)
    }

    fn with_vector(&self, count: u32, look: impl FnOnce(&[u32])) {
        let mut vector = Vec::new_in(&self.0);
        (0..count).for_each(|number| vector.push(number));
        look(&vector);
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
