//! The gateway as its operators run it, with servers and clients of others on both sides of it.
//!
//! The tests need python3, prosody, ejabberd, kamailio with its TLS and presence modules, sip-tester,
//! stunnel4, linphone-cli, faketime and dnsmasq, so they run on request only:
//! `cargo test -p comity-gateway --test interop -- --ignored`.
#![cfg(test)]
#![expect(
    clippy::print_stderr,
    clippy::string_slice,
    reason = "a test shows what the servers said, and cuts texts of its own"
)]

#[path = "../../../sip-echo/tests/interop/certificates.rs"]
mod certificates;
mod client;
mod clock;
mod disk;
mod dns;
mod echo;
mod edge;
mod gateway;
mod homes;
#[path = "../../../sip-echo/tests/interop/kamailio.rs"]
mod kamailio;
mod linphone;
#[path = "../../../xmpp-echo/tests/interop/markup.rs"]
mod markup;
mod process;
mod restart;
mod scene;
mod servers;
#[path = "../../../sip-echo/tests/interop/sipp.rs"]
#[expect(dead_code, reason = "not all that it can is needed here")]
mod sipp;
#[path = "../../../sip-echo/tests/interop/site.rs"]
mod site;
mod standard;
#[path = "../../../sip-echo/tests/interop/stunnel.rs"]
mod stunnel;
mod two_edges;
mod users;
