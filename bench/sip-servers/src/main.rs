//! What a stateful SIP request costs a server in processor time: `comity-sip-echo` beside Kamailio.
//!
//! ```sh
//! apt-get install kamailio
//! cargo build --release -p comity-sip-echo
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-sip-servers -- \
//!   target/release/comity-sip-echo
//! ```
//!
//! One server after the other is started on a loopback address, loaded over one transport and
//! stopped, several times. The load is MESSAGE requests of 400 to 500 bytes, no two of one branch,
//! Call-ID and From tag. A server makes a transaction of each and answers it with 200. A window of
//! requests is always open; over UDP they come from one socket, over TCP from four connections,
//! each of which writes as many at once as the last read brought answers. Every request must be
//! answered, which the branch of the answer tells; a request over UDP that is lost is sent again
//! and counted.
//!
//! The table has the processor time, of the system too, that all processes of the server take from
//! the first request to the last answer, divided by the requests: the least of all runs and the
//! median. Rates and ratios are those of the best runs, which others on the machine have disturbed
//! least.
//!
//! A transaction over UDP lives for 32 s after its answer (timer J, RFC 3261 §17.2.2), in Kamailio
//! because it is set so here. If a run takes less, all live at its end: what the memory of the
//! server grew by, divided by the requests, is what one takes, in the median. Memory is the
//! proportional share of the processes, which is the resident set of a process that shares nothing.
//! Over TCP transactions live as long as each server likes, 5 s in Kamailio.
//!
//! Kamailio has one worker for each transport, with which it needs less time than with two. As its
//! package starts it, it allocates with `qm`. That takes most of its time, and the more the less
//! cache others on the machine leave to it: it walks over hundreds of kilobytes of empty lists for
//! a piece of memory. `kamailio-fm` is the same with `-x fm`, as it does best. Over UDP it takes
//! 2.7 GB for 200,000 transactions.
//!
//! The row `floor` is this program as a server that makes no transaction: it copies the head of the
//! request, and so tells what receiving and sending cost.
//!
//! `check` before the path fails unless comity answers 3.5 times as many requests with a second of
//! processor time as Kamailio, and 1.6 times as many as Kamailio with `fm`, over UDP and over TCP,
//! and takes 1 KiB at most for a transaction.
//!
//! `figures` in its place prints what the table has for a program to read.
//!
//! Options: `--runs N`, `--requests N`, `--window N`, `--transport udp` or `tcp`, `--only SERVER`
//! (`comity`, `kamailio`, `kamailio-fm` or `floor`), the latter two may be repeated. Without
//! `comity` the path is not needed. `--to-end` waits after each run until the transactions have
//! ended, and counts what that costs, and what the server does while nothing comes. A window of
//! more than 120 requests overflows a socket of the usual size. To see where the time goes, run
//! `perf record -g -p` with the id of the server's process meanwhile.

mod answer;
mod exchange;
mod floor;
mod load;
mod message;
mod options;
#[path = "../../src/plain.rs"]
mod plain;
#[path = "../../src/process.rs"]
mod process;
mod servers;
#[path = "../../servers/src/site.rs"]
mod site;
mod table;
#[path = "../../src/usage.rs"]
mod usage;

use std::error::Error;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use load::{Load, Transport};
use options::{Options, Task};
use servers::{Kind, Server};
use site::Site;
use table::{Measured, Table};

fn main() -> ExitCode {
    match Task::from_arguments().and_then(|task| perform(&task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("comity-bench-sip-servers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: &Task) -> Result<(), Box<dyn Error>> {
    match task {
        Task::Serve(address) => Ok(floor::serve(*address)?),
        Task::Print(options) => print(options).map(|_| ()),
        Task::Check(options) => Ok(print(options)?.check()?),
        Task::Figures(options) => {
            for (name, value, unit) in run(options)?.figures()? {
                plain::print(&name, value, unit);
            }
            Ok(())
        }
    }
}

/// Loads all servers, and prints the table.
fn print(options: &Options) -> Result<Table, Box<dyn Error>> {
    let table = run(options)?;
    println!(
        "{} requests of {} bytes on average, {} open at a time, {} runs\n\n{table}",
        options.requests,
        message::mean_bytes(),
        options.window,
        options.runs
    );
    Ok(table)
}

/// Loads all servers.
fn run(options: &Options) -> Result<Table, Box<dyn Error>> {
    let site = Site::new()?;
    let mut table = Table::default();
    for round in 1..=options.runs {
        for &kind in &options.kinds {
            for &transport in &options.transports {
                let measured = measure(options, &site, kind, transport)?;
                let (name, over) = (kind.name(), transport.name());
                eprintln!("run {round}, {name}, {over}: {measured}");
                table.add(kind, transport, measured);
            }
        }
    }
    Ok(table)
}

/// Loads a server that has just started.
fn measure(
    options: &Options,
    site: &Site,
    kind: Kind,
    transport: Transport,
) -> Result<Measured, Box<dyn Error>> {
    let server = Server::start(kind, transport, options, site)?;
    let load = |requests| {
        let (to, window) = (server.address(), options.window);
        let load = Load {
            to,
            requests,
            window,
        };
        load.run(transport)
            .map_err(|error| format!("{}: {error}\n{}", kind.name(), server.log()))
    };
    load(0..WARM_UP)?;
    let (before, started) = (server.usage()?, Instant::now());
    let repeated = load(WARM_UP..WARM_UP + options.requests)?;
    let (mut after, wall) = (server.usage()?, started.elapsed());
    let lifetime = kind.lifetime(transport);
    if options.to_end {
        sleep(lifetime + GRACE);
        after.cpu = server.usage()?.cpu;
    }
    Ok(Measured {
        requests: options.requests,
        cpu: after.cpu.saturating_sub(before.cpu),
        wall,
        grown: (wall < lifetime).then(|| after.memory.saturating_sub(before.memory)),
        repeated,
    })
}

/// Requests that are not counted, after which a server has touched what it needs for any.
pub(crate) const WARM_UP: u32 = 2_000;
/// For timers that tick slowly.
const GRACE: Duration = Duration::from_secs(3);
