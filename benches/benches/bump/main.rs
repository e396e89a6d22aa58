//! The bump and its peers: a thousand blocks, and a reset.
//!
//! Each is called by the methods that its users call. All of them have the memory before the clock runs: kalloc's bump in a
//! static, the others from std's allocator.

mod arena;
mod blink_alloc;
mod bump_scope;
mod bumpalo;
mod kalloc_bump;

use core::alloc::Layout;
use core::hint::black_box;
use std::time::Duration;

use ::kalloc_bump::{Lean, LeanDownward};
use arena::{Arena, check};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

use crate::blink_alloc::Blink;
use crate::bump_scope::BumpScope;
use crate::bumpalo::Bumpalo;
use crate::kalloc_bump::KallocBump;

/// How many blocks, or numbers, an iteration allocates.
const COUNT: u32 = 1000;

const SLICE: [u32; 7] = [1, 1, 2, 3, 5, 8, 13];

/// Names a group, and runs `work` on each arena in turn, a reset behind it.
macro_rules! group {
    ($criterion:ident, $name:literal, $work:expr) => {
        let mut group = $criterion.benchmark_group($name);
        group.throughput(Throughput::Elements(u64::from(COUNT)));
        bench(&mut group, $work as fn(&KallocBump));
        bench(&mut group, $work as fn(&KallocBump<Lean>));
        bench(&mut group, $work as fn(&KallocBump<LeanDownward>));
        bench(&mut group, $work as fn(&Bumpalo));
        bench(&mut group, $work as fn(&BumpScope));
        bench(&mut group, $work as fn(&Blink));
        group.finish();
    };
}

fn bench<A: Arena>(group: &mut BenchmarkGroup<'_, WallTime>, work: impl Fn(&A)) {
    check::<A>();
    let mut arena = A::new();
    group.bench_function(A::NAME, |bencher| {
        bencher.iter(|| {
            work(&arena);
            arena.reset();
        });
    });
}

fn one_by_one(criterion: &mut Criterion) {
    group!(criterion, "bump, u32", |arena| {
        for value in 0..COUNT {
            black_box(arena.number(value));
        }
    });
    group!(criterion, "bump, slices of 7 u32", |arena| {
        for _ in 0..COUNT {
            black_box(arena.slice(black_box(&SLICE)));
        }
    });
    group!(
        criterion,
        "bump, 25 bytes at 8, a layout that is not known ahead",
        |arena| {
            let layout = Layout::from_size_align(25, 8).expect("it is a layout");
            for _ in 0..COUNT {
                black_box(arena.block(black_box(layout)));
            }
        }
    );
}

fn vectors(criterion: &mut Criterion) {
    group!(criterion, "bump, a vector of u32, pushed", |arena| {
        arena.with_vector(COUNT, |numbers| {
            black_box(numbers);
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(50)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = one_by_one, vectors
}
criterion_main!(benches);
