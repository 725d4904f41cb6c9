//! Gives `comity_fuzz::sip_uri` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::sip_uri(data));

#[cfg(not(fuzzing))]
fn main() {}
