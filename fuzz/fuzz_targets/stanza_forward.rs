//! Gives `comity_fuzz::stanza_forward` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::stanza_forward(data));

#[cfg(not(fuzzing))]
fn main() {}
