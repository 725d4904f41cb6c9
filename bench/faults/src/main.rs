//! What a running gateway bears, and what it costs it.
//!
//! ```text
//! cargo build --release -p comity-gateway
//! cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-faults -- \
//!   target/release/comity-gateway
//! ```
//!
//! Each fault goes to the program as its operators run it, on loopback, a bounded number of times. After
//! it, and while it lasts where it lasts, the gateway has to open a stream and to answer OPTIONS; what
//! does not is an error. The table is that of `docs/RELIABILITY.md`. To fill the disk it needs root.

mod faults;
mod gateway;
mod malformed;
#[path = "../../src/memory.rs"]
mod memory;
mod probe;
#[path = "../../src/program.rs"]
mod program;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use self::faults::FAULTS;
use self::gateway::Gateway;

fn main() -> ExitCode {
    program::run(|arguments| match arguments {
        [gateway] => try_all(Path::new(gateway)),
        _ => Err("the path of comity-gateway is the one argument".into()),
    })
}

fn try_all(program: &Path) -> Result<(), Box<dyn Error>> {
    println!("| fault | how often | memory before, after and at most, in KiB | afterwards |");
    println!("|---|---|---|---|");
    for fault in FAULTS {
        let mut gateway = Gateway::start(program)?;
        probe::serves(&gateway)?;
        let before = gateway.memory()?;
        let tried =
            (fault.play)(&mut gateway).map_err(|error| format!("{}: {error}", fault.name))?;
        probe::serves(&gateway).map_err(|error| format!("after {}: {error}", fault.name))?;
        let after = gateway.memory()?;
        println!(
            "| {} | {tried} | {} {} {} | serves |",
            fault.name, before.now_kib, after.now_kib, after.peak_kib
        );
        gateway.end()?;
    }
    Ok(())
}
