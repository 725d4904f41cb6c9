//! Gives `comity_fuzz::revocation_list` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::revocation_list(data));

#[cfg(not(fuzzing))]
fn main() {}
