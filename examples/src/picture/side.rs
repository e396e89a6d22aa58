//! What stands beside the map: the heap's figures, and in which sizes its free memory lies.

use super::Page;
use crate::figures::Figures;
use crate::table::grouped;

/// How wide figures are.
const WIDTH: usize = 278;
/// From one line of figures to the next, and from one bar to the next.
const LINE: usize = 17;
/// How many sizes of blocks are told apart: 8 to 31 bytes, 32 to 127, and so on by the factor 4. The last has no end.
const BINS: usize = 10;
const SMALLEST_LOG2: u32 = 3;
/// Where bars start and how long they are at most. Behind them is how many blocks they stand for.
const BAR_LEFT: usize = 96;
const BAR_WIDTH: usize = 104;
const BAR_HEIGHT: usize = 11;
/// How high all of it is.
pub(super) const HEIGHT: usize = (7 + BINS + 3) * LINE;

/// The free blocks of one range of sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bin {
    blocks: usize,
    bytes: usize,
}

/// Returns the bins of these sizes.
fn bins(sizes: &[usize]) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    for &size in sizes {
        let log2 = size.max(1).ilog2().saturating_sub(SMALLEST_LOG2);
        let bin = &mut bins[(log2 as usize / 2).min(BINS - 1)];
        bin.blocks += 1;
        bin.bytes += size;
    }
    bins
}

/// Returns a size in the largest unit that divides it.
fn short(bytes: usize) -> String {
    match bytes {
        _ if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        _ if bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} B"),
    }
}

/// Draws figures and bars with their left upper corner at `(left, top)`.
pub(super) fn draw(page: &mut Page, left: usize, top: usize, figures: &Figures) {
    let stats = figures.stats;
    let bytes = |figure: usize| format!("{} B", grouped(figure as u64));
    let lines = [
        ("capacity", bytes(stats.capacity)),
        ("used", bytes(stats.used)),
        ("kept for its size", bytes(stats.cached)),
        ("free", bytes(stats.free)),
        ("largest free block", bytes(figures.largest_free())),
        ("free blocks", grouped(figures.free_blocks.len() as u64)),
        (
            "not in the largest (fragmentation)",
            format!("{:.1} %", figures.fragmentation() * 100.0),
        ),
    ];
    let mut base = top + 10;
    for (name, figure) in lines {
        page.text(left, base, "", name);
        page.text(left + WIDTH, base, "end", &figure);
        base += LINE;
    }
    base += LINE;
    page.text(
        left,
        base,
        "small",
        "Free memory by the size of its blocks: bytes, blocks",
    );
    base += LINE + 4;
    bars(page, left, base, &bins(&figures.free_blocks));
}

/// Draws the bars; `base` is the first one's base line.
fn bars(page: &mut Page, left: usize, mut base: usize, bins: &[Bin; BINS]) {
    let most = bins.iter().map(|bin| bin.bytes).max().unwrap_or(0).max(1);
    for (index, bin) in bins.iter().enumerate() {
        let from = 1usize << (SMALLEST_LOG2 as usize + 2 * index);
        page.text(left + BAR_LEFT - 8, base, "small end", &format!("from {}", short(from)));
        if bin.blocks > 0 {
            let width = (bin.bytes * BAR_WIDTH / most).max(1);
            page.rect("bar", left + BAR_LEFT, base - 9, width, BAR_HEIGHT);
            let text = grouped(bin.blocks as u64);
            page.text(left + BAR_LEFT + width + 6, base, "small", &text);
        }
        base += LINE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_belongs_to_the_bin_whose_range_it_is_in() {
        let bins = bins(&[8, 31, 32, 127, 128, 1 << 21, 1 << 40]);
        let blocks = bins.map(|bin| bin.blocks);
        assert_eq!(blocks, [2, 2, 1, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(bins[1].bytes, 159);
    }

    #[test]
    fn sizes_are_told_in_their_unit() {
        assert_eq!([8, 2048, 2 << 20].map(short), ["8 B", "2 KiB", "2 MiB"]);
    }
}
