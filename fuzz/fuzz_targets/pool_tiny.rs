//! See `targets::pool_tiny`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kalloc_fuzz::targets::pool_tiny(bytes));
