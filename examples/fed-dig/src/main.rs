//! Shows where the servers of a messaging domain are found, in which order, and why.
//!
//! ```text
//! fed-dig xmpp example.com
//! fed-dig sip example.com --sips --resolver 192.0.2.53 --validating
//! fed-dig edge example.com --json
//! ```
//!
//! It asks name servers, connects to nobody else, and prints
//!
//! - the candidates in the order in which they are tried, each priority by itself: address,
//!   transport, the name and protocol of the TLS handshake (SNI and ALPN), the names of which the
//!   certificate has to prove one, and whether DNSSEC has proved the way to it;
//! - what that comes to, and what an operator can do about it, in one sentence;
//! - every step of the resolution, if there are no candidates or `--trace` is given.
//!
//! # JSON
//!
//! `--json` prints one document. Fields may be added, those that are there keep their names and
//! meanings.
//!
//! | field | what it is |
//! |---|---|
//! | `query` | `service` (`xmpp`, `sip`, `edge`) and `domain`; for `sip` also `secure`, `transport` and `port`, the last two `null` if not given |
//! | `name_servers` | those that may be asked, as `address:port` |
//! | `validating` | whether their word about DNSSEC counts |
//! | `order` | `selection` (`proportional`, `rfc2782`) and `seed`, which gives the same order again |
//! | `outcome` | `candidates`, `absent`, `refused`, `failed`, `bogus` or `blocked` |
//! | `failure` | for `failed`: `kind`, `code` (of the name server's answer, else `null`) and `text`; else `null` |
//! | `summary`, `advice` | the sentence, in two parts |
//! | `groups` | what is tried: `priority` (`null` without SRV records) and `candidates` |
//! | `blocked` | for `blocked`: `target`, `address` and `reason` of each address |
//! | `steps` | the steps, as text for people |
//!
//! A candidate has `address`, `port`, `transport` (`starttls`, `tls`, `tcp`, `udp`), `target`,
//! `weight`, `server_name` and `alpn` (`null` if there is none), `identities` (`name` and `basis`:
//! `domain`, `secure-target`, `target-in-domain`, `next-hop`), `dnssec` (`unchecked`, `insecure`,
//! `secure`) and `provenance` (`service-record`, `fallback`, `given`). The kinds of failure are
//! `timeout`, `server`, `bogus`, `referral`, `malformed`, `too-large`, `connection`, `alias-loop`,
//! `too-many-aliases`, `too-many-lookups`, `no-usable-record`, `no-address`. A word that is not
//! listed here is `other`.
//!
//! # Exit status
//!
//! 0 if there are candidates, 1 if there are none or the output cannot be written, 2 if the command
//! line is wrong or no name server is known.

mod dig;
mod json;
mod options;
mod report;
mod resolv_conf;
mod text;
mod verdict;

use std::io::{self, Write};
use std::process::ExitCode;

use dig::DigError;
use options::Command;

fn main() -> ExitCode {
    let command = match options::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => return complain(&error, WRONG),
    };
    let done = match command {
        Command::Help => say(options::USAGE).map(|()| FOUND),
        Command::Version => say(&format!("{NAME} {VERSION}\n")).map(|()| FOUND),
        Command::Dig(dig) => run(*dig),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => complain(&error, error.code()),
    }
}

fn run(dig: options::Dig) -> Result<u8, RunError> {
    let report = dig::run(dig)?;
    say(&if report.settings.json {
        json::document(&report)
    } else {
        text::page(&report)
    })?;
    Ok(if report.has_candidates() {
        FOUND
    } else {
        NOTHING
    })
}

/// Writes to standard output, whose reader may have seen enough.
fn say(text: &str) -> Result<(), RunError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RunError::Output(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Why the program has nothing to show.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum RunError {
    Dig(#[from] DigError),
    Output(io::Error),
}

impl RunError {
    fn code(&self) -> u8 {
        match self {
            Self::Dig(error) if error.is_usage() => WRONG,
            Self::Dig(_) | Self::Output(_) => NOTHING,
        }
    }
}

fn complain(error: &dyn std::error::Error, code: u8) -> ExitCode {
    // That nobody reads it changes nothing.
    let _ = writeln!(io::stderr().lock(), "{NAME}: {error}");
    ExitCode::from(code)
}

const NAME: &str = "fed-dig";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const FOUND: u8 = 0;
const NOTHING: u8 = 1;
const WRONG: u8 = 2;
