//! Chapter 6: the beginning of a Linux boot in a pool on 4 MiB of static memory, beside two other allocators.
//!
//! It replays what the kernel asked of its own allocators, with the true sizes and alignments;
//! `examples/traces/README.md` says where the recording comes from.

use std::error::Error;
use std::io::Write;

use kalloc_benches::Peer;
use kalloc_benches::memory::{BYTES, Memory};
use kalloc_benches::peers::{LinkedList, Pool, Talc};
use kalloc_traits::Inspect;

use super::Outcome;
use crate::figures::Figures;
use crate::progress::Progress;
use crate::replay::{Failure, Touch, check, replay, room_for};
use crate::smallest::smallest;
use crate::table::{Table, grouped};
use crate::timing::{Turn, compare, turn};
use crate::trace::Trace;

/// An allocator, as the tour uses it.
struct Contestant {
    name: &'static str,
    check: fn(&mut Memory, &Trace) -> Result<(), Failure>,
    turn: Turn,
    smallest: fn(&mut Memory, &Trace, &Progress) -> Option<usize>,
}

impl Contestant {
    fn new<P: Peer>() -> Self {
        Self {
            name: P::NAME,
            check: |memory, trace| {
                let outcome = memory.lend(BYTES, |peer: &mut P, span| check(peer, span, trace));
                outcome.expect("4 MiB are enough to start with")
            },
            turn: turn::<P>(),
            smallest: |memory, trace, progress| {
                smallest::<P>(memory, trace, |len| {
                    progress.say(&format!("{} in {} bytes", P::NAME, grouped(len as u64)));
                })
            },
        }
    }
}

/// Whom figures are compared to: the fastest of the established ones.
const TALC: usize = 1;

fn contestants() -> [Contestant; 3] {
    [
        Contestant::new::<Pool>(),
        Contestant::new::<Talc>(),
        Contestant::new::<LinkedList>(),
    ]
}

/// Runs the chapter, with `rounds` rounds of timing.
///
/// # Errors
///
/// An allocator failed, or `out` takes no more.
pub fn tell(out: &mut dyn Write, trace: &Trace, memory: &mut Memory, rounds: usize) -> Outcome {
    let progress = Progress::new();
    let contestants = contestants();

    writeln!(out, "{}", introduction(trace))?;
    for contestant in &contestants {
        progress.say(&format!("checking {}", contestant.name));
        (contestant.check)(memory, trace).map_err(|failure| format!("{}: {failure}", contestant.name))?;
    }
    progress.clear();
    writeln!(
        out,
        "Every byte of every block was written and found intact, in each of them.\n"
    )?;

    let table = times(memory, trace, &contestants, rounds, &progress);
    progress.clear();
    writeln!(out, "{table}")?;
    let table = sizes(memory, trace, &contestants, &progress);
    progress.clear();
    writeln!(out, "{table}")?;
    writeln!(out, "{}", pool_at_the_end(memory, trace)?)?;
    Ok(())
}

fn introduction(trace: &Trace) -> String {
    format!(
        "A Linux 6.1 boot, its first {} requests, in {} MiB of static memory.\n\
         {} blocks live at the end; at the peak, {} KiB were asked for and not freed.\n",
        grouped(trace.ops().len() as u64),
        BYTES >> 20,
        grouped(trace.survivors().count() as u64),
        grouped(trace.peak_live() >> 10),
    )
}

fn times(memory: &mut Memory, trace: &Trace, contestants: &[Contestant], rounds: usize, progress: &Progress) -> Table {
    let turns: Vec<Turn> = contestants.iter().map(|contestant| contestant.turn).collect();
    let series = compare(memory, trace, &turns, rounds, |round| {
        progress.say(&format!("timing, round {} of {rounds}", round + 1));
    });
    let title = format!("Time per operation, clearing included ({rounds} rounds, the allocators in turn)");
    let mut table = Table::new(&title, &["median", "least", "/ talc"]);
    for (contestant, times) in contestants.iter().zip(&series) {
        let cells = [
            format!("{:.1} ns", times.median()),
            format!("{:.1} ns", times.least()),
            format!("{:.2}", times.ratio_to(&series[TALC])),
        ];
        table.row(contestant.name, &cells);
    }
    table
}

fn sizes(memory: &mut Memory, trace: &Trace, contestants: &[Contestant], progress: &Progress) -> Table {
    let title = "Smallest memory in which it runs, the allocator's own state included";
    let mut table = Table::new(title, &["bytes", "over the requests"]);
    for contestant in contestants {
        let cells = match (contestant.smallest)(memory, trace, progress) {
            Some(bytes) => [
                grouped(bytes as u64),
                format!("{:+.2} %", (bytes as f64 / trace.peak_live() as f64 - 1.0) * 100.0),
            ],
            None => ["more than there is".to_owned(), String::new()],
        };
        table.row(contestant.name, &cells);
    }
    table
}

/// What the pool says of itself after the boot.
fn pool_at_the_end(memory: &mut Memory, trace: &Trace) -> Result<Table, Box<dyn Error>> {
    let table = memory.lend(BYTES, |peer: &mut Pool, _| {
        replay(peer, trace, &mut room_for(trace), &Touch)?;
        let pool = peer.heap();
        pool.verify()?;
        let figures = Figures::of(pool);
        let stats = figures.stats;
        let rows = [
            ("capacity", stats.capacity),
            ("used", stats.used),
            ("used at the peak", stats.peak_used),
            ("held in quick lists", stats.cached),
            ("free", stats.free),
            ("free in one piece", figures.largest_free()),
            ("free pieces", figures.free_blocks.len()),
            ("live blocks", stats.live_blocks),
            ("failed requests", stats.failed_requests),
        ];
        let mut table = Table::new("The pool after the boot, in bytes; verify() found it sound", &[""]);
        for (name, figure) in rows {
            table.row(name, &[grouped(figure as u64)]);
        }
        Ok(table)
    });
    table.expect("4 MiB are enough to start with")
}
