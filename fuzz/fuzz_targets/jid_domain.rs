//! Gives `comity_fuzz::jid_domain` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::jid_domain(data));

#[cfg(not(fuzzing))]
fn main() {}
