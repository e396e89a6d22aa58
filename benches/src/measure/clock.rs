//! Two clocks: the processor time of this thread, and ticks that tell nanoseconds apart.

use std::time::{Duration, Instant};

/// Returns the processor time that this thread has taken. It leaves out what other programs take meanwhile.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub fn processor_time() -> Duration {
    #[repr(C)]
    struct Time {
        seconds: i64,
        nanoseconds: i64,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Time) -> i32;
    }
    const THREAD_CPUTIME: i32 = 3;

    let mut time = Time {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: libc, to which std is linked here, has this function; it writes two numbers of 64 bits to `time`.
    let status = unsafe { clock_gettime(THREAD_CPUTIME, &raw mut time) };
    assert_eq!(status, 0, "every thread has a clock");
    Duration::new(time.seconds as u64, time.nanoseconds as u32)
}

/// Elsewhere it is the time of the wall.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn processor_time() -> Duration {
    since_start()
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_arch = "x86_64")))]
fn since_start() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Reads the time-stamp counter, when all instructions before it are done, and before any after it begins.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn ticks() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the three instructions write the two registers that are named, and no memory.
    unsafe {
        core::arch::asm!(
            "lfence",
            "rdtsc",
            "lfence",
            out("eax") low,
            out("edx") high,
            options(nostack, preserves_flags),
        );
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Elsewhere a tick is what the clock of the wall says, in nanoseconds.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub fn ticks() -> u64 {
    since_start().as_nanos() as u64
}

/// How ticks become nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    per_ns: f64,
    /// What two readings in a row are apart.
    cost: u64,
}

impl Ticks {
    /// Measures how many ticks there are in a nanosecond, and what reading them costs. Takes 20 ms.
    pub fn measure() -> Self {
        let (began, first) = (Instant::now(), ticks());
        while began.elapsed() < Duration::from_millis(20) {}
        let per_ns = (ticks() - first) as f64 / began.elapsed().as_nanos() as f64;
        let apart = || {
            let first = ticks();
            ticks() - first
        };
        let cost = (0..10_000).map(|_| apart()).min().unwrap_or(0);
        Self { per_ns, cost }
    }

    /// Returns how many nanoseconds lie between two readings, less the cost of reading.
    pub fn ns(&self, ticks: u64) -> f64 {
        ticks.saturating_sub(self.cost) as f64 / self.per_ns
    }
}

#[cfg(test)]
mod tests {
    use core::hint::black_box;

    use super::*;

    #[test]
    fn both_clocks_go_on_while_something_is_done() {
        let (time, first) = (processor_time(), ticks());
        (0..1_000_000).for_each(|n| {
            black_box(n);
        });
        assert!(processor_time() > time && ticks() > first);
    }

    #[test]
    fn a_millisecond_of_ticks_is_about_a_millisecond() {
        let rate = Ticks::measure();
        let (began, first) = (Instant::now(), ticks());
        while began.elapsed() < Duration::from_millis(1) {}
        let between = ticks() - first;
        // The thread may have been interrupted before the second reading.
        assert!(rate.ns(between) > 900_000.0);
    }
}
