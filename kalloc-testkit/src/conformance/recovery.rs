//! Getting memory back. Which of these rules a heap keeps is a matter of quality.

use alloc::vec::Vec;

use super::probe::{demand, fill, fill_up, fill_with, from_the_middle, largest, storm};
use super::subject::Subject;
use crate::drive::{Checked, Player, Verdict, ensure};
use crate::model::shadow::Live;
use crate::workload::op::{Op, layout};
use crate::workload::random::{Mix, RandomOps, Rng};
use crate::workload::{ROOM, patterns, scaled, some};

/// `lifo`: blocks that are freed in the reverse order of their allocation leave room for as many again. Their sizes are
/// multiples of their alignment, so that there need be no gap between them.
pub fn freeing_backwards_makes_room(subject: &Subject<'_>) -> Verdict {
    for size in [8, 24, 100, 1000] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let wanted = layout(size, 4);
        let pinned = demand(checked.allocate(wanted)?, wanted)?;
        let mut expected = None;
        for round in 0..4 {
            let mut lives = fill(&mut checked, wanted)?;
            let count = lives.len();
            let first = *expected.get_or_insert(count);
            ensure!(
                count >= first,
                "{count} blocks of {size} bytes fit in round {round}, {first} in the first"
            );
            while let Some(live) = lives.pop() {
                checked.free(live)?;
            }
        }
        checked.free(pinned)?;
    }
    Ok(())
}

/// `reuses`: blocks that are freed in any order leave room for as many of their sizes again, round after round.
pub fn freeing_in_any_order_makes_room(subject: &Subject<'_>) -> Verdict {
    for size in [8, 24, 100, 1000] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let mut rng = Rng::new(size as u64);
        let mut expected = None;
        for round in 0..scaled(12).max(3) {
            let count = fill(&mut checked, layout(size, 8))?.len();
            let first = *expected.get_or_insert(count);
            ensure!(
                count >= first,
                "{count} blocks of {size} bytes fit in round {round}, {first} in the first"
            );
            storm(&mut checked, 3)?;
            checked.free_all(|lives| order(lives, round, &mut rng))?;
        }
    }
    Ok(())
}

/// `reuses`: what shrinks to nothing leaves its room.
pub fn shrinking_to_no_bytes_makes_room(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let mut expected = None;
    for round in 0..3 {
        let lives = fill(&mut checked, layout(100, 8))?;
        let count = lives.len();
        let first = *expected.get_or_insert(count);
        ensure!(
            count >= first,
            "{count} blocks of 100 bytes fit in round {round}, {first} in the first"
        );
        for live in lives {
            let none = layout(0, 8);
            let shrunk = demand(checked.shrink(live, none)?, none)?;
            checked.free(shrunk)?;
        }
    }
    Ok(())
}

/// `reuses`: one block comes and goes more often than 2^8 and 2^16 can count, and is served each time.
pub fn a_block_comes_and_goes_past_narrow_counters(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let wanted = layout(40, 8);
    let rounds = if cfg!(miri) { 300 } else { 70_000 };
    for round in 0..rounds {
        let answer = checked.allocate(wanted)?;
        ensure!(
            answer.is_some(),
            "40 bytes were refused in round {round}, in an empty heap"
        );
        answer.into_iter().try_for_each(|live| checked.free(live))?;
    }
    Ok(())
}

/// `coalesces`: a heap full of blocks of one size is one free block again when they are freed by ascending address.
pub fn freed_forwards_the_heap_is_whole_again(subject: &Subject<'_>) -> Verdict {
    full_and_free_again(subject, 0)
}

/// `coalesces`: … by descending address.
pub fn freed_backwards_the_heap_is_whole_again(subject: &Subject<'_>) -> Verdict {
    full_and_free_again(subject, 1)
}

/// `coalesces`: … in no order.
pub fn freed_in_no_order_the_heap_is_whole_again(subject: &Subject<'_>) -> Verdict {
    full_and_free_again(subject, 2)
}

/// `coalesces`: … every other one first.
pub fn freed_every_other_first_the_heap_is_whole_again(subject: &Subject<'_>) -> Verdict {
    full_and_free_again(subject, 3)
}

