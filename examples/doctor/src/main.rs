//! Says why federation with a domain does not work, and what to do about it.
//!
//! ```text
//! comity-doctor check example.com --config gateway.toml
//! comity-doctor self --config gateway.toml
//! comity-doctor compare one.toml two.toml
//! comity-doctor explain --config gateway.toml --from u@our.example --to v@example.com
//! comity-doctor route v@example.com --config gateway.toml
//! comity-doctor dns --config gateway.toml
//! comity-doctor csr --config gateway.toml --key gateway.key
//! ```
//!
//! `check` looks at a domain as a peer would: its records, connections to its servers, their TLS and
//! certificates, and what they say over XMPP and SIP; and at what our own rules and routes say of it.
//! `self` looks at our own side. The other commands look at one thing each; `compare`, `explain` and
//! `csr` ask nobody.
//!
//! What it finds it prints with what was seen, what that means and what to do, the worst first. It
//! changes nothing anywhere, and no secret is ever shown. `docs/DOCTOR.md` has the findings and the
//! schema of the documents that `--json` prints.
//!
//! # Exit status
//!
//! 0 if nothing is wrong, notes aside; 1 if something is; 2 if the command line, a file or this
//! machine did not let the doctor work.

mod check;
mod compare;
mod csr;
mod dns;
mod explain;
mod findings;
mod lync;
mod memory;
mod options;
mod own;
mod progress;
mod report;
mod resolver;
mod route;
mod site;
mod time;
mod verdict;
mod views;

use std::io;
use std::process::ExitCode;

use comity_command_line::{complain, note, say};

use check::CheckError;
use csr::CsrError;
use memory::{Memory, MemoryError};
use options::{Command, Settings, Task};
use report::Paint;
use resolver::ResolverError;
use route::RouteError;
use site::{Site, SiteError};
use verdict::CaseError;

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
        Command::Run(task, settings) => run(&task, &settings),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // Its lines begin with the file, as those of a compiler do.
        Err(RunError::Site(error)) => {
            note(&error);
            ExitCode::from(WRONG)
        }
        Err(error) => complain(NAME, &error, WRONG),
    }
}

fn run(task: &Task, settings: &Settings) -> Result<u8, RunError> {
    let report = match task {
        Task::Compare(files) => compare::run(files)?,
        Task::Explain { config, from, to } => explain::run(&Site::read(config)?, from, to)?,
        Task::Csr(asked) => csr::run(&Site::read(&asked.config)?, asked)?,
        Task::Check(asked) => {
            let site = asked.config.as_deref().map(Site::read).transpose()?;
            with_network(check::run(asked, site.as_ref(), settings))??
        }
        Task::Own { config, remember } => {
            let site = Site::read(config)?;
            let memory = remember.as_deref().map(Memory::read).transpose()?;
            with_network(async {
                let discovery = resolver::start(settings, Some(&site))?;
                Ok::<_, RunError>(own::run(&site, memory, &discovery).await?)
            })??
        }
        Task::Dns { config } => {
            let site = Site::read(config)?;
            with_network(async {
                let discovery = resolver::start(settings, Some(&site))?;
                Ok::<_, RunError>(dns::run(&site, &discovery).await)
            })??
        }
        Task::Route { config, domain } => {
            let site = Site::read(config)?;
            with_network(async {
                let discovery = resolver::start(settings, Some(&site))?;
                Ok::<_, RunError>(route::run(&site, domain, discovery).await?)
            })??
        }
    };
    let report = report.complete();
    say(&report.text(settings, Paint::for_stdout())).map_err(RunError::Output)?;
    Ok(if report.is_healthy() { GOOD } else { BAD })
}

/// Runs what takes sockets and timers.
fn with_network<F: Future>(work: F) -> Result<F::Output, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    Ok(runtime.block_on(work))
}

/// Why the program has nothing to show.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Csr(#[from] CsrError),
    #[error(transparent)]
    Memory(#[from] MemoryError),
    #[error(transparent)]
    Output(io::Error),
    #[error(transparent)]
    Resolver(#[from] ResolverError),
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error("no runtime: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Site(#[from] SiteError),
}

const NAME: &str = "comity-doctor";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const GOOD: u8 = 0;
const BAD: u8 = 1;
const WRONG: u8 = 2;
