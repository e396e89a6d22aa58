//! Looking into a heap of several regions.

use core::ptr::NonNull;

use kalloc_traits::{Corruption, Inspect, RawRegion, Run, Stats};

use super::{Regions, Supply};
use crate::config::Config;

impl<R: RawRegion, const N: usize, C: Config, S: Supply<R>> Inspect for Regions<R, N, C, S> {
    fn owns(&self, pointer: NonNull<u8>) -> bool {
        self.pools().any(|(_, pool)| pool.covers(pointer))
    }

    /// Takes time linear in the number of regions.
    fn stats(&self) -> Stats {
        let mut sum = Stats {
            peak_used: self.peak.get(),
            failed_requests: self.failed.get(),
            ..Stats::default()
        };
        for (_, pool) in self.pools() {
            let stats = pool.stats();
            sum.capacity += stats.capacity;
            sum.used += stats.used;
            sum.free += stats.free;
            sum.cached += stats.cached;
            sum.live_blocks += stats.live_blocks;
        }
        sum
    }

    /// Between two regions there are no runs.
    fn next_run(&self, from: usize) -> Option<Run> {
        let runs = self.pools().filter_map(|(_, pool)| pool.next_run(from));
        runs.min_by_key(|run| run.start)
    }

    /// Checks each region, that no two overlap (P1), and that all together have what is counted (P7). Offsets are those of the
    /// region where it shows.
    fn verify(&self) -> Result<(), Corruption> {
        let mut used = 0;
        for (slot, pool) in self.pools() {
            pool.verify()?;
            used += pool.stats().used;
            let memory = pool.memory();
            let is_shared = self.pools().any(|(other, pool)| {
                let theirs = pool.memory();
                other != slot && memory.start_addr() < theirs.end_addr() && theirs.start_addr() < memory.end_addr()
            });
            if is_shared {
                return Err(Corruption {
                    invariant: "P1",
                    offset: 0,
                });
            }
        }
        if used != self.used.get() {
            return Err(Corruption {
                invariant: "P7",
                offset: 0,
            });
        }
        Ok(())
    }
}
