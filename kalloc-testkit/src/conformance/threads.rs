//! A heap that several threads use at the same time.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;
use std::sync::{Barrier, mpsc};
use std::thread;

use kalloc_traits::Heap;

use super::crowd::Crowd;
use super::probe::{demand, fill};
use crate::drive::{Checked, Failure, Verdict, caught, ensure};
use crate::region::bytes;
use crate::workload::op::layout;
use crate::workload::random::{Mix, Rng};
use crate::workload::{ROOM, scaled};

/// Threads that share a heap.
pub(super) const THREADS: usize = 3;

/// Threads that allocate, resize and free at random keep their blocks to themselves.
pub fn threads_share_a_heap(crowd: &Crowd<'_>) -> Verdict {
    let (heap, steps) = (crowd.make(), crowd.steps(scaled(6000)));
    let barrier = Barrier::new(THREADS);
    let ranges = together(&*heap, |number, checked| {
        let mut rng = Rng::new(number as u64);
        let played = caught(|| (0..steps).try_for_each(|_| step(checked, &mut rng)));
        let ranges = checked.shadow().by_address().map(|(_, block)| block.range());
        let ranges: Vec<Range<usize>> = ranges.collect();
        // No block is freed before all are known.
        barrier.wait();
        played?;
        checked.check_all()?;
        checked.free_all(|_| {})?;
        Ok(ranges)
    })?;
    let mut ranges: Vec<Range<usize>> = ranges.into_iter().flatten().collect();
    ranges.sort_by_key(|range| range.start);
    let shared = ranges.windows(2).find(|pair| pair[1].start < pair[0].end);
    ensure!(shared.is_none(), "blocks of two threads overlap: {shared:x?}");
    Ok(())
}

/// A block that one thread allocates and fills is whole when another frees it.
pub fn blocks_are_freed_by_other_threads(crowd: &Crowd<'_>) -> Verdict {
    let (heap, steps) = (crowd.make(), crowd.steps(scaled(4000)));
    let heap: &(dyn Heap + Sync) = &*heap;
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::sync_channel(16)).unzip();
    thread::scope(|scope| {
        let mut senders = senders.into_iter().cycle().skip(1);
        let threads = receivers.into_iter().enumerate().map(|(number, receiver)| {
            let sender: mpsc::SyncSender<Parcel> = senders.next().expect("a cycle does not end");
            scope.spawn(move || pass_on(heap, [number, steps], &sender, &receiver))
        });
        let threads: Vec<_> = threads.collect();
        drop(senders);
        threads.into_iter().try_for_each(joined)
    })
}

/// Threads that use a heap up together are refused, keep what they have, and are served again afterwards.
pub fn threads_exhaust_a_heap_together(crowd: &Crowd<'_>) -> Verdict {
    let (heap, rounds) = (crowd.make(), crowd.steps(scaled(8).max(2)));
    together(&*heap, |number, checked| {
        for round in 0..rounds {
            fill(checked, layout(24 + number * 40, 8))?;
            checked.check_all()?;
            checked.free_all(|lives| {
                if round % 2 == 0 {
                    lives.reverse();
                }
            })?;
        }
        Ok(())
    })?;
    heap.trim();
    let mut checked = Checked::new(&*heap);
    demand(checked.allocate(layout(100, 8))?, layout(100, 8))?;
    checked.free_all(|_| {})
}

/// Makes a step at random.
fn step(checked: &mut Checked<'_>, rng: &mut Rng) -> Verdict {
    let live = checked.shadow().nth(rng.below(40));
    match live.filter(|_| rng.chance(60)) {
        None => checked.allocate(Mix::Mixed.layout(rng, ROOM / 16)).map(drop),
        Some(live) if rng.chance(70) => checked.free(live),
        Some(live) => {
            let held = checked.shadow().block(live).layout;
            match rng.chance(50) {
                true => checked.grow(live, layout(held.size() + rng.below(200), held.align())),
                false => checked.shrink(live, layout(held.size() / 2, held.align())),
            }
            .map(drop)
        }
    }
}

/// Runs `action` on each thread, with a shadow of its own, and returns what they return.
fn together<T: Send>(
    heap: &(dyn Heap + Sync),
    action: impl Fn(usize, &mut Checked<'_>) -> Verdict<T> + Sync,
) -> Verdict<Vec<T>> {
    let action = &action;
    thread::scope(|scope| {
        let threads = (0..THREADS).map(|number| {
            scope.spawn(move || {
                let mut checked = Checked::new(heap);
                // Equal patterns in the blocks of two threads would hide that they are one block.
                checked.set_first_seed((number as u64 + 1) << 40);
                action(number, &mut checked)
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(joined).collect()
    })
}

/// Waits for a thread; a panic is a failure.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, Verdict<T>>) -> Verdict<T> {
    let panicked = |_: Box<dyn core::any::Any + Send>| Failure::new(String::from("a thread panicked"));
    thread.join().map_err(panicked)?
}

/// A block on its way to another thread.
struct Parcel {
    block: NonNull<u8>,
    held: Layout,
    seed: u64,
}

// SAFETY: whoever has the parcel has the block, alone.
unsafe impl Send for Parcel {}

/// Allocates blocks and sends them on, and frees those that come, each checked.
fn pass_on(
    heap: &(dyn Heap + Sync),
    [number, steps]: [usize; 2],
    sender: &mpsc::SyncSender<Parcel>,
    receiver: &mpsc::Receiver<Parcel>,
) -> Verdict {
    let mut rng = Rng::new(number as u64);
    for round in 0..steps as u64 {
        let held = layout(rng.within(1..=300), 8);
        if let Ok(block) = heap.allocate(held) {
            let seed = (number as u64 + 1) << 40 | round;
            // SAFETY: the block is new and that long.
            unsafe { bytes::fill(block.cast(), held.size(), seed) };
            let parcel = Parcel {
                block: block.cast(),
                held,
                seed,
            };
            // The next thread may be busy, or at its end: then the block stays here.
            if let Err(mpsc::TrySendError::Full(parcel) | mpsc::TrySendError::Disconnected(parcel)) =
                sender.try_send(parcel)
            {
                take_in(heap, &parcel)?;
            }
        }
        receiver.try_iter().try_for_each(|parcel| take_in(heap, &parcel))?;
    }
    receiver.try_iter().try_for_each(|parcel| take_in(heap, &parcel))
}

/// Checks and frees a block.
fn take_in(heap: &(dyn Heap + Sync), parcel: &Parcel) -> Verdict {
    // SAFETY: the block was filled, and nobody else may write it.
    let lost = unsafe { bytes::first_difference(parcel.block, parcel.held.size(), parcel.seed) };
    // SAFETY: the block is live with this layout, and the parcel is done with.
    unsafe { heap.deallocate(parcel.block, parcel.held) };
    ensure!(
        lost.is_none(),
        "a block of {} bytes lost its byte {lost:?} on its way to another thread",
        parcel.held.size()
    );
    Ok(())
}
