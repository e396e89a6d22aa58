//! The smallest region in which a trace runs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::area::{Area, Base};
use super::field::NAMES;
use super::table::{Table, cell};
use super::{Ask, Job, Setting, catalogue};
use crate::peers::Peer;
use crate::replay::{Live, Touch, replay, room_for};
use crate::trace::Trace;

/// The first word of the question.
pub const WORD: &str = "smallest";

/// The search is in steps of this part of what lives at the peak.
const STEPS: usize = 200;
/// A region that is this many times as large is not tried any more.
const MOST: usize = 16;
/// Lengths of regions are multiples of this.
const GRAIN: usize = 64;

/// What lives at the peak, in per cent of the smallest region in which the trace runs.
///
/// The region is that of an allocator and its value, so its state outside of the memory counts.
#[derive(Clone, Copy, Debug)]
pub struct Smallest<'a>(pub &'a Trace);

impl Job for Smallest<'_> {
    fn run<P: Peer>(&self) -> Option<Vec<f64>> {
        let peak = self.0.peak_live() as usize;
        let len = |step: usize| (peak + peak * step / STEPS).next_multiple_of(GRAIN);
        let most = STEPS * (MOST - 1);
        let mut area = Area::new(len(most), Base::Page)?;
        let mut live = room_for(self.0);
        let step = least(most, |step| runs_in::<P>(&mut area, len(step), self.0, &mut live))?;
        let bytes = len(step) + size_of::<P>();
        Some(vec![peak as f64 / bytes as f64 * 100.0])
    }
}

/// Returns whether `trace` runs on a `P` in `len` bytes. One that panics for want of room does not.
fn runs_in<P: Peer>(area: &mut Area, len: usize, trace: &Trace, live: &mut [Live]) -> bool {
    let run = AssertUnwindSafe(|| area.lend(len, |peer: &mut P, _| replay(peer, trace, live, &Touch)));
    matches!(catch_unwind(run), Ok(Some(Ok(()))))
}

/// Returns a step from 0 to `most` for which `runs` holds, as well as for the next two. If it holds for every step above the
/// first, that is the first; larger regions do not always suffice where smaller ones do, so the least may be lower.
fn least(most: usize, mut runs: impl FnMut(usize) -> bool) -> Option<usize> {
    let (mut low, mut high) = (0, 16);
    while !runs(high) {
        if high >= most {
            return None;
        }
        (low, high) = (high + 1, (2 * high).min(most));
    }
    loop {
        while low < high {
            let middle = low + (high - low) / 2;
            if runs(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let Some(fails) = (high + 1..=(high + 2).min(most)).find(|&step| !runs(step)) else {
            return Some(high);
        };
        low = fails + 1;
        high = (low..=most).find(|&step| runs(step))?;
    }
}

/// Returns the table: efficiency in per cent.
pub fn table(setting: &Setting, ask: Ask) -> Table {
    let mut table = Table::new(["load"].iter().chain(NAMES));
    for (index, load) in setting.loads.iter().enumerate() {
        let title = catalogue::title(load);
        eprintln!("smallest region: {title} ({} of {})", index + 1, setting.loads.len());
        let mut figure = |name: &&str| cell(ask(&[WORD, name, load]).map(|figures| figures[0]), 1);
        table.row(title, NAMES.iter().map(&mut figure));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loads::holes;
    use crate::measure::tests::{Refuses, rows, tiny};
    use crate::peers::{Nothing, Pool, Talc};

    #[test]
    fn the_least_step_is_found_and_a_lucky_one_is_passed_over() {
        for wanted in [0, 1, 15, 16, 17, 33, 100] {
            assert_eq!(least(100, |step| step >= wanted), Some(wanted));
        }
        assert_eq!(least(100, |step| step == 8 || step >= 40), Some(40));
        assert_eq!(least(100, |_| false), None);
    }

    #[test]
    fn efficiency_is_below_100_and_the_loop_alone_needs_no_more_than_its_value() {
        let load = holes(1000);
        let job = Smallest(load.trace());
        let [pool, talc] = [job.run::<Pool>(), job.run::<Talc>()].map(|figures| figures.unwrap()[0]);
        assert!(
            talc > 10.0 && talc < pool && pool < 100.0,
            "talc {talc}, the pool {pool}"
        );
        assert!(job.run::<Nothing>().unwrap()[0] > 99.0);
        assert_eq!(job.run::<Refuses>(), None);
    }

    #[test]
    fn who_cannot_run_it_has_a_dash() {
        let mut ask = |words: &[&str]| (words[1] == NAMES[0]).then(|| vec![91.25]);
        let rows = rows(&table(&tiny(), &mut ask).to_string());
        assert_eq!(rows[0][..3], ["holes", "91.2", "-"]);
    }
}
