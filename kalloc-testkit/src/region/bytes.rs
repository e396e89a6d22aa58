//! Byte patterns: each seed names one endless stream of bytes, and two streams differ almost everywhere.
//!
//! Cost: about a nanosecond a word, so that whole blocks can be filled and compared.

use core::ops::Range;
use core::ptr::NonNull;

/// Bytes in a word of a stream.
const WORD: usize = size_of::<u64>();

/// Returns word `index` of stream `seed`.
#[inline]
const fn word(seed: u64, index: usize) -> u64 {
    let mixed = (seed ^ index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Returns byte `index` of stream `seed`.
#[inline]
pub(crate) const fn byte(seed: u64, index: usize) -> u8 {
    word(seed, index / WORD).to_ne_bytes()[index % WORD]
}

/// Writes the first `len` bytes of stream `seed` from `start` on.
///
/// # Safety
///
/// The `len` bytes from `start` are valid for writes.
pub(crate) unsafe fn fill(start: NonNull<u8>, len: usize, seed: u64) {
    // SAFETY: the caller upholds the contract.
    unsafe { fill_range(start, 0..len, seed) };
}

/// Writes the bytes `range` of stream `seed` where they lie if the stream begins at `base`.
///
/// # Safety
///
/// The bytes `range` from `base` are valid for writes, and in one object with `base`.
pub(crate) unsafe fn fill_range(base: NonNull<u8>, range: Range<usize>, seed: u64) {
    let (words, edges) = split(range);
    for index in words {
        // SAFETY: the word lies inside the range.
        let place = unsafe { base.add(index * WORD) }.cast::<u64>();
        // SAFETY: as above; the write needs no alignment.
        unsafe { place.write_unaligned(word(seed, index)) };
    }
    for index in edges {
        // SAFETY: the byte lies inside the range.
        let place = unsafe { base.add(index) };
        // SAFETY: as above.
        unsafe { place.write(byte(seed, index)) };
    }
}

/// Returns the offset of the first of `len` bytes from `start` that is not stream `seed`'s.
///
/// # Safety
///
/// The `len` bytes from `start` are initialised and valid for reads.
pub(crate) unsafe fn first_difference(start: NonNull<u8>, len: usize, seed: u64) -> Option<usize> {
    // SAFETY: the caller upholds the contract.
    unsafe { difference_in(start, 0..len, seed) }
}

/// Returns the first of the bytes `range` that is not what stream `seed`, if it begins at `base`, has there.
///
/// # Safety
///
/// The bytes `range` from `base` are initialised, valid for reads, and in one object with `base`.
pub(crate) unsafe fn difference_in(base: NonNull<u8>, range: Range<usize>, seed: u64) -> Option<usize> {
    let (words, edges) = split(range);
    let in_words = words.clone().find(|&index| {
        // SAFETY: the word lies inside the range.
        let place = unsafe { base.add(index * WORD) }.cast::<u64>();
        // SAFETY: as above; the read needs no alignment.
        unsafe { place.read_unaligned() != word(seed, index) }
    });
    // The word that differs, byte by byte; the edges lie before and behind all words.
    let suspects = in_words.map_or(0..0, |index| index * WORD..(index + 1) * WORD);
    let differs = |&index: &usize| {
        // SAFETY: the byte lies inside the range.
        let place = unsafe { base.add(index) };
        // SAFETY: as above.
        unsafe { place.read() != byte(seed, index) }
    };
    let in_edges = edges.clone().find(differs);
    let in_suspects = suspects.clone().find(differs);
    [in_edges, in_suspects].into_iter().flatten().min()
}

/// Splits a range of bytes into the whole words in it, and the bytes before and behind them.
fn split(range: Range<usize>) -> (Range<usize>, impl Iterator<Item = usize> + Clone) {
    let words = range.start.div_ceil(WORD)..range.end / WORD;
    let words = if words.is_empty() { 0..0 } else { words };
    let edges = if words.is_empty() {
        (range.clone(), 0..0)
    } else {
        (range.start..words.start * WORD, words.end * WORD..range.end)
    };
    (words, edges.0.chain(edges.1))
}

/// Returns the offset of the first of `len` bytes from `start` that is not zero.
///
/// # Safety
///
/// The `len` bytes from `start` are initialised and valid for reads.
pub(crate) unsafe fn first_nonzero(start: NonNull<u8>, len: usize) -> Option<usize> {
    (0..len).find(|&index| {
        // SAFETY: `index` is below `len`.
        let place = unsafe { start.add(index) };
        // SAFETY: as above.
        unsafe { place.read() != 0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_is_found_and_every_changed_byte_is_noticed() {
        let mut memory = [0u8; 67];
        let start = NonNull::from(&mut memory).cast::<u8>();
        for len in (0..67).step_by(if cfg!(miri) { 11 } else { 1 }) {
            // SAFETY: `len` is at most the array's length.
            unsafe { fill(start, len, 7) };
            // SAFETY: the bytes were just written.
            assert_eq!(unsafe { first_difference(start, len, 7) }, None);
            for at in 0..len {
                // SAFETY: `at` is inside the array.
                let place = unsafe { start.add(at) };
                // SAFETY: as above.
                unsafe { place.write(!byte(7, at)) };
                // SAFETY: the bytes are initialised.
                assert_eq!(unsafe { first_difference(start, len, 7) }, Some(at));
                // SAFETY: as above.
                unsafe { place.write(byte(7, at)) };
            }
        }
    }

    #[test]
    fn a_range_is_filled_as_if_the_stream_began_at_the_base() {
        let mut memory = [0u8; 40];
        let base = NonNull::from(&mut memory).cast::<u8>();
        for start in 0..20 {
            for end in (start..40).step_by(if cfg!(miri) { 13 } else { 1 }) {
                // SAFETY: the range lies inside the array.
                unsafe { base.write_bytes(0, 40) };
                // SAFETY: as above.
                unsafe { fill_range(base, start..end, 9) };
                for at in 0..40 {
                    // SAFETY: as above.
                    let found = unsafe { base.add(at) };
                    let expected = if (start..end).contains(&at) { byte(9, at) } else { 0 };
                    // SAFETY: as above.
                    assert_eq!(unsafe { found.read() }, expected);
                }
                // SAFETY: as above.
                assert_eq!(unsafe { difference_in(base, start..end, 9) }, None);
            }
        }
    }

    #[test]
    fn streams_of_neighbouring_seeds_differ_in_nearly_every_byte() {
        let equal = |a, b| (0..1024).filter(|&i| byte(a, i) == byte(b, i)).count();
        for seed in 0..if cfg!(miri) { 1 } else { 20 } {
            assert!(equal(seed, seed + 1) < 16);
        }
    }

    #[test]
    fn the_first_byte_that_is_not_zero_is_found() {
        let mut memory = [0u8; 9];
        memory[5] = 1;
        let start = NonNull::from(&mut memory).cast::<u8>();
        // SAFETY: nine initialised bytes.
        assert_eq!(unsafe { first_nonzero(start, 9) }, Some(5));
        // SAFETY: five initialised bytes.
        assert_eq!(unsafe { first_nonzero(start, 5) }, None);
    }
}
