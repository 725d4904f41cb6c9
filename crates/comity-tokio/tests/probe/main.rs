//! Peers with one fault each, and what a check finds.
#![cfg(test)]

#[path = "../sip/dns.rs"]
mod dns;
mod records;
mod sip;
mod tls;
mod world;
mod xmpp;
