//! Shows where the servers of a messaging domain are found, in which order, and why.
//!
//! ```text
//! fed-dig xmpp example.com
//! fed-dig sip example.com --sips --resolver 192.0.2.53 --validating
//! fed-dig edge example.com --json
//! fed-dig route user@example.com --routes routes.toml
//! fed-dig check --inventory inventory.toml
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
//! # Routes
//!
//! `route` says which way the messages for a domain go, whoever of its users they are for: by static
//! routes of SIP ([`comity_srv::routes`]), else by what its records say that it speaks, else by the
//! default route ([`comity_srv::federation`]). It prints what is suspicious about the routes, why it
//! goes this way, and the addresses there. Routes are numbered from 0, as they stand in the file. All
//! fields but the first two may be left out; what stands here is their default, and the port is 5061
//! where the protocol is `tls`:
//!
//! ```toml
//! [[route]]
//! pattern = ".com.example.*"
//! next-hop = "sip.example.com"
//! port = 5060                 # 0: the SRV records of the next hop name it
//! protocol = "tcp"            # or "tls", "udp"
//! priority = 1
//! weight = 1
//! service = true
//! block = false
//! allow-less-specific = true
//! description = ""
//! ```
//!
//! # Publishing
//!
//! `check` prints the records that our own domains need, and what is wrong with those in DNS
//! ([`comity_srv::publish`]). `local-domains` has to be there, and the name of a node and of the edge;
//! ports are 5269 and 5061 unless given, and addresses are checked if they are given:
//!
//! ```toml
//! local-domains = ["example.com"]
//! email-domains = []
//! chat-aliases = ["conference.example.com"]
//! file-transfer-aliases = []
//!
//! [[node]]
//! name = "xmpp1.example.com"
//! port = 5269
//! addresses = ["192.0.2.1"]
//!
//! [edge]
//! name = "sip.example.com"
//! ```
//!
//! # JSON
//!
//! `--json` prints one document. Fields may be added, those that are there keep their names and
//! meanings. All documents have
//!
//! | field | what it is |
//! |---|---|
//! | `query` | `service` (the command) and, but for `check`, `domain`; for `sip` also `secure`, `transport` and `port`, the last two `null` if not given |
//! | `name_servers` | those that may be asked, as `address:port` |
//! | `validating` | whether their word about DNSSEC counts |
//! | `order` | `selection` (`proportional`, `rfc2782`) and `seed`, which gives the same order again |
//! | `summary`, `advice` | the sentence, in two parts |
//! | `steps` | the steps, as text for people |
//!
//! and `xmpp`, `sip` and `edge`
//!
//! | field | what it is |
//! |---|---|
//! | `outcome` | `candidates`, `absent`, `refused`, `failed`, `bogus` or `blocked` |
//! | `failure` | for `failed`: `kind`, `code` (of the name server's answer, else `null`) and `text`; else `null` |
//! | `groups` | what is tried: `priority` (`null` without SRV records) and `candidates` |
//! | `blocked` | for `blocked`: `target`, `address` and `reason` of each address |
//!
//! A candidate has `address`, `port`, `transport` (`starttls`, `tls`, `tcp`, `udp`), `target`,
//! `weight`, `server_name` and `alpn` (`null` if there is none), `identities` (`name` and `basis`:
//! `domain`, `secure-target`, `target-in-domain`, `next-hop`), `dnssec` (`unchecked`, `insecure`,
//! `secure`) and `provenance` (`service-record`, `fallback`, `given`). The kinds of failure are
//! `timeout`, `server`, `bogus`, `referral`, `malformed`, `too-large`, `connection`, `alias-loop`,
//! `too-many-aliases`, `too-many-lookups`, `no-usable-record`, `no-address`.
//!
//! `route` has
//!
//! | field | what it is |
//! |---|---|
//! | `way` | `static-routes`, `dns`, `default-route`, `blocked` or `none` |
//! | `messaging` | `sip` or `xmpp`; `null` without a way |
//! | `blocked_by` | the number of the route that blocks, else `null` |
//! | `findings`, `reasons` | what is suspicious about the routes, and why it goes this way, as text |
//! | `routes` | those that are tried: `route` (its number), `pattern`, `next_hop`, `port`, `protocol`, `priority`, `weight`, `description`, and `outcome`, `failure` and `groups` as above |
//! | `explored` | what DNS was asked for: `service` (`edge`, `sip`, `xmpp`), `outcome`, `failure`, `groups` |
//!
//! and `check` has `records` (lines of zone files) and `findings`: `severity` (`error`, `warning`),
//! `text` and `kind` (`missing`, `refused`, `unknown`, `node-missing`, `stranger`, `uneven`,
//! `several-targets`, `targets-differ`, `target-is-alias`, `no-address`, `address-missing`,
//! `address-unknown`, `address-forbidden`, `several-addresses`).
//!
//! A word that is not listed here is `other`.
//!
//! # Exit status
//!
//! 0 if there are candidates, or for `check` no errors. 1 if not, or if the output cannot be written.
//! 2 if the command line or a file is wrong, or no name server is known.

mod candidates;
mod check;
mod dig;
mod file;
mod json;
mod options;
mod route;
mod session;

use std::io;
use std::process::ExitCode;

use comity_command_line::{complain, say};

use file::FileError;
use options::{Command, Settings, Task};
use session::{Session, SessionError};

fn main() -> ExitCode {
    let command = match options::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => return complain(NAME, &error, WRONG),
    };
    let done = match command {
        Command::Help => say(options::USAGE).map(|()| GOOD).map_err(RunError::Output),
        Command::Version => say(&format!("{NAME} {VERSION}\n"))
            .map(|()| GOOD)
            .map_err(RunError::Output),
        Command::Run(task, settings) => run(task, settings),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => complain(NAME, &error, error.code()),
    }
}

/// What a task has to say.
struct Page {
    text: String,
    /// Whether the exit status is 0.
    is_good: bool,
}

fn run(task: Task, settings: Settings) -> Result<u8, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    let page = runtime.block_on(carry_out(task, settings))?;
    say(&page.text).map_err(RunError::Output)?;
    Ok(if page.is_good { GOOD } else { BAD })
}

async fn carry_out(task: Task, settings: Settings) -> Result<Page, RunError> {
    Ok(match task {
        Task::Dig(domain, subject) => {
            let session = Session::start(settings)?;
            dig::run(&session, domain, subject).await?
        }
        Task::Route { domain, routes } => {
            let routes = route::read(&routes)?;
            let session = Session::start(settings)?;
            route::run(&session, domain, routes).await?
        }
        Task::Check { inventory } => {
            let inventory = check::read(&inventory)?;
            let session = Session::start(settings)?;
            check::run(&session, inventory).await?
        }
    })
}

/// Why the program has nothing to show.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Output(io::Error),
    #[error("no runtime: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl RunError {
    fn code(&self) -> u8 {
        match self {
            Self::File(_) => WRONG,
            Self::Session(error) if error.is_usage() => WRONG,
            Self::Output(_) | Self::Runtime(_) | Self::Session(_) => BAD,
        }
    }
}

const NAME: &str = "fed-dig";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const GOOD: u8 = 0;
const BAD: u8 = 1;
const WRONG: u8 = 2;
