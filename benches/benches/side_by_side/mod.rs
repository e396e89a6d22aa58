//! One load on every allocator: checked first, then timed.

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use kalloc_benches::Peer;
use kalloc_benches::loads::Load;
use kalloc_benches::memory::{BYTES, Memory};
use kalloc_benches::peers::{Buddy, LinkedList, Nothing, Pool, Rlsf, Talc};
use kalloc_benches::replay::{Fault, Live, Touch, check, replay_part, room_for};

/// Measures `load` on the pool and on each of its peers, and what the measuring itself takes.
pub(crate) fn compare(criterion: &mut Criterion, memory: &mut Memory, name: &str, load: &Load) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(load.measured().len() as u64));
    time::<Nothing>(&mut group, memory, load);
    measure::<Pool>(&mut group, memory, load);
    measure::<Talc>(&mut group, memory, load);
    measure::<Rlsf>(&mut group, memory, load);
    measure::<LinkedList>(&mut group, memory, load);
    measure::<Buddy>(&mut group, memory, load);
    group.finish();
}

/// Times an allocator whose every byte was checked. One that has no room for the load is named and left out.
fn measure<P: Peer>(group: &mut BenchmarkGroup<'_, WallTime>, memory: &mut Memory, load: &Load) {
    let outcome = memory.lend(BYTES, |peer: &mut P, span| check(peer, span, load.trace()));
    match outcome.expect("4 MiB are enough to start with") {
        Ok(()) => time::<P>(group, memory, load),
        Err(failure) if failure.fault == Fault::Full => eprintln!("{} is left out: {failure}", P::NAME),
        Err(failure) => panic!("{}: {failure}", P::NAME),
    }
}

fn time<P: Peer>(group: &mut BenchmarkGroup<'_, WallTime>, memory: &mut Memory, load: &Load) {
    let mut live = room_for(load.trace());
    group.bench_function(P::NAME, |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| time_once::<P>(memory, load, &mut live)).sum());
    });
}

/// Returns how long the measured part of `load` takes on a new `P`.
fn time_once<P: Peer>(memory: &mut Memory, load: &Load, live: &mut [Live]) -> Duration {
    let elapsed = memory.lend(BYTES, |peer: &mut P, _| {
        let prelude = replay_part(peer, load.trace(), load.prelude(), live, &Touch);
        let began = Instant::now();
        let measured = replay_part(peer, load.trace(), load.measured(), live, &Touch);
        let elapsed = began.elapsed();
        assert_eq!(prelude.and(measured), Ok(()), "the load was checked on {}", P::NAME);
        elapsed
    });
    elapsed.expect("4 MiB are enough to start with")
}

/// Returns criterion, set so that some forty measurements take a few minutes.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}
