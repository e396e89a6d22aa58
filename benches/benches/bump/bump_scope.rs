//! bump-scope with its default settings: chunks from std's allocator, filled from their low end, minimum alignment 1.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2_02::vec::Vec;
use bump_scope::Bump;
use bump_scope::alloc::compat::AllocatorApi2V02Compat;
use bump_scope::traits::BumpAllocatorTyped;

use crate::arena::{Arena, BYTES};

pub(crate) struct BumpScope(Bump);

impl Arena for BumpScope {
    const NAME: &'static str = "bump-scope 2.4.1";

    fn new() -> Self {
        Self(Bump::with_size(BYTES))
    }

    fn number(&self, value: u32) -> &u32 {
        self.0.alloc(value).into_ref()
    }

    fn slice(&self, values: &[u32]) -> &[u32] {
        self.0.alloc_slice_copy(values).into_ref()
    }

    fn block(&self, layout: Layout) -> NonNull<u8> {
        self.0.allocate_layout(layout)
    }

    fn with_vector(&self, count: u32, look: impl FnOnce(&[u32])) {
        let mut vector = Vec::new_in(AllocatorApi2V02Compat(&self.0));
        (0..count).for_each(|number| vector.push(number));
        look(&vector);
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
