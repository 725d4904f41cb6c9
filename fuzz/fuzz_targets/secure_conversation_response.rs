//! Gives `comity_fuzz::secure_conversation_response` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::secure_conversation_response(data));

#[cfg(not(fuzzing))]
fn main() {}