/// `coalesces`: no gap before or behind an over-aligned block is lost.
pub fn gaps_of_aligned_blocks_come_back(subject: &Subject<'_>) -> Verdict {
    is_whole_after(subject, |checked| {
        for &align in some(&[64, 256, 32, 1024, 4096]) {
            // Small blocks between the aligned ones make gaps of all sizes.
            fill_with(checked, |index| match index % 3 {
                0 => layout(1, align),
                1 => layout(1 + index * 8 % 200, 8),
                _ => layout(align / 2 + 8, align / 2),
            })?;
            fill_up(checked, layout(64, 8))?;
            checked.free_all(|lives| from_the_middle(lives))?;
        }
        Ok(())
    })
}

/// `coalesces`: no remainder of a few bytes is lost, whatever two sizes made it.
pub fn remainders_come_back(subject: &Subject<'_>) -> Verdict {
    is_whole_after(subject, |checked| {
        for large in (16..160).step_by(if cfg!(miri) { 56 } else { 8 }) {
            for less in [1, 8, 16, 24, 32] {
                let first = checked.allocate(layout(large, 8))?;
                checked.allocate(layout(8, 8))?;
                if let Some(live) = first {
                    checked.free(live)?;
                    checked.allocate(layout((large - less.min(large - 1)).max(1), 8))?;
                }
            }
        }
        checked.free_all(|_| {})
    })
}

/// `coalesces`: random programs of every mix leave the heap whole.
pub fn random_programs_leave_the_heap_whole(subject: &Subject<'_>) -> Verdict {
    for (seed, mix) in Mix::ALL.into_iter().enumerate() {
        let whole = is_whole_after(subject, |checked| {
            let heap = checked.heap();
            let mut ops = RandomOps::new(seed as u64, mix, 120, ROOM / 4);
            let mut player = Player::new(heap, ops.slots());
            for _ in 0..scaled(3000) {
                let op = ops.next(|slot| player.size_of(slot));
                player.play(op)?;
            }
            player.finish()
        });
        whole.map_err(|failure| failure.during(format_args!("{mix:?}, seed {seed}")))?;
    }
    Ok(())
}

/// `coalesces`: so do the programs that are known to hurt.
pub fn patterns_leave_the_heap_whole(subject: &Subject<'_>) -> Verdict {
    let count = scaled(300).max(8) as u16;
    let programs: [Vec<Op>; 6] = [
        patterns::sawtooth(100, count),
        patterns::comb(64, count, 3),
        patterns::robson(8, count),
        patterns::slivers(8, count),
        patterns::aligned_and_not(256, count),
        patterns::ping_pong(300, scaled(100).max(8)),
    ];
    for (index, program) in programs.into_iter().enumerate() {
        let whole = is_whole_after(subject, |checked| {
            crate::drive::run(checked.heap(), program.clone()).map(drop)
        });
        whole.map_err(|failure| failure.during(format_args!("program {index}")))?;
    }
    Ok(())
}

