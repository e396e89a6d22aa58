//! A heap as people look at it: how free memory is split up, and a map in text. Made of a walk, so any [`Inspect`] will do.

use core::fmt::{self, Write};

use crate::introspect::{Inspect, Run, RunKind};

/// What a walk over a heap has found, in bytes unless it says otherwise.
///
/// ```
/// # use kalloc_traits::{Inspect, Run, RunKind, Stats, Survey, Corruption};
/// # struct Toy;
/// # impl Inspect for Toy {
/// #     fn owns(&self, _: core::ptr::NonNull<u8>) -> bool { false }
/// #     fn stats(&self) -> Stats { Stats::default() }
/// #     fn verify(&self) -> Result<(), Corruption> { Ok(()) }
/// #     fn next_run(&self, from: usize) -> Option<Run> {
/// #         let runs = [(RunKind::Used, 0, 16), (RunKind::Free, 16, 48), (RunKind::Used, 48, 64), (RunKind::Free, 64, 72)];
/// #         let (kind, start, end) = runs.into_iter().find(|(_, _, end)| *end > from)?;
/// #         Some(Run { kind, start: start.max(from), len: end - start.max(from) })
/// #     }
/// # }
/// # let heap = Toy;
/// // A heap of 72 bytes, of which 16 are used, 32 free, 16 used, and 8 free.
/// let survey = Survey::of(&heap);
/// assert_eq!((survey.free, survey.free_runs, survey.largest_free), (40, 2, 32));
/// assert_eq!(survey.fragmentation_permille(), 200);
/// assert_eq!(survey.map(&heap, 9).to_string(), "0x0 ##....##.\n");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Live blocks and the heap's own state.
    pub used: usize,
    /// Freed memory that is held for reuse.
    pub cached: usize,
    /// What can be handed out.
    pub free: usize,
    /// How many pieces that is.
    pub free_runs: usize,
    /// The largest of these: no greater request succeeds, unless caches are given up or the memory grows.
    pub largest_free: usize,
}

impl Survey {
    /// Walks over a heap. Takes the time of [`Inspect::walk`].
    pub fn of<H: Inspect + ?Sized>(heap: &H) -> Self {
        let mut survey = Self::default();
        heap.walk(&mut |run| survey.add(run));
        survey
    }

    fn add(&mut self, run: Run) {
        match run.kind {
            RunKind::Used => self.used += run.len,
            RunKind::Cached => self.cached += run.len,
            RunKind::Free => {
                self.free += run.len;
                self.free_runs += 1;
                self.largest_free = self.largest_free.max(run.len);
            }
        }
    }

    /// Returns which part of the free memory the largest request cannot have, in thousandths, rounded down: 0 if it is one piece
    /// or nothing is free, near 1000 if it is dust.
    pub const fn fragmentation_permille(&self) -> u32 {
        if self.free == 0 {
            return 0;
        }
        let dust = self.free - self.largest_free;
        // Sizes fit an `isize`, and so does their product with 1000 in 128 bits.
        (dust as u128 * 1000 / self.free as u128) as u32
    }

    /// Returns a map of `heap`, which this is a survey of, with at most `cells` cells of equal size: `#` is used, `.` free, `c`
    /// cached, and `+` some of these. A line holds 64 cells, and begins with its address; regions begin on lines of their own.
    pub fn map<'a, H: Inspect + ?Sized>(&self, heap: &'a H, cells: usize) -> TextMap<'a, H> {
        TextMap {
            heap,
            cell: (self.used + self.cached + self.free).div_ceil(cells.max(1)).max(1),
        }
    }
}

/// Cells of a line.
const LINE: usize = 64;

/// A heap's map in text, as [`Survey::map`] makes it. To print it takes one walk, and no memory.
#[derive(Clone, Copy)]
pub struct TextMap<'a, H: ?Sized> {
    heap: &'a H,
    /// Bytes of a cell.
    cell: usize,
}

impl<H: ?Sized> fmt::Debug for TextMap<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextMap")
            .field("cell", &self.cell)
            .finish_non_exhaustive()
    }
}

