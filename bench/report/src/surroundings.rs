//! The machine, and the versions of all that is measured and measures.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use crate::bench::{Bench, Package};

/// What is here and benches need, by name.
///
/// # Errors
///
/// A package of the system is missing; all that are missing are named.
pub(crate) fn found(
    root: &Path,
    benches: &[&Bench],
) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    let mut insert = |name: &str, what: String| found.insert(name.to_owned(), what);
    insert("machine", machine()?);
    insert("kernel", printed("uname", &["-sr"])?);
    insert("compiler", printed("rustc", &["--version"])?);
    let packages = benches.iter().flat_map(|bench| bench.needs);
    for (name, version) in versions(packages, state)? {
        insert(name, format!("{version} of Debian"));
    }
    let lock = fs::read_to_string(root.join("bench/Cargo.lock"))?;
    for name in CRATES {
        let version = locked(&lock, name).ok_or_else(|| format!("{name} is not locked"))?;
        insert(name, version.to_owned());
    }
    Ok(found)
}

/// The versions of packages of the system, by what we call them.
fn versions<'a>(
    packages: impl Iterator<Item = &'a Package>,
    state: impl Fn(&str) -> Result<String, Box<dyn Error>>,
) -> Result<BTreeMap<&'static str, String>, Box<dyn Error>> {
    let (mut versions, mut missing) = (BTreeMap::new(), BTreeSet::new());
    for &(name, package) in packages {
        match installed(&state(package)?) {
            Some(version) => {
                versions.insert(name, version.to_owned());
            }
            None => {
                missing.insert(package);
            }
        }
    }
    if missing.is_empty() {
        return Ok(versions);
    }
    let missing: Vec<_> = missing.into_iter().collect();
    let missing = missing.join(" ");
    Err(format!("packages are missing: apt-get install --no-install-recommends {missing}").into())
}

/// The state of a package; one that is not known has none.
fn state(package: &str) -> Result<String, Box<dyn Error>> {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${db:Status-Status} ${Version}\n", package]);
    let output = query.output();
    let output = output.map_err(|error| format!("dpkg-query: {error}"))?;
    Ok(String::from_utf8(output.stdout)?)
}

/// The version in a state of a package, if that is there.
fn installed(state: &str) -> Option<&str> {
    state.lines().next()?.strip_prefix("installed ")
}

/// The model of the processor, and how many there are.
fn machine() -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let mut names = text
        .lines()
        .filter_map(|line| line.strip_prefix("model name"));
    let name = names.next().unwrap_or_default();
    let name = name.trim_start_matches([' ', '\t', ':']);
    Ok(format!("{name}, {} processors", available_parallelism()?))
}

fn printed(program: &str, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {}: {}", arguments.join(" "), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    behind.split('"').next()
}

const CRATES: [&str; 7] = [
    "ezk-sip-types",
    "hickory-proto",
    "rsip",
    "rsipstack",
    "rustls-webpki",
    "rxml",
    "sipx-sip",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_that_was_removed_has_no_version() {
        for (state, version) in [
            ("installed 0.12.3-1\n", Some("0.12.3-1")),
            ("installed 2.5.0\ninstalled 2.5.0\n", Some("2.5.0")),
            ("config-files 0.12.3-1\n", None),
            ("", None),
        ] {
            assert_eq!(installed(state), version);
        }
    }

    #[test]
    fn all_missing_packages_are_named() {
        let state = |package: &str| {
            let installed = package == "valgrind";
            Ok(if installed {
                "installed 1:3.19.0-1\n"
            } else {
                ""
            }
            .to_owned())
        };
        let needs = [
            ("valgrind", "valgrind"),
            ("Prosody", "prosody"),
            ("dnsmasq", "dnsmasq-base"),
            ("Prosody", "prosody"),
        ];
        let error = versions(needs.iter(), state).unwrap_err();
        assert_eq!(
            error.to_string(),
            "packages are missing: apt-get install --no-install-recommends dnsmasq-base prosody"
        );
        let found = versions(needs[..1].iter(), state).unwrap();
        assert_eq!(
            found,
            BTreeMap::from([("valgrind", "1:3.19.0-1".to_owned())])
        );
    }

    #[test]
    fn versions_are_those_of_the_whole_name() {
        let lock = "[[package]]\nname = \"rsipstack\"\nversion = \"0.7.1\"\n\n\
                    [[package]]\nname = \"rsip\"\nversion = \"0.4.0\"\n";
        assert_eq!(locked(lock, "rsip"), Some("0.4.0"));
        assert_eq!(locked(lock, "rxml"), None);
    }
}
