//! Measures kalloc beside its peers, for `cargo xtask figures`.
//!
//! `figures [--quick] [TRACE.ktr …]` writes the tables to its output, each between two lines that name it, and its progress to
//! the other one. `figures cell WORDS…` answers one question of a table, with numbers on one line; it is what the former runs
//! for each, again and again.

mod child;

use std::process::ExitCode;

use kalloc_benches::measure::table::Table;
use kalloc_benches::measure::{Ask, Setting, actions, aligned, answer, latency, smallest, time};

/// The word that makes a child of this program.
const CELL: &str = "cell";

/// A name, and what makes the table that has it.
type Measure = (&'static str, fn(&Setting, Ask) -> Table);

const MEASURES: [Measure; 5] = [
    ("time", time::table),
    ("region", smallest::table),
    ("latency", latency::table),
    ("random-actions", actions::table),
    ("aligned", |_, ask| aligned::table(ask)),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [CELL, words @ ..] => return cell(words),
        ["--quick", traces @ ..] => tables(true, traces),
        traces => tables(false, traces),
    }
    ExitCode::SUCCESS
}

/// Answers one question.
fn cell(words: &[&str]) -> ExitCode {
    let Some(figures) = answer(words) else {
        return ExitCode::FAILURE;
    };
    println!("{}", child::spoken(&figures));
    ExitCode::SUCCESS
}

fn tables(is_quick: bool, traces: &[&str]) {
    let traces = traces.iter().map(|&trace| trace.to_owned()).collect();
    let setting = Setting::new(is_quick, traces);
    let mut ask = |words: &[&str]| child::ask(&[&[CELL], words].concat(), child::limit(is_quick));
    for (name, table) in MEASURES {
        let table = table(&setting, &mut ask);
        println!("<!-- figures: begin {name} -->\n{table}<!-- figures: end {name} -->");
    }
}
