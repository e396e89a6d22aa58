//! The smallest memory in which a trace runs.

use kalloc_benches::Peer;
use kalloc_benches::memory::{BYTES, Memory};

use crate::replay::{Touch, replay, room_for};
use crate::trace::Trace;

/// The search ends when it knows the answer to this many bytes.
const STEP: usize = 256;

/// Returns the least number of bytes in which `trace` runs on a `P`, to 256 bytes; the `P` itself, which is its state
/// outside of the memory, is counted. `None` if the whole memory is not enough. Calls `report` before each of about a
/// dozen replays with the number of bytes.
///
/// It is found by halving, so it is exact if more memory never makes a run fail.
pub fn smallest<P: Peer>(memory: &mut Memory, trace: &Trace, mut report: impl FnMut(usize)) -> Option<usize> {
    let mut live = room_for(trace);
    let mut runs_in = |len: usize| {
        report(len);
        let outcome = memory.lend(len, |peer: &mut P, _| replay(peer, trace, &mut live, &Touch));
        outcome.is_some_and(|outcome| outcome.is_ok())
    };
    if !runs_in(BYTES) {
        return None;
    }
    let (mut fails, mut runs) = (0, BYTES / STEP);
    while runs - fails > 1 {
        let middle = fails + (runs - fails) / 2;
        if runs_in(middle * STEP) {
            runs = middle;
        } else {
            fails = middle;
        }
    }
    Some(runs * STEP + size_of::<P>())
}
