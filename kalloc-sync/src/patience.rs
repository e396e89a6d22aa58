//! How long a request waits for a growth that somebody else has begun, and how.

#![forbid(unsafe_code)]

use core::hint;

/// The longest wait between two looks, in turns of a spin loop. It keeps those who wait away from the lock, which the
/// other needs to end its growth: waiting for one turn at a time, they starved it for seconds.
const LONGEST: u32 = 512;

/// Turns of a spin loop that a request may still wait.
pub(crate) struct Patience {
    turns: u32,
    /// The next wait: it doubles each time, so that a short growth is noticed soon and a long one is disturbed little.
    next: u32,
}

impl Patience {
    /// Returns a patience of `turns` turns.
    pub(crate) const fn new(turns: u32) -> Self {
        Self { turns, next: 1 }
    }

    /// Waits a little; returns `false`, at once, if all turns are spent.
    pub(crate) fn wait(&mut self) -> bool {
        let now = self.next.min(self.turns);
        self.turns -= now;
        self.next = (2 * self.next).min(LONGEST);
        for _ in 0..now {
            hint::spin_loop();
        }
        now > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_spend_every_turn() {
        for turns in [0, 1, 2, 3, 1000, 5000] {
            let mut patience = Patience::new(turns);
            let mut spent = 0;
            let mut before = 0;
            loop {
                let left = patience.turns;
                if !patience.wait() {
                    break;
                }
                let now = left - patience.turns;
                assert!(now == (2 * before).clamp(1, LONGEST) || patience.turns == 0);
                spent += now;
                before = now;
            }
            assert_eq!(spent, turns);
            assert!(!patience.wait());
        }
    }
}
