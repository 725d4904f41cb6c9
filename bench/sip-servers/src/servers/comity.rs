use std::error::Error;
use std::net::SocketAddr;
use std::process::Command;

use crate::message::DOMAIN;
use crate::options::{MISSING, Options};

/// All requests come from one source, and over UDP all of their transactions live at the end.
pub(super) fn command(address: SocketAddr, options: &Options) -> Result<Command, Box<dyn Error>> {
    let program = options.echo.as_ref().ok_or(MISSING)?;
    let program = program
        .canonicalize()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let transactions = options.transactions().to_string();
    let mut command = Command::new(program);
    command
        .args(["--domain", DOMAIN])
        .args(["--listen-udp", &address.to_string()])
        .args(["--listen-tcp", &address.to_string()])
        .args(["--allow-loopback", "--no-echo"])
        .args(["--max-transactions", &transactions])
        .args(["--max-transactions-per-source", &transactions]);
    Ok(command)
}
