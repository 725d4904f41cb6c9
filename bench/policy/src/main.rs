//! What rules cost: instructions by callgrind and bytes on the heap, for a few rules and for a
//! million.
//!
//! ```sh
//! apt-get install valgrind
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-policy
//! ```
//!
//! A decision is one about a stanza between two users over XMPP, from a domain that has proved
//! itself; some of the domains have a rule and others have none. A text is loaded when
//! `Policy::from_toml` has compiled it, or refused it. Only that is counted, not what comes before
//! and behind. The keys of the tables are random, so that counts differ a little between runs.
//!
//! `check` in place of nothing fails if a figure is above its bound. Both take some minutes: callgrind
//! loads a million rules several times. `figures` prints what decisions cost for a program to read.
//!
//! To see where the instructions go:
//!
//! ```sh
//! valgrind --tool=callgrind --collect-atstart=no \
//!   --toggle-collect=comity_bench_policy::task::measured \
//!   bench/target/release/comity-bench-policy run load-block 100000
//! callgrind_annotate --inclusive=yes callgrind.out.*
//! ```

#[path = "../../src/callgrind.rs"]
mod callgrind;
#[path = "../../src/figure.rs"]
mod figure;
#[path = "../../src/part.rs"]
mod part;
#[path = "../../src/plain.rs"]
mod plain;
#[path = "../../src/program.rs"]
mod program;
mod rules;
mod task;

use std::error::Error;
use std::process::ExitCode;

use comity_testkit::heap;

use figure::Figure;
use task::{ASKED, Task};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        [] => print(),
        ["check"] => check(),
        ["figures"] => figures(),
        ["run", task, size] => run(task, size),
        _ => Err("usage: comity-bench-policy [check | figures | run TASK SIZE]".into()),
    })
}

/// Does a task of a size.
fn run(task: &str, size: &str) -> Result<(), Box<dyn Error>> {
    let task = Task::named(task).ok_or("no such task")?;
    let bytes = task.run(size.parse()?);
    println!("{}: {bytes} bytes on the heap", task.name());
    Ok(())
}

/// Prints a line for each task.
fn print() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<18} {:>9} {:>14} {:>8} {:>12} {:>8}",
        "", "size", "instructions", "each", "heap bytes", "each"
    );
    for task in Task::ALL {
        for size in task.sizes() {
            let count = instructions(task, size)?;
            let bytes = task.run(size);
            let each = each(task, size);
            println!(
                "{:<18} {size:>9} {count:>14} {:>8.1} {bytes:>12} {:>8.1}",
                task.name(),
                count as f64 / each,
                bytes as f64 / each
            );
        }
    }
    Ok(())
}

/// Prints what a decision costs.
fn figures() -> Result<(), Box<dyn Error>> {
    let task = Task::Decide;
    for size in task.sizes() {
        let (name, each) = (task.name(), each(task, size));
        let count = instructions(task, size)? as f64 / each;
        plain::print(
            &format!("{name}/{size}/instructions"),
            count,
            "instructions",
        );
        let bytes = task.run(size) as f64 / each;
        plain::print(&format!("{name}/{size}/heap"), bytes, "bytes");
    }
    Ok(())
}

/// How many instructions a task of a size takes, without what it takes to prepare it.
fn instructions(task: Task, size: usize) -> Result<u64, Box<dyn Error>> {
    part::instructions(Task::MEASURED, &["run", task.name(), &size.to_string()])
}

/// How many decisions are made, or rules or bytes of a text loaded.
fn each(task: Task, size: usize) -> f64 {
    let each = if task == Task::Decide { ASKED } else { size };
    each as f64
}

/// Compares what we cost with the bounds.
fn check() -> Result<(), Box<dyn Error>> {
    let mut figures = decisions()?;
    for task in Task::ALL {
        if task != Task::Decide {
            figures.extend(loading(task)?);
        }
    }
    figure::judge(figures)
}

fn decisions() -> Result<Vec<Figure>, Box<dyn Error>> {
    let [few, many] = Task::Decide.sizes();
    let each = |size| Ok::<_, Box<dyn Error>>(instructions(Task::Decide, size)? as f64);
    let (over_few, over_many) = (each(few)?, each(many)?);
    let bytes = Task::Decide.run(few) + Task::Decide.run(many);
    Ok(vec![
        Figure {
            what: format!("instructions of a decision over {few} rules"),
            value: over_few / ASKED as f64,
            most: MAX_DECISION,
        },
        Figure {
            what: format!("instructions of a decision over {many} rules"),
            value: over_many / ASKED as f64,
            most: MAX_DECISION,
        },
        Figure {
            what: "the second by the first".into(),
            value: over_many / over_few,
            most: 1.5,
        },
        Figure {
            what: "bytes that decisions allocate".into(),
            value: bytes as f64,
            most: 0.0,
        },
    ])
}

/// What a rule or a byte costs in a large text, by what it costs in a small one; and what a million
/// rules cost.
fn loading(task: Task) -> Result<Vec<Figure>, Box<dyn Error>> {
    let [small, large] = task.sizes();
    let few = instructions(task, small)? as f64;
    let many = instructions(task, large)? as f64;
    let mut figures = vec![Figure {
        what: format!("{}, {large} by {small}, each", task.name()),
        value: many / large as f64 / (few / small as f64),
        most: 1.2,
    }];
    if task == Task::LoadBlock {
        figures.push(Figure {
            what: format!("million instructions to load {large} rules"),
            value: many / 1e6,
            most: MAX_LOAD / 1e6,
        });
        figures.push(Figure {
            what: format!("MiB on the heap to load {large} rules"),
            value: task.run(large) as f64 / f64::from(1 << 20),
            most: 200.0,
        });
    }
    Ok(figures)
}

/// 500 ns at 3 GHz and one instruction a cycle.
const MAX_DECISION: f64 = 1_500.0;
/// 2 s at the same.
const MAX_LOAD: f64 = 6e9;
