//! Endpoints under programs of chance, without a fuzzer.
#![cfg(test)]

use std::panic::catch_unwind;

use comity_fuzz::sip_endpoint;
use comity_machine::Random;

#[test]
fn an_endpoint_keeps_its_promises_under_any_program() {
    let mut random = Random::from_seed([11; 32]);
    for _ in 0..3_000 {
        let len = usize::try_from(random.below(400)).unwrap();
        let mut program = vec![0; len];
        random.fill(&mut program);
        let passes = catch_unwind(|| sip_endpoint(&program)).is_ok();
        assert!(passes, "{}", program.escape_ascii());
    }
}
