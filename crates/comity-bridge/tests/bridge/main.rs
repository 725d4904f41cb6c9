//! The bridge between an endpoint of SIP and stanzas, in simulated time.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::string_slice,
    reason = "tests name the event that they expect, and cut texts of theirs"
)]

mod cast;
mod faults;
mod identity;
mod limits;
mod presence;
mod scenarios;
mod sessions;
mod texts;
mod world;
