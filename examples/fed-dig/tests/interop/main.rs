//! The program with NSD as the authority of some zones and unbound as the validating resolver
//! before it, on loopback addresses.
//!
//! The tests need nsd, unbound and ldnsutils, so they run on request only:
//! `cargo test -p comity-fed-dig --test interop -- --ignored`.
#![cfg(test)]
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and shows what the servers said"
)]

mod dnssec;
mod files;
mod found;
mod process;
mod scene;
mod sip;
mod xmpp;
mod zone;
