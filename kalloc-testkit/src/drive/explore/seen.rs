//! Which states were seen: a hash of 128 bits for each, in an open-addressed table.
//!
//! Two states that share a hash would be taken for one, and what only the second leads to would be missed; nothing sound
//! would ever be reported. For n states that are hashed as if at random, that happens with a probability below n²/2¹²⁹:
//! for ten million, less than 10⁻²⁴. The hash folds 128-bit products of the words with odd random constants, twice, with
//! different ones; it is no defence against states that were chosen to collide, which those of a heap are not.
//!
//! Cost: 16 bytes a state, at most half of the table; a product and an addition a word, twice.

use alloc::vec;
use alloc::vec::Vec;

/// A state's name.
pub(super) type Key = u128;

/// Where the two lanes start, and what they multiply by: digits of π.
const START: [u64; 2] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344];
const FACTORS: [u64; 2] = [0xA409_3822_299F_31D1, 0x082E_FA98_EC4E_6C89];

/// A hash in progress.
pub(super) struct Hash {
    lanes: [u64; 2],
    len: u64,
}

/// Returns the two halves of a product, folded into one.
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

impl Hash {
    /// Returns the hash of nothing.
    pub(super) const fn new() -> Self {
        Self { lanes: START, len: 0 }
    }

    /// Takes a word in.
    #[inline]
    pub(super) const fn word(&mut self, word: u64) {
        self.len += 1;
        self.lanes[0] = fold(self.lanes[0] ^ word, FACTORS[0]).wrapping_add(word);
        self.lanes[1] = fold(self.lanes[1] ^ word, FACTORS[1]).wrapping_sub(word.rotate_left(29));
    }

    /// Takes bytes in, and how many there are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        for word in words.by_ref() {
            self.word(u64::from_ne_bytes(word.try_into().unwrap_or_default()));
        }
        let mut last = [0; 8];
        last[..words.remainder().len()].copy_from_slice(words.remainder());
        self.word(u64::from_ne_bytes(last));
    }

    /// Returns the hash.
    pub(super) const fn key(mut self) -> Key {
        self.word(self.len);
        self.word(!self.len);
        (self.lanes[0] as u128) << 64 | self.lanes[1] as u128
    }
}

/// A set of keys.
pub(super) struct Seen {
    /// A power of two of places; 0 is an empty one, and the key 0 counts as 1.
    places: Vec<Key>,
    len: usize,
}

impl Seen {
    /// Returns the empty set.
    pub(super) fn new() -> Self {
        Self {
            places: vec![0; 64],
            len: 0,
        }
    }

    /// Takes a key in, and returns whether it is new.
    pub(super) fn insert(&mut self, key: Key) -> bool {
        if self.len * 2 >= self.places.len() {
            self.double();
        }
        let is_new = insert(&mut self.places, key.max(1));
        self.len += usize::from(is_new);
        is_new
    }

    /// Moves all keys to a table twice as large.
    fn double(&mut self) {
        let mut places = vec![0; self.places.len() * 2];
        for &key in self.places.iter().filter(|&&key| key != 0) {
            insert(&mut places, key);
        }
        self.places = places;
    }
}

/// Puts a key, not 0, into a table that has an empty place, and returns whether it is new.
fn insert(places: &mut [Key], key: Key) -> bool {
    let mask = places.len() - 1;
    let mut at = key as usize & mask;
    while places[at] != 0 {
        if places[at] == key {
            return false;
        }
        at = (at + 1) & mask;
    }
    places[at] = key;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(bytes: &[u8]) -> Key {
        let mut hash = Hash::new();
        hash.bytes(bytes);
        hash.key()
    }

    #[test]
    fn a_key_is_new_once() {
        let mut seen = Seen::new();
        for key in 0..1000u128 {
            assert!(seen.insert(key << 60 | 0x55));
            assert!(!seen.insert(key << 60 | 0x55));
        }
        assert!(seen.insert(0) && !seen.insert(0));
    }

    #[test]
    fn one_bit_or_one_more_zero_gives_another_key() {
        let mut seen = Seen::new();
        for len in 0..if cfg!(miri) { 6 } else { 40 } {
            let mut bytes = vec![0u8; len];
            assert!(seen.insert(key_of(&bytes)));
            for bit in 0..len * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(seen.insert(key_of(&bytes)), "bit {bit} of {len} bytes");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}
