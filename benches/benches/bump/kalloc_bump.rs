//! kalloc's bump in static memory, with its default settings and with those that take the fewest instructions.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2_02::vec::Vec;
use kalloc_bump::{Arena as _, Bump, Lean, LeanDownward, Settings, Standard};
use kalloc_traits::{Heap, StaticArray, StaticRegion};

use crate::arena::{Arena, BYTES};

static MEMORY: StaticArray<BYTES> = StaticArray::new();

pub(crate) struct KallocBump<S: Settings = Standard>(Bump<StaticRegion<BYTES>, S>);

/// What the figures call a bump of these settings.
pub(crate) trait Named: Settings {
    const NAME: &'static str;
}

impl Named for Standard {
    const NAME: &'static str = "kalloc-bump";
}

impl Named for Lean {
    const NAME: &'static str = "kalloc-bump, lean";
}

impl Named for LeanDownward {
    const NAME: &'static str = "kalloc-bump, lean, downwards";
}

impl<S: Named> Arena for KallocBump<S> {
    const NAME: &'static str = <S as Named>::NAME;

    fn new() -> Self {
        Self(Bump::with_settings(MEMORY.region()))
    }

    fn number(&self, value: u32) -> &u32 {
        self.0.try_alloc(value).expect("one arena lives at a time").into_mut()
    }

    fn slice(&self, values: &[u32]) -> &[u32] {
        self.0
            .try_alloc_slice_copy(values)
            .expect("one arena lives at a time")
            .into_mut()
    }

    fn block(&self, layout: Layout) -> NonNull<u8> {
        self.0
            .allocate(layout)
            .expect("one arena lives at a time, with room for all")
            .cast()
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
