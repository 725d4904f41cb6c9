//! What a text and a change of presence cost a gateway between SIP and XMPP.
//!
//! ```text
//! cargo run --release -p comity-bench-gateway
//! ```
//!
//! The gateway runs in a process of its own, so that its CPU time and its memory are told from those of
//! the load: an edge with 500 sessions of texts (SIP over TLS to XMPP over TLS), the same while another
//! server reads nothing of what it is sent, then 5,000 subscriptions whose users change their presence
//! once a second.

mod house;
mod load;
#[path = "../../src/memory.rs"]
mod memory;
mod process;

use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => play(load::run()),
        ["serve", name_server] => play(house::serve(name_server.to_owned())),
        _ => Err("no arguments are taken".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", env!("CARGO_PKG_NAME"));
            ExitCode::FAILURE
        }
    }
}

fn play(act: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(act)
}
