//! Runs the benches that compare with others, and writes `docs/PERFORMANCE.md` and its plot.
//!
//! ```sh
//! apt-get install --no-install-recommends dnsmasq-base ejabberd kamailio libc-ares-dev \
//!   libexpat1-dev lua-unbound prosody valgrind
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-report
//! ```
//!
//! It takes some twenty minutes on a machine with nothing else to do, and 3 GB of memory. It builds
//! the benches and those of our servers that they load, and says which packages are missing before it
//! measures anything. The benches start Prosody, ejabberd and Kamailio themselves on loopback
//! addresses, and end them.
//!
//! What was measured is kept in `bench/report/measured.txt`, from which the document is written. Names
//! of benches as arguments have only these run again, on the same machine with the same versions:
//! `stream`, `sip`, `srv`, `trust`, `policy`, `servers`, `sip-servers` and `gateway`. `write` has none
//! run.

mod bench;
mod document;
mod figures;
mod plot;
#[path = "../../src/program.rs"]
mod program;
mod sections;
mod servers;
mod surroundings;
mod table;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bench::{BENCHES, Bench};
use figures::Figures;

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        [] => measure(&mut Figures::default(), &BENCHES.each_ref()),
        ["write"] => write(&kept()?),
        names => {
            let benches: Option<Vec<_>> = names.iter().map(|name| Bench::named(name)).collect();
            let benches = benches.ok_or("usage: comity-bench-report [write | BENCH ..]")?;
            measure(&mut kept()?, &benches)
        }
    })
}

/// Runs benches, and writes what all have measured.
fn measure(figures: &mut Figures, benches: &[&Bench]) -> Result<(), Box<dyn Error>> {
    figures.add_surroundings(surroundings::found(&root(), benches)?)?;
    bench::build(&root(), benches)?;
    for bench in benches {
        eprintln!("measuring {}", bench.name);
        figures.replace(bench.name, &bench.run(&root())?)?;
        fs::write(root().join(MEASURED), figures.to_string())?;
    }
    write(figures)
}

fn write(figures: &Figures) -> Result<(), Box<dyn Error>> {
    for (name, text) in document::files(figures)? {
        fs::write(root().join("docs").join(name), text)?;
    }
    Ok(())
}

/// What was measured before.
fn kept() -> Result<Figures, Box<dyn Error>> {
    let text = fs::read_to_string(root().join(MEASURED))?;
    Figures::parse(&text).map_err(|line| format!("{MEASURED}: {line:?} is no figure").into())
}

/// The directory of the project.
fn root() -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    directory.ancestors().nth(2).unwrap_or(directory).to_owned()
}

const MEASURED: &str = "bench/report/measured.txt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_what_the_figures_say() {
        for (name, expected) in document::files(&kept().unwrap()).unwrap() {
            let found = fs::read_to_string(root().join("docs").join(name)).unwrap();
            assert!(found == expected, "docs/{name} is not as it was written");
        }
    }
}
