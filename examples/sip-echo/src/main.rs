//! A SIP domain that sends back what it is told.
//!
//! It shows in little code what an embedder of comity writes: options, a
//! [`comity_tokio::sip::Config`], and an [`Application`](comity_tokio::sip::Application) that answers
//! requests.
//!
//! ```text
//! comity-sip-echo --domain echo.example --listen-udp 192.0.2.1:5060 --listen-tcp 192.0.2.1:5060 \
//!     --listen-tls 192.0.2.1:5061 --advertise sip.echo.example \
//!     --identity echo.example.pem --key echo.example.key --trust /etc/ssl/certs/ca-certificates.crt
//! ```
//!
//! - A MESSAGE to any user of the domain is answered with 200, and another one with the same type and
//!   body goes back to where it came from: on the connection on which it came, or to the address from
//!   which the datagram came.
//! - An INVITE to a session of messages is accepted (`m=message`, RFC 3428 inside of a dialog); what
//!   is said there comes back there. Any other session gets 488.
//! - Whoever subscribes to the presence of a user is told that the user is there (RFC 3856, RFC 3863).
//! - OPTIONS is answered. Addresses outside of the domain get 404.
//!
//! Over TLS a client has to present a certificate, and speaks for the domains that this names and no
//! others: anything else gets 403. Over UDP and TCP everybody is believed.
//!
//! Two echo domains that write to each other never stop. A message from our own domain is not sent
//! back.
//!
//! It prints `listening on ADDRESS (UDP)` on standard output for each address, and `(TCP)` or `(TLS)`
//! where that is so, and on standard error one line for each event, without anything about users.
//! SIGTERM and SIGINT end it in order, a second one at once.
//!
//! Exit code 0 means that it was stopped, 1 that it ended otherwise, 2 that the command line or the
//! configuration is wrong.

mod config;
mod echo;
mod log;
mod options;
mod server;

use std::io;
use std::process::ExitCode;

use comity_command_line::{complain, say};

use options::{Command, Options};
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
    File(#[from] config::FileError),
    Output(io::Error),
    Runtime(io::Error),
    Serve(#[from] ServeError),
}

impl RunError {
    fn code(&self) -> u8 {
        match self {
            Self::File(_) | Self::Serve(ServeError::Start(_)) => WRONG,
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

const NAME: &str = "comity-sip-echo";
const VERSION: &str = env!("CARGO_PKG_VERSION");
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