/// `exact_fit`: in a full heap, a freed block serves the same request again.
pub fn a_hole_serves_the_request_that_left_it(subject: &Subject<'_>) -> Verdict {
    for &size in some(&[
        24, 65, 100, 1, 8, 15, 16, 17, 63, 64, 127, 128, 129, 255, 256, 257, 500, 1000, 1023, 1025,
    ]) {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let wanted = layout(size, 8);
        let lives = fill_up(&mut checked, wanted)?;
        for live in lives.into_iter().step_by(3).take(scaled(100).max(5)) {
            checked.free(live)?;
            let answer = checked.allocate(wanted)?;
            ensure!(
                answer.is_some(),
                "{size} bytes were refused where a block of {size} bytes was just freed"
            );
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// `exact_fit`: … whichever block it is, for as long as one likes.
pub fn one_block_can_be_replaced_for_ever(subject: &Subject<'_>) -> Verdict {
    let heap = subject.make();
    let mut checked = Checked::new(&*heap);
    let wanted = layout(100, 8);
    let mut lives = fill(&mut checked, wanted)?;
    ensure!(lives.len() > 4, "only {} blocks of 100 bytes fit", lives.len());
    let mut rng = Rng::new(1);
    for round in 0..scaled(2000) {
        let index = rng.below(lives.len());
        checked.free(lives.swap_remove(index))?;
        let answer = checked.allocate(wanted)?;
        ensure!(
            answer.is_some(),
            "100 bytes were refused in round {round}, after such a block was freed"
        );
        lives.extend(answer);
    }
    checked.free_all(|_| {})
}

/// `exact_fit`: so does one at a large alignment.
pub fn an_aligned_hole_serves_the_request_that_left_it(subject: &Subject<'_>) -> Verdict {
    for align in [16, 32, 64, 256, 1024] {
        let heap = subject.make();
        let mut checked = Checked::new(&*heap);
        let wanted = layout(align, align);
        let lives = fill(&mut checked, wanted)?;
        fill_up(&mut checked, layout(64, 8))?;
        for live in lives.into_iter().step_by(3).take(scaled(100).max(3)) {
            checked.free(live)?;
            let answer = checked.allocate(wanted)?;
            ensure!(
                answer.is_some(),
                "{align} bytes at their own multiple were refused where such a block was just freed"
            );
        }
        checked.free_all(|_| {})?;
    }
    Ok(())
}

/// `deterministic`: the same program gives the same addresses, relative to the first.
pub fn the_same_program_gives_the_same_addresses(subject: &Subject<'_>) -> Verdict {
    let trace = || -> Verdict<Vec<usize>> {
        let heap = subject.make();
        let mut ops = RandomOps::new(77, Mix::Small, 50, ROOM / 8);
        let mut player = Player::new(&*heap, 50);
        let mut addresses = Vec::new();
        for _ in 0..scaled(1000) {
            let op = ops.next(|slot| player.size_of(slot));
            player.play(op)?;
            addresses.extend(
                player
                    .checked()
                    .shadow()
                    .by_address()
                    .next()
                    .map(|(_, block)| block.range().start),
            );
            addresses.extend(
                player
                    .checked()
                    .shadow()
                    .by_address()
                    .next_back()
                    .map(|(_, block)| block.range().start),
            );
        }
        player.finish()?;
        let first = addresses.first().copied().unwrap_or(0);
        Ok(addresses
            .into_iter()
            .map(|address| address.wrapping_sub(first))
            .collect())
    };
    let (one, other) = (trace()?, trace()?);
    let differs = one.iter().zip(&other).position(|(a, b)| a != b);
    ensure!(
        differs.is_none() && one.len() == other.len(),
        "a program of seed 77 put its blocks elsewhere when it ran again, first at observation {differs:?}"
    );
    Ok(())
}

/// Brings blocks, which come by ascending address, into one of four orders.
fn order(lives: &mut [Live], which: usize, rng: &mut Rng) {
    match which % 4 {
        0 => {}
        1 => lives.reverse(),
        2 => rng.shuffle(lives),
        _ => lives.sort_by_key({
            let mut index = 0;
            move |_| {
                index += 1;
                index % 2
            }
        }),
    }
}

/// Fills a heap with each of several sizes, frees the blocks in an order, and wants the heap to be whole.
fn full_and_free_again(subject: &Subject<'_>, which: usize) -> Verdict {
    for &size in some(&[17, 64, 500, 1, 8, 40, 120, 3000]) {
        let whole = is_whole_after(subject, |checked| {
            let mut rng = Rng::new(size as u64);
            fill_up(checked, layout(size, 1))?;
            checked.free_all(|lives| order(lives, which, &mut rng))
        });
        whole.map_err(|failure| failure.during(format_args!("blocks of {size} bytes")))?;
    }
    Ok(())
}

/// Runs `action`, which frees what it allocates, and wants the largest block that was to be had before.
fn is_whole_after(subject: &Subject<'_>, action: impl FnOnce(&mut Checked<'_>) -> Verdict) -> Verdict {
    let heap = subject.make();
    let before = largest(&*heap, 8);
    heap.trim();
    action(&mut Checked::new(&*heap))?;
    heap.trim();
    let after = largest(&*heap, 8);
    ensure!(
        after >= before,
        "everything is free again, but the largest block is {after} bytes, and was {before} before"
    );
    Ok(())
}
