//! What a checked pool says of frees that the contract forbids.

use core::alloc::Layout;

/// What is wrong with a free, a grow, a shrink or a resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MisuseKind {
    /// The pointer lies outside of the pool's memory: another heap's, the stack's, or nobody's.
    Foreign,
    /// No block of the layout's alignment starts at such an address.
    Misaligned,
    /// No live block starts there: it was freed before, or the pointer leads into the middle of one.
    NotLive,
    /// The block that starts there has another extent than the layout.
    WrongSize,
}

/// A call that the contract forbids, and that a checked pool has refused: nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misuse {
    /// What is wrong.
    pub kind: MisuseKind,
    /// The address that was given.
    pub address: usize,
    /// The layout that was given.
    pub layout: Layout,
}

/// What is done when a pool has refused a call.
pub trait OnMisuse: 'static {
    /// Is told of a call that was refused. The pool is not borrowed, and may be called; but behind a lock, that is held.
    ///
    /// It may end the program or return, after which the pool goes on as if nothing had happened. To unwind aborts.
    fn on_misuse(misuse: &Misuse);
}

/// Does nothing: `Pool::misuses` counts.
#[derive(Clone, Copy, Debug)]
pub struct Refuse;

impl OnMisuse for Refuse {
    fn on_misuse(_misuse: &Misuse) {}
}
