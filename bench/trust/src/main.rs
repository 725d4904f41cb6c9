//! What the verdict on a certificate costs: instructions by callgrind, beside webpki.
//!
//! ```sh
//! apt-get install valgrind
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-trust
//! ```
//!
//! An instruction count is the difference between runs that do a task a number of times and twice
//! that number, so that what comes before and behind does not count. Counts are the same on every
//! run; those of signatures depend on the processor.
//!
//! `check` in place of nothing fails if a count is above its bound, `figures` prints the same as
//! nothing for a program to read.
//!
//! To see where the instructions go:
//!
//! ```sh
//! valgrind --tool=callgrind --callgrind-out-file=callgrind.out \
//!   bench/target/release/comity-bench-trust run pinned 1
//! callgrind_annotate --auto=yes callgrind.out
//! ```

#[path = "../../src/callgrind.rs"]
mod callgrind;
mod chain;
#[path = "../../src/cost.rs"]
mod cost;
#[path = "../../src/figure.rs"]
mod figure;
#[path = "../../src/plain.rs"]
mod plain;
#[path = "../../src/program.rs"]
mod program;
mod task;

use std::error::Error;
use std::process::ExitCode;

use figure::Figure;
use task::TASKS;

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        [] => print(),
        ["check"] => check(),
        ["figures"] => figures(),
        ["run", name, times] => run(name, times),
        _ => Err("usage: comity-bench-trust [check | figures | run TASK TIMES]".into()),
    })
}

/// Does a task so many times.
fn run(name: &str, times: &str) -> Result<(), Box<dyn Error>> {
    let task = task::named(name).ok_or("no such task")?;
    let times: usize = times.parse()?;
    for _ in 0..times * PASSES {
        assert!(task(), "{name} has another outcome");
    }
    Ok(())
}

/// Prints a line for each task.
fn print() -> Result<(), Box<dyn Error>> {
    for (name, _) in TASKS {
        println!("{name:<17} {:>10.0}", instructions(name)?);
    }
    Ok(())
}

/// Prints the same for a program to read.
fn figures() -> Result<(), Box<dyn Error>> {
    for (name, _) in TASKS {
        plain::print(name, instructions(name)?, "instructions");
    }
    Ok(())
}

/// Compares what we cost with the bounds.
fn check() -> Result<(), Box<dyn Error>> {
    let pinned = instructions("pinned")?;
    let mut figures = vec![
        Figure {
            what: "instructions to read a certificate with 7 names".into(),
            value: instructions("names")?,
            most: 15_000.0,
        },
        Figure {
            what: "instructions to compare 7 names with one peer more".into(),
            value: (instructions("pinned-100-peers")? - pinned) / 99.0,
            most: 2_000.0,
        },
    ];
    for (what, task, other, most) in RATIOS {
        let value = instructions(task)? / instructions(other)?;
        let what = what.into();
        figures.push(Figure { what, value, most });
    }
    figure::judge(figures)
}

/// Instructions to do a task once.
fn instructions(name: &str) -> Result<f64, Box<dyn Error>> {
    Ok(cost::instructions(name)? as f64 / PASSES as f64)
}

/// How often a task is done in one round.
const PASSES: usize = 10;

/// What is compared, a task, another task, and the most that the first may cost by the second.
const RATIOS: [(&str, &str, &str, f64); 6] = [
    (
        "P-256 chain by webpki alone",
        "ecdsa",
        "ecdsa-by-webpki",
        1.05,
    ),
    ("RSA chain by webpki alone", "rsa", "rsa-by-webpki", 1.05),
    (
        "64 names under 240 constraints by webpki alone",
        "constrained",
        "constrained-by-webpki",
        1.25,
    ),
    ("1,024 names by 512", "last-of-1024", "last-of-512", 2.4),
    (
        "1,024 names, none of them wanted, by 512",
        "none-of-1024",
        "none-of-512",
        2.4,
    ),
    (
        "1,024 names, all of them wanted, by 512",
        "all-of-1024",
        "all-of-512",
        2.4,
    ),
];
