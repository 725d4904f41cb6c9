//! Gives `comity_fuzz::bridge_stanza` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::bridge_stanza(data));

#[cfg(not(fuzzing))]
fn main() {}
