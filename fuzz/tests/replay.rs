//! Every input that was ever of interest, through the same functions, without a fuzzer.
#![cfg(test)]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use comity_fuzz::{TARGETS, Target};

#[test]
fn every_target_takes_its_corpus() {
    replay("corpus");
}

#[test]
fn what_was_found_once_is_not_found_again() {
    replay("regressions");
}

fn replay(folder: &str) {
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        let inputs = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(folder)
            .join(name);
        for entry in fs::read_dir(inputs).unwrap() {
            let path = entry.unwrap().path();
            if !passes(target, &fs::read(&path).unwrap()) {
                failed.push(path);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

fn passes(target: Target, input: &[u8]) -> bool {
    catch_unwind(|| target(input)).is_ok()
}
