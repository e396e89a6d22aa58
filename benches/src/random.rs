//! Numbers that look random and are the same on every machine.

/// Sebastiano Vigna's splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Returns the generator of this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// Returns a size from 1 to `most`: evenly distributed up to a bound that is itself so, which makes small ones frequent.
    pub(crate) fn size(&mut self, most: u32) -> u32 {
        let bound = self.below(most) + 1;
        self.below(bound) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound_and_reach_it() {
        let mut random = Random::new(1);
        let numbers: Vec<u32> = (0..1000).map(|_| random.below(10)).collect();
        assert!((0..10).all(|n| numbers.contains(&n)) && numbers.iter().all(|&n| n < 10));
        let sizes: Vec<u32> = (0..1000).map(|_| random.size(3)).collect();
        assert!((1..=3).all(|n| sizes.contains(&n)) && sizes.iter().all(|n| (1..=3).contains(n)));
    }
}
