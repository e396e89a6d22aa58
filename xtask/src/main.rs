//! kalloc's own chores, as `cargo xtask NAME`.

mod backends;
mod boot;
mod checked;
mod cut_trace;
mod explore;
mod figures;
mod gate;
mod judge;
mod size;
mod soak;
mod worst;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask cut-trace IN OUT [--peak-live BYTES]
    cuts the recording IN (zstd) to its longest prefix with at most BYTES live, and writes it to OUT (zlib)
       cargo xtask boot [--fail [leak | rule | overflow | hang]]
    boots the kernel of examples/kernels in QEMU: status 0 if it passes, 1 if it fails, 2 if it cannot be built, and 77
    if QEMU or the target is missing; --fail plants a fault, so that the kernel must fail
       cargo xtask gate [--update]
    counts the instructions of the programs of benches: status 1 if one takes more than 2 % more than
    benches/instructions.txt says, 2 if they cannot be built, and 77 if Valgrind is missing or this is not the compiler or
    the machine of that file; --update rewrites it
       cargo xtask explore [NAME]
    plays every program there is on each heap whose name holds NAME, in a region so small that they come to an end
       cargo xtask figures [--quick] [--traces DIR]
    measures the pool beside its peers and writes the tables of docs/figures.md; with every recording DIR/*.ktr.zst, if
    given; --quick takes a minute or two where the rest takes ten. Status 1 if they cannot be measured or written
       cargo xtask judge [--no-corpus]
    prints how many rules there are, what they find, and what the explorer sees; status 1 if one of the figures falls short
       cargo xtask soak [--ops N | --minutes N] [--seed N] [--checked | NAME]
    takes a million random steps on each heap, or N, or as many as fit, with every block shadowed and every invariant
    checked after each step; the seed comes from the clock and is printed; --checked takes correct steps on checked pools,
    each alarm of which is a false one
       cargo xtask size [--each]
    weighs the code of benches/size on bare metal, in bytes: status 1 if that of the configuration `Tiny` is too much, 2 if
    it cannot be built, and 77 if a target is missing; --each lists the functions
       cargo xtask worst [--quick]
    counts the instructions of each call of the real-time pool, from 4 KiB to 1 GiB, and prints the worst: status 1 if one is above
    the cap that docs/bounds.md states, 2 if it cannot be built, and 77 if Valgrind or the machine is missing; --quick takes
    half a minute where the rest takes two";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["boot", arguments @ ..] => return boot::run(arguments),
        ["gate", arguments @ ..] => return gate::run(arguments),
        ["explore", arguments @ ..] => return explore::run(arguments),
        ["figures", arguments @ ..] => return figures::run(arguments),
        ["judge", arguments @ ..] => return judge::run(arguments),
        ["soak", arguments @ ..] => return soak::run(arguments),
        ["size", arguments @ ..] => return size::run(arguments),
        ["worst", arguments @ ..] => return worst::run(arguments),
        ["cut-trace", input, output] => cut_trace::run(input, output, cut_trace::PEAK_LIVE),
        ["cut-trace", input, output, "--peak-live", bytes] => match bytes.parse() {
            Ok(bytes) => cut_trace::run(input, output, bytes),
            Err(error) => Err(format!("--peak-live {bytes}: {error}")),
        },
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
