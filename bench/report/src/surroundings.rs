//! The machine, and the versions of all that is measured and measures.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

/// What is here, by name.
pub(crate) fn found(root: &Path) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    let mut insert = |name: &str, what: String| found.insert(name.to_owned(), what);
    insert("machine", machine()?);
    insert("kernel", printed("uname", &["-sr"])?);
    insert("compiler", printed("rustc", &["--version"])?);
    for (name, package) in PACKAGES {
        let version = printed("dpkg-query", &["-W", "-f", "${Version}", package])?;
        insert(name, format!("{version} of Debian"));
    }
    let lock = fs::read_to_string(root.join("bench/Cargo.lock"))?;
    for name in CRATES {
        let version = locked(&lock, name).ok_or_else(|| format!("{name} is not locked"))?;
        insert(name, version.to_owned());
    }
    Ok(found)
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

/// Packages of the system, by what we call them.
const PACKAGES: [(&str, &str); 3] = [
    ("c-ares", "libc-ares-dev"),
    ("libexpat", "libexpat1-dev"),
    ("valgrind", "valgrind"),
];
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
    fn versions_are_those_of_the_whole_name() {
        let lock = "[[package]]\nname = \"rsipstack\"\nversion = \"0.7.1\"\n\n\
                    [[package]]\nname = \"rsip\"\nversion = \"0.4.0\"\n";
        assert_eq!(locked(lock, "rsip"), Some("0.4.0"));
        assert_eq!(locked(lock, "rxml"), None);
    }
}
