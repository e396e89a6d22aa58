//! The pool and its peers in 4 MiB, directly, without a lock.
//!
//! The figures are those of the measured part of a load, the loop's included; "nothing" is the loop alone.

mod side_by_side;

use criterion::{Criterion, criterion_group, criterion_main};
use kalloc_benches::loads;
use kalloc_benches::memory::Memory;
use side_by_side::compare;

fn random_actions(criterion: &mut Criterion) {
    let mut memory = Memory::claim().expect("nobody else uses the memory");
    for max_size in [100, 1000, 4000] {
        let name = format!("pool, random actions up to {max_size} bytes");
        compare(criterion, &mut memory, &name, &loads::random_actions(max_size));
    }
}

fn patterns(criterion: &mut Criterion) {
    let mut memory = Memory::claim().expect("nobody else uses the memory");
    compare(criterion, &mut memory, "pool, aligned blocks", &loads::aligned_blocks());
    compare(criterion, &mut memory, "pool, growth of vectors", &loads::vectors());
    compare(criterion, &mut memory, "pool, teardown", &loads::teardown());
}

criterion_group! {
    name = benches;
    config = side_by_side::criterion();
    targets = random_actions, patterns
}
criterion_main!(benches);