impl<H: Inspect + ?Sized> fmt::Display for TextMap<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pen = Pen {
            out: f,
            cell: self.cell,
            column: 0,
            room: 0,
            shown: None,
            end: None,
            result: Ok(()),
        };
        self.heap.walk(&mut |run| pen.draw(run));
        pen.end_line();
        pen.result
    }
}

/// Draws cells as runs come by.
struct Pen<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    cell: usize,
    /// Cells on this line.
    column: usize,
    /// Bytes that the last cell has room for still.
    room: usize,
    /// What the last cell shows so far.
    shown: Option<char>,
    /// Where the last run ended.
    end: Option<usize>,
    result: fmt::Result,
}

impl Pen<'_, '_> {
    fn draw(&mut self, run: Run) {
        let letter = match run.kind {
            RunKind::Used => '#',
            RunKind::Cached => 'c',
            RunKind::Free => '.',
        };
        if self.end.is_some_and(|end| end != run.start) {
            self.end_line();
        }
        let (mut at, end) = (run.start, run.start.saturating_add(run.len));
        while at < end && self.result.is_ok() {
            if self.room == 0 {
                self.finish_cell();
                self.begin_cell(at);
            }
            let part = self.room.min(end - at);
            self.shown = match self.shown {
                Some(other) if other != letter => Some('+'),
                _ => Some(letter),
            };
            self.room -= part;
            at += part;
        }
        self.end = Some(end);
    }

    fn begin_cell(&mut self, address: usize) {
        if self.column == LINE {
            self.write('\n');
            self.column = 0;
        }
        if self.column == 0 && self.result.is_ok() {
            self.result = write!(self.out, "{address:#x} ");
        }
        self.column += 1;
        self.room = self.cell;
    }

    fn finish_cell(&mut self) {
        if let Some(letter) = self.shown.take() {
            self.write(letter);
        }
    }

    fn end_line(&mut self) {
        self.finish_cell();
        if self.column > 0 {
            self.write('\n');
        }
        (self.column, self.room) = (0, 0);
    }

    fn write(&mut self, letter: char) {
        if self.result.is_ok() {
            self.result = self.out.write_char(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use core::ptr::NonNull;
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;
    use crate::error::Corruption;
    use crate::introspect::Stats;

    /// Runs, as they are.
    struct Runs(Vec<Run>);

    impl Inspect for Runs {
        fn owns(&self, _: NonNull<u8>) -> bool {
            false
        }

        fn stats(&self) -> Stats {
            Stats::default()
        }

        fn next_run(&self, from: usize) -> Option<Run> {
            self.0.iter().copied().find(|run| run.start >= from)
        }

        fn verify(&self) -> Result<(), Corruption> {
            Ok(())
        }
    }

    fn runs(of: &[(RunKind, usize, usize)]) -> Runs {
        Runs(of.iter().map(|&(kind, start, len)| Run { kind, start, len }).collect())
    }

    #[test]
    fn nothing_has_no_map_and_no_fragments() {
        let heap = runs(&[]);
        let survey = Survey::of(&heap);
        assert_eq!((survey, survey.fragmentation_permille()), (Survey::default(), 0));
        assert_eq!(survey.map(&heap, 10).to_string(), "");
    }

    #[test]
    fn mixed_cells_long_lines_and_gaps_are_shown() {
        let heap = runs(&[
            (RunKind::Used, 100, 70),
            (RunKind::Free, 170, 30),
            (RunKind::Cached, 1000, 10),
            (RunKind::Free, 1010, 10),
        ]);
        let survey = Survey::of(&heap);
        assert_eq!(
            (survey.used, survey.cached, survey.free, survey.free_runs),
            (70, 10, 40, 2)
        );
        assert_eq!(survey.fragmentation_permille(), 250);
        assert_eq!(survey.map(&heap, 6).to_string(), "0x64 ###+.\n0x3e8 +\n");
        let long = survey.map(&heap, 120).to_string();
        let lines: Vec<&str> = long.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].len(), "0x64 ".len() + LINE);
        assert!(lines[1].starts_with("0xa4 ######.") && lines[2] == "0x3e8 cccccccccc..........");
        assert_eq!(survey.map(&heap, 0).to_string(), "0x64 +\n0x3e8 +\n");
    }
}
