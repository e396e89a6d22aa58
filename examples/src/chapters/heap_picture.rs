//! Chapter 7: the heap as a picture, at three moments, and as a strip, from the boot's first request to its last, in two files for
//! a browser.
//!
//! A boot frees little, so a heap after it is in good order. The other two moments are made from it, and the picture says
//! so: half of the blocks end at random, and then blocks of the boot's sizes are requested until one is refused.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kalloc_benches::memory::{BYTES, Memory};
use kalloc_benches::peers::Pool;
use kalloc_traits::Inspect;

use super::{Outcome, ensure};
use crate::picture::{Panel, Strip, svg};
use crate::replay::{Failure, Fault, Touch, replay, replay_part, room_for};
use crate::table::{Table, grouped};
use crate::trace::{Kind, Op, Trace};

/// How the files are called: the picture's, and the strip's.
const FILE: &str = "kalloc-heap.svg";
const STRIP_FILE: &str = "kalloc-heap-over-time.svg";

/// Columns of the strip.
const MOMENTS: usize = 240;

/// Returns the folders in which the picture may be written, best first: beside the program, which is inside of `target`,
/// and the system's folder for temporary files.
pub fn places() -> Vec<PathBuf> {
    let program = env::current_exe().ok();
    let beside = program.and_then(|program| Some(program.parent()?.to_owned()));
    beside.into_iter().chain([env::temp_dir()]).collect()
}

/// Runs the chapter. Each picture goes to the first of `places` that takes it.
///
/// # Errors
///
/// The pool failed, no folder takes the file, or `out` takes no more.
pub fn tell(out: &mut dyn Write, trace: &Trace, memory: &mut Memory, places: &[PathBuf]) -> Outcome {
    let halved = with_half_freed(trace)?;
    let full = with_requests_until_full(trace, &halved)?;
    let (boot, _) = panel(memory, trace, |_| "After the boot".to_owned())?;
    let (half, _) = panel(memory, &halved, |_| {
        "Then every block was freed with a chance of one half".to_owned()
    })?;
    let (filled, refused) = panel(memory, &full, |refused| {
        let bytes = grouped(u64::from(refused.unwrap_or(0)));
        format!("Then blocks of the boot's sizes were requested, until one of {bytes} bytes was refused")
    })?;
    let refused = refused.ok_or("the heap served more bytes than there are")?;
    let panels = [boot, half, filled];

    let mut table = Table::new(
        "Fragmentation: how much of the free memory is not in the largest free block",
        &["used", "free", "largest", "pieces", "fragmentation"],
    );
    for (name, panel) in ["after the boot", "half of it freed", "filled again"]
        .iter()
        .zip(&panels)
    {
        let figures = panel.figures();
        let bytes = [
            figures.stats.used,
            figures.stats.free,
            figures.largest_free(),
            figures.free_blocks.len(),
        ];
        let mut cells = bytes.map(|figure| grouped(figure as u64)).to_vec();
        cells.push(format!("{:.1} %", figures.fragmentation() * 100.0));
        table.row(name, &cells);
    }
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "A boot frees little. Half of its blocks freed at random leave holes everywhere. The pool then\n\
         served blocks of the same sizes until it refused one of {} bytes.\n",
        grouped(u64::from(refused))
    )?;

    let title = format!("kalloc-pool on {} MiB: a Linux boot, and what may follow", BYTES >> 20);
    let path = write_first(places, FILE, &svg(&title, &panels))?;
    writeln!(out, "The picture, for any browser: {}", path.display())?;
    let strip = over_time(memory, trace)?;
    let title = format!("kalloc-pool on {} MiB: a Linux boot, request by request", BYTES >> 20);
    let path = write_first(places, STRIP_FILE, &strip.svg(&title))?;
    writeln!(
        out,
        "The boot as a strip of {} moments: {}",
        strip.len(),
        path.display()
    )?;
    Ok(())
}

/// Returns what the pool looks like while `trace` is replayed, at moments with equally many operations between them.
fn over_time(memory: &mut Memory, trace: &Trace) -> Result<Strip, Box<dyn Error>> {
    let strip = memory.lend(BYTES, |peer: &mut Pool, _| {
        let (mut strip, mut live) = (Strip::new(), room_for(trace));
        let nr_ops = trace.ops().len();
        let step = nr_ops.div_ceil(MOMENTS).max(1);
        for from in (0..nr_ops).step_by(step) {
            replay_part(peer, trace, from..nr_ops.min(from + step), &mut live, &Touch)?;
            strip.look(peer.heap());
        }
        Ok(strip)
    });
    strip.ok_or("4 MiB are enough to start with")?
}

/// Returns what the pool looks like after `trace`, and the size that it refused, if it did. `title` gets that size.
fn panel(
    memory: &mut Memory,
    trace: &Trace,
    title: impl FnOnce(Option<u32>) -> String,
) -> Result<(Panel, Option<u32>), Box<dyn Error>> {
    let panel = memory.lend(BYTES, |peer: &mut Pool, _| {
        let refused = match replay(peer, trace, &mut room_for(trace), &Touch) {
            Ok(()) => None,
            Err(Failure { op, fault: Fault::Full }) => Some(trace.ops()[op].size),
            Err(failure) => return Err(failure.into()),
        };
        peer.heap().verify()?;
        Ok((Panel::of(&title(refused), peer.heap()), refused))
    });
    panel.ok_or("4 MiB are enough to start with")?
}

/// Returns `trace`, and a free of each block that lives at its end with a chance of one half.
fn with_half_freed(trace: &Trace) -> Result<Trace, Box<dyn Error>> {
    let mut random = Random(1);
    let freed = trace.survivors().filter(|_| random.next() % 2 == 0).map(|slot| Op {
        kind: Kind::Free,
        align_log2: 0,
        slot,
        size: 0,
    });
    let ops = trace.ops().iter().copied().chain(freed).collect();
    Ok(Trace::from_ops(ops)?)
}

/// Returns `halved`, and so many requests with layouts from `trace` that no memory of [`BYTES`] serves them all.
fn with_requests_until_full(trace: &Trace, halved: &Trace) -> Result<Trace, Box<dyn Error>> {
    let is_request = |op: &&Op| matches!(op.kind, Kind::Allocate | Kind::AllocateZeroed);
    let requests: Vec<Op> = trace.ops().iter().filter(is_request).copied().collect();
    ensure(!requests.is_empty(), "a boot allocates")?;
    let mut ops = halved.ops().to_vec();
    let mut slots = 0..;
    let (mut random, mut bytes) = (Random(2), 0);
    slots.nth(halved.slots());
    for slot in slots {
        let request = requests[random.next() as usize % requests.len()];
        ops.push(Op { slot, ..request });
        bytes += request.size as usize;
        if bytes > BYTES {
            break;
        }
    }
    Ok(Trace::from_ops(ops)?)
}

/// Writes `text` into the file `name` of the first folder that takes it, and returns the file's path.
fn write_first(places: &[PathBuf], name: &str, text: &str) -> io::Result<PathBuf> {
    let mut outcome = Err(io::Error::from(io::ErrorKind::NotFound));
    for place in places {
        let path = place.join(name);
        outcome = fs::write(&path, text).map(|()| shortened(path));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Returns `path` as seen from the current folder, if it lies in there.
fn shortened(path: PathBuf) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).map(Path::to_owned).unwrap_or(path)
}

/// Knuth's linear congruential generator for MMIX; its high bits are random enough for a picture.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }
}
