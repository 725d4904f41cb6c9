//! Gives `comity_fuzz::xmpp_session` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::xmpp_session(data));

#[cfg(not(fuzzing))]
fn main() {}
