//! Every buggy release fails the rule that finds its bug.

use std::process::Command;

#[test]
fn every_bug_is_caught() {
    let output = Command::new(env!("CARGO_BIN_EXE_kalloc-historic")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(
        said.lines().filter(|line| line.starts_with("caught")).count() >= 6,
        "{said}"
    );
}

/// The explorer finds the memory that linked_list_allocator 0.10.3 loses, with the shortest program.
#[test]
fn lost_memory_is_found_with_the_shortest_program() {
    let failure = kalloc_historic::explore_linked_list_0_10_3().unwrap_err().to_string();
    assert!(failure.contains("the largest block of the fresh heap"), "{failure}");
    let steps = failure
        .lines()
        .filter(|line| line.contains(" allocate ") || line.contains(" free "))
        .count();
    println!("{failure}");
    assert!(steps <= 5, "{failure}");
}
