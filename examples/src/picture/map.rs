//! The map: the runs of a heap, in rows of equal length.

use kalloc_traits::{Run, RunKind};

use super::Page;

/// How wide a row is.
pub(super) const ROW_WIDTH: usize = 760;
/// How high a row is, and how far below the row above it starts.
const ROW_HEIGHT: f64 = 5.0;
const ROW_PITCH: usize = 6;
/// How many rows there are at most.
const MOST_ROWS: usize = 64;
/// Every so many rows, one says its address.
const LABELLED: usize = 8;
/// A free block that is at least so wide gets an edge.
const EDGE_WIDTH: f64 = 4.0;

/// A part of a run that lies in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    kind: RunKind,
    row: usize,
    /// In bytes from the start of the row.
    start: usize,
    len: usize,
    is_of_largest: bool,
}

/// The pieces, by ascending address. They cover the memory without gap or overlap.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pieces: Vec<Piece>,
    row_bytes: usize,
}

impl Map {
    /// Returns the map of runs that cover a heap's memory without a gap, as a walk shows them.
    pub(super) fn new(runs: &[Run]) -> Self {
        let first = runs.first().map_or(0, |run| run.start);
        let bytes = runs.last().map_or(0, |run| run.start + run.len - first);
        let row_bytes = bytes.div_ceil(MOST_ROWS).next_power_of_two().max(1024);
        let free = runs.iter().filter(|run| run.kind == RunKind::Free);
        let largest = free.max_by_key(|run| run.len).map(|run| run.start);

        let mut pieces = Vec::new();
        for run in runs {
            let (mut from, end) = (run.start - first, run.start - first + run.len);
            while from < end {
                let row = from / row_bytes;
                let until = end.min((row + 1) * row_bytes);
                pieces.push(Piece {
                    kind: run.kind,
                    row,
                    start: from % row_bytes,
                    len: until - from,
                    is_of_largest: largest == Some(run.start),
                });
                from = until;
            }
        }
        Self { pieces, row_bytes }
    }

    fn rows(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.row + 1)
    }

    /// Returns how high the map is.
    pub(super) fn height(&self) -> usize {
        self.rows() * ROW_PITCH
    }

    /// Draws the map with its left upper corner at `(left, top)`, and labels to its left.
    pub(super) fn draw(&self, page: &mut Page, left: usize, top: usize) {
        for row in (0..self.rows()).step_by(LABELLED) {
            let label = format!("{} KiB", row * self.row_bytes / 1024);
            page.text(left - 8, top + row * ROW_PITCH + 7, "small end", &label);
        }
        let place = |piece: &Piece| {
            let scale = ROW_WIDTH as f64 / self.row_bytes as f64;
            let width = piece.len as f64 * scale;
            let x = left as f64 + piece.start as f64 * scale;
            (x, (top + piece.row * ROW_PITCH) as f64, width)
        };
        // Later classes are drawn over earlier ones.
        for (class, kind) in [
            ("used", RunKind::Used),
            ("free", RunKind::Free),
            ("cached", RunKind::Cached),
        ] {
            let pieces = self.pieces.iter().filter(|piece| piece.kind == kind);
            let visible = pieces.map(place).map(|(x, y, width)| (x, y, width.max(1.0)));
            page.rects(class, visible, ROW_HEIGHT);
        }
        let is_edged = |piece: &&Piece| piece.kind == RunKind::Free && !piece.is_of_largest;
        let free = self.pieces.iter().filter(is_edged);
        let edged = free.map(place).filter(|&(_, _, width)| width >= EDGE_WIDTH);
        page.rects("edge", edged, ROW_HEIGHT);
        let largest = self.pieces.iter().filter(|piece| piece.is_of_largest);
        let places: Vec<(f64, f64, f64)> = largest.map(place).collect();
        if let (Some(&first), Some(&last)) = (places.first(), places.last()) {
            page.add(outline(first, last, left as f64));
        }
    }
}

/// Returns the line around what starts with the piece `first` and ends with `last`, both `(x, y, width)`. Rows between
/// them are full; a map's rows start at `left`.
fn outline(first: (f64, f64, f64), last: (f64, f64, f64), left: f64) -> String {
    let right = left + ROW_WIDTH as f64;
    let (start, end) = (first.0, last.0 + last.2);
    let (top, bottom) = (first.1, last.1 + ROW_HEIGHT);
    let path = if first == last {
        format!("M{start:.2} {top}H{end:.2}V{bottom}H{start:.2}z")
    } else {
        let (below_first, above_last) = (top + ROW_PITCH as f64, last.1);
        format!("M{start:.2} {top}H{right}V{above_last}H{end:.2}V{bottom}H{left}V{below_first}H{start:.2}z")
    };
    format!("<path class=\"largest\" d=\"{path}\"/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(lens: &[(RunKind, usize)]) -> Vec<Run> {
        let mut start = 0x1_0008;
        let run = |&(kind, len)| {
            let run = Run { kind, start, len };
            start += len;
            run
        };
        lens.iter().map(run).collect()
    }

    #[test]
    fn every_byte_is_in_one_piece_and_no_piece_is_empty() {
        let runs = runs(&[
            (RunKind::Used, 8),
            (RunKind::Free, 5000),
            (RunKind::Cached, 1024),
            (RunKind::Used, 100_000),
            (RunKind::Free, 16),
        ]);
        let map = Map::new(&runs);
        let mut next = 0;
        for piece in &map.pieces {
            assert!(piece.len > 0 && piece.start + piece.len <= map.row_bytes);
            assert_eq!(piece.row * map.row_bytes + piece.start, next);
            next += piece.len;
        }
        assert_eq!(next, 106_048);
        assert!(map.rows() <= MOST_ROWS);
    }

    #[test]
    fn each_kind_has_as_many_bytes_as_its_runs() {
        let runs = runs(&[(RunKind::Used, 3000), (RunKind::Free, 70_000), (RunKind::Cached, 5)]);
        let map = Map::new(&runs);
        for run in &runs {
            let pieces = map.pieces.iter().filter(|piece| piece.kind == run.kind);
            assert_eq!(pieces.map(|piece| piece.len).sum::<usize>(), run.len);
        }
        let largest = map.pieces.iter().filter(|piece| piece.is_of_largest);
        assert_eq!(largest.map(|piece| piece.len).sum::<usize>(), 70_000);
    }

    #[test]
    fn no_runs_are_no_rows() {
        assert_eq!(Map::new(&[]).height(), 0);
    }
}
