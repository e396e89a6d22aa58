//! A heap over time, as a strip: each column is a moment, each row a part of the memory, the lowest address below.

use kalloc_traits::{Inspect, Run, RunKind};

use super::{HEAD, MARGIN, Page, STYLE};

/// Rows of a strip.
const ROWS: usize = 160;
/// How high a row is, and how wide a column, in pixels.
const ROW_HEIGHT: usize = 3;
const COLUMN_WIDTH: usize = 4;

/// What most of a cell is.
const KINDS: [(RunKind, &str); 3] = [
    (RunKind::Used, "used"),
    (RunKind::Cached, "cached"),
    (RunKind::Free, "free"),
];

/// What a heap looked like at several moments. Each costs a byte a row, whatever the heap.
#[derive(Clone, Debug, Default)]
pub struct Strip {
    /// For each moment and row, the index of its kind in [`KINDS`]; nothing if there was no memory.
    moments: Vec<[Option<u8>; ROWS]>,
}

impl Strip {
    /// Returns a strip of no moment.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what `heap` looks like now. Takes time linear in it. Gaps between regions are not shown.
    pub fn look<H: Inspect + ?Sized>(&mut self, heap: &H) {
        let mut runs = Vec::new();
        heap.walk(&mut |run| runs.push(run));
        self.moments.push(rows(&runs));
    }

    /// Returns how many moments there are.
    pub fn len(&self) -> usize {
        self.moments.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// Returns the strip as an SVG file's text.
    pub fn svg(&self, title: &str) -> String {
        let width = 2 * MARGIN + (self.moments.len() * COLUMN_WIDTH).max(400);
        let height = HEAD + ROWS * ROW_HEIGHT + MARGIN;
        let mut page = Page::default();
        page.add(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             {STYLE}<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
        ));
        page.text(MARGIN, 38, "title", title);
        page.text(
            MARGIN,
            64,
            "small",
            "Time grows to the right, addresses upwards. Dark: used. Hatched: cached. Light: free.",
        );
        for (kind, (_, class)) in (0..).zip(KINDS) {
            let cells = self.moments.iter().zip(0..).flat_map(|(rows, column)| {
                let x = (MARGIN + column * COLUMN_WIDTH) as f64;
                let of_kind = (0..ROWS).filter(move |&row| rows[row] == Some(kind));
                of_kind.map(move |row| (x, (HEAD + (ROWS - 1 - row) * ROW_HEIGHT) as f64, COLUMN_WIDTH as f64))
            });
            page.rects(class, cells, ROW_HEIGHT as f64);
        }
        page.add("</svg>".to_owned());
        page.0
    }
}

/// Returns what most of each row is, if `runs` are cut into so many rows of equal length.
fn rows(runs: &[Run]) -> [Option<u8>; ROWS] {
    let bytes: usize = runs.iter().map(|run| run.len).sum();
    let mut shares = [[0usize; KINDS.len()]; ROWS];
    let mut from = 0;
    for run in runs {
        let kind = KINDS.iter().position(|(kind, _)| *kind == run.kind).unwrap_or(0);
        let end = from + run.len;
        while from < end {
            let row = (from as u128 * ROWS as u128 / bytes as u128) as usize;
            let row_end = ((row + 1) as u128 * bytes as u128).div_ceil(ROWS as u128) as usize;
            let until = end.min(row_end);
            shares[row][kind] += until - from;
            from = until;
        }
    }
    shares.map(|share| {
        let most = share.iter().copied().max().filter(|most| *most > 0)?;
        share.iter().position(|bytes| *bytes == most).map(|kind| kind as u8)
    })
}

#[cfg(test)]
mod tests {
    use kalloc_pool::{AddressOrdered, Pool};
    use kalloc_traits::{Heap, StaticArray};

    use super::*;

    #[test]
    fn a_heap_that_fills_up_darkens_from_below() {
        static MEMORY: StaticArray<65536> = StaticArray::new();
        let pool = Pool::<_, AddressOrdered>::with_config(MEMORY.region());
        let mut strip = Strip::new();
        strip.look(&pool);
        pool.init().unwrap();
        for _ in 0..8 {
            strip.look(&pool);
            pool.allocate(core::alloc::Layout::new::<[u64; 800]>()).unwrap();
        }
        assert_eq!(strip.len(), 9);
        assert_eq!(strip.moments[0], [None; ROWS], "there is no memory yet");
        let dark: Vec<usize> = strip.moments[1..]
            .iter()
            .map(|rows| rows.iter().take_while(|kind| **kind == Some(0)).count())
            .collect();
        assert!(dark.windows(2).all(|pair| pair[0] < pair[1]), "{dark:?}");
        assert!(strip.moments[8][ROWS - 1] == Some(2));
        let text = strip.svg("a < b");
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n") && text.contains("a &lt; b"));
        assert!(Strip::new().svg("nothing").ends_with("</svg>\n"));
    }

    #[test]
    fn short_heaps_fill_all_rows() {
        let run = |kind, start, len| Run { kind, start, len };
        let two = rows(&[run(RunKind::Used, 0, 3), run(RunKind::Free, 100, 3)]);
        assert_eq!(two.iter().flatten().count(), 6, "no row has less than a byte");
        assert_eq!(two.iter().flatten().collect::<Vec<_>>(), [&0, &0, &0, &2, &2, &2]);
    }
}
