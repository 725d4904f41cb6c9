//! What a text and a change of presence cost a gateway between SIP and XMPP.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-gateway
//! ```
//!
//! The gateway runs in a process of its own, so that its CPU time and its memory are told from those of
//! the load: an edge with 500 sessions of texts (SIP over TLS to XMPP over TLS), the same while another
//! server reads nothing of what it is sent, then 5,000 subscriptions whose users change their presence
//! once a second.
//!
//! `figures` prints the same for a program to read.

mod cost;
mod house;
mod load;
#[path = "../../src/memory.rs"]
mod memory;
#[path = "../../src/plain.rs"]
mod plain;
mod process;

use std::error::Error;
use std::process::ExitCode;

use cost::Cost;
use load::Part;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => play(load::run(print)),
        ["figures"] => play(load::run(print_figures)),
        ["serve", name_server] => play(house::serve(name_server.to_owned())),
        _ => Err("usage: comity-bench-gateway [figures]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", env!("CARGO_PKG_NAME"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line for a part of the load.
fn print(part: Part, cost: &Cost) {
    println!("{}: {cost}", part.title());
}

fn print_figures(part: Part, cost: &Cost) {
    for (name, value, unit) in cost.figures(part.name()) {
        plain::print(&name, value, unit);
    }
}

fn play(act: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(act)
}
