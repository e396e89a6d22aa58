//! The calls of the real-time pool whose instructions `cargo xtask worst` counts, one by one.
//!
//! `worst` lists what can be played, a word for the region and a word for the programs; `worst REGION PROGRAMS quick` or `… whole`
//! plays that. Under callgrind, which must be told to count in `worst_allocate` and `worst_deallocate` alone, each call leaves
//! its count in callgrind's file. First use of a region, resizing and zeroing are not counted.

mod counted;
mod player;
mod programs;

use std::process::ExitCode;

use kalloc_benches::callgrind;
use player::Player;
use programs::Extent;

/// The regions, by name, and their lengths in bytes.
const REGIONS: [(&str, usize); 5] = [
    ("4-KiB", 4 << 10),
    ("64-KiB", 64 << 10),
    ("1-MiB", 1 << 20),
    ("64-MiB", 64 << 20),
    ("1-GiB", 1 << 30),
];

/// A name, and what plays under it.
type Programs = (&'static str, fn(&mut Player, Extent));

const PROGRAMS: [Programs; 3] = [
    ("patterns", programs::patterns),
    ("random", programs::random),
    ("crowds", programs::crowds),
];

/// The region in which every program is played, and what that is called.
const EXPLORED: (&str, &str) = ("smallest", "explored");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => list(),
        [region, programs, "quick"] => return play(region, programs, Extent::Quick),
        [region, programs, "whole"] => return play(region, programs, Extent::Whole),
        _ => return fail("usage: worst [REGION PROGRAMS quick|whole]"),
    }
    ExitCode::SUCCESS
}

fn list() {
    println!("{} {}", EXPLORED.0, EXPLORED.1);
    for (region, _) in REGIONS {
        PROGRAMS.iter().for_each(|(name, _)| println!("{region} {name}"));
    }
}

fn play(region: &str, programs: &str, extent: Extent) -> ExitCode {
    if (region, programs) == EXPLORED {
        let explored = callgrind::counted(|| programs::explored(extent));
        println!("{explored}");
        return ExitCode::SUCCESS;
    }
    let len = REGIONS.iter().find(|(name, _)| *name == region);
    let programs = PROGRAMS.iter().find(|(name, _)| *name == programs);
    let (Some((_, len)), Some((_, programs))) = (len, programs) else {
        return fail("there is no such region, or there are no such programs");
    };
    let mut player = Player::new(*len);
    callgrind::counted(|| programs(&mut player, extent));
    ExitCode::SUCCESS
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("worst: {reason}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use kalloc_traits::Inspect;

    use super::*;

    /// Returns how many runs the heap is cut into.
    fn runs(player: &Player) -> usize {
        let mut runs = 0;
        player.heap().walk(&mut |_| runs += 1);
        runs
    }

    #[test]
    fn programs_ask_for_too_much_and_leave_the_heap_whole() {
        for (name, len) in &REGIONS[..2] {
            let mut player = Player::new(*len);
            let whole = runs(&player);
            for (programs, play) in PROGRAMS {
                let before = player.heap().stats();
                play(&mut player, Extent::Quick);
                let after = player.heap().stats();
                assert_eq!((after.used, runs(&player)), (0, whole), "{name} {programs}");
                assert!(after.failed_requests > before.failed_requests, "{name} {programs}");
            }
        }
    }
}
