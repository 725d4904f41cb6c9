//! A federation gateway.
//!
//! ```text
//! comity-gateway demo
//! ```
//!
//! lets four domains federate on the loopback interface of this host, over TCP, TLS and DNS, and
//! prints what happens: who connected to whom, what was proved and how, every message, and whom
//! policy and certificates kept out. It needs no root, no configuration and no network, and leaves
//! nothing behind.
//!
//! ```text
//! comity-gateway check --config gateway.toml
//! ```
//!
//! reads a configuration and every file that it names, and prints all that is wrong with them by
//! line and remedy. If nothing is, it prints warnings, the records to publish in DNS, how the ports
//! are to be translated and opened, and what the certificates lack. `gateway.example.toml` beside
//! this package shows all that may stand in a configuration.
//!
//! ```text
//! comity-gateway run --config gateway.toml
//! ```
//!
//! joins the two sides until it is ended by SIGTERM, SIGINT or a command. SIGHUP takes rules, routes
//! and certificates into use that have changed; what is wrong with them leaves everything as it is.
//!
//! ```text
//! comity-gateway tell --config gateway.toml status
//! ```
//!
//! gives a command to the running gateway by its control socket.
//!
//! Exit code 0 means that everything happened as it should, or that nobody reads the output any
//! more, 1 that something did not, 2 that the command line or the configuration is wrong.

mod check;
mod control;
mod demo;
mod log;
mod metrics;
mod options;
mod run;
mod setup;
mod store;
mod tap;

use std::process::ExitCode;

use comity_command_line::{complain, say};
use options::Command;

fn main() -> ExitCode {
    let command = match options::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => return complain(NAME, &error, WRONG),
    };
    let said = match command {
        Command::Demo => return demonstrate(),
        Command::Check { config, format } => return check::run(&config, format),
        Command::Run { config } => return run::run(&config),
        Command::Tell { config, line } => return control::tell(&config, &line),
        Command::Help => say(options::USAGE),
        Command::Version => say(&format!("{NAME} {VERSION}\n")),
    };
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(NAME, &error, BAD),
    }
}

fn demonstrate() -> ExitCode {
    match demo::run() {
        Err(error) if !demo::has_no_reader(&*error) => complain(NAME, &error, BAD),
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

const NAME: &str = "comity-gateway";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const BAD: u8 = 1;
const WRONG: u8 = 2;
