//! See `targets::pool_address_ordered`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kalloc_fuzz::targets::pool_address_ordered(bytes));
