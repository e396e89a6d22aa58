//! What a heap looks like in figures: its counters, and the sizes of its free blocks from one walk over it.

use kalloc_traits::{Inspect, RunKind, Stats};

use crate::table::{Table, grouped};

/// A heap's figures at one moment, in bytes.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The counters.
    pub stats: Stats,
    /// The sizes of the free blocks, by ascending address.
    pub free_blocks: Vec<usize>,
}

impl Figures {
    /// Returns the figures of `heap`. Takes time linear in it.
    pub fn of(heap: &impl Inspect) -> Self {
        let mut free_blocks = Vec::new();
        heap.walk(&mut |run| {
            if run.kind == RunKind::Free {
                free_blocks.push(run.len);
            }
        });
        Self {
            stats: heap.stats(),
            free_blocks,
        }
    }

    /// Returns the size of the largest free block, 0 if there is none.
    pub fn largest_free(&self) -> usize {
        self.free_blocks.iter().copied().max().unwrap_or(0)
    }

    /// Returns which part of the free memory does not lie in the largest free block: 0 is one piece, nearly 1 is dust.
    pub fn fragmentation(&self) -> f64 {
        let free: usize = self.free_blocks.iter().sum();
        if free == 0 {
            return 0.0;
        }
        1.0 - self.largest_free() as f64 / free as f64
    }
}

/// Returns a table of figures with the columns that [`add`] fills.
pub fn table(title: &str) -> Table {
    let columns = [
        "capacity", "used", "cached", "free", "largest", "pieces", "blocks", "failed",
    ];
    Table::new(title, &columns)
}

/// Appends the figures of `heap` to a table that [`table`] made.
pub fn add(table: &mut Table, name: &str, heap: &impl Inspect) {
    let figures = Figures::of(heap);
    let stats = figures.stats;
    let cells = [
        stats.capacity,
        stats.used,
        stats.cached,
        stats.free,
        figures.largest_free(),
        figures.free_blocks.len(),
        stats.live_blocks,
        stats.failed_requests,
    ];
    table.row(name, &cells.map(|figure| grouped(figure as u64)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(free_blocks: &[usize]) -> Figures {
        Figures {
            stats: Stats::default(),
            free_blocks: free_blocks.to_vec(),
        }
    }

    #[test]
    fn one_piece_is_not_fragmented_and_four_equal_ones_are_by_three_quarters() {
        assert_eq!(figures(&[]).fragmentation(), 0.0);
        assert_eq!(figures(&[64]).fragmentation(), 0.0);
        assert_eq!(figures(&[8, 8, 8, 8]).fragmentation(), 0.75);
        assert_eq!(figures(&[8, 24, 16]).largest_free(), 24);
    }
}
