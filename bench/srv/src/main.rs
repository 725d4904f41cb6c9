//! What it costs to read and order SRV records: instructions by callgrind, beside c-ares and
//! hickory-proto.
//!
//! ```sh
//! apt-get install libc-ares-dev valgrind
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-srv
//! ```
//!
//! The response has ten SRV records of three priorities, and the addresses of their targets. c-ares
//! reads the answers and frees them; we read them and put them in order; hickory-proto reads all of
//! the message. An instruction count is the difference between runs that do so a number of times and
//! twice that number, so that what comes before and behind does not count; allocations are counted
//! in the same way. Times are CPU times, the best of several rounds; compare them with each other and
//! not with those of another machine.
//!
//! `check` in place of nothing fails if we take more than 1.7 times the instructions of c-ares, or if
//! a message of a hostile name server costs a resolver more than 15 million instructions, with all
//! that it brings about. `figures` prints what the table has for a program to read.
//!
//! To see where the instructions go:
//!
//! ```sh
//! valgrind --tool=callgrind --callgrind-out-file=callgrind.out \
//!   bench/target/release/comity-bench-srv run comity-parse-and-order 1
//! callgrind_annotate --auto=yes callgrind.out
//! ```

#[path = "../../sip/src/allocations.rs"]
mod allocations;
#[path = "../../src/callgrind.rs"]
mod callgrind;
mod cares;
#[path = "../../src/cost.rs"]
mod cost;
#[expect(dead_code, reason = "the test of the memory needs more of it")]
#[path = "../../../crates/comity-srv/tests/memory/hostile/mod.rs"]
mod hostile;
#[path = "../../src/plain.rs"]
mod plain;
#[path = "../../src/program.rs"]
mod program;
mod response;
#[path = "../../src/times.rs"]
mod times;
mod traffic;
mod worst;

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;

use traffic::{PASSES, Task, Traffic};

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        [] => print(),
        ["check"] => check(),
        ["figures"] => figures(),
        ["run", subject, times] => run(subject, times),
        ["attack", resolution] => worst::attack(resolution),
        _ => Err("usage: comity-bench-srv [check | figures | run SUBJECT TIMES]".into()),
    })
}

/// What is measured.
struct Subject {
    /// Does the task; gives how much was seen.
    read: fn(&Traffic) -> usize,
}

/// Does the task of a subject so many times.
fn run(subject: &str, times: &str) -> Result<(), Box<dyn Error>> {
    let read = Task::named(subject).ok_or("no such subject")?.reader();
    let traffic = Traffic::new();
    for _ in 0..times.parse()? {
        black_box(read(black_box(&traffic)));
    }
    Ok(())
}

/// Prints a line for each task.
fn print() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<22} {:>12} {:>6} {:>7} {:>11}",
        "", "instructions", "ratio", "ns", "allocations"
    );
    let cares = instructions(Task::Cares)?;
    for (task, row) in rows()? {
        println!(
            "{:<22} {:>12.0} {:>6.2} {:>7.0} {:>11.1}",
            task.name(),
            row.instructions,
            row.instructions / cares,
            row.nanoseconds,
            row.allocations
        );
    }
    Ok(())
}

/// Prints what the table has.
fn figures() -> Result<(), Box<dyn Error>> {
    for (task, row) in rows()? {
        let name = task.name();
        plain::print(
            &format!("{name}/instructions"),
            row.instructions,
            "instructions",
        );
        plain::print(&format!("{name}/time"), row.nanoseconds, "ns");
        plain::print(
            &format!("{name}/allocations"),
            row.allocations,
            "allocations",
        );
    }
    Ok(())
}

/// What it costs to do a task once.
struct Row {
    instructions: f64,
    nanoseconds: f64,
    allocations: f64,
}

/// What each task costs. They are timed in turns.
fn rows() -> Result<Vec<(Task, Row)>, Box<dyn Error>> {
    let subjects = Task::ALL.map(|task| Subject {
        read: task.reader(),
    });
    let times = times::best_nanoseconds(&subjects, &Traffic::new())?;
    let rows = Task::ALL.into_iter().zip(times).map(|(task, time)| {
        let row = Row {
            instructions: instructions(task)?,
            nanoseconds: time as f64 / PASSES as f64,
            allocations: allocations::allocations(task.name())? as f64 / PASSES as f64,
        };
        Ok((task, row))
    });
    rows.collect()
}

/// Compares what we cost with the bounds.
fn check() -> Result<(), Box<dyn Error>> {
    let (cares, ours) = (instructions(Task::Cares)?, instructions(Task::Comity)?);
    let ratio = ours / cares;
    println!(
        "10 SRV records with 20 addresses: {ours:.0} instructions to parse and order them, {ratio:.2} \
         times the {cares:.0} of c-ares, to be at most {MAX_RATIO}"
    );
    let mut within = ratio <= MAX_RATIO;
    for resolution in RESOLUTIONS {
        let (most, messages) = worst::instructions(resolution)?;
        println!(
            "{resolution}: {most} instructions for the worst of {messages} hostile messages, to be at \
             most {MAX_WORST}"
        );
        within &= most <= MAX_WORST;
    }
    if !within {
        return Err("a count is above its bound".into());
    }
    Ok(())
}

/// Instructions to do a task once.
fn instructions(task: Task) -> Result<f64, Box<dyn Error>> {
    Ok(cost::instructions(task.name())? as f64 / PASSES as f64)
}

/// Our instructions by those of c-ares, which only parses.
const MAX_RATIO: f64 = 1.7;
/// Several sets of records at once, and those that others name. The rest is parts of these.
const RESOLUTIONS: [&str; 2] = ["XMPP", "SIP"];
/// 5 ms at 3 GHz and one instruction a cycle.
const MAX_WORST: u64 = 15_000_000;
