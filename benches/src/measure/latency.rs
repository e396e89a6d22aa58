//! How long a single allocate or free may take.
//!
//! Each load is replayed several times, and an operation's time is its least: what interrupts one replay does not interrupt
//! the same operation of another. What remains is what the operation costs every time, misses of the cache included.

use core::alloc::Layout;
use core::ptr::NonNull;

use kalloc_traits::Span;

use super::area::Area;
use super::clock::{Ticks, ticks};
use super::field::NAMES;
use super::numbers::percentile;
use super::table::{Table, cell};
use super::time::room;
use super::{Ask, Job, Setting};
use crate::loads::Load;
use crate::peers::Peer;
use crate::replay::{Touch, replay_part, room_for};
use crate::trace::Kind;

/// The first word of the question.
pub const WORD: &str = "latency";

const PERMILLE: usize = 999;

/// The 99.9th percentile and the worst of the plain allocates, then those of the frees, in nanoseconds, of all loads together.
#[derive(Clone, Copy, Debug)]
pub struct Latency<'a> {
    /// What is replayed.
    pub loads: &'a [Load],
    /// How often.
    pub replays: usize,
}

impl Job for Latency<'_> {
    fn run<P: Peer>(&self) -> Option<Vec<f64>> {
        let (mut allocates, mut frees) = (Vec::new(), Vec::new());
        for load in self.loads {
            let times = least_times::<P>(load, self.replays)?;
            for (op, time) in load.trace().ops()[load.measured()].iter().zip(times) {
                match op.kind {
                    Kind::Allocate => allocates.push(time),
                    Kind::Free => frees.push(time),
                    // Their time is that of copying and clearing, more than anything else.
                    Kind::Reallocate | Kind::AllocateZeroed => {}
                }
            }
        }
        let rate = Ticks::measure();
        let mut figures = Vec::new();
        for mut times in [allocates, frees] {
            times.sort_unstable();
            figures.push(rate.ns(percentile(&times, PERMILLE)?));
            figures.push(rate.ns(*times.last()?));
        }
        Some(figures)
    }
}

/// Returns the least ticks of each measured operation.
fn least_times<P: Peer>(load: &Load, replays: usize) -> Option<Vec<u64>> {
    let trace = load.trace();
    let len = room(trace);
    let mut area = Area::touched(len)?;
    let mut live = room_for(trace);
    let mut least = vec![u64::MAX; load.measured().len()];
    for _ in 0..replays {
        let outcome = area.lend(len, |peer: &mut Timed<P>, _| {
            replay_part(peer, trace, load.prelude(), &mut live, &Touch)?;
            for (op, least) in load.measured().zip(&mut least) {
                replay_part(peer, trace, op..op + 1, &mut live, &Touch)?;
                *least = peer.last.min(*least);
            }
            Ok::<(), crate::replay::Failure>(())
        });
        outcome?.ok()?;
    }
    Some(least)
}

/// An allocator whose allocates and frees are timed.
struct Timed<P> {
    peer: P,
    /// The ticks of the last one.
    last: u64,
}

impl<P: Peer> Timed<P> {
    #[inline(always)]
    fn timed<T>(&mut self, call: impl FnOnce(&mut P) -> T) -> T {
        let began = ticks();
        let result = call(&mut self.peer);
        self.last = ticks() - began;
        result
    }
}

impl<P: Peer> Peer for Timed<P> {
    const NAME: &'static str = P::NAME;

    unsafe fn on(memory: Span) -> Option<Self> {
        // SAFETY: the caller upholds the contract.
        let peer = unsafe { P::on(memory) }?;
        Some(Self { peer, last: 0 })
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.timed(|peer| peer.allocate(layout))
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        self.timed(|peer| unsafe { peer.deallocate(block, layout) });
    }

    #[inline]
    fn allocate_zeroed(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.peer.allocate_zeroed(layout)
    }

    #[inline]
    unsafe fn reallocate(&mut self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the caller upholds the contract.
        unsafe { self.peer.reallocate(block, old, new) }
    }
}

/// Returns the table: nanoseconds.
pub fn table(setting: &Setting, ask: Ask) -> Table {
    let heading = [
        "allocator",
        "allocate, 99.9 %",
        "allocate, worst",
        "free, 99.9 %",
        "free, worst",
    ];
    let mut table = Table::new(heading);
    let replays = setting.replays.to_string();
    for name in NAMES {
        eprintln!("latency: {name}");
        let mut words = vec![WORD, name, &replays];
        words.extend(setting.loads.iter().map(String::as_str));
        let figures = ask(&words);
        let figure = |index: usize| figures.as_ref().map(|figures| figures[index]);
        table.row(name, (0..heading.len() - 1).map(|index| cell(figure(index), 0)));
    }
    table
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::loads::{last_in_first_out, teardown};
    use crate::measure::tests::{Refuses, rows, tiny};

    /// Takes 20 microseconds for the 64th block, and answers each request with the same memory.
    struct Slow(Span, usize);

    impl Peer for Slow {
        const NAME: &'static str = "slow";

        unsafe fn on(memory: Span) -> Option<Self> {
            Some(Self(memory, 0))
        }

        fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
            self.1 += 1;
            let began = Instant::now();
            while self.1 == 64 && began.elapsed() < Duration::from_micros(20) {}
            (layout.size() <= self.0.len()).then_some(self.0.start())
        }

        unsafe fn deallocate(&mut self, _block: NonNull<u8>, _layout: Layout) {}
    }

    #[test]
    fn one_slow_call_is_the_worst_and_no_free_is() {
        let (loads, replays) = (&[last_in_first_out()], 5);
        let figures = Latency { loads, replays }.run::<Slow>().unwrap();
        assert!(figures[1] >= 18_000.0 && figures[3] < figures[1], "{figures:?}");
    }

    #[test]
    fn who_refuses_or_has_nothing_to_do_has_a_dash() {
        let job = |loads: &[Load]| Latency { loads, replays: 1 }.run::<Refuses>();
        assert_eq!(job(&[teardown()]), None);
        assert_eq!(job(&[]), None);
        let mut ask = |words: &[&str]| (words[1] == NAMES[1]).then(|| vec![1.0, 2.0, 3.0, 4.0]);
        let rows = rows(&table(&tiny(), &mut ask).to_string());
        assert_eq!(rows[0][1..], ["-"; 4]);
        assert_eq!(rows[1][1..], ["1", "2", "3", "4"]);
    }
}
