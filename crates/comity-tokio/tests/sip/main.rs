//! Two SIP servers, or one and a peer that does as it likes, over loopback.
#![cfg(test)]

mod applications;
mod datagrams;
mod dns;
mod hosts;
mod limits;
mod listeners;
mod locator;
mod party;
mod streams;
mod tls;
mod traffic;
