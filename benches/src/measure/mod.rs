//! What `cargo xtask figures` measures, for `docs/figures.md`: each measure is a file with what is measured of one allocator,
//! the [`Job`], and the table of it.
//!
//! ```text
//!   clock, area, numbers, table      what the measures need
//!   field                            the allocators        catalogue    the loads
//!   time, smallest, latency, actions, aligned              the measures
//! ```
//!
//! A table does not measure: it [asks](Ask), in words, and gets figures or nothing. So the program `figures` has each question
//! answered by a process of its own, and an allocator that fails, crashes or hangs spoils its own cell alone.

pub mod actions;
pub mod aligned;
pub mod area;
pub mod catalogue;
pub mod clock;
pub mod field;
pub mod latency;
pub mod numbers;
pub mod smallest;
pub mod table;
pub mod time;

use std::time::Duration;

use crate::peers::Peer;

/// What is measured of one allocator.
pub trait Job {
    /// Returns the figures, or `None` if the allocator cannot do what is asked.
    fn run<P: Peer>(&self) -> Option<Vec<f64>>;
}

/// Asks for the figures of one allocator. The words are a measure, the name of the allocator, and what the measure wants.
pub type Ask<'a> = &'a mut dyn FnMut(&[&str]) -> Option<Vec<f64>>;

/// How thoroughly is measured, and on what.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The loads, by what [`catalogue::load`] knows them by.
    pub loads: Vec<String>,
    /// How often every allocator has its turn.
    pub rounds: usize,
    /// How long a turn takes at least.
    pub turn: Duration,
    /// How often a load is replayed for the latency of its operations.
    pub replays: usize,
}

impl Setting {
    /// Returns the setting of a run that takes a minute or two, or of a thorough one.
    pub fn new(is_quick: bool, traces: Vec<String>) -> Self {
        let own = catalogue::OWN.iter().map(|(name, _)| (*name).to_owned());
        Self {
            loads: own.chain(traces).collect(),
            rounds: if is_quick { 3 } else { 7 },
            turn: Duration::from_millis(if is_quick { 15 } else { 50 }),
            replays: if is_quick { 7 } else { 15 },
        }
    }

    /// Returns the length of a turn as a word of a question: in milliseconds.
    fn turn_word(&self) -> String {
        self.turn.as_millis().to_string()
    }
}

/// Measures what the words ask for. `None` if the allocator cannot do it, or the words make no sense.
pub fn answer(words: &[&str]) -> Option<Vec<f64>> {
    match *words {
        [time::WORD, peer, load, turn, check] => {
            let load = catalogue::load(load)?;
            let job = time::Time {
                load: &load,
                turn: Duration::from_millis(turn.parse().ok()?),
                is_checked: check == time::CHECKED,
            };
            field::on(peer, &job)
        }
        [smallest::WORD, peer, load] => field::on(peer, &smallest::Smallest(catalogue::load(load)?.trace())),
        [latency::WORD, peer, replays, ref loads @ ..] => {
            let loads: Option<Vec<_>> = loads.iter().map(|load| catalogue::load(load)).collect();
            let job = latency::Latency {
                loads: &loads?,
                replays: replays.parse().ok()?,
            };
            field::on(peer, &job)
        }
        [actions::WORD, peer, max_size, turn] => {
            let job = actions::Actions {
                max_size: max_size.parse().ok()?,
                turn: Duration::from_millis(turn.parse().ok()?),
            };
            field::on(peer, &job)
        }
        [aligned::WORD, peer, size, company] => {
            let job = aligned::Aligned {
                size: size.parse().ok()?,
                is_mixed: company == aligned::MIXED,
            };
            field::on(peer, &job)
        }
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    use kalloc_traits::Span;

    use super::*;

    /// Has no room for anything.
    pub(crate) struct Refuses;

    impl Peer for Refuses {
        const NAME: &'static str = "refuses";

        unsafe fn on(_memory: Span) -> Option<Self> {
            Some(Self)
        }

        fn allocate(&mut self, _layout: Layout) -> Option<NonNull<u8>> {
            None
        }

        unsafe fn deallocate(&mut self, _block: NonNull<u8>, _layout: Layout) {}
    }

    /// A setting for one short load.
    pub(crate) fn tiny() -> Setting {
        Setting {
            loads: vec!["holes".to_owned()],
            rounds: 1,
            turn: Duration::from_millis(1),
            replays: 2,
        }
    }

    /// Returns the rows of a table's Markdown, by their cells.
    pub(crate) fn rows(markdown: &str) -> Vec<Vec<String>> {
        let cells = |line: &str| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        };
        markdown.lines().skip(2).map(cells).collect()
    }

    #[test]
    fn words_that_make_no_sense_get_no_answer() {
        for words in [
            &[][..],
            &["time", "talc 5.1.1"],
            &["time", "nobody", "holes", "1", "checked"],
            &["time", "talc 5.1.1", "no such load", "1", "checked"],
            &["actions", "talc 5.1.1", "many", "1"],
        ] {
            assert_eq!(answer(words), None);
        }
    }
}
