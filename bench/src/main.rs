//! What it costs to read a stream: instructions by callgrind, beside libexpat and rxml.
//!
//! ```sh
//! apt-get install libexpat1-dev valgrind
//! cargo run --release --manifest-path bench/Cargo.toml
//! ```
//!
//! The first table is about tokens. Every subject reads the same 1.5 MB of a stream between servers
//! in pieces of 4096 bytes, resolves namespaces, and looks at each name, value and text. The second
//! is about a whole received stream: bytes in, authorised stanzas out, beside libexpat that only
//! reads the same bytes.
//!
//! An instruction count is the difference between a run that reads the traffic once and one that
//! reads it twice, so that what comes before and behind does not count. Times are CPU times, the
//! best of several rounds; compare them with each other and not with those of another machine.
//!
//! `check` in place of nothing fails if a count is above its bound, `figures` prints what the tables
//! have for a program to read. Counts are the same on every run.
//!
//! To see where the instructions go:
//!
//! ```sh
//! valgrind --tool=callgrind --callgrind-out-file=callgrind.out bench/target/release/comity-bench \
//!   run comity 1
//! callgrind_annotate --auto=yes callgrind.out
//! ```

mod callgrind;
mod cost;
mod expat;
mod machine;
mod plain;
mod program;
mod times;
mod tokens;
mod traffic;

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;

use cost::instructions;
use times::best_nanoseconds;
use traffic::Traffic;

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        [] => report(),
        ["check"] => check(),
        ["figures"] => figures(),
        ["run", subject, times] => run(subject, times),
        _ => Err("usage: comity-bench [check | figures | run SUBJECT TIMES]".into()),
    })
}

/// One way to read a kind of traffic.
struct Subject {
    name: &'static str,
    traffic: fn() -> Traffic,
    /// Reads the traffic; gives how much was seen in it.
    read: fn(&Traffic) -> usize,
}

/// The tokenizers, libexpat first.
const TOKENIZERS: [Subject; 3] = [
    Subject {
        name: "expat",
        traffic: traffic::mixed,
        read: tokens::expat,
    },
    Subject {
        name: "comity",
        traffic: traffic::mixed,
        read: tokens::comity,
    },
    Subject {
        name: "rxml",
        traffic: traffic::mixed,
        read: tokens::rxml,
    },
];

/// The whole stream, libexpat over the same bytes first.
const MACHINES: [Subject; 2] = [
    Subject {
        name: "expat-short",
        traffic: traffic::short,
        read: tokens::expat,
    },
    Subject {
        name: "machine",
        traffic: traffic::short,
        read: machine::stream,
    },
];

/// Reads the traffic of a subject so many times.
fn run(name: &str, times: &str) -> Result<(), Box<dyn Error>> {
    let mut subjects = TOKENIZERS.iter().chain(&MACHINES);
    let subject = subjects
        .find(|subject| subject.name == name)
        .ok_or("no such subject")?;
    let traffic = (subject.traffic)();
    for _ in 0..times.parse()? {
        black_box((subject.read)(black_box(&traffic)));
    }
    Ok(())
}

fn report() -> Result<(), Box<dyn Error>> {
    let traffic = traffic::mixed();
    println!("{traffic}");
    table(&TOKENIZERS, &traffic, "byte", traffic.bytes.len())?;
    let traffic = traffic::short();
    println!("\n{traffic}");
    table(&MACHINES, &traffic, "stanza", traffic.stanzas)
}

/// Compares instruction counts with their bounds.
fn check() -> Result<(), Box<dyn Error>> {
    let bytes = traffic::mixed().bytes.len() as f64;
    let tokens = instructions("comity")? as f64 / bytes;
    println!("tokenizer: {tokens:.1} instructions per byte, at most {MAX_PER_BYTE}");
    let [expat, machine] = ["expat-short", "machine"].map(instructions);
    let ratio = machine? as f64 / expat? as f64;
    println!("stream: {ratio:.2} times the instructions of libexpat, at most {MAX_RATIO}");
    if tokens > MAX_PER_BYTE || ratio > MAX_RATIO {
        return Err("a count is above its bound".into());
    }
    Ok(())
}

/// For names, values and texts with their namespaces.
const MAX_PER_BYTE: f64 = 60.0;
/// For bytes in and authorised stanzas out, where libexpat only reads.
const MAX_RATIO: f64 = 1.58;

/// Prints what both tables have.
fn figures() -> Result<(), Box<dyn Error>> {
    let (mixed, short) = (traffic::mixed(), traffic::short());
    let tokenizers = rows(&TOKENIZERS, &mixed, mixed.bytes.len())?;
    let machines = rows(&MACHINES, &short, short.stanzas)?;
    for (rows, unit) in [(tokenizers, "byte"), (machines, "stanza")] {
        for Row {
            name,
            instructions,
            nanoseconds,
        } in rows
        {
            let unit = |of| format!("{of}/{unit}");
            plain::print(
                &format!("{name}/instructions"),
                instructions,
                &unit("instructions"),
            );
            plain::print(&format!("{name}/time"), nanoseconds, &unit("ns"));
        }
    }
    Ok(())
}

/// Prints a line for each subject, with ratios to the first.
fn table(
    subjects: &[Subject],
    traffic: &Traffic,
    unit: &str,
    units: usize,
) -> Result<(), Box<dyn Error>> {
    println!(
        "{:<12} {:>20} {:>6} {:>14} {:>6}",
        "",
        format!("instructions/{unit}"),
        "ratio",
        format!("ns/{unit}"),
        "ratio"
    );
    let rows = rows(subjects, traffic, units)?;
    let [first, ..] = rows.as_slice() else {
        return Ok(());
    };
    for row in &rows {
        println!(
            "{:<12} {:>20.1} {:>6.2} {:>14.2} {:>6.2}",
            row.name,
            row.instructions,
            row.instructions / first.instructions,
            row.nanoseconds,
            row.nanoseconds / first.nanoseconds
        );
    }
    Ok(())
}

/// What a subject costs for each byte or stanza.
struct Row {
    name: &'static str,
    instructions: f64,
    nanoseconds: f64,
}

fn rows(subjects: &[Subject], traffic: &Traffic, units: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    let times = best_nanoseconds(subjects, traffic)?;
    let rows = subjects.iter().zip(times).map(|(subject, time)| {
        Ok(Row {
            name: subject.name,
            instructions: instructions(subject.name)? as f64 / units as f64,
            nanoseconds: time as f64 / units as f64,
        })
    });
    rows.collect()
}
