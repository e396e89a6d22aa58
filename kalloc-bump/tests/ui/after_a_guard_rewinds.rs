//! A value of a guard's scope is not used when the guard has gone back.

use kalloc_bump::{Arena, Bump};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut bump = Bump::new(MEMORY.region());
    let mut guard = bump.guard();
    let scope = guard.scope();
    let number = scope.try_alloc(1).unwrap();
    guard.rewind();
    assert_eq!(*number, 1);
}
