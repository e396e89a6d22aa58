//! A value of an inner scope does not reach the scope around it.

use kalloc_bump::{Arena, Bump};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut bump = Bump::new(MEMORY.region());
    bump.scope(|outer| {
        let number = outer.scope(|inner| inner.try_alloc(1).unwrap());
        assert_eq!(*number, 1);
    });
}
