//! Nor is it kept by what the closure borrows.

use kalloc_bump::{Arena, Bump};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut bump = Bump::new(MEMORY.region());
    let mut kept: Option<&mut u32> = None;
    bump.scope(|scope| kept = Some(scope.try_alloc(1).unwrap().into_mut()));
    assert_eq!(kept, Some(&mut 1));
}
