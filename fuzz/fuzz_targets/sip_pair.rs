//! Gives `comity_fuzz::sip_pair` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::sip_pair(data));

#[cfg(not(fuzzing))]
fn main() {}
