//! Gives `comity_fuzz::doctor_answers` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::doctor_answers(data));

#[cfg(not(fuzzing))]
fn main() {}
