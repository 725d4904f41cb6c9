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
//! Exit code 0 means that everything happened as it should, or that nobody reads the transcript any
//! more, 1 that something did not, 2 that the command line is wrong.

mod demo;

use std::io::{self, Write};
use std::process::ExitCode;

use lexopt::Arg;

const USAGE: &str = "\
Usage: comity-gateway COMMAND

Commands:
  demo         four domains federate on loopback; prints a transcript

Options:
  --help       print this
  --version    print the version
";

enum Command {
    Demo,
    Help,
    Version,
}

fn main() -> ExitCode {
    let done = match parse(lexopt::Parser::from_env()) {
        Ok(Command::Demo) => demo::run(),
        Ok(Command::Help) => say(USAGE),
        Ok(Command::Version) => say(&format!("comity-gateway {}\n", env!("CARGO_PKG_VERSION"))),
        Err(error) => return complain(&error, 2),
    };
    match done {
        Err(error) if !demo::has_no_reader(&*error) => complain(&*error, 1),
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

fn say(text: &str) -> Result<(), Box<dyn std::error::Error>> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}

fn complain(error: &dyn std::error::Error, code: u8) -> ExitCode {
    // That nobody reads it changes nothing.
    let _ = writeln!(io::stderr(), "comity-gateway: {error}");
    ExitCode::from(code)
}

/// What is wrong with the command line.
#[derive(Debug, thiserror::Error)]
enum UsageError {
    #[error("a command is missing; see --help")]
    Missing,
    #[error("{0}; see --help")]
    Syntax(#[from] lexopt::Error),
    #[error("there is no command {0:?}; see --help")]
    Unknown(String),
}

fn parse(mut parser: lexopt::Parser) -> Result<Command, UsageError> {
    let mut command = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") => return Ok(Command::Help),
            Arg::Long("version") => return Ok(Command::Version),
            Arg::Value(name) if command.is_none() => match name.to_str() {
                Some("demo") => command = Some(Command::Demo),
                _ => return Err(UsageError::Unknown(name.to_string_lossy().into_owned())),
            },
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected().into()),
        }
    }
    command.ok_or(UsageError::Missing)
}
