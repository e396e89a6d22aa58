//! See `targets::pool_best_fitting`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kalloc_fuzz::targets::pool_best_fitting(bytes));
