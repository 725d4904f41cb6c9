//! Gives `comity_fuzz::xml_cuts` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::xml_cuts(data));

#[cfg(not(fuzzing))]
fn main() {}
