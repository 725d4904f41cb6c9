//! The oracles of SIP over messages that chance has changed, without a fuzzer.
#![cfg(test)]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use comity_fuzz::{Target, sip_build, sip_edit, sip_message, sip_multipart, sip_stream, sip_uri};
use comity_machine::Random;

#[test]
fn streams_are_cut_alike_however_they_come() {
    run("sip_stream", sip_stream, 5000);
}

#[test]
fn edits_change_what_they_are_about_and_nothing_else() {
    run("sip_edit", sip_edit, 5000);
}

#[test]
fn uris_compare_as_the_rfc_has_it() {
    run("sip_uri", sip_uri, 8000);
}

#[test]
fn headers_that_are_read_can_be_written() {
    run("sip_message", sip_message, 400);
}

#[test]
fn what_is_built_reads_as_it_was_set() {
    run("sip_build", sip_build, 5000);
}

#[test]
fn bodies_made_of_parts_have_these_parts() {
    run("sip_multipart", sip_multipart, 1500);
}

/// Gives a target its seeds with random changes.
fn run(name: &str, target: Target, count: usize) {
    let seeds = seeds(name);
    let words = words();
    let mut random = Random::from_seed([7; 32]);
    for _ in 0..count {
        let mut input = seeds[pick(&mut random, seeds.len())].clone();
        for _ in 0..pick(&mut random, 6) {
            change(&mut input, &seeds, &words, &mut random);
        }
        let passes = catch_unwind(|| target(&input)).is_ok();
        assert!(passes, "{name}: {}", input.escape_ascii());
    }
}

/// Changes one place of an input.
fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[Vec<u8>], random: &mut Random) {
    let start = pick(random, input.len() + 1);
    let end = (start + pick(random, 12)).min(input.len());
    let text = match pick(random, 7) {
        0 | 1 => words[pick(random, words.len())].clone(),
        2 => Vec::new(),
        3 => {
            let [byte] = random.bytes();
            vec![byte]
        }
        4 => input[start..end].repeat(2),
        5 => b"\r\n \t:;,<>\"\\=%@0"[pick(random, 15)..][..1].to_vec(),
        _ => {
            let other = &seeds[pick(random, seeds.len())];
            let from = pick(random, other.len());
            let to = (from + pick(random, 80)).min(other.len());
            other[from..to].to_vec()
        }
    };
    let end = if pick(random, 2) == 0 { start } else { end };
    input.splice(start..end, text);
}

fn pick(random: &mut Random, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap();
    usize::try_from(random.below(bound)).unwrap()
}

/// The seeds that have names, in an order that is always the same.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The words of the dictionary.
fn words() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries/sip.dict");
    let text = fs::read_to_string(path).unwrap();
    let quoted = text.lines().filter_map(|line| line.split_once('"'));
    quoted
        .map(|(_, word)| unescaped(word.strip_suffix('"').unwrap()))
        .collect()
}

/// The bytes of a word of a dictionary.
fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let [first, behind @ ..] = rest {
        (bytes, rest) = match (first, behind) {
            (b'\\', [b'x', high, low, behind @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                let byte = u8::from_str_radix(digits, 16).unwrap();
                ([&*bytes, &[byte]].concat(), behind)
            }
            (b'\\', [escaped, behind @ ..]) => ([&*bytes, &[*escaped]].concat(), behind),
            (byte, behind) => ([&*bytes, &[*byte]].concat(), behind),
        };
    }
    bytes
}
