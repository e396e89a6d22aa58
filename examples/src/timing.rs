//! How long a replay takes, for several allocators side by side.
//!
//! In each round every allocator has its turn, so that whatever else the machine does meets all of them. A turn replays
//! the trace several times, each time on a new heap, and counts the fastest replay: the others were interrupted more. The
//! cost of the loop itself is that of the fastest replay on [`Nothing`]; it is taken off every figure.

use std::time::{Duration, Instant};

use kalloc_benches::Peer;
use kalloc_benches::memory::{BYTES, Memory};
use kalloc_benches::peers::Nothing;

use crate::replay::{Live, Touch, replay, room_for};
use crate::trace::Trace;

/// How long a turn takes at least.
const TURN: Duration = Duration::from_millis(20);

/// Replays of one allocator, in nanoseconds per operation, one figure per round.
#[derive(Clone, Debug)]
pub struct Series(Vec<f64>);

impl Series {
    /// Returns the median.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// Returns the least figure.
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Returns the median of the ratios within each round to `other`.
    pub fn ratio_to(&self, other: &Self) -> f64 {
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(mine, theirs)| mine / theirs)
                .collect(),
        )
        .median()
    }
}

/// One allocator's turn: replays `Trace` in `Memory` and returns nanoseconds per operation, the loop's included.
pub type Turn = fn(&mut Memory, &Trace, &mut [Live]) -> f64;

/// Returns the turn of `P`.
///
/// Assumes that the trace runs on it in the whole memory.
pub fn turn<P: Peer>() -> Turn {
    |memory, trace, live| {
        let began = Instant::now();
        let mut least = Duration::MAX;
        while began.elapsed() < TURN {
            least = least.min(time_once::<P>(memory, trace, live));
        }
        least.as_nanos() as f64 / trace.ops().len() as f64
    }
}

/// Returns how long one replay takes, on a new `P`.
fn time_once<P: Peer>(memory: &mut Memory, trace: &Trace, live: &mut [Live]) -> Duration {
    let elapsed = memory.lend(BYTES, |peer: &mut P, _| {
        let began = Instant::now();
        let outcome = replay(peer, trace, live, &Touch);
        let elapsed = began.elapsed();
        assert_eq!(outcome, Ok(()), "the trace was checked on {}", P::NAME);
        elapsed
    });
    elapsed.expect("the trace was checked on it")
}

/// Times every allocator in `rounds` rounds, and returns a series for each. Calls `report` before each round.
pub fn compare(
    memory: &mut Memory,
    trace: &Trace,
    turns: &[Turn],
    rounds: usize,
    mut report: impl FnMut(usize),
) -> Vec<Series> {
    let mut live = room_for(trace);
    let mut series = vec![Series(Vec::new()); turns.len()];
    let mut loop_alone = f64::INFINITY;
    for round in 0..rounds {
        report(round);
        loop_alone = loop_alone.min(turn::<Nothing>()(memory, trace, &mut live));
        for (turn, series) in turns.iter().zip(&mut series) {
            series.0.push(turn(memory, trace, &mut live));
        }
    }
    for figure in series.iter_mut().flat_map(|series| &mut series.0) {
        *figure -= loop_alone;
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios_are_those_of_the_rounds() {
        let slow = Series(vec![30.0, 90.0, 20.0]);
        let fast = Series(vec![10.0, 10.0, 10.0]);
        assert_eq!((slow.median(), slow.least()), (30.0, 20.0));
        assert_eq!(slow.ratio_to(&fast), 3.0);
    }
}
