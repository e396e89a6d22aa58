//! A function for each fuzz target: it makes a heap and a program of a fuzzer's bytes, and judges the one by the other.
//!
//! ```text
//!   byte 0                 bytes 1 and 2       the rest
//!   where memory starts    how long it is      the program, see `workload::bytes`
//! ```
//!
//! For a region that grows, byte 3 says how it does. A target panics if the heap broke its contract.

use kalloc_bump::{Bump, Downward};
use kalloc_pool::{AddressOrdered, BestFitting, Config, Pool, Standard, Tiny};
use kalloc_sync::Locked;
use kalloc_testkit::drive::{Failure, Lens, Verdict, play};
use kalloc_testkit::fault::{FailingRegion, Plan, Refusal, Yield};
use kalloc_testkit::region::{GuardedRegion, Shape};
use kalloc_testkit::workload::bytes::program;
use kalloc_traits::{Heap, Inspect, RunKind};

/// A function that judges a heap by a fuzzer's bytes.
pub type Target = fn(&[u8]);

/// Every target, by its name.
pub const TARGETS: [(&str, Target); 8] = [
    ("pool_standard", pool_standard),
    ("pool_address_ordered", pool_address_ordered),
    ("pool_best_fitting", pool_best_fitting),
    ("pool_tiny", pool_tiny),
    ("bump_up", bump_up),
    ("bump_down", bump_down),
    ("locked_pool", locked_pool),
    ("growing_pool", growing_pool),
];

/// Bytes of the longest region, less one: a check after each step reads all of it.
const MOST: usize = 0x1FFF;

/// A pool with bins and quick lists.
pub fn pool_standard(bytes: &[u8]) {
    pool::<Standard>(bytes);
}

/// A pool by address.
pub fn pool_address_ordered(bytes: &[u8]) {
    pool::<AddressOrdered>(bytes);
}

/// A pool by best fit.
pub fn pool_best_fitting(bytes: &[u8]) {
    pool::<BestFitting>(bytes);
}

/// A pool of the least code.
pub fn pool_tiny(bytes: &[u8]) {
    pool::<Tiny>(bytes);
}

/// A bump upwards.
pub fn bump_up(bytes: &[u8]) {
    let (shape, rest) = shape(bytes);
    expect(judge(&Bump::new(GuardedRegion::of(shape)), rest));
}

/// A bump downwards.
pub fn bump_down(bytes: &[u8]) {
    let (shape, rest) = shape(bytes);
    let bump = Bump::<_, Downward>::with_settings(GuardedRegion::of(shape));
    expect(judge(&bump, rest));
}

/// A pool behind a lock.
pub fn locked_pool(bytes: &[u8]) {
    let (shape, rest) = shape(bytes);
    expect(judge(&Locked::<_>::new(Pool::new(GuardedRegion::of(shape))), rest));
}

/// A pool whose region grows, refuses to, or brings more or less than it was asked for.
pub fn growing_pool(bytes: &[u8]) {
    let (region, rest) = failing(bytes);
    expect(judge(&Pool::<_>::new(region), rest));
}

/// A pool of a configuration.
fn pool<C: Config>(bytes: &[u8]) {
    let (shape, rest) = shape(bytes);
    expect(judge(&Pool::<_, C>::with_config(GuardedRegion::of(shape)), rest));
}

/// Returns the shape of the memory that the first bytes stand for, and the rest of the bytes.
fn shape(bytes: &[u8]) -> (Shape, &[u8]) {
    let (first, rest) = bytes.split_at(bytes.len().min(3));
    let byte = |index: usize| first.get(index).copied().unwrap_or(0);
    let len = usize::from(u16::from_le_bytes([byte(1), byte(2)])) & MOST;
    (Shape::new(len).with_base(64, usize::from(byte(0) & 63)), rest)
}

/// Returns the region that the first bytes stand for, which grows up to [`MOST`] bytes, and the rest of the bytes.
fn failing(bytes: &[u8]) -> (FailingRegion, &[u8]) {
    let (shape, rest) = shape(bytes);
    let (&how, rest) = rest.split_first().unwrap_or((&0, &[]));
    let number = how >> 4;
    let plan = Plan {
        yields: match how & 3 {
            0 => Yield::Exact,
            1 => Yield::Less(usize::from(number) * 8),
            2 => Yield::More(usize::from(number) * 8),
            _ => Yield::Nothing,
        },
        refusal: match how >> 2 & 3 {
            0 => Refusal::Only(number.into()),
            1 => Refusal::From(number.into()),
            _ => Refusal::Never,
        },
        ..Plan::default()
    };
    (FailingRegion::new(shape.with_reserve(MOST), plan).0, rest)
}

/// Plays the program of a fuzzer's bytes on a fresh heap, checks every answer, the bytes of every block, the counters, the
/// walk and all invariants after each step; and at the end that all memory is free, and joined.
///
/// # Errors
///
/// What broke.
pub fn judge<H: Heap + Inspect>(heap: &H, bytes: &[u8]) -> Verdict {
    play(heap, Some(heap), Lens::Inside, &program(bytes))?;
    heap.trim();
    heap.verify()?;
    // The state of a pool that has grown may lie between two pieces.
    let (mut end, mut touch) = (0, false);
    heap.walk(&mut |run| {
        if run.kind == RunKind::Free {
            touch |= run.start == end;
            end = run.start + run.len;
        }
    });
    let stats = heap.stats();
    if stats.free < stats.capacity || touch {
        let words = format!("nothing is live, but not all is free and joined: {stats:?}");
        return Err(Failure::new(words));
    }
    Ok(())
}

/// Panics with what broke.
fn expect(verdict: Verdict) {
    verdict.unwrap_or_else(|failure| panic!("{failure}"));
}
