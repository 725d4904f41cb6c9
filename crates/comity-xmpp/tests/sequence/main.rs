//! No sequence of a peer's bytes, of timers and of answers proves a pair without its own proof.
//!
//! Long random sequences of inputs go to one stream, and to a router. A reference model beside it
//! records what was asked, answered, said and heard, and holds every event and byte against that.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the models look at few of many events and answers"
)]

mod oracle;
mod peer;
mod router;
mod stream;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use comity_machine::Random;

use crate::oracle::Log;

#[test]
fn a_receiving_stream_takes_each_pair_by_its_own_proof_only() {
    each_seed(0, 2500, stream::receiving);
}

#[test]
fn an_initiating_stream_takes_each_pair_by_its_own_proof_only() {
    each_seed(1, 2000, stream::initiating);
}

#[test]
fn a_router_takes_each_pair_by_its_own_proof_only() {
    each_seed(2, 400, router::run);
}

/// Runs a sequence for each seed of a kind.
fn each_seed(kind: u8, count: u32, run: impl Fn(&mut Random, &Log)) {
    for number in 0..count {
        let mut seed = [kind; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let log = Log::default();
        let sequence = || run(&mut Random::from_seed(seed), &log);
        if let Err(fault) = catch_unwind(AssertUnwindSafe(sequence)) {
            let text = fault.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| fault.downcast_ref::<&str>().copied());
            let Some(text) = text else {
                resume_unwind(fault);
            };
            panic!(
                "sequence {number} of kind {kind}: {text}\n{}",
                log.borrow().join("\n")
            );
        }
    }
}
