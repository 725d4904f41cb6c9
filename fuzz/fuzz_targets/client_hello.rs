//! Gives `comity_fuzz::client_hello` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::client_hello(data));

#[cfg(not(fuzzing))]
fn main() {}
