//! The benches.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that measures.
pub(crate) struct Bench {
    /// What its figures begin with.
    pub(crate) name: &'static str,
    package: &'static str,
    profile: Profile,
}

impl Bench {
    /// The bench of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        BENCHES.iter().find(|bench| bench.name == name)
    }

    /// Runs it, which is built; gives the lines that it prints.
    pub(crate) fn run(&self, root: &Path) -> Result<String, Box<dyn Error>> {
        let target = target(root).join(self.profile.directory());
        let mut bench = Command::new(target.join(self.package));
        succeed(bench.arg("figures").current_dir(root))
    }

    /// How its table is printed by hand.
    pub(crate) fn command(&self) -> String {
        let words: Vec<_> = ["cargo"].into_iter().chain(self.arguments()).collect();
        words.join(" ")
    }

    fn arguments(&self) -> impl Iterator<Item = &'static str> {
        let manifest = ["--manifest-path", MANIFEST, "-p", self.package];
        ["run"]
            .into_iter()
            .chain(self.profile.arguments())
            .chain(manifest)
    }
}

/// Builds all benches. They are built together whichever is run, as features of
/// packages that they share are those that any of them needs.
pub(crate) fn build_all(root: &Path) -> Result<(), Box<dyn Error>> {
    for profile in [Profile::Release, Profile::Fat] {
        let mut build = cargo(root);
        build
            .arg("build")
            .args(profile.arguments())
            .args(["--manifest-path", MANIFEST]);
        for bench in BENCHES.iter().filter(|bench| bench.profile == profile) {
            build.args(["-p", bench.package]);
        }
        succeed(&mut build)?;
    }
    Ok(())
}

/// How a bench is built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Profile {
    Release,
    Fat,
}

impl Profile {
    fn arguments(self) -> impl Iterator<Item = &'static str> {
        let arguments: &[_] = match self {
            Self::Release => &["--release"],
            Self::Fat => &["--profile", "fat"],
        };
        arguments.iter().copied()
    }

    fn directory(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Fat => "fat",
        }
    }
}

/// All of them.
pub(crate) const BENCHES: [Bench; 5] = [
    Bench {
        name: "stream",
        package: "comity-bench",
        profile: Profile::Release,
    },
    Bench {
        name: "sip",
        package: "comity-bench-sip",
        profile: Profile::Fat,
    },
    Bench {
        name: "srv",
        package: "comity-bench-srv",
        profile: Profile::Release,
    },
    Bench {
        name: "trust",
        package: "comity-bench-trust",
        profile: Profile::Release,
    },
    Bench {
        name: "policy",
        package: "comity-bench-policy",
        profile: Profile::Release,
    },
];

const MANIFEST: &str = "bench/Cargo.toml";

fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// Where the benches are built.
fn target(root: &Path) -> PathBuf {
    let chosen = env::var_os("CARGO_TARGET_DIR");
    chosen.map_or_else(|| root.join("bench/target"), |path| root.join(path))
}

/// Gives what a command prints.
fn succeed(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_prints_the_table() {
        let bench = Bench::named("sip").unwrap();
        assert_eq!(
            bench.command(),
            "cargo run --profile fat --manifest-path bench/Cargo.toml -p comity-bench-sip"
        );
    }
}
