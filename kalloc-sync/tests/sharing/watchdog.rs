//! A test that ends even if what it tests does not.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Nothing here takes longer, unless it is deadlocked. Under Miri time is a count of steps.
const LONGEST: Duration = Duration::from_secs(if cfg!(miri) { 3600 } else { 60 });

/// Runs `test` on a thread of its own, and fails if it takes too long.
#[track_caller]
pub(crate) fn guarded(test: impl FnOnce() + Send + 'static) {
    let (done, watched) = mpsc::channel();
    let runner = thread::spawn(move || {
        test();
        // Nobody listens any more only if the time is over.
        let _ = done.send(());
    });
    match watched.recv_timeout(LONGEST) {
        Err(RecvTimeoutError::Timeout) => panic!("deadlock: the test has not ended"),
        // A sender that is gone without a word has panicked, and `join` says so.
        Ok(()) | Err(RecvTimeoutError::Disconnected) => runner.join().expect("the test has failed, see above"),
    }
}
