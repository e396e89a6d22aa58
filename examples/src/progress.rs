//! A line on standard error that says what goes on, where somebody is looking.

use std::io::{self, IsTerminal, Write};

/// Takes the cursor to the start of the line and clears it.
const CLEAR: &str = "\r\x1b[2K";

/// The line. On a terminal each message takes the place of the last, and the line is gone in the end; elsewhere nothing
/// is written.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
}

impl Progress {
    /// Returns the line, empty.
    pub fn new() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
        }
    }

    /// Shows `message`.
    pub fn say(&self, message: &str) {
        self.write(&format!("{CLEAR}{message} ..."));
    }

    /// Clears the line, before something else is printed.
    pub fn clear(&self) {
        self.write(CLEAR);
    }

    /// Nobody misses a progress line that cannot be written.
    fn write(&self, text: &str) {
        if self.is_shown {
            let mut stderr = io::stderr().lock();
            let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
