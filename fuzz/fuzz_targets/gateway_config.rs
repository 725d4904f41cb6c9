//! Gives `comity_fuzz::gateway_config` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::gateway_config(data));

#[cfg(not(fuzzing))]
fn main() {}
