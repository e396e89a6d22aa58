//! See `targets::pool_standard`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kalloc_fuzz::targets::pool_standard(bytes));
