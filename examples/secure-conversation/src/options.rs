//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use comity_command_line::{alone, once, once_read};
use comity_secure_conversation::{Impersonation, Lifetime, Timestamp, UnixTime, UserId};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) enum Command {
    Help,
    Version,
    Show(Question),
}

/// Of which file and by which rules a session is made.
pub(crate) struct Question {
    pub(crate) file: PathBuf,
    pub(crate) entropy: Option<PathBuf>,
    pub(crate) user: Option<UserId>,
    pub(crate) direction: Direction,
    pub(crate) maximum: Duration,
    pub(crate) pre_expiry_age: Duration,
    pub(crate) now: UnixTime,
}

/// Who sends the requests.
pub(crate) enum Direction {
    /// We do, to a service.
    Outbound(String),
    /// Others do.
    Inbound(Impersonation),
}

/// What can be wrong with the options together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("give the file of a response; see --help")]
    NoFile,
    #[error("give the service by --service, or --inbound; see --help")]
    NoService,
    #[error("--{option} has no meaning {beside}; see --help")]
    Misplaced {
        option: &'static str,
        beside: &'static str,
    },
}

pub(crate) type OptionsError = comity_command_line::OptionsError<Misuse>;

pub(crate) fn parse(mut parser: Parser) -> Result<Command, OptionsError> {
    let mut given = Given::default();
    let parser = &mut parser;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return alone(parser, "help", Command::Help),
            Arg::Short('V') | Arg::Long("version") => {
                return alone(parser, "version", Command::Version);
            }
            Arg::Long("service") => {
                let service = parser.value()?.string()?;
                once(&mut given.service, "service", service)?;
            }
            Arg::Long("entropy") => {
                let file = parser.value()?.into();
                once(&mut given.entropy, "entropy", file)?;
            }
            Arg::Long("user") => once_read(&mut given.user, parser, "user", user)?,
            Arg::Long("maximum") => once_read(&mut given.maximum, parser, "maximum", minutes)?,
            Arg::Long("pre-expiry-age") => {
                once_read(&mut given.pre_expiry_age, parser, "pre-expiry-age", minutes)?;
            }
            Arg::Long("now") => once_read(&mut given.now, parser, "now", time)?,
            Arg::Long("inbound") => given.inbound = alone(parser, "inbound", true)?,
            Arg::Long("danger-impersonation") => {
                given.impersonation = alone(parser, "danger-impersonation", true)?;
            }
            Arg::Value(file) if given.file.is_none() => given.file = Some(file.into()),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected().into()),
        }
    }
    Ok(Command::Show(given.complete()?))
}

#[derive(Default)]
struct Given {
    file: Option<PathBuf>,
    entropy: Option<PathBuf>,
    service: Option<String>,
    user: Option<UserId>,
    inbound: bool,
    impersonation: bool,
    maximum: Option<Duration>,
    pre_expiry_age: Option<Duration>,
    now: Option<UnixTime>,
}

impl Given {
    fn complete(self) -> Result<Question, OptionsError> {
        let direction = match (self.inbound, self.service, self.impersonation) {
            (true, Some(_), _) => return Err(misplaced("service", "for an inbound session")),
            (true, None, true) => Direction::Inbound(Impersonation::DangerAllowed),
            (true, None, false) => Direction::Inbound(Impersonation::Refused),
            (false, _, true) => {
                return Err(misplaced("danger-impersonation", "without --inbound"));
            }
            (false, Some(service), false) => Direction::Outbound(service),
            (false, None, false) => return Err(OptionsError::Program(Misuse::NoService)),
        };
        Ok(Question {
            file: self.file.ok_or(OptionsError::Program(Misuse::NoFile))?,
            entropy: self.entropy,
            user: self.user,
            direction,
            maximum: self.maximum.unwrap_or(Lifetime::DEFAULT_MAXIMUM),
            pre_expiry_age: self.pre_expiry_age.unwrap_or_default(),
            now: self.now.unwrap_or_else(UnixTime::now),
        })
    }
}

const fn misplaced(option: &'static str, beside: &'static str) -> OptionsError {
    OptionsError::Program(Misuse::Misplaced { option, beside })
}

fn user(text: &str) -> Result<UserId, String> {
    match text.split_once(':') {
        Some((provider, id)) if !provider.is_empty() && !id.is_empty() => Ok(UserId {
            provider: provider.to_owned(),
            id: id.to_owned(),
        }),
        Some(_) | None => Err("write a user as provider:id".to_owned()),
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: Result<u32, _> = text.parse();
    minutes
        .map(|minutes| Duration::from_secs(u64::from(minutes) * 60))
        .map_err(|_number| "give a number of minutes".to_owned())
}

fn time(text: &str) -> Result<UnixTime, String> {
    match text.parse() {
        Ok(Timestamp(time)) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) const USAGE: &str = "\
Usage: secure-conversation FILE --service URL [OPTIONS]
       secure-conversation FILE --inbound [OPTIONS]

Prints the session that follows from a RequestSecurityTokenResponse, without its secret.

  --service URL            with whom a session for our requests is
  --inbound                a session for requests that come in
  --user PROVIDER:ID       for which authenticated user it is
  --danger-impersonation   let whoever knows the secret of an inbound session speak for its user
  --entropy FILE           the entropy that our request carried, in base64
  --maximum MINUTES        the longest lifetime; 0 for none (default: 120)
  --pre-expiry-age MINUTES how long before its end the session is no longer used (default: 0)
  --now TIME               as if it were that time: 2026-01-02T03:04:05Z
  -h, --help               print this
  -V, --version            print the version

Exit status: 0 if there is a session, 1 if not, 2 if the command line or a file is wrong.
";
