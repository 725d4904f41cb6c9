//! Gives `comity_fuzz::srv_select` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::srv_select(data));

#[cfg(not(fuzzing))]
fn main() {}
