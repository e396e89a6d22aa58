//! What bump allocators have in common, and whether they do it right.

use core::alloc::Layout;
use core::ptr::NonNull;

/// How many bytes an arena has from the start: enough for all that is done between two resets.
pub(crate) const BYTES: usize = 256 << 10;

/// A bump allocator, as its users see it.
pub(crate) trait Arena {
    /// What the figures call it, with its version.
    const NAME: &'static str;

    /// Returns the arena with at least [`BYTES`] bytes at hand.
    fn new() -> Self;

    /// Allocates a number.
    fn number(&self, value: u32) -> &u32;

    /// Allocates a copy of `values`.
    fn slice(&self, values: &[u32]) -> &[u32];

    /// Allocates a block.
    fn block(&self, layout: Layout) -> NonNull<u8>;

    /// Pushes the numbers below `count` to a new vector, one by one, and shows them to `look`.
    fn with_vector(&self, count: u32, look: impl FnOnce(&[u32]));

    /// Ends all of it.
    fn reset(&mut self);
}

/// Uses an arena as the bench does, and more than once, and looks at all that it gave.
///
/// # Panics
///
/// It was wrong.
pub(crate) fn check<A: Arena>() {
    let mut arena = A::new();
    for _ in 0..3 {
        check_contents(&arena);
        check_blocks(&arena);
        arena.reset();
    }
}

/// Looks at numbers, slices and a vector when all of them are written.
fn check_contents<A: Arena>(arena: &A) {
    let numbers: Vec<&u32> = (0..1000).map(|value| arena.number(value)).collect();
    let slices: Vec<&[u32]> = (0..1000).map(|first| arena.slice(&[first, first + 1, 7])).collect();
    arena.with_vector(1000, |vector| {
        assert!(vector.iter().copied().eq(0..1000), "{}", A::NAME)
    });
    for ((number, slice), value) in numbers.into_iter().zip(slices).zip(0..) {
        assert_eq!((*number, slice), (value, &[value, value + 1, 7][..]), "{}", A::NAME);
    }
}

/// Looks at where blocks lie: aligned, and none in another.
fn check_blocks<A: Arena>(arena: &A) {
    let mut blocks = Vec::new();
    for (size, align) in [(25, 8), (1, 1), (64, 64), (3, 2)].into_iter().cycle().take(1000) {
        let layout = Layout::from_size_align(size, align).expect("it is a layout");
        let start = arena.block(layout).addr().get();
        assert_eq!(start % align, 0, "{} misaligns", A::NAME);
        blocks.push(start..start + size);
    }
    blocks.sort_by_key(|block| block.start);
    let overlap = blocks.windows(2).any(|pair| pair[0].end > pair[1].start);
    assert!(!overlap, "{} hands memory out twice", A::NAME);
}
