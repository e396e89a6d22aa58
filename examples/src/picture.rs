//! A picture of a heap, as SVG: its addresses in rows, and beside them the sizes of its free blocks.
//!
//! ```text
//!   map    the runs of the heap, cut at the ends of rows         side    figures and bars
//!   strip  a heap at many moments, one column each
//! ```
//!
//! The three kinds of memory differ in lightness and in texture, not only in colour.

mod map;
mod side;
mod strip;

use std::fmt::Write;

use kalloc_traits::{Inspect, Run};

use crate::figures::Figures;
use map::Map;
pub use strip::Strip;

/// The picture's width, in pixels as all lengths here.
const WIDTH: usize = 1180;
/// What stays empty around everything.
const MARGIN: usize = 24;
/// Where the rows of a map start, behind their labels.
const MAP_LEFT: usize = MARGIN + 58;
/// Where figures and bars start.
const SIDE_LEFT: usize = MAP_LEFT + map::ROW_WIDTH + 36;
/// How high the title and the legend are.
const HEAD: usize = 92;
/// How high the title of a panel is.
const PANEL_HEAD: usize = 26;
/// What lies between two panels.
const PANEL_GAP: usize = 30;

/// The styles and the hatch, by class name. `used` is dark, `cached` is half dark and hatched, `free` is light.
const STYLE: &str = "<style>
text{font:12px 'DejaVu Sans',Verdana,sans-serif;fill:#222}
.title{font-size:19px;font-weight:bold}.panel{font-size:14px;font-weight:bold}.small{font-size:11px;fill:#555}
.end{text-anchor:end}
.used{fill:#2a4a7c}.cached{fill:url(#hatch)}.free{fill:#d6ecbd}
.edge{fill:none;stroke:#4d6b35;stroke-width:0.8}.largest{fill:none;stroke:#d1480a;stroke-width:2}
.bar{fill:#9cbf7a;stroke:#4d6b35;stroke-width:0.8}.line{stroke:#bbb;stroke-width:1}
</style>
<defs><pattern id=\"hatch\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">
<rect width=\"4\" height=\"4\" fill=\"#f5b041\"/><rect width=\"1.3\" height=\"4\" fill=\"#8a4b00\"/></pattern></defs>
";

/// A heap at one moment.
#[derive(Clone, Debug)]
pub struct Panel {
    title: String,
    runs: Vec<Run>,
    figures: Figures,
}

impl Panel {
    /// Returns what `heap` looks like now. Takes time linear in it.
    pub fn of(title: &str, heap: &impl Inspect) -> Self {
        let mut runs = Vec::new();
        heap.walk(&mut |run| runs.push(run));
        Self {
            title: title.to_owned(),
            runs,
            figures: Figures::of(heap),
        }
    }

    /// Returns the figures.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }
}

/// Returns a picture of `panels`, one below the other, as an SVG file's text.
pub fn svg(title: &str, panels: &[Panel]) -> String {
    let maps: Vec<Map> = panels.iter().map(|panel| Map::new(&panel.runs)).collect();
    let heights: Vec<usize> = maps.iter().map(|map| map.height().max(side::HEIGHT)).collect();
    let whole: usize = heights.iter().map(|height| PANEL_HEAD + height + PANEL_GAP).sum();
    let height = HEAD + whole + MARGIN - PANEL_GAP.min(whole);

    let mut page = Page::default();
    page.add(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">\n\
         {STYLE}<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    ));
    page.text(MARGIN, 38, "title", title);
    legend(&mut page);
    let mut top = HEAD;
    for ((panel, map), height) in panels.iter().zip(&maps).zip(heights) {
        page.text(MARGIN, top + 14, "panel", &panel.title);
        top += PANEL_HEAD;
        map.draw(&mut page, MAP_LEFT, top);
        side::draw(&mut page, SIDE_LEFT, top, &panel.figures);
        top += height + PANEL_GAP;
    }
    page.add("</svg>".to_owned());
    page.0
}

/// Draws what the colours mean.
fn legend(page: &mut Page) {
    let top = 56;
    let mut left = MAP_LEFT;
    for (class, edge, name, width) in [
        ("used", "", "used", 76),
        ("cached", "", "freed, kept for its size", 188),
        ("free", "edge", "free block", 112),
        ("free", "largest", "largest free block", 166),
    ] {
        page.rect(class, left, top, 26, 13);
        if !edge.is_empty() {
            page.rect(edge, left, top, 26, 13);
        }
        page.text(left + 33, top + 11, "", name);
        left += width;
    }
    let note = "Addresses grow to the right, then down. Nothing is drawn narrower than one pixel.";
    page.text(left, top + 11, "small", note);
}

/// The text of a picture.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Appends an element.
    fn add(&mut self, element: String) {
        self.0.push_str(&element);
        self.0.push('\n');
    }

    /// Appends a text whose base line starts at `(x, y)`, or ends there if the class says so.
    fn text(&mut self, x: usize, y: usize, class: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(format!("<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{text}</text>"));
    }

    fn rect(&mut self, class: &str, x: usize, y: usize, width: usize, height: usize) {
        self.add(format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        ));
    }

    /// Appends rectangles `(x, y, width)` of the same height as one element. They take a few bytes each.
    fn rects(&mut self, class: &str, rects: impl Iterator<Item = (f64, f64, f64)>, height: f64) {
        let mut path = String::new();
        for (x, y, width) in rects {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x:.2} {y:.1}h{width:.2}v{height:.1}h-{width:.2}z");
        }
        if !path.is_empty() {
            self.add(format!("<path class=\"{class}\" d=\"{path}\"/>"));
        }
    }
}

#[cfg(test)]
mod tests {
    use kalloc_pool::Pool;
    use kalloc_traits::{Heap, StaticArray};

    use super::*;

    #[test]
    fn a_picture_is_balanced_and_escapes_its_titles() {
        static MEMORY: StaticArray<65536> = StaticArray::new();
        let pool = Pool::new(MEMORY.region());
        pool.allocate(core::alloc::Layout::new::<[u64; 100]>()).unwrap();
        let text = svg("a < b & c", &[Panel::of("one", &pool), Panel::of("two", &pool)]);
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
        assert!(text.contains("a &lt; b &amp; c"));
        for element in ["svg", "style", "defs", "pattern", "text"] {
            let opened = text.matches(&format!("<{element}")).count();
            assert_eq!(opened, text.matches(&format!("</{element}>")).count(), "{element}");
        }
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }

    #[test]
    fn a_heap_without_memory_has_a_picture_too() {
        static MEMORY: StaticArray<64> = StaticArray::new();
        let pool = Pool::new(MEMORY.region());
        assert!(svg("nothing", &[Panel::of("not laid out", &pool)]).ends_with("</svg>\n"));
        assert!(svg("no panel", &[]).ends_with("</svg>\n"));
    }
}
