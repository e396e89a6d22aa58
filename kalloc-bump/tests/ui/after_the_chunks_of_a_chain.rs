//! The same of a chain: its scope, its checkpoint, its reset.

use kalloc_bump::{Arena, Bump, Chain};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut chain = Chain::new(Bump::new(MEMORY.region()));
    let of_scope = chain.scope(|scope| scope.try_alloc(1).unwrap());
    let here = chain.checkpoint();
    let of_checkpoint = chain.try_alloc(1).unwrap();
    chain.rewind(here).unwrap();
    assert_eq!(*of_checkpoint, *of_scope);
    let of_reset = chain.try_alloc(1).unwrap();
    chain.reset();
    assert_eq!(*of_reset, 1);
}
