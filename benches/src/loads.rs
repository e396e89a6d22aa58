//! The loads: traces that are made, and the recorded one. The same of every allocator, whatever it answers.

use core::ops::Range;

use crate::random::Random;
use crate::script::Script;
use crate::trace::Trace;

const SEED: u64 = 0x6b61_6c6c_6f63;

/// The recorded beginning of a Linux boot, under zlib's compression.
const KERNEL_BOOT: &[u8] = include_bytes!("../../examples/traces/kernel-boot-slice.ktr.z");

/// How many blocks live in the long run of random actions: twice as many are the limit, none the other.
const LIVE_BLOCKS: u32 = 2000;
/// How many random actions it takes until as many blocks are freed as are allocated, and how many follow.
const ACTIONS: usize = 20_000;

/// A trace, and which part of it is measured.
#[derive(Clone, Debug)]
pub struct Load {
    trace: Trace,
    measured_from: usize,
}

impl Load {
    /// Returns the load of a trace that is measured as a whole.
    pub fn whole(trace: Trace) -> Self {
        Self {
            trace,
            measured_from: 0,
        }
    }

    /// Returns the trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Returns the operations before the measured ones.
    pub fn prelude(&self) -> Range<usize> {
        0..self.measured_from
    }

    /// Returns the operations that are measured: those from some index to the end.
    pub fn measured(&self) -> Range<usize> {
        self.measured_from..self.trace.ops().len()
    }

    fn all_of(script: Script) -> Self {
        Self::from(script, 0)
    }

    fn from(script: Script, measured_from: usize) -> Self {
        Self {
            trace: script.finish(),
            measured_from,
        }
    }
}

/// Allocates, resizes and frees blocks of 1 to `max_size` bytes at random; small ones are more frequent, and one in sixteen
/// is aligned to a cache line. Measured when 2000 live, give or take.
pub fn random_actions(max_size: u32) -> Load {
    let mut random = Random::new(SEED);
    let mut script = Script::default();
    for _ in 0..2 * ACTIONS {
        // The more blocks live, the more likely is a free: at the limit it is certain.
        let dice = random.below(2 * LIVE_BLOCKS);
        if script.nr_live() <= dice {
            let align = if random.below(16) == 0 { 64 } else { 8 };
            script.allocate(random.size(max_size), align);
            continue;
        }
        let index = random.below(script.nr_live());
        if dice % 4 == 0 {
            script.reallocate(index, random.size(max_size));
        } else {
            script.free(index);
        }
    }
    Load::from(script, ACTIONS)
}

/// Pages at pages, cache lines at cache lines and small blocks at words, 300 in turn, freed in random order; twenty times.
pub fn aligned_blocks() -> Load {
    let mut random = Random::new(SEED);
    let mut script = Script::default();
    for _ in 0..20 {
        for _ in 0..100 {
            script.allocate(4096, 4096);
            script.allocate(64, 64);
            script.allocate(random.size(200), 8);
        }
        while script.nr_live() > 0 {
            script.free(random.below(script.nr_live()));
        }
    }
    Load::all_of(script)
}

/// Sixteen vectors that double in turn, from 16 bytes to 8 KiB, and are freed; forty times.
pub fn vectors() -> Load {
    const VECTORS: u32 = 16;
    let mut script = Script::default();
    for _ in 0..40 {
        (0..VECTORS).for_each(|_| script.allocate(16, 8));
        for doubling in 1..=9 {
            (0..VECTORS).for_each(|vector| script.reallocate(vector, 16 << doubling));
        }
        (0..VECTORS).for_each(|_| script.free(0));
    }
    Load::all_of(script)
}

/// The end of a program: 4000 blocks of 1 to 500 bytes are freed in random order, until none is left. Only that is measured.
pub fn teardown() -> Load {
    let mut random = Random::new(SEED);
    let mut script = Script::default();
    (0..4000).for_each(|_| script.allocate(random.size(500), 8));
    let measured_from = script.len();
    while script.nr_live() > 0 {
        script.free(random.below(script.nr_live()));
    }
    Load::from(script, measured_from)
}

/// A hundred blocks of 1 to 200 bytes, the last of which is freed first; forty times.
pub fn last_in_first_out() -> Load {
    in_batches(200, |nr_live| nr_live - 1)
}

/// A hundred blocks of 1 to 4000 bytes, the first of which is freed first; forty times.
pub fn first_in_first_out() -> Load {
    in_batches(4000, |_| 0)
}

/// Allocates a hundred blocks, and frees them in the order that `next` gives: an index, for how many live; forty times.
fn in_batches(max_size: u32, next: impl Fn(u32) -> u32) -> Load {
    let mut random = Random::new(SEED);
    let mut script = Script::default();
    for _ in 0..40 {
        (0..100).for_each(|_| script.allocate(random.size(max_size), 8));
        while script.nr_live() > 0 {
            script.free(next(script.nr_live()));
        }
    }
    Load::all_of(script)
}

/// Some `holes` free blocks of 8 to 24 bytes, each before a block of 8 bytes. Measured are 500 frees of such a block at random,
/// which joins two holes, each followed by a request for 8 to 24 bytes.
pub fn holes(holes: u32) -> Load {
    let mut random = Random::new(SEED);
    let mut script = Script::default();
    for _ in 0..holes {
        script.allocate(random.size(24), 8);
        script.allocate(8, 8);
    }
    (0..holes).rev().for_each(|hole| script.free_swapping(2 * hole));
    let measured_from = script.len();
    for _ in 0..500 {
        script.free_swapping(random.below(script.nr_live()));
        script.allocate(random.size(24), 8);
    }
    Load::from(script, measured_from)
}

/// The recorded beginning of a Linux boot; `examples/traces/README.md` says where it comes from.
pub fn kernel_boot() -> Load {
    Load::whole(Trace::from_zlib(KERNEL_BOOT).expect("the recording in the repository is sound"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Peer;
    use crate::memory::{BYTES, Memory};
    use crate::peers::{LockedPool, Nothing, Pool};
    use crate::replay::{Failure, Fault, check};

    fn outcome<P: Peer>(memory: &mut Memory, load: &Load) -> Result<(), Failure> {
        let outcome = memory.lend(BYTES, |peer: &mut P, span| check(peer, span, load.trace()));
        outcome.expect("4 MiB are enough to start with")
    }

    #[test]
    fn every_load_is_served_by_the_pool_and_finds_blocks_that_overlap() {
        let mut memory = Memory::claim().unwrap();
        let loads = [
            random_actions(100),
            random_actions(4000),
            aligned_blocks(),
            vectors(),
            teardown(),
            last_in_first_out(),
            first_in_first_out(),
            holes(1000),
            kernel_boot(),
        ];
        for load in loads {
            assert!(!load.measured().is_empty());
            assert_eq!(outcome::<Pool>(&mut memory, &load), Ok(()));
            assert_eq!(outcome::<LockedPool>(&mut memory, &load), Ok(()));
            let fault = outcome::<Nothing>(&mut memory, &load).unwrap_err().fault;
            assert!(matches!(fault, Fault::Spoiled | Fault::NotZero | Fault::Misplaced));
        }
    }
}
