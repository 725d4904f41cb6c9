//! Gives `comity_fuzz::xmpp_router` to libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| comity_fuzz::xmpp_router(data));

#[cfg(not(fuzzing))]
fn main() {}
