//! A value does not leave its scope.

use kalloc_bump::{Arena, Bump};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut bump = Bump::new(MEMORY.region());
    let number = bump.scope(|scope| scope.try_alloc(1).unwrap());
    assert_eq!(*number, 1);
}
