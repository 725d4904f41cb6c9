//! What it costs to read a SIP message: instructions by callgrind, beside other parsers in Rust.
//!
//! ```sh
//! apt-get install valgrind
//! cargo run --profile fat --manifest-path bench/Cargo.toml -p comity-bench-sip
//! ```
//!
//! Every parser reads the same 20 messages in two ways. `lazy` is the start line and an index of
//! the headers, as far as the parser can stop there. `full` also reads all values of Via, Contact
//! and Route, and From, To, Call-ID, CSeq, Max-Forwards and Content-Length, with their URIs and the
//! Request-URI. A parser that fails on a message, or sees something else in it than what is there,
//! is counted over the others, and its ratio is to our cost for the same messages.
//!
//! An instruction count is the difference between a run that reads the messages once and one that
//! reads them twice, so that what comes before and behind does not count; allocations are counted
//! in the same way. Times are CPU times, the best of several rounds; compare them with each other
//! and not with those of another machine.
//!
//! `check` in place of nothing fails if one of our counts is above its bound by more than 5 %. `growth`
//! prints how our cost grows with the message, and `figures` what the table has, for a program to
//! read. Counts are the same on every run.
//!
//! To see where the instructions go:
//!
//! ```sh
//! valgrind --tool=callgrind --callgrind-out-file=callgrind.out \
//!   bench/target/fat/comity-bench-sip run comity/full/comity 1
//! callgrind_annotate --auto=yes callgrind.out
//! ```

mod allocations;
#[path = "../../src/callgrind.rs"]
mod callgrind;
#[path = "../../src/cost.rs"]
mod cost;
mod growth;
mod parsers;
#[path = "../../src/plain.rs"]
mod plain;
#[path = "../../src/program.rs"]
mod program;
mod seen;
mod table;
#[path = "../../src/times.rs"]
mod times;
mod traffic;

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;

use parsers::{Measure, PARSERS};
use traffic::Traffic;

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        [] => table::print(),
        ["check"] => check(),
        ["figures"] => table::figures(),
        ["growth"] => growth::print(),
        ["run", subject, times] => run(subject, times),
        _ => Err("usage: comity-bench-sip [check | figures | growth | run SUBJECT TIMES]".into()),
    })
}

/// What is measured.
struct Subject {
    /// Reads the traffic; gives how much was seen in it.
    read: fn(&Traffic) -> usize,
}

/// Reads the traffic of a subject so many times.
fn run(subject: &str, times: &str) -> Result<(), Box<dyn Error>> {
    let traffic = traffic::named(subject)
        .or_else(|| growth::named(subject))
        .ok_or("no such subject")?;
    for _ in 0..times.parse()? {
        black_box(black_box(&traffic).read());
    }
    Ok(())
}

/// Compares what we cost with the bounds.
fn check() -> Result<(), Box<dyn Error>> {
    let [ours, ..] = &PARSERS;
    let mut within = true;
    for (measure, most) in Measure::ALL.into_iter().zip([MAX_LAZY, MAX_FULL]) {
        let traffic = Traffic::new(ours, measure, ours);
        let subject = traffic::name(ours, measure, ours);
        let count = cost::instructions(&subject)? as f64 / traffic.reads() as f64;
        let allocations = allocations::allocations(&subject)?;
        let (name, messages) = (measure.name(), traffic.messages());
        println!(
            "{name}: {messages} messages, {count:.0} instructions, to be at most {most}; \
             {allocations} allocations"
        );
        within &= messages == traffic::CORPUS && count <= most * SLACK && allocations == 0;
    }
    within &= growth::check()?;
    if !within {
        return Err("a count is far above its bound, or a message was not read".into());
    }
    Ok(())
}

/// Instructions for the start line and the index of a message of 756 bytes.
const MAX_LAZY: f64 = 5_000.0;
/// Instructions for that and the values that a server looks at.
const MAX_FULL: f64 = 11_000.0;
/// Which code copies and searches bytes depends on the processor, so that another one may count a
/// little more.
const SLACK: f64 = 1.05;
