//! The port and the client against OpenSSL and Kamailio, and against bytes that no library sends any
//! more, on loopback addresses.
//!
//! Those with OpenSSL and Kamailio need their programs, so they run on request only:
//! `cargo test -p comity-tls-mux --test interop -- --ignored`.
#![cfg(test)]
#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and shows what the programs said"
)]

mod bytes;
mod clients;
mod kamailio;
mod mux;
mod openssl;
mod people;
mod process;
mod servers;
