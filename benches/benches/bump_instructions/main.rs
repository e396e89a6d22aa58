//! How many instructions the bump and its peers take for one call, by callgrind: what bump-scope's own benches count, and more.
//!
//! `cargo bench --bench bump_instructions` runs itself under Valgrind, once, prints the table, and fails if the bump without
//! counters takes more than a peer in any case. A count is that of one call and of the closure around it, which
//! is the same for all; the layout is known ahead where the case does not say otherwise. Run as a test, each case runs once and
//! nothing is counted.

mod cases;
mod peers;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use kalloc_benches::callgrind::{counted, dump};

/// The argument that says that this is the run to be counted.
const COUNT: &str = "--counted";

/// What a call of nothing is called.
const NOTHING: &str = "nothing";

/// The columns.
const PEERS: [&str; 7] = [
    "kalloc up",
    "kalloc down",
    "kalloc lean up",
    "kalloc lean down",
    "bump-scope up",
    "bump-scope down",
    "bumpalo",
];

#[inline(never)]
fn nothing() {
    std::hint::black_box(());
}

/// Runs every case of every peer, and hands it to `count` with the names of both.
fn run_all(mut count: impl FnMut(&str, &str, &mut dyn FnMut())) {
    count(NOTHING, NOTHING, &mut nothing);
    peers::kalloc_up::run(&mut |case, work| count(PEERS[0], case, work));
    peers::kalloc_down::run(&mut |case, work| count(PEERS[1], case, work));
    peers::lean_up::run(&mut |case, work| count(PEERS[2], case, work));
    peers::lean_down::run(&mut |case, work| count(PEERS[3], case, work));
    peers::scope_up::run(&mut |case, work| count(PEERS[4], case, work));
    peers::scope_down::run(&mut |case, work| count(PEERS[5], case, work));
    peers::bumpalo::run(&mut |case, work| count(PEERS[6], case, work));
}

fn main() -> ExitCode {
    let has = |argument: &str| env::args().any(|given| given == argument);
    if has(COUNT) {
        run_all(|peer, case, work| {
            counted(work);
            dump(&CString::new(format!("{peer}: {case}")).expect("no name holds a zero"));
        });
        return ExitCode::SUCCESS;
    }
    if !has("--bench") {
        run_all(|_, _, work| work());
        return ExitCode::SUCCESS;
    }
    match count_all() {
        Ok(counts) if print(&counts) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("bump_instructions: SKIPPED: {reason}");
            ExitCode::from(77)
        }
    }
}

/// Counts, and returns the instructions by peer and case.
fn count_all() -> Result<BTreeMap<String, u64>, String> {
    let folder = env::temp_dir().join(format!("bump-instructions-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--instr-atstart=no", "--combine-dumps=no"])
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(env::current_exe().map_err(|error| error.to_string())?)
        .arg(COUNT)
        .stderr(Stdio::null())
        .status();
    let counts = read_dumps(&folder);
    fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    match status {
        Ok(status) if status.success() => counts,
        Ok(status) => Err(format!("valgrind: {status}")),
        Err(error) => Err(format!("valgrind does not start: {error}")),
    }
}

/// Reads what callgrind has written, a file for each count.
fn read_dumps(folder: &std::path::Path) -> Result<BTreeMap<String, u64>, String> {
    let mut counts = BTreeMap::new();
    for file in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = file.map_err(|error| error.to_string())?.path();
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let after = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
        let name = after("desc: Trigger: Client Request: ");
        let total = after("totals: ").or_else(|| after("summary: "));
        if let (Some(name), Some(Ok(total))) = (name, total.map(|total| total.trim().parse())) {
            counts.insert(name.to_owned(), total);
        }
    }
    Ok(counts)
}

/// Prints the table, and returns whether the bump without counters takes no more in any case than bump-scope in the same
/// direction and bumpalo.
fn print(counts: &BTreeMap<String, u64>) -> bool {
    let mut cases = Vec::new();
    peers::bumpalo::run(&mut |case, work| {
        cases.push(case.to_owned());
        work();
    });
    println!("{:28}{}", "", PEERS.map(|peer| format!("{peer:>17}")).concat());
    let (mut nr_fewer, mut nr_pairs, mut is_good) = (0, 0, true);
    // What surrounds a call, a closure of the bench, is the same for all.
    let around = counts[&format!("{NOTHING}: {NOTHING}")];
    for case in cases {
        let count = |peer: usize| counts[&format!("{}: {case}", PEERS[peer])] - around;
        println!(
            "{case:28}{}",
            [0, 1, 2, 3, 4, 5, 6]
                .map(|peer| format!("{:>17}", count(peer)))
                .concat()
        );
        for (ours, theirs) in [(2, 4), (2, 6), (3, 5), (3, 6)] {
            nr_pairs += 1;
            nr_fewer += usize::from(count(ours) < count(theirs));
            if count(ours) > count(theirs) {
                println!("    {} takes more than {}", PEERS[ours], PEERS[theirs]);
                is_good = false;
            }
        }
    }
    println!("Without counters, fewer than a peer in {nr_fewer} of {nr_pairs} pairs.");
    is_good
}
