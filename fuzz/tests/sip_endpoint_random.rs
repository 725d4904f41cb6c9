//! Endpoints under programs of chance, without a fuzzer.
#![cfg(test)]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use comity_fuzz::sip_endpoint;
use comity_machine::Random;

#[test]
fn an_endpoint_keeps_its_promises_under_any_program() {
    let mut random = Random::from_seed([11; 32]);
    for _ in 0..1_500 {
        let mut program = vec![0; pick(&mut random, 400)];
        random.fill(&mut program);
        run(&program);
    }
}

#[test]
fn an_endpoint_keeps_its_promises_under_changed_seeds() {
    let seeds = seeds();
    let mut random = Random::from_seed([13; 32]);
    for _ in 0..1_500 {
        let mut program = vec![random.bytes::<1>()[0]];
        for _ in 0..=pick(&mut random, 4) {
            let seed = &seeds[pick(&mut random, seeds.len())];
            program.extend(&seed[1..]);
        }
        for _ in 0..pick(&mut random, 5) {
            let at = pick(&mut random, program.len());
            program[at] = random.bytes::<1>()[0];
        }
        run(&program);
    }
}

fn run(program: &[u8]) {
    let passes = catch_unwind(|| sip_endpoint(program)).is_ok();
    assert!(passes, "{}", program.escape_ascii());
}

fn pick(random: &mut Random, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap();
    usize::try_from(random.below(bound)).unwrap()
}

/// The seeds, in an order that is always the same.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/sip_endpoint");
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}
