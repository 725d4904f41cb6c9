//! One port for plaintext and TLS, which says whom it met and why it refused others.
//!
//! It recognises what begins on a connection by its first bytes, does the TLS handshake under the
//! rules that the options set, writes one line about what it found to the peer, and hangs up. It is
//! for trying out rules about certificates, versions and cipher suites against other software, and
//! shows in little code how an embedder of comity-rustls and comity-trust shares a port.
//!
//! ```text
//! comity-tls-mux --cert mux.pem --key mux.key --client-auth required \
//!     --trust partners.pem --peer-subject proxy.partner.example
//! ```
//!
//! It prints `listening on ADDRESS` on standard output, and on standard error one line for each
//! connection:
//!
//! ```text
//! 192.0.2.7:40112: plaintext XMPP
//! 192.0.2.7:40113: TLS 1.3 TLS_AES_256_GCM_SHA384, client certificate: proxy.partner.example
//! proved by proxy.partner.example, vouched for by a CA
//! 192.0.2.7:40114: refused: TLS 1.1 and older only: upgrade the peer, or put a TLS proxy between
//! ```
//!
//! With `--strict` the port takes TLS alone. With `--connect` the program is the client: it goes
//! to a server and says whether its certificate proves the name.
//!
//! ```text
//! comity-tls-mux --connect 192.0.2.9:5061 --name partner.example --rule sip --trust partners.pem
//! ```
//!
//! SIGTERM and SIGINT end it.
//!
//! Exit code 0 means that it was stopped, or that the server it went to proved its name; 1 that it
//! ended otherwise, or that the server did not; 2 that the command line or a file is wrong.

mod connect;
mod connection;
mod options;
mod serve;
mod session;
mod setup;

use std::io;
use std::process::ExitCode;

use comity_command_line::{complain, say};

use options::{Command, Options};

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
    Connect(#[from] connect::ConnectError),
    Output(io::Error),
    Runtime(io::Error),
    Serve(#[from] serve::ServeError),
    Setup(#[from] setup::SetupError),
}

impl RunError {
    fn code(&self) -> u8 {
        match self {
            Self::Setup(_) | Self::Serve(serve::ServeError::Listen { .. }) => WRONG,
            Self::Connect(_)
            | Self::Output(_)
            | Self::Runtime(_)
            | Self::Serve(serve::ServeError::Signals(_)) => FAILED,
        }
    }
}

fn run(options: &Options) -> Result<(), RunError> {
    let setup = setup::load(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    match &options.target {
        Some(target) => {
            let line = runtime.block_on(connect::connect(target, &setup))?;
            say(&format!("{line}\n")).map_err(RunError::Output)
        }
        None => Ok(runtime.block_on(serve::serve(options.listen, setup))?),
    }
}

const NAME: &str = "comity-tls-mux";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const FAILED: u8 = 1;
const WRONG: u8 = 2;
