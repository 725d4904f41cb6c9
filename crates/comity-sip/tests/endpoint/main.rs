//! Endpoints against each other and against hand-made messages, in simulated time.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test panics at every event that it does not expect"
)]

mod bad_input;
mod exchange;
mod limits;
mod losses;
mod matching;
mod probe;
mod proxy;
mod sessions;
mod subscriptions;
mod targets;
mod trust;
mod world;
