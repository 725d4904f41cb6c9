//! How the cost of every parser grows with its input: instructions by callgrind.
//!
//! ```sh
//! apt-get install valgrind
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-growth
//! ```
//!
//! Every parser reads an input of a kind and another one with four times as much of one thing that a
//! peer, an operator or a certificate can have more of, under limits that let both pass. What a doubling
//! costs is the square root of the ratio of the two: 2 where time is linear, 4 where it is quadratic,
//! and less than 2 where something is paid once. Only the reading counts, not what comes before and
//! behind.
//!
//! `check` in place of nothing fails if a doubling costs more than 2.2 times, or 4.2 times where each of
//! a few is compared with each other. `figures` prints the same as nothing for a program to read. Where
//! tables have random keys, counts differ a little between runs.
//!
//! To see where the instructions go:
//!
//! ```sh
//! valgrind --tool=callgrind --collect-atstart=no --toggle-collect=comity_bench_growth::measured \
//!   bench/target/release/comity-bench-growth run xml/attributes 1000
//! callgrind_annotate --inclusive=yes callgrind.out.*
//! ```

mod bodies;
#[path = "../../src/callgrind.rs"]
mod callgrind;
mod certificates;
mod dns;
#[path = "../../src/figure.rs"]
mod figure;
#[path = "../../src/machine.rs"]
mod machine;
mod names;
#[path = "../../src/part.rs"]
mod part;
#[path = "../../src/plain.rs"]
mod plain;
#[path = "../../src/program.rs"]
mod program;
#[expect(dead_code, reason = "the bench of the rules needs more of it")]
#[path = "../../policy/src/rules.rs"]
mod rules;
mod sip;
mod texts;
mod tls;
mod tokens;
#[expect(dead_code, reason = "the bench of the streams needs more of it")]
#[path = "../../src/traffic.rs"]
mod traffic;
mod xml;

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};

use figure::Figure;

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        [] => print(),
        ["check"] => check(),
        ["figures"] => figures(),
        ["run", name, size] => run(name, size),
        _ => Err("usage: comity-bench-growth [check | figures | run NAME SIZE]".into()),
    })
}

/// Inputs that differ in how much of one thing they have.
struct Series {
    name: &'static str,
    /// How much the small one has. The large one has four times as much.
    size: usize,
    /// Makes the input ready that has so much.
    task: fn(usize) -> Task,
}

/// Reads an input once; gives whether all of it was seen.
type Task = Box<dyn FnOnce() -> bool>;

impl Series {
    /// Instructions to read the small input and the large one.
    fn instructions(&self) -> Result<[u64; 2], Box<dyn Error>> {
        let count = |size: usize| {
            let arguments = ["run", self.name, &size.to_string()];
            part::instructions("comity_bench_growth::measured", &arguments)
        };
        Ok([count(self.size)?, count(DOUBLINGS_BY * self.size)?])
    }
}

/// Every series, by what is read.
fn all() -> impl Iterator<Item = &'static Series> {
    [
        xml::SERIES,
        names::SERIES,
        sip::SERIES,
        dns::SERIES,
        certificates::SERIES,
        texts::SERIES,
        bodies::SERIES,
        tokens::SERIES,
        tls::SERIES,
    ]
    .into_iter()
    .flatten()
}

fn run(name: &str, size: &str) -> Result<(), Box<dyn Error>> {
    let series = all().find(|series| series.name == name);
    let series = series.ok_or("no such series")?;
    let task = (series.task)(size.parse()?);
    if !measured(task) {
        return Err(format!("{name}: not all of it was seen").into());
    }
    Ok(())
}

/// Where callgrind begins and ends to count.
#[inline(never)]
fn measured(task: Task) -> bool {
    let value = task();
    // Callgrind does not see the end of a function that jumps into another one.
    black_box(value)
}

/// Prints a line for each series.
fn print() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<32} {:>8} {:>14} {:>8} {:>14} {:>12}",
        "", "size", "instructions", "size", "instructions", "a doubling"
    );
    for (series, [small, large]) in counted()? {
        println!(
            "{:<32} {:>8} {small:>14} {:>8} {large:>14} {:>12.2}",
            series.name,
            series.size,
            DOUBLINGS_BY * series.size,
            doubling([small, large])
        );
    }
    Ok(())
}

/// Prints the same for a program to read.
fn figures() -> Result<(), Box<dyn Error>> {
    for (series, [small, large]) in counted()? {
        let print =
            |what, value, unit| plain::print(&format!("{}/{what}", series.name), value, unit);
        print("size", (DOUBLINGS_BY * series.size) as f64, "things");
        print("instructions", large as f64, "instructions");
        print("doubling", doubling([small, large]), "times");
    }
    Ok(())
}

/// Compares what a doubling costs with the bound.
fn check() -> Result<(), Box<dyn Error>> {
    let figures = counted()?.into_iter().map(|(series, counts)| Figure {
        what: series.name.into(),
        value: doubling(counts),
        most: if EACH_WITH_EACH.contains(&series.name) {
            MAX_EACH_WITH_EACH
        } else {
            MAX_DOUBLING
        },
    });
    figure::judge(figures.collect())
}

/// A series, and the instructions for its small input and for its large one.
type Counted = (&'static Series, [u64; 2]);

/// Counts the instructions of all series, on all processors.
fn counted() -> Result<Vec<Counted>, Box<dyn Error>> {
    let all: Vec<_> = all().collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<_, String> {
        let mut counted = BTreeMap::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(series) = all.get(place) else {
                return Ok(counted);
            };
            let counts = series.instructions();
            counted.insert(place, counts.map_err(|error| error.to_string())?);
        }
    };
    let mut counted = BTreeMap::new();
    thread::scope(|scope| {
        let workers = available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let done = worker.join().map_err(|_| "a thread has panicked")?;
            counted.extend(done?);
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok(all.into_iter().zip(counted.into_values()).collect())
}

/// What a doubling of the input multiplies the cost by.
fn doubling([small, large]: [u64; 2]) -> f64 {
    (large as f64 / small as f64).sqrt()
}

/// Two doublings.
const DOUBLINGS_BY: usize = 4;
/// A tenth more than linear, for sorting and for trees.
const MAX_DOUBLING: f64 = 2.2;
/// No parsers. The one looks each parameter of a URI up in the other URI, and the other draws records
/// one by one, as RFC 2782 has it. The default limits let some dozens of either pass.
const EACH_WITH_EACH: [&str; 2] = ["sip/uri-comparison", "srv/literal-order"];
const MAX_EACH_WITH_EACH: f64 = 4.2;
