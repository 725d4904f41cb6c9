//! A crate may depend only on crates of a lower floor.
#![cfg(test)]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// The floors from the lowest. Crates of one floor never know each other.
const FLOORS: &[&[&str]] = &[
    &["comity-identity", "comity-machine"],
    &[
        "comity-policy",
        "comity-secure-conversation",
        "comity-sip",
        "comity-srv",
        "comity-trust",
        "comity-xmpp",
    ],
    &["comity-bridge", "comity-rustls"],
    &["comity-tokio"],
    // What programs share.
    &["comity-command-line"],
    &["comity-gateway-config"],
    &[
        "comity-doctor",
        "comity-fed-dig",
        "comity-gateway",
        "comity-policy-explain",
        "comity-secure-conversation-example",
        "comity-sip-echo",
        "comity-tls-mux",
        "comity-xmpp-echo",
    ],
];

/// The lowest floor that may use tokio.
const IO_FLOOR: usize = 3;

/// The floor of the programs, which alone may ship the testkit: a demonstration is made of fakes.
const PROGRAM_FLOOR: usize = 6;

#[test]
fn dependencies_point_down() {
    let floor: BTreeMap<_, _> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, names)| names.iter().map(move |&name| (name, floor)))
        .collect();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name == "comity-testkit" {
            continue;
        }
        let own = floor
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no floor"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let ships = dependency["kind"] != "dev";
            assert!(
                !ships || !used.starts_with("tokio") || *own >= IO_FLOOR,
                "{name} uses {used} below the I/O floor"
            );
            if used == "comity-testkit" {
                assert!(!ships || *own >= PROGRAM_FLOOR, "{name} ships the testkit");
            } else if ships && used.starts_with("comity-") {
                assert!(
                    floor.get(used).is_some_and(|below| below < own),
                    "{name} uses {used}, which is not below it"
                );
            }
        }
    }
}
