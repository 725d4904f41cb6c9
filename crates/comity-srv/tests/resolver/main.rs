//! The resolver against a fake name server, in simulated time.
#![cfg(test)]

mod hostile;
mod promises;
mod resolution;
mod world;
