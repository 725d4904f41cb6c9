//! Prints the session that follows from the answer of a token issuer, and never its secret.
//!
//! ```text
//! secure-conversation answer.xml --service https://service.example/ --user ldap:juliet
//! secure-conversation answer.xml --service https://service.example/ --entropy ours.txt
//! secure-conversation answer.xml --inbound
//! ```
//!
//! It reads a `RequestSecurityTokenResponse` ([`comity_secure_conversation::Response`]) from a file,
//! makes a session of it as a program would, and prints what it finds in the table: for whom and with
//! whom the session is, where its secret comes from and how long it is, and from when until when it is
//! used. Where the secret is made of the requestor's entropy, `--entropy` names a file that has it in
//! base64. No option takes a secret, since others see the command lines of programs.
//!
//! Without `--user` an outbound session is for nobody in particular, and is kept under a URL that
//! has its identifier in it. With `--inbound` it is a session for requests that come in: see
//! [`comity_secure_conversation::Impersonation`] for why it is then not for a user unless
//! `--danger-impersonation` is there.
//!
//! # Exit status
//!
//! 0 if there is a session. 1 if none follows from the file, or the output cannot be written. 2 if the
//! command line is wrong or a file cannot be read.

mod file;
mod options;
mod session;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use comity_command_line::{complain, say};
use comity_secure_conversation::{
    InboundError, NoClientEntropy, OutboundError, ResponseError, SecretError,
};

use options::Command;

fn main() -> ExitCode {
    let command = match options::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => return complain(NAME, &error, WRONG),
    };
    let page = match command {
        Command::Help => Ok(options::USAGE.to_owned()),
        Command::Version => Ok(format!("{NAME} {VERSION}\n")),
        Command::Show(question) => session::run(&question),
    };
    match page.and_then(|page| say(&page).map_err(RunError::Output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(NAME, &error, error.code()),
    }
}

/// Why the program has no session to show.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("{}: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Response { path: PathBuf, error: ResponseError },
    #[error("{}: {error}", path.display())]
    Entropy { path: PathBuf, error: SecretError },
    #[error("{0}; give it by --entropy")]
    NoEntropy(#[from] NoClientEntropy),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error(transparent)]
    Inbound(#[from] InboundError),
    #[error(transparent)]
    Output(io::Error),
}

impl RunError {
    fn code(&self) -> u8 {
        match self {
            Self::Unreadable { .. } => WRONG,
            Self::Response { .. }
            | Self::Entropy { .. }
            | Self::NoEntropy(_)
            | Self::Outbound(_)
            | Self::Inbound(_)
            | Self::Output(_) => BAD,
        }
    }
}

const NAME: &str = "secure-conversation";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const BAD: u8 = 1;
const WRONG: u8 = 2;
