//! The judge of the judge: prints how much the testkit is, how much it finds, and fails if it is less than it should be.

use std::env;
use std::fs;
use std::panic;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use kalloc_bump::Bump;
use kalloc_pool::{AddressOrdered, Pool};
use kalloc_testkit::conformance::{Builder, Report, Rule, Source, Subject, suite};
use kalloc_testkit::fault::planted::{Fault, Planted};
use kalloc_testkit::fault::{PlantedRegion, RegionFault};
use kalloc_testkit::region::GuardedRegion;
use kalloc_testkit::workload::ROOM;
use kalloc_traits::{Heap, Inspect};

use crate::backends::BACKENDS;
use crate::explore;

/// How long all rules may take on one heap, in seconds.
const PATIENCE: f64 = 60.0;

/// The least that there must be.
const LEAST_RULES: [(&str, usize); 3] = [("heap", 100), ("heap over a region", 25), ("region", 12)];
const LEAST_FAULTS: usize = 100;
const LEAST_FUZZ_TARGETS: usize = 8;

/// What was judged, line by line.
struct Table {
    is_good: bool,
}

impl Table {
    fn line(&mut self, what: &str, is_good: bool, words: &str) {
        self.is_good &= is_good;
        println!("{:<6} {what:<34} {words}", if is_good { "ok" } else { "SHORT" });
    }
}

/// Judges, all but for the corpus with `--no-corpus`.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    // Rules that do not hold may panic on the way, by the hundred.
    panic::set_hook(Box::new(|_| {}));
    if let [kind @ ("--heap-fault" | "--region-fault"), index] = arguments {
        return try_one(kind, index);
    }
    let mut table = Table { is_good: true };
    count_rules(&mut table);
    count_fuzz_targets(&mut table);
    judge_backends(&mut table);
    try_faults(&mut table);
    explore_all(&mut table);
    if arguments != ["--no-corpus"] {
        run_corpus(&mut table, "bugs on record", "historic");
        run_corpus(&mut table, "allocators of others", "today");
    }
    ExitCode::from(u8::from(!table.is_good))
}

fn count_rules(table: &mut Table) {
    let counts = [
        suite::all().len(),
        suite::all_over().len(),
        suite::all_memory::<PlantedRegion>().len(),
    ];
    for ((face, least), count) in LEAST_RULES.into_iter().zip(counts) {
        table.line(&format!("rules: {face}"), count >= least, &count.to_string());
    }
}

/// Counts the targets for fuzzers, and the files of their corpora, of which each has some.
fn count_fuzz_targets(table: &mut Table) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let files = |folder: &Path| fs::read_dir(folder).map_or(0, |files| files.count());
    let corpora = fs::read_dir(fuzz.join("corpus")).into_iter().flatten().flatten();
    let corpora: Vec<usize> = corpora.map(|corpus| files(&corpus.path())).collect();
    let targets = files(&fuzz.join("fuzz_targets"));
    let is_good = targets >= LEAST_FUZZ_TARGETS && corpora.len() == targets && !corpora.contains(&0);
    let words = format!("{targets}, with {} files of corpus", corpora.iter().sum::<usize>());
    table.line("fuzz targets", is_good, &words);
}

/// Returns the rules that a bump owes: it neither serves a hole again nor shrinks any block but the last.
fn bump_rules() -> Vec<Rule<Subject<'static>>> {
    let mut rules = suite::contract();
    let qualities = [
        suite::inspect(),
        suite::lifo(),
        suite::reuses(),
        suite::coalesces(),
        suite::deterministic(),
    ];
    rules.extend(qualities.into_iter().flatten());
    rules
}

fn judge_backends(table: &mut Table) {
    judge(table, "rules: bump", &bump_rules(), || {
        Bump::new(GuardedRegion::new(ROOM))
    });
    judge(table, "rules: pool Standard", &suite::all(), || {
        Pool::new(GuardedRegion::new(ROOM))
    });
    judge(table, "rules: pool AddressOrdered", &suite::all(), || {
        Pool::<_, AddressOrdered>::with_config(GuardedRegion::new(ROOM))
    });
}

