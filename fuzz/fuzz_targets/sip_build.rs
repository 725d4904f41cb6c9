//! Gives `comity_fuzz::sip_build` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::sip_build(data));

#[cfg(not(fuzzing))]
fn main() {}
