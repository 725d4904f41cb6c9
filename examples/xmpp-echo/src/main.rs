//! An XMPP domain that sends back what it is told.
//!
//! It federates with every other domain by server-to-server streams, and shows in little code what an
//! embedder of comity writes: options, a [`comity_tokio::Config`], and a loop over events.
//!
//! ```text
//! comity-xmpp-echo --domain echo.example --dns 9.9.9.9 \
//!     --identity echo.example.pem --key echo.example.key --trust /etc/ssl/certs/ca-certificates.crt
//! ```
//!
//! The domain needs an SRV record `_xmpp-server._tcp.echo.example` that leads to this host, or an
//! address record of its own and port 5269; with `--listen-tls`, a record `_xmpps-server._tcp` leads to
//! TLS from the first byte (XEP-0368). The certificate has to name the domain, which others check
//! and this program does not. `--help` lists all options.
//!
//! - A message to any address of the domain comes back with the same type, id and body.
//! - XMPP Ping (XEP-0199) and Software Version (XEP-0092) are answered.
//! - Nobody has a presence here: subscriptions are refused.
//!
//! Two echo domains that write to each other never stop. It prints `listening on ADDRESS` on standard
//! output for each address (and ` for direct TLS` where that is so), and on standard error one line for
//! each event, without anything about users. A second line follows where a pair of domains is proved,
//! and where something failed that somebody can mend:
//!
//! ```text
//! connection 1: inbound, echo.example with montague.example: certificate, TLS 1.3, opened by the peer
//! delivery to verona.example: connection, network: hint: look whether a firewall keeps us from the
//! peer's port, or the peer is down
//! ```
//!
//! SIGTERM and SIGINT end it in order, a second one at once.
//!
//! Exit code 0 means that it was stopped, 1 that it ended otherwise, 2 that the command line or the
//! configuration is wrong.

mod config;
mod options;
mod reply;
mod server;

use std::io;
use std::process::ExitCode;

use comity_command_line::{complain, say};

use options::{Command, Options};
use reply::{NAME, VERSION};
use server::ServeError;

fn main() -> ExitCode {
    let command = match options::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => return complain(NAME, &error, WRONG),
    };
    let done = match command {
        Command::Help => say(options::USAGE).map_err(RunError::Output),
        Command::Version => say(&format!("{NAME} {VERSION}\n")).map_err(RunError::Output),
        Command::Run(options) => run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(NAME, &error, error.code()),
    }
}

/// Why the program did not run to its end.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum RunError {
    Config(#[from] config::ConfigError),
    Output(io::Error),
    Runtime(io::Error),
    Serve(#[from] ServeError),
}

impl RunError {
    fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Serve(ServeError::Start(_)) => WRONG,
            Self::Output(_)
            | Self::Runtime(_)
            | Self::Serve(ServeError::Ended | ServeError::Interrupted | ServeError::Signals(_)) => {
                FAILED
            }
        }
    }
}

fn run(options: &Options) -> Result<(), RunError> {
    let config = config::load(options)?;
    // One thread: to wake another for each event costs more than what it would do.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    Ok(runtime.block_on(server::serve(config, options))?)
}

const FAILED: u8 = 1;
const WRONG: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_nobody_asked_for_has_code_1() {
        assert_eq!(RunError::from(ServeError::Ended).code(), 1);
    }
}
