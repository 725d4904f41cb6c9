//! Endpoints against each other and against hand-made messages, in simulated time.
#![cfg(test)]

mod exchange;
mod sessions;
mod subscriptions;
mod world;
