//! The doctor against Prosody, ejabberd and Kamailio, with one fault planted at a time.
//!
//! The tests need prosody, ejabberd, kamailio, dnsmasq and faketime, so they run on request only:
//! `cargo test -p comity-doctor --test interop -- --ignored`.
#![cfg(test)]
#![expect(
    clippy::print_stderr,
    reason = "a test that fails shows what the servers said"
)]

mod bench;
mod csr;
mod dns;
mod kamailio;
#[expect(
    dead_code,
    reason = "others write to their processes and wait for them"
)]
#[path = "../../../sip-echo/tests/interop/process.rs"]
mod process;
mod sip;
mod xmpp;
mod xmpp_server;
