//! The scope around allocates nothing while one within is open: that would end with it.

use kalloc_bump::{Arena, Bump};
use kalloc_traits::StaticArray;

static MEMORY: StaticArray<4096> = StaticArray::new();

fn main() {
    let mut bump = Bump::new(MEMORY.region());
    bump.scope(|outer| {
        outer.scope(|_| {
            let _number = (&*outer).try_alloc(1);
        });
    });
}
