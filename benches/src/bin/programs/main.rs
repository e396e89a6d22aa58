//! The sixteen programs whose instructions `cargo xtask gate` counts.
//!
//! `programs` lists their names; `programs NAME` runs one, under callgrind or not, and prints how many operations are
//! measured. `programs ALLOCATOR LOAD` runs a load that `cargo xtask figures` knows, on the pool or on talc, in memory of its
//! own. Each is checked first, byte by byte, apart from the count. Nothing in a count depends on the machine: what is asked is
//! decided ahead, memory is static, and nothing is allocated or printed meanwhile.

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(test)))]
mod clearing;

use core::alloc::Layout;
use core::hint::black_box;
use std::process::ExitCode;

use kalloc_benches::Peer;
use kalloc_benches::callgrind::counted;
use kalloc_benches::loads::{self, Load};
use kalloc_benches::measure::{area::Area, catalogue, time::room};
use kalloc_benches::memory::{BYTES, Memory};
use kalloc_benches::peers::{Bump, LockedPool, Pool, Talc};
use kalloc_benches::replay::{Touch, check, replay_part, room_for};
use kalloc_pool::{AddressOrdered, BestFitting, Checked, Standard};

/// A name, and what runs under it: it returns how many operations it measured.
type Program = (&'static str, fn(&mut Memory) -> usize);

const PROGRAMS: [Program; 16] = [
    ("pool-lifo", |memory| {
        replayed::<Pool>(memory, &loads::last_in_first_out())
    }),
    ("pool-fifo", |memory| {
        replayed::<Pool>(memory, &loads::first_in_first_out())
    }),
    ("pool-random", |memory| {
        replayed::<Pool>(memory, &loads::random_actions(1000))
    }),
    ("pool-aligned", |memory| {
        replayed::<Pool>(memory, &loads::aligned_blocks())
    }),
    ("pool-vectors", |memory| replayed::<Pool>(memory, &loads::vectors())),
    ("pool-teardown", |memory| replayed::<Pool>(memory, &loads::teardown())),
    ("pool-boot", |memory| replayed::<Pool>(memory, &loads::kernel_boot())),
    // What it costs to check every free.
    ("checked-random", |memory| {
        replayed::<Pool<Checked<Standard>>>(memory, &loads::random_actions(1000))
    }),
    ("checked-boot", |memory| {
        replayed::<Pool<Checked<Standard>>>(memory, &loads::kernel_boot())
    }),
    ("address-ordered-random", |memory| {
        replayed::<Pool<AddressOrdered>>(memory, &loads::random_actions(100))
    }),
    // A hundred times as many free blocks are to cost little more.
    ("first-fit-1000-holes", |memory| {
        replayed::<Pool<AddressOrdered>>(memory, &loads::holes(1000))
    }),
    ("first-fit-100000-holes", |memory| {
        replayed::<Pool<AddressOrdered>>(memory, &loads::holes(100_000))
    }),
    ("best-fit-1000-holes", |memory| {
        replayed::<Pool<BestFitting>>(memory, &loads::holes(1000))
    }),
    ("best-fit-100000-holes", |memory| {
        replayed::<Pool<BestFitting>>(memory, &loads::holes(100_000))
    }),
    ("locked-random", |memory| {
        replayed::<LockedPool>(memory, &loads::random_actions(1000))
    }),
    ("bump-u32", bump_u32),
];

/// Checks `load` on `P`, then runs it on another one, counted.
fn replayed<P: Peer>(memory: &mut Memory, load: &Load) -> usize {
    let checked = memory.lend(BYTES, |peer: &mut P, span| check(peer, span, load.trace()));
    assert_eq!(checked, Some(Ok(())), "{}", P::NAME);

    let mut live = room_for(load.trace());
    let outcome = memory.lend(BYTES, |peer: &mut P, _| {
        replay_part(peer, load.trace(), load.prelude(), &mut live, &Touch)?;
        counted(|| replay_part(peer, load.trace(), load.measured(), &mut live, &Touch))
    });
    assert_eq!(outcome, Some(Ok(())), "{}", P::NAME);
    load.measured().len()
}

/// Runs a load of any size on `P`, counted, and returns how many operations it measured. `None` if there is no room.
fn replayed_apart<P: Peer>(load: &Load) -> Option<usize> {
    let len = room(load.trace());
    let mut area = Area::touched(len)?;
    area.lend(len, |peer: &mut P, span| check(peer, span, load.trace()))?
        .ok()?;

    let mut live = room_for(load.trace());
    let outcome = area.lend(len, |peer: &mut P, _| {
        replay_part(peer, load.trace(), load.prelude(), &mut live, &Touch)?;
        counted(|| replay_part(peer, load.trace(), load.measured(), &mut live, &Touch))
    });
    outcome?.ok().map(|()| load.measured().len())
}

/// Runs the load of this name on the allocator of this name.
fn replayed_by_name(peer: &str, load: &str) -> Option<usize> {
    let load = catalogue::load(load)?;
    match peer {
        <Pool as Peer>::NAME => replayed_apart::<Pool>(&load),
        Talc::NAME => replayed_apart::<Talc>(&load),
        _ => None,
    }
}

/// Allocates a thousand numbers and resets the bump, twenty times.
fn bump_u32(memory: &mut Memory) -> usize {
    const ROUNDS: usize = 20;
    const NUMBERS: usize = 1000;
    let round = |bump: &mut Bump, look: &mut dyn FnMut(usize)| {
        for _ in 0..NUMBERS {
            let block = bump.allocate(black_box(Layout::new::<u32>()));
            look(block.expect("there is room for all").addr().get());
        }
        bump.reset();
    };
    let outcome = memory.lend(BYTES, |bump: &mut Bump, span| {
        // The blocks stand side by side from the start, in the second round too.
        for _ in 0..2 {
            let mut expected = span.start_addr();
            round(bump, &mut |start| {
                assert_eq!(start, expected);
                expected += size_of::<u32>();
            });
        }
        counted(|| {
            let bump = black_box(bump);
            for _ in 0..ROUNDS {
                round(bump, &mut |start| {
                    black_box(start);
                });
            }
        });
    });
    outcome.expect("4 MiB are enough to start with");
    ROUNDS * (NUMBERS + 1)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => PROGRAMS.iter().for_each(|(name, _)| println!("{name}")),
        [peer, load] => match replayed_by_name(peer, load) {
            Some(operations) => println!("{operations}"),
            None => return fail(&format!("{peer} does not run {load}")),
        },
        [name, ..] => match PROGRAMS.iter().find(|(known, _)| known == name) {
            Some((_, run)) => {
                let mut memory = Memory::claim().expect("nobody else uses the memory");
                println!("{}", run(&mut memory));
            }
            None => return fail(&format!("there is no program {name}")),
        },
    }
    ExitCode::SUCCESS
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("programs: {reason}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_passes_its_own_check_and_says_what_it_measured() {
        let mut memory = Memory::claim().unwrap();
        for (name, run) in PROGRAMS {
            assert!(run(&mut memory) >= 1000, "{name}");
        }
    }

    #[test]
    fn loads_run_by_name_on_the_pool_and_on_talc() {
        for peer in [<Pool as Peer>::NAME, Talc::NAME] {
            assert_eq!(replayed_by_name(peer, "holes"), Some(1000));
        }
        assert_eq!(replayed_by_name("nobody", "holes"), None);
        assert_eq!(replayed_by_name(Talc::NAME, "no such load"), None);
    }
}
