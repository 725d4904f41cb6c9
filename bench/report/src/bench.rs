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
    kind: Kind,
    pub(crate) needs: &'static [Package],
}

/// A package of the system, behind the name that we have for what is in it.
pub(crate) type Package = (&'static str, &'static str);

/// What is measured, and in which programs.
#[derive(Clone, Copy)]
enum Kind {
    /// Instructions, in the bench.
    Instructions(Profile),
    /// What a server takes. Our own is in that package, or in the bench.
    Server(Option<&'static str>),
}

impl Bench {
    /// The bench of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        BENCHES.iter().find(|bench| bench.name == name)
    }

    /// Runs it, which is built; gives the lines that it prints.
    pub(crate) fn run(&self, root: &Path) -> Result<String, Box<dyn Error>> {
        let target = target(root, "bench/target").join(self.profile().directory());
        let mut bench = Command::new(target.join(self.package));
        bench.arg("figures").current_dir(root);
        if let Some(server) = self.server() {
            bench.arg(target_of_servers(root).join(server));
        }
        succeed(&mut bench)
    }

    /// How its table is printed by hand.
    pub(crate) fn command(&self) -> String {
        let words: Vec<_> = self.arguments("run").collect();
        let run = format!("cargo {}", words.join(" "));
        match self.server() {
            Some(server) => {
                let build: Vec<_> = server_arguments(server).collect();
                let build = build.join(" ");
                format!("cargo {build}\n{run} -- \\\n  target/release/{server}")
            }
            None => run,
        }
    }

    /// What cargo is to be told.
    fn arguments(&self, verb: &'static str) -> impl Iterator<Item = &'static str> {
        let manifest = ["--manifest-path", MANIFEST, "-p", self.package];
        [verb]
            .into_iter()
            .chain(self.profile().arguments())
            .chain(manifest)
    }

    fn profile(&self) -> Profile {
        match self.kind {
            Kind::Instructions(profile) => profile,
            Kind::Server(_) => Profile::Release,
        }
    }

    fn server(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Instructions(_) => None,
            Kind::Server(server) => server,
        }
    }

    fn counts_instructions(&self) -> bool {
        matches!(self.kind, Kind::Instructions(_))
    }
}

/// Builds what benches need. Those that count instructions are built together whichever is run, as
/// features of packages that they share are those that any of them needs.
pub(crate) fn build(root: &Path, benches: &[&Bench]) -> Result<(), Box<dyn Error>> {
    if benches.iter().any(|bench| bench.counts_instructions()) {
        build_counting(root)?;
    }
    for bench in benches.iter().filter(|bench| !bench.counts_instructions()) {
        succeed(cargo(root).args(bench.arguments("build")))?;
        if let Some(server) = bench.server() {
            succeed(cargo(root).args(server_arguments(server)))?;
        }
    }
    Ok(())
}

fn build_counting(root: &Path) -> Result<(), Box<dyn Error>> {
    for profile in [Profile::Release, Profile::Fat] {
        let mut build = cargo(root);
        build
            .arg("build")
            .args(profile.arguments())
            .args(["--manifest-path", MANIFEST]);
        let counting = BENCHES.iter().filter(|bench| bench.counts_instructions());
        for bench in counting.filter(|bench| bench.profile() == profile) {
            build.args(["-p", bench.package]);
        }
        succeed(&mut build)?;
    }
    Ok(())
}

/// What cargo is to be told of a server.
fn server_arguments(package: &'static str) -> impl Iterator<Item = &'static str> {
    ["build", "--release", "-p", package].into_iter()
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
pub(crate) const BENCHES: [Bench; 8] = [
    Bench {
        name: "stream",
        package: "comity-bench",
        kind: Kind::Instructions(Profile::Release),
        needs: &[("libexpat", "libexpat1-dev"), VALGRIND],
    },
    Bench {
        name: "sip",
        package: "comity-bench-sip",
        kind: Kind::Instructions(Profile::Fat),
        needs: &[VALGRIND],
    },
    Bench {
        name: "srv",
        package: "comity-bench-srv",
        kind: Kind::Instructions(Profile::Release),
        needs: &[("c-ares", "libc-ares-dev"), VALGRIND],
    },
    Bench {
        name: "trust",
        package: "comity-bench-trust",
        kind: Kind::Instructions(Profile::Release),
        needs: &[VALGRIND],
    },
    Bench {
        name: "policy",
        package: "comity-bench-policy",
        kind: Kind::Instructions(Profile::Release),
        needs: &[VALGRIND],
    },
    Bench {
        name: "servers",
        package: "comity-bench-servers",
        kind: Kind::Server(Some("comity-xmpp-echo")),
        needs: &[
            ("dnsmasq", "dnsmasq-base"),
            ("ejabberd", "ejabberd"),
            ("lua-unbound", "lua-unbound"),
            ("Prosody", "prosody"),
        ],
    },
    Bench {
        name: "sip-servers",
        package: "comity-bench-sip-servers",
        kind: Kind::Server(Some("comity-sip-echo")),
        needs: &[("Kamailio", "kamailio")],
    },
    Bench {
        name: "gateway",
        package: "comity-bench-gateway",
        kind: Kind::Server(None),
        needs: &[],
    },
];

const VALGRIND: Package = ("valgrind", "valgrind");
const MANIFEST: &str = "bench/Cargo.toml";

fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// Where the servers are built.
fn target_of_servers(root: &Path) -> PathBuf {
    target(root, "target").join(Profile::Release.directory())
}

/// Where cargo builds, which is there unless another place was chosen for all.
fn target(root: &Path, usual: &str) -> PathBuf {
    let chosen = env::var_os("CARGO_TARGET_DIR");
    root.join(chosen.map_or_else(|| usual.into(), PathBuf::from))
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
        for (name, expected) in [
            (
                "sip",
                "cargo run --profile fat --manifest-path bench/Cargo.toml -p comity-bench-sip",
            ),
            (
                "sip-servers",
                "cargo build --release -p comity-sip-echo\n\
                 cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-sip-servers -- \\\n  \
                 target/release/comity-sip-echo",
            ),
        ] {
            assert_eq!(Bench::named(name).unwrap().command(), expected);
        }
    }
}
