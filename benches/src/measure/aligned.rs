//! How much of a region can be served as blocks that are aligned to their size.

use core::alloc::Layout;

use super::area::{Area, Base};
use super::field::NAMES;
use super::table::{Table, cell};
use super::{Ask, Job};
use crate::peers::Peer;

/// The first word of the question.
pub const WORD: &str = "aligned";
/// The last word of the question if small blocks lie between.
pub const MIXED: &str = "mixed";
const ALONE: &str = "alone";

const MEMORY: usize = 16 << 20;
/// The sizes, which are the alignments too.
const SIZES: [usize; 3] = [4096, 512, 64];
/// The small blocks, at words.
const SMALL: usize = 24;

/// Bytes that are served until a request is refused, in per cent of the region.
#[derive(Clone, Copy, Debug)]
pub struct Aligned {
    /// The size and the alignment, a power of two.
    pub size: usize,
    /// Whether every other block is a small one.
    pub is_mixed: bool,
}

impl Job for Aligned {
    fn run<P: Peer>(&self) -> Option<Vec<f64>> {
        let aligned = Layout::from_size_align(self.size, self.size).ok()?;
        let small = Layout::from_size_align(SMALL, 8).ok()?;
        let layouts = [aligned, small];
        let layouts = &layouts[..1 + usize::from(self.is_mixed)];
        let served = Area::new(MEMORY, Base::Page)?.lend(MEMORY, |peer: &mut P, _| {
            let mut served = 0;
            for layout in layouts.iter().cycle() {
                let Some(block) = peer.allocate(*layout) else {
                    break;
                };
                // An allocator that never refuses is broken, as is one that aligns wrongly.
                if block.addr().get() % layout.align() != 0 || served > MEMORY {
                    return None;
                }
                served += layout.size();
            }
            Some(served)
        })??;
        (served > 0).then(|| vec![served as f64 / MEMORY as f64 * 100.0])
    }
}

/// Returns the table: per cent.
pub fn table(ask: Ask) -> Table {
    let mut table = Table::new(["blocks"].iter().chain(NAMES));
    for size in SIZES {
        for (company, words) in [(ALONE, ""), (MIXED, ", each with one of 24 bytes")] {
            eprintln!("aligned blocks: {size}, {company}");
            let word = size.to_string();
            let mut figure = |name: &&str| cell(ask(&[WORD, name, &word, company]).map(|figures| figures[0]), 1);
            table.row(&format!("{size} at {size}{words}"), NAMES.iter().map(&mut figure));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::{Refuses, rows};
    use crate::peers::{Nothing, Pool};

    #[test]
    fn pages_fill_nearly_all_and_who_refuses_or_never_does_has_no_figure() {
        let job = Aligned {
            size: 4096,
            is_mixed: false,
        };
        let served = job.run::<Pool>().unwrap()[0];
        assert!(served > 95.0 && served < 100.0, "{served}");
        assert_eq!(job.run::<Refuses>(), None);
        assert_eq!(job.run::<Nothing>(), None);
    }

    #[test]
    fn there_are_two_rows_per_size() {
        let mut ask = |words: &[&str]| (words[3] == MIXED).then(|| vec![50.0]);
        let rows = rows(&table(&mut ask).to_string());
        assert_eq!(rows.len(), 2 * SIZES.len());
        assert_eq!((rows[0][1].as_str(), rows[1][1].as_str()), ("-", "50.0"));
    }
}
