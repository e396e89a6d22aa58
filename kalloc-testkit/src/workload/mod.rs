//! Programs for heaps: what to ask of them, in what order.
//!
//! `op` is the language, and `text` writes it on a line. Programs come from a seed (`random`), from what is known to hurt
//! (`patterns`), from a fuzzer's bytes (`bytes`), or from what real programs did (`trace`).
//! All of it is deterministic: a seed, a pattern or a string of bytes names one program for ever.

pub mod bytes;
pub mod op;
pub mod patterns;
pub mod random;
pub mod text;
pub mod trace;

/// Bytes that a heap should be able to hold when the suite judges it: the length to give to its region.
///
/// Much more only takes longer; much less, and many rules see only refusals.
pub const ROOM: usize = if cfg!(miri) { 4 << 10 } else { 64 << 10 };

/// Returns the items, or under Miri the first third of them: the most telling ones should come first.
pub const fn some<T>(items: &[T]) -> &[T] {
    if cfg!(miri) {
        items.split_at(items.len().div_ceil(3)).0
    } else {
        items
    }
}

/// Returns how often to do what would be done `times` times on a real machine: much less under Miri, but at least once.
pub const fn scaled(times: usize) -> usize {
    if cfg!(miri) { times.div_ceil(64) } else { times }
}
