//! The pool and its peers in 4 MiB: the recorded beginning of a Linux boot.
//!
//! More than half of its requests want zeroed memory, which is part of the time. An allocator for which 4 MiB are too little
//! is left out.

mod side_by_side;

use criterion::{Criterion, criterion_group, criterion_main};
use kalloc_benches::loads;
use kalloc_benches::memory::Memory;
use side_by_side::compare;

fn trace(criterion: &mut Criterion) {
    let mut memory = Memory::claim().expect("nobody else uses the memory");
    compare(criterion, &mut memory, "trace, Linux boot", &loads::kernel_boot());
}

criterion_group! {
    name = benches;
    config = side_by_side::criterion();
    targets = trace
}
criterion_main!(benches);
