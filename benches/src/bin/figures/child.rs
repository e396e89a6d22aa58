//! A question that is answered by a process of its own: the same program with other arguments.

use std::env;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long lies between two looks at whether a child is done.
const PATIENCE: Duration = Duration::from_millis(1);

/// Returns how long a child may take. Whoever takes longer has no figure.
pub(crate) fn limit(is_quick: bool) -> Duration {
    Duration::from_secs(if is_quick { 6 } else { 20 })
}

/// Runs this program with these arguments. `None` if it fails, crashes, takes too long, or does not end with figures.
pub(crate) fn ask(words: &[&str], limit: Duration) -> Option<Vec<f64>> {
    let mut program = Command::new(env::current_exe().ok()?);
    run(program.args(words), limit)
}

fn run(command: &mut Command, limit: Duration) -> Option<Vec<f64>> {
    // A panic in an allocator is one cell's business.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(None) if began.elapsed() < limit => thread::sleep(PATIENCE),
            Ok(Some(status)) => break status,
            _ => {
                // It may have ended by itself just now, which is fine.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    // A line of figures fits in any pipe, so the child never waited for us to read it.
    let mut text = String::new();
    child.stdout.take()?.read_to_string(&mut text).ok()?;
    if status.success() { figures(&text) } else { None }
}

/// Returns the figures as a child says them.
pub(crate) fn spoken(figures: &[f64]) -> String {
    let figures: Vec<String> = figures.iter().map(f64::to_string).collect();
    figures.join(" ")
}

fn figures(text: &str) -> Option<Vec<f64>> {
    let figures: Option<Vec<f64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    figures.filter(|figures| !figures.is_empty())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn outcome(script: &str) -> Option<Vec<f64>> {
        run(Command::new("sh").args(["-c", script]), Duration::from_secs(2))
    }

    #[test]
    fn a_child_that_fails_crashes_hangs_or_is_silent_has_no_figures() {
        assert_eq!(outcome("echo 1.5 2"), Some(vec![1.5, 2.0]));
        for script in [
            "echo 1; exit 1",
            "echo 1; kill -SEGV $$",
            "echo 1; exec sleep 60",
            "true",
            "echo many",
        ] {
            assert_eq!(outcome(script), None, "{script}");
        }
    }

    #[test]
    fn figures_are_read_as_they_were_said() {
        let said = [0.1, 12345.678, 1e-9];
        assert_eq!(figures(&spoken(&said)), Some(said.to_vec()));
    }
}
