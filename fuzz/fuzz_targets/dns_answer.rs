//! Gives `comity_fuzz::dns_answer` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::dns_answer(data));

#[cfg(not(fuzzing))]
fn main() {}
