//! blink-alloc's arena of values: chunks from std's allocator, and a list of what is to be dropped.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2_04::vec::Vec;

use crate::arena::{Arena, BYTES};

pub(crate) struct Blink(blink_alloc::Blink);

impl Arena for Blink {
    const NAME: &'static str = "blink-alloc 0.4.0";

    fn new() -> Self {
        Self(blink_alloc::Blink::with_chunk_size(BYTES))
    }

    fn number(&self, value: u32) -> &u32 {
        self.0.put(value)
    }

    fn slice(&self, values: &[u32]) -> &[u32] {
        self.0.copy_slice(values)
    }

    fn block(&self, layout: Layout) -> NonNull<u8> {
        self.0.allocator().allocate(layout).expect("std has memory").cast()
    }

    fn with_vector(&self, count: u32, look: impl FnOnce(&[u32])) {
        let mut vector = Vec::new_in(self.0.allocator());
        (0..count).for_each(|number| vector.push(number));
        look(&vector);
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
