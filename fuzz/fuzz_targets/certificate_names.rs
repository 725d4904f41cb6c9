//! Gives `comity_fuzz::certificate_names` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::certificate_names(data));

#[cfg(not(fuzzing))]
fn main() {}
