//! What a stanza costs a server in processor time: `comity-xmpp-echo` beside ejabberd and Prosody.
//!
//! ```sh
//! apt-get install dnsmasq-base ejabberd lua-unbound prosody
//! cargo build --release -p comity-xmpp-echo
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-servers -- \
//!   target/release/comity-xmpp-echo
//! ```
//!
//! All servers run at once on loopback addresses, and one after the other is loaded, several times.
//! A domain of this program connects with STARTTLS, proves its name by its certificate (SASL
//! EXTERNAL), and writes a mixture of stanzas that nobody answers: headlines, presence and results
//! of iqs, below 200 bytes on average, to addresses where nobody is online. An XMPP Ping (XEP-0199) is
//! the last; its answer comes on a stream that the server opens, and ends the run. One load comes in
//! TLS records as full as they can be, the other in a record for each stanza.
//!
//! The table has the processor time of all threads of the server between the first byte of the load
//! and the answer, divided by the stanzas: the least and the median of all runs, and the median
//! beside that of ours. The rate is that of the fastest run by the clock on the wall. Compare the
//! figures with each other and not with those of another machine.
//!
//! ejabberd and Prosody log warnings, `comity-xmpp-echo` a line for each stanza; all log to files.
//! Erlang's schedulers do not spin while they wait, which spares ejabberd some time. Prosody does
//! without `limits`, with which its packages hold peers to 30 kB/s.
//!
//! `figures` before the path prints what the table has for a program to read.
//!
//! Options: `--runs N`, `--stanzas N`, `--only SERVER` (`echo`, `ejabberd` or `prosody`), which may
//! be repeated. To see where the time goes, run `perf record -g -p` with the id of the server's
//! process meanwhile, or count instructions: give a script that starts the program under `valgrind
//! --tool=callgrind` by `exec`.

mod domain;
mod load;
#[path = "../../src/plain.rs"]
mod plain;
#[path = "../../src/process.rs"]
mod process;
mod servers;
mod site;
mod stream;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use domain::Domain;
use load::{Load, Records};
use servers::{Kind, Server};
use site::Site;
use table::{Measured, Table};

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    /// `comity-xmpp-echo`, or what stands for it.
    echo: PathBuf,
    kinds: Vec<Kind>,
    runs: usize,
    stanzas: usize,
    print: Print,
}

/// How the runs are told.
enum Print {
    Table,
    Figures,
}

fn options() -> Result<Options, Box<dyn Error>> {
    use lexopt::{Arg, ValueExt};

    let mut echo = None;
    let (mut kinds, mut runs, mut stanzas) = (Vec::new(), 4, 60_000);
    let mut print = Print::Table;
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("only") => kinds.push(parser.value()?.parse_with(Kind::named)?),
            Arg::Long("runs") => runs = parser.value()?.parse()?,
            Arg::Long("stanzas") => stanzas = parser.value()?.parse()?,
            Arg::Value(word) if word == "figures" && echo.is_none() => print = Print::Figures,
            Arg::Value(path) if echo.is_none() => echo = Some(PathBuf::from(path).canonicalize()?),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected().into()),
        }
    }
    if kinds.is_empty() {
        kinds.extend(Kind::ALL);
    }
    Ok(Options {
        echo: echo.ok_or("the path of comity-xmpp-echo is missing")?,
        kinds,
        runs,
        stanzas,
        print,
    })
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let site = Site::new()?;
    let mut domain = Domain::start(&site)?;
    let mut servers = Vec::new();
    for &kind in &options.kinds {
        eprintln!("starting {}", kind.name());
        let server = Server::start(kind, &options.echo, &site, domain.surroundings())?;
        domain.await_answer(&server)?;
        servers.push(server);
    }
    let (mut table, mut mean_bytes) = (Table::default(), 0);
    for round in 1..=options.runs {
        for server in &servers {
            for records in Records::ALL {
                let load = Load::new(server.kind().domain(), options.stanzas, records);
                mean_bytes = load.mean_bytes();
                let measured = measure(&mut domain, server, &load)?;
                eprintln!(
                    "run {round}, {}, {}: {measured}",
                    server.kind().name(),
                    records.name()
                );
                table.add(server.kind(), records, measured);
            }
        }
    }
    match options.print {
        Print::Table => println!(
            "{} stanzas of {mean_bytes} bytes on average, {} runs\n\n{table}",
            options.stanzas, options.runs
        ),
        Print::Figures => {
            for (name, value, unit) in table.figures() {
                plain::print(&name, value, unit);
            }
        }
    }
    Ok(())
}

fn measure(domain: &mut Domain, server: &Server, load: &Load) -> Result<Measured, Box<dyn Error>> {
    let mut stream = domain.connect(server)?;
    let (cpu, started) = (server.cpu()?, Instant::now());
    load.write(&mut stream)?;
    domain.await_pong(server, load.last_id())?;
    let (cpu, wall) = (server.cpu()?.saturating_sub(cpu), started.elapsed());
    Ok(Measured::new(load.stanzas(), cpu, wall))
}
