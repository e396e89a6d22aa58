//! Nor after a reset.

use kalloc_bump::{Arena, Bump};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut bump = Bump::new(MEMORY.region());
    let number = bump.try_alloc(1).unwrap().into_mut();
    bump.reset();
    assert_eq!(*number, 1);
}