/// Judges one heap by rules.
fn judge<H: Heap + Inspect + 'static>(
    table: &mut Table,
    what: &str,
    rules: &[Rule<Subject<'static>>],
    make: fn() -> H,
) {
    let began = Instant::now();
    let report = Report::of(rules, &Subject::open(Box::leak(Box::new(make))));
    let took = began.elapsed().as_secs_f64();
    let broken: Vec<&str> = report.broken.iter().map(|(rule, _)| *rule).collect();
    let words = format!(
        "{} of {} hold, {took:.1} s {}",
        report.held.len(),
        rules.len(),
        broken.join(" ")
    );
    table.line(what, broken.is_empty() && took < PATIENCE, &words);
}

/// Tries every planted fault: the rules must find it, by any of them.
fn try_faults(table: &mut Table) {
    let is_missed = |kind, index: usize| !ends_badly(kind, index);
    let missed: Vec<Fault> = (0..Fault::ALL.len())
        .filter(|&index| is_missed("--heap-fault", index))
        .filter_map(|index| Fault::ALL.get(index).copied())
        .collect();
    let count = Fault::ALL.len() - missed.len();
    let words = format!("{count} of {} {missed:?}", Fault::ALL.len());
    table.line("planted faults of heaps caught", missed.is_empty(), &words);

    let missed: Vec<RegionFault> = (0..RegionFault::ALL.len())
        .filter(|&index| is_missed("--region-fault", index))
        .filter_map(|index| RegionFault::ALL.get(index).copied())
        .collect();
    let in_regions = RegionFault::ALL.len() - missed.len();
    let words = format!("{in_regions} of {} {missed:?}", RegionFault::ALL.len());
    table.line("planted faults of regions caught", missed.is_empty(), &words);
    let all = count + in_regions;
    table.line("planted faults caught", all >= LEAST_FAULTS, &all.to_string());
}

/// Tries the rules on one planted fault in a process of its own, which some faults end. Returns whether the fault shows.
fn ends_badly(kind: &str, index: usize) -> bool {
    let Ok(program) = env::current_exe() else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(["judge", kind, &index.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| !status.success())
}

/// Tries one fault, by its index: status 1 if a rule finds it.
fn try_one(kind: &str, index: &str) -> ExitCode {
    let index = index.parse().unwrap_or(usize::MAX);
    let is_found = match kind {
        "--heap-fault" => Fault::ALL.get(index).copied().is_some_and(is_found),
        _ => RegionFault::ALL.get(index).copied().is_some_and(is_found_in_region),
    };
    ExitCode::from(u8::from(is_found))
}

/// Returns whether a rule does not hold on a heap with the fault.
fn is_found(fault: Fault) -> bool {
    let make = || Planted::new(GuardedRegion::new(ROOM), fault);
    let build = |region| Planted::new(region, fault);
    breaks(&suite::all(), &Subject::open(&make))
        || breaks(&suite::hardened(), &Subject::open(&make))
        || breaks(&suite::all_over(), &Builder::open(&build))
}

/// Returns whether a rule does not hold on a region with the fault.
fn is_found_in_region(fault: RegionFault) -> bool {
    let is_taken = std::rc::Rc::default();
    let make = || PlantedRegion::new(&is_taken, fault);
    breaks(&suite::all_memory(), &Source::new(&make))
}

/// Returns whether one of the rules does not hold.
fn breaks<S>(rules: &[Rule<S>], subject: &S) -> bool {
    rules
        .iter()
        .any(|rule| !Report::of(&[*rule], subject).broken.is_empty())
}

fn explore_all(table: &mut Table) {
    for backend in &BACKENDS {
        let began = Instant::now();
        let outcome = explore::explore(backend);
        let took = began.elapsed().as_secs_f64();
        let is_good = outcome.is_ok();
        let words = outcome.map_or_else(|reason| reason, |explored| format!("{explored}, {took:.1} s"));
        table.line(&format!("explored: {}", backend.name), is_good, &words);
    }
}

/// Builds and runs a workspace of the corpus, whose last line says what came of it.
fn run_corpus(table: &mut Table, what: &str, folder: &str) {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../corpus")
        .join(folder)
        .join("Cargo.toml");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--manifest-path"])
        .arg(manifest)
        .output();
    let (is_good, said) = match output {
        Ok(output) => (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        ),
        Err(error) => (false, error.to_string()),
    };
    let last = said.lines().next_back().unwrap_or("it was not built").to_owned();
    table.line(what, is_good, &last);
}
