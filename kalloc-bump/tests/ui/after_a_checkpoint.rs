//! A value is not used when the bump was taken back to before it.

use kalloc_bump::{Arena, Bump};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut bump = Bump::new(MEMORY.region());
    let here = bump.checkpoint();
    let number = bump.try_alloc(1).unwrap();
    bump.rewind(here).unwrap();
    assert_eq!(*number, 1);
}
