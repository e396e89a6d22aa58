//! Three programs as users write them, each of which bears a refusal at every step: vectors, a map, an arena.
//!
//! They are for heaps that refuse on purpose. After each refusal the state of the heap is held against that before it.

use alloc::vec::Vec;
use core::alloc::Layout;

use kalloc_traits::{Inspect, Stats};

use super::checked::Checked;
use super::failure::{Verdict, ensure};
use crate::model::shadow::Live;
use crate::workload::op::layout;
use crate::workload::random::Rng;
use crate::workload::scaled;

/// One who uses a heap, and bears that it refuses.
pub struct User<'c, 'h> {
    checked: &'c mut Checked<'h>,
    inside: Option<&'c dyn Inspect>,
    refusals: usize,
}

/// A program of a user's, which frees everything at its end.
pub type Program = fn(&mut User<'_, '_>) -> Verdict;

impl<'c, 'h> User<'c, 'h> {
    /// Returns the user of a heap, whose counters are looked at if there is an `inside`.
    pub const fn new(checked: &'c mut Checked<'h>, inside: Option<&'c dyn Inspect>) -> Self {
        Self {
            checked,
            inside,
            refusals: 0,
        }
    }

    /// Returns how many requests were refused.
    pub const fn refusals(&self) -> usize {
        self.refusals
    }

    /// Makes a request, and after a refusal checks that nothing has changed.
    fn ask(&mut self, request: impl FnOnce(&mut Checked<'h>) -> Verdict<Option<Live>>) -> Verdict<Option<Live>> {
        let before = self.counters();
        let answer = request(self.checked)?;
        if answer.is_none() {
            self.refusals += 1;
            self.checked.check_all()?;
            let after = self.counters();
            ensure!(
                before == after,
                "a refusal changed the counters from {before:?} to {after:?}"
            );
        }
        Ok(answer)
    }

    /// Returns what a refusal must not change. Growth may come to something and still be too little.
    fn counters(&self) -> Option<Stats> {
        Some(Stats {
            capacity: 0,
            free: 0,
            cached: 0,
            // A block that moves is there twice, for a moment.
            peak_used: 0,
            failed_requests: 0,
            ..self.inside?.stats()
        })
    }

    /// Frees what is left, and checks that nothing counts as used.
    fn end(&mut self) -> Verdict {
        self.checked.check_all()?;
        self.checked.free_all(|_| {})?;
        if let Some(inside) = self.inside {
            let stats = inside.stats();
            let is_empty = stats.used == 0 && stats.live_blocks == 0;
            ensure!(
                is_empty,
                "the program has freed everything, and the counters say {stats:?}"
            );
            inside.verify()?;
        }
        Ok(())
    }
}

/// Three vectors that grow in turn, by doubling, and give back what they do not need.
///
/// # Errors
///
/// The heap broke its contract.
pub fn vectors(user: &mut User<'_, '_>) -> Verdict {
    const UNITS: [usize; 3] = [1, 8, 24];
    let mut vectors: [Option<Live>; 3] = [None; 3];
    for round in 0..3 {
        for length in 0..scaled(120).max(8) {
            for (vector, unit) in vectors.iter_mut().zip(UNITS) {
                *vector = push(user, *vector, unit, length)?;
            }
        }
        for (vector, unit) in vectors.iter_mut().zip(UNITS) {
            let Some(live) = *vector else { continue };
            let fitted = layout(unit * (3 + round), 8);
            if user.checked.shadow().block(live).layout.size() > fitted.size() {
                *vector = Some(user.ask(|checked| checked.shrink(live, fitted))?.unwrap_or(live));
            }
        }
    }
    user.end()
}

/// Sees to it that a vector has room for one more than `length`, if it can be had.
fn push(user: &mut User<'_, '_>, vector: Option<Live>, unit: usize, length: usize) -> Verdict<Option<Live>> {
    let Some(live) = vector else {
        return user.ask(|checked| checked.allocate(layout(unit * 4, 8)));
    };
    let capacity = user.checked.shadow().block(live).layout.size() / unit;
    if length < capacity {
        return Ok(vector);
    }
    let doubled = layout(capacity * 2 * unit, 8);
    Ok(Some(user.ask(|checked| checked.grow(live, doubled))?.unwrap_or(live)))
}

/// A map by open addressing: a cleared table, which is rebuilt twice as large when it is half full, and a block for each key.
///
/// # Errors
///
/// The heap broke its contract.
pub fn map(user: &mut User<'_, '_>) -> Verdict {
    let entries = |slots: usize| layout(slots * 16, 16);
    let mut rng = Rng::new(21);
    let (mut table, mut slots) = (None, 8);
    let mut keys: Vec<Live> = Vec::new();
    for _ in 0..scaled(150).max(16) {
        if table.is_none() {
            table = user.ask(|checked| checked.allocate_zeroed(entries(slots)))?;
        }
        if rng.chance(30) && !keys.is_empty() {
            let key = keys.swap_remove(rng.below(keys.len()));
            user.checked.free(key)?;
            continue;
        }
        let text: Layout = layout(1 + rng.below(60), 1);
        keys.extend(user.ask(|checked| checked.allocate(text))?);
        if let Some(old) = table.filter(|_| keys.len() * 2 > slots) {
            // The old table is freed only when the new one is there.
            if let Some(new) = user.ask(|checked| checked.allocate_zeroed(entries(slots * 2)))? {
                user.checked.free(old)?;
                (table, slots) = (Some(new), slots * 2);
            }
        }
    }
    user.end()
}

/// An arena: chunks that double, aligned to their use, freed together; the last one grows where it is if it can.
///
/// # Errors
///
/// The heap broke its contract.
pub fn arena(user: &mut User<'_, '_>) -> Verdict {
    for align in [8, 64, 256] {
        let mut chunks: Vec<Live> = Vec::new();
        let mut size = 64;
        for _ in 0..6 {
            if let Some(live) = chunks.pop() {
                let held = user.checked.shadow().block(live).layout;
                let longer = layout(held.size() + 32, held.align());
                // May always be refused, and is not a request for other memory.
                chunks.push(user.checked.resize_in_place(live, longer)?.unwrap_or(live));
            }
            let chunk = user.ask(|checked| checked.allocate(layout(size, align)))?;
            if chunk.is_some() {
                size *= 2;
            }
            chunks.extend(chunk);
        }
        while let Some(live) = chunks.pop() {
            user.checked.free(live)?;
        }
    }
    user.end()
}
