//! The resolver against a fake name server, in simulated time.
#![cfg(test)]

mod direct_tls;
mod given;
mod hostile;
mod promises;
mod requests;
mod resolution;
mod validation;
mod world;
