//! Random actions, in the manner of talc's benchmark of that name: no list of operations, but a dice for each.
//!
//! Of seven throws three allocate, three free, and one resizes to up to three times the maximal size. Below 300 live blocks,
//! all that do not resize allocate. Sizes from 4 bytes are evenly distributed up to a bound that is itself so; alignments
//! begin at 8, and each further doubling is a fourth as frequent. Contents are not touched.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::time::Duration;

use super::area::Area;
use super::clock::processor_time;
use super::field::NAMES;
use super::numbers::median;
use super::table::{Table, cell};
use super::{Ask, Job, Setting};
use crate::peers::Peer;
use crate::random::Random;

/// The first word of the question.
pub const WORD: &str = "actions";

/// The greatest size of what is allocated, per row.
pub const MAX_SIZES: [u32; 5] = [200, 1000, 3000, 10_000, 30_000];

const MEMORY: usize = 128 << 20;
const LIVE_BLOCKS: usize = 300;
const SEED: u64 = 0x6b61_6c6c_6f63;
/// How many actions lie between two looks at the clock.
const ACTIONS: usize = 1000;
/// Turns here are longer by this factor, as they are few.
const LONGER: u32 = 4;

/// Million actions that succeed per second of processor time.
#[derive(Clone, Copy, Debug)]
pub struct Actions {
    /// The greatest size of what is allocated, in bytes; at least 17.
    pub max_size: u32,
    /// How long to act, after a quarter of it for a start.
    pub turn: Duration,
}

impl Job for Actions {
    fn run<P: Peer>(&self) -> Option<Vec<f64>> {
        let rate = Area::touched(MEMORY)?.lend(MEMORY, |peer: &mut P, _| {
            let mut player = Player {
                peer,
                dice: Random::new(SEED),
                max_size: self.max_size,
                live: Vec::with_capacity(1 << 16),
            };
            player.rate(self.turn / 4);
            player.rate(self.turn)
        })?;
        (rate > 0.0).then(|| vec![rate / 1e6])
    }
}

struct Player<'a, P> {
    peer: &'a mut P,
    dice: Random,
    max_size: u32,
    live: Vec<(NonNull<u8>, Layout)>,
}

impl<P: Peer> Player<'_, P> {
    /// Acts for so long, and returns how many actions succeeded per second.
    fn rate(&mut self, turn: Duration) -> f64 {
        let began = processor_time();
        let mut succeeded = 0_u64;
        loop {
            for _ in 0..ACTIONS {
                succeeded += u64::from(self.act().is_some());
            }
            let elapsed = processor_time() - began;
            if elapsed >= turn {
                return succeeded as f64 / elapsed.as_secs_f64();
            }
        }
    }

    /// Acts once; `None` if there is no room, or nothing to act on.
    #[inline]
    fn act(&mut self) -> Option<()> {
        match self.dice.below(7) {
            6 => self.resize(),
            throw if throw < 3 || self.live.len() < LIVE_BLOCKS => self.allocate(),
            _ => self.free(),
        }
    }

    fn allocate(&mut self) -> Option<()> {
        let bound = 16 + self.dice.below(self.max_size - 16);
        let size = 4 + self.dice.below(bound - 4);
        // 16 bits that are all zero have no lowest one; the alignment is then 2048.
        let doublings = (self.dice.below(1 << 16) | 1 << 16).trailing_zeros() / 2;
        let layout = Layout::from_size_align(size as usize, 8 << doublings).ok()?;
        let block = self.peer.allocate(layout)?;
        self.live.push((block, layout));
        Some(())
    }

    fn free(&mut self) -> Option<()> {
        let index = self.dice.below(self.live.len() as u32);
        let (block, layout) = self.live.swap_remove(index as usize);
        // SAFETY: the block lived, and was last given this layout.
        unsafe { self.peer.deallocate(block, layout) };
        Some(())
    }

    fn resize(&mut self) -> Option<()> {
        if self.live.is_empty() {
            return None;
        }
        let index = self.dice.below(self.live.len() as u32) as usize;
        let size = 1 + self.dice.below(3 * self.max_size - 1);
        let (block, old) = self.live[index];
        let new = Layout::from_size_align(size as usize, old.align()).ok()?;
        // SAFETY: the block lives, was last given `old`, and the alignment stays.
        let moved = unsafe { self.peer.reallocate(block, old, new) }?;
        self.live[index] = (moved, new);
        Some(())
    }
}

/// Returns the table: million actions per second, medians over the rounds.
pub fn table(setting: &Setting, ask: Ask) -> Table {
    let mut table = Table::new(["sizes up to"].iter().chain(NAMES));
    let turn = (setting.turn * LONGER).as_millis().to_string();
    for max_size in MAX_SIZES.map(|size| size.to_string()) {
        eprintln!("random actions: sizes up to {max_size}");
        let mut rates = vec![Vec::new(); NAMES.len()];
        for _ in 0..setting.rounds {
            for (name, rates) in NAMES.iter().zip(&mut rates) {
                rates.extend(ask(&[WORD, name, &max_size, &turn]).map(|figures| figures[0]));
            }
        }
        // Who failed in one of the rounds has no figure.
        let is_whole = |rates: &&Vec<f64>| rates.len() == setting.rounds;
        let medians = rates
            .iter()
            .map(|rates| Some(rates).filter(is_whole).and_then(|rates| median(rates)));
        table.row(&max_size, medians.map(|rate| cell(rate, 2)));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{Refuses, rows, tiny};
    use crate::peers::Talc;

    #[test]
    fn an_allocator_has_a_rate_and_one_that_refuses_has_none() {
        let job = Actions {
            max_size: 200,
            turn: Duration::from_millis(1),
        };
        assert!(job.run::<Talc>().unwrap()[0] > 0.0);
        assert_eq!(job.run::<Refuses>(), None);
    }

    #[test]
    fn who_fails_in_one_round_has_a_dash() {
        let setting = Setting { rounds: 2, ..tiny() };
        let mut asked = 0;
        let mut ask = |words: &[&str]| {
            asked += 1;
            (words[1] == NAMES[0] || asked == 2).then(|| vec![12.345])
        };
        let rows = rows(&table(&setting, &mut ask).to_string());
        assert_eq!(rows[0][..3], ["200", "12.35", "-"]);
        assert_eq!(rows.len(), MAX_SIZES.len());
    }
}
