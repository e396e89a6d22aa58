//! How long an operation takes, less the loop around it, beside talc.
//!
//! In each round every allocator has its turn, so whatever else the machine does meets all of them, and the ratios are those
//! within a round. A turn is the quickest of several replays, in processor time: the others were interrupted more.

use std::time::Duration;

use super::area::Area;
use super::clock::processor_time;
use super::field::{NAMES, YARDSTICK};
use super::numbers::{geometric_mean, median};
use super::table::{Table, cell};
use super::{Ask, Job, Setting, catalogue};
use crate::loads::Load;
use crate::peers::{Nothing, Peer};
use crate::replay::{Live, Touch, check, replay_part, room_for};
use crate::trace::Trace;

/// The first word of the question.
pub const WORD: &str = "time";
/// The last word of the question if every byte is to be checked first.
pub const CHECKED: &str = "checked";
const UNCHECKED: &str = "unchecked";

const LEAST_REPLAYS: usize = 3;

/// Returns how much memory a load gets where time counts: four times what it asks for, and a MiB at least.
pub fn room(trace: &Trace) -> usize {
    (4 * trace.peak_live() as usize).max(1 << 20).next_multiple_of(1 << 16)
}

/// A turn: nanoseconds per operation, the loop's included.
#[derive(Clone, Debug)]
pub struct Time<'a> {
    /// What is replayed.
    pub load: &'a Load,
    /// How long at least.
    pub turn: Duration,
    /// Whether it is replayed once before, with a look at every byte.
    pub is_checked: bool,
}

impl Job for Time<'_> {
    fn run<P: Peer>(&self) -> Option<Vec<f64>> {
        let trace = self.load.trace();
        let len = room(trace);
        let mut area = Area::touched(len)?;
        if self.is_checked {
            area.lend(len, |peer: &mut P, span| check(peer, span, trace))?.ok()?;
        }
        let mut live = room_for(trace);
        let (mut least, mut total, mut replays) = (Duration::MAX, Duration::ZERO, 0);
        while replays < LEAST_REPLAYS || total < self.turn {
            let elapsed = area.lend(len, |peer: &mut P, _| once(peer, self.load, &mut live))??;
            least = least.min(elapsed);
            total += elapsed;
            replays += 1;
        }
        Some(vec![least.as_nanos() as f64 / self.load.measured().len() as f64])
    }
}

/// Returns how long the measured part of a load takes.
fn once<P: Peer>(peer: &mut P, load: &Load, live: &mut [Live]) -> Option<Duration> {
    replay_part(peer, load.trace(), load.prelude(), live, &Touch).ok()?;
    let began = processor_time();
    let outcome = replay_part(peer, load.trace(), load.measured(), live, &Touch);
    let elapsed = processor_time() - began;
    outcome.ok().map(|()| elapsed)
}

/// Returns the table: talc's nanoseconds, and everyone's time as a multiple of talc's.
pub fn table(setting: &Setting, ask: Ask) -> Table {
    let mut table = Table::new(["load", "talc, ns"].iter().chain(NAMES));
    let mut columns = vec![Vec::new(); NAMES.len()];
    for (index, load) in setting.loads.iter().enumerate() {
        eprintln!(
            "time: {} ({} of {})",
            catalogue::title(load),
            index + 1,
            setting.loads.len()
        );
        let (yardstick, ratios) = compare(setting, load, ask);
        for (column, ratio) in columns.iter_mut().zip(&ratios) {
            column.push(*ratio);
        }
        let ratios = ratios.iter().map(|ratio| cell(*ratio, 2));
        table.row(
            catalogue::title(load),
            core::iter::once(cell(yardstick, 1)).chain(ratios),
        );
    }
    let means = columns.iter().map(|column| cell(geometric_mean(column), 2));
    table.row("geometric mean", core::iter::once(String::new()).chain(means));
    table
}

/// Returns the net time of talc, and the ratio of everyone's to it: the medians over the rounds.
fn compare(setting: &Setting, load: &str, ask: Ask) -> (Option<f64>, Vec<Option<f64>>) {
    let turn = setting.turn_word();
    let mut yardsticks = Vec::new();
    let mut ratios = vec![Vec::new(); NAMES.len()];
    // Who failed once is not asked again.
    let mut is_out = vec![false; NAMES.len()];
    for round in 0..setting.rounds {
        let check = if round == 0 { CHECKED } else { UNCHECKED };
        let mut measure = |name, check| Some(ask(&[WORD, name, load, &turn, check])?[0]);
        // The loop looks at no contents.
        let alone = measure(Nothing::NAME, UNCHECKED);
        let mut net = vec![None; NAMES.len()];
        for (index, name) in NAMES.iter().enumerate().filter(|(index, _)| !is_out[*index]) {
            net[index] = measure(name, check);
        }
        for (net, is_out) in net.iter_mut().zip(&mut is_out) {
            *is_out |= net.is_none();
            // Less than nothing is noise, and no figure.
            *net = net
                .zip(alone)
                .map(|(time, alone)| time - alone)
                .filter(|&net| net > 0.0);
        }
        let yardstick = NAMES.iter().zip(&net).find(|(name, _)| **name == YARDSTICK);
        let Some(yardstick) = yardstick.and_then(|(_, net)| *net) else {
            continue;
        };
        yardsticks.push(yardstick);
        for (ratios, net) in ratios.iter_mut().zip(&net) {
            ratios.extend(net.map(|net| net / yardstick));
        }
    }
    let medians = ratios
        .iter()
        .zip(is_out)
        .map(|(ratios, is_out)| median(ratios).filter(|_| !is_out));
    (median(&yardsticks), medians.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loads::last_in_first_out;
    use crate::measure::tests::{Refuses, rows, tiny};
    use crate::peers::Talc;

    #[test]
    fn an_allocator_takes_time_and_one_that_refuses_or_overlaps_has_no_figure() {
        let load = last_in_first_out();
        let job = Time {
            load: &load,
            turn: Duration::ZERO,
            is_checked: true,
        };
        assert!(job.run::<Talc>().unwrap()[0] > 0.0);
        assert_eq!(job.run::<Refuses>(), None);
        assert_eq!(job.run::<Nothing>(), None);
    }

    #[test]
    fn the_loop_is_taken_off_before_the_ratio_and_who_fails_spoils_one_cell() {
        let mut ask = |words: &[&str]| match words[1] {
            Nothing::NAME => Some(vec![2.0]),
            YARDSTICK => Some(vec![12.0]),
            "kalloc-pool" => Some(vec![7.0]),
            _ => None,
        };
        let rows = rows(&table(&tiny(), &mut ask).to_string());
        let cells = NAMES.iter().map(|&name| match name {
            YARDSTICK => "1.00",
            "kalloc-pool" => "0.50",
            _ => "-",
        });
        let expected: Vec<_> = ["holes", "10.0"].into_iter().chain(cells).collect();
        assert_eq!(rows[0], expected);
        assert_eq!(rows[1][..4], ["geometric mean", "", "0.50", "-"]);
    }
}
