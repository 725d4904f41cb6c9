//! Gives `comity_fuzz::policy_rules` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::policy_rules(data));

#[cfg(not(fuzzing))]
fn main() {}
