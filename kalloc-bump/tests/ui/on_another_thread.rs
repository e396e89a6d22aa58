//! A scope stays on the thread of its bump.

use kalloc_bump::{Arena, Bump};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut bump = Bump::new(MEMORY.region());
    bump.scope(|scope| {
        std::thread::scope(|threads| {
            threads.spawn(|| drop((&*scope).try_alloc(1)));
        });
    });
}
