//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use comity_command_line::{
    NodeFile, NodeFilesError, alone, domain, name_server, node_files, once, once_read, value,
};
use comity_identity::DomainName;
use comity_policy::{Address, AddressError, Subject};
use comity_trust::Protocols;
use comity_trust::issue::{CaProfile, SubjectName};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "\
Usage: comity-doctor check DOMAIN [--as DOMAIN] [--config FILE] [OPTIONS]
       comity-doctor self --config FILE [--remember FILE] [OPTIONS]
       comity-doctor compare [NAME[@CLUSTER]=]FILE... [--json]
       comity-doctor explain --from ADDRESS --to ADDRESS --config FILE [--json]
       comity-doctor route [USER@]DOMAIN --config FILE [OPTIONS]
       comity-doctor dns --config FILE [OPTIONS]
       comity-doctor csr --config FILE [--key FILE] [--subject TEXT] [--ca NAME]

Says why federation with a domain does not work, and what to do about it.

Commands:
  check                    asks a domain's name servers and servers, as a peer would
  self                     our own side as others see it, and what to run on a Lync server
  compare                  the configurations of the nodes of a site, which must agree
  explain                  what our rules decide, and which of them
  route                    where messages for a domain go: static routes, then DNS
  dns                      the records that our domains need, and those that they have
  csr                      the certificate that our domains need, as a request to a CA

Options of check:
  --as DOMAIN              which of our domains asks [default: the first one of --config]
  --protocol NAME          xmpp, sip or all [default: all]
  --subscribe ADDRESS      also ask over SIP for the presence of this user
  --roots FILE             the CAs to trust, in PEM [default: those of --config, else of the system]

Options of self:
  --remember FILE          keep there which certificates we have, and tell when one was replaced

Options of explain:
  --from ADDRESS           who sends: user@domain, or a domain
  --to ADDRESS             to whom; one of the two is in a domain of ours, the other is not

Options of csr:
  --key FILE               the private key, in PEM [default: that of tls.inbound]
  --subject TEXT           the subject, as in /C=DE/ST=Hessen/L=Kassel/O=Example/CN=a.example
  --ca NAME                the kind of CA: public, organization or private [default: public]

Options:
  --config FILE            the configuration of comity-gateway
  --resolver ADDRESS       a recursive name server, with or without port; may be repeated: then the
                           answers of all are compared [default: those of --config, else of the
                           system]
  --allow-private          addresses inside of networks may be dialled
  --allow-loopback         addresses of this machine may be dialled
  --json                   print one JSON document
  --all                    print all that was found, on more than one screen
  --help                   print this
  --version                print the version

Exit status: 0 if nothing is wrong, 1 if something is, or explain denies or route leads nowhere; 2 if
the command line, a file or this machine did not let the doctor work.
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Version,
    Run(Box<Task>, Settings),
}

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Check(Check),
    Own {
        config: PathBuf,
        remember: Option<PathBuf>,
    },
    Compare(Vec<NodeFile>),
    Explain {
        config: PathBuf,
        from: Subject,
        to: Subject,
    },
    Route {
        config: PathBuf,
        domain: DomainName,
    },
    Dns {
        config: PathBuf,
    },
    Csr(Csr),
}

/// What is asked of a domain.
#[derive(Debug, PartialEq)]
pub(crate) struct Check {
    pub(crate) domain: DomainName,
    pub(crate) config: Option<PathBuf>,
    pub(crate) ours: Option<DomainName>,
    pub(crate) protocols: Protocols,
    pub(crate) subscribe: Option<Address>,
    pub(crate) roots: Option<PathBuf>,
}

/// What certificate is requested, and of whom.
#[derive(Debug, PartialEq)]
pub(crate) struct Csr {
    pub(crate) config: PathBuf,
    pub(crate) key: Option<PathBuf>,
    pub(crate) subject: SubjectName,
    pub(crate) ca: CaProfile,
}

/// What all commands have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    /// None given means those of the configuration, or of the system.
    pub(crate) resolvers: Vec<SocketAddr>,
    pub(crate) allow_private: bool,
    pub(crate) allow_loopback: bool,
    pub(crate) format: Format,
    pub(crate) all: bool,
}

/// For whom the answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Format {
    #[default]
    People,
    Json,
}

/// What is wrong with the command line, and what to do about it.
pub(crate) type OptionsError = comity_command_line::OptionsError<Misuse>;

/// What only this program can say of its options.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("a command is missing; see --help")]
    NoCommand,
    #[error("there is no command {0:?}; see --help")]
    UnknownCommand(String),
    #[error("a domain is missing; see --help")]
    NoDomain,
    #[error("--{0} belongs to another command; see --help")]
    Misplaced(&'static str),
    #[error("{text:?} is no domain: {reason}")]
    Domain { text: String, reason: String },
    #[error("two configurations or more are compared; see --help")]
    TooFewNodes,
    #[error("two nodes are named {0:?}; see --help")]
    SameName(String),
    #[error("{0:?}: write a node as name@cluster=gateway.toml, name=gateway.toml or gateway.toml")]
    Node(String),
}

pub(crate) fn parse(mut parser: Parser) -> Result<Command, OptionsError> {
    let mut given = Given::default();
    while let Some(arg) = parser.next()? {
        let settings = &mut given.settings;
        match arg {
            Arg::Long("help") => return alone(&mut parser, "help", Command::Help),
            Arg::Long("version") => return alone(&mut parser, "version", Command::Version),
            Arg::Long("json") => settings.format = Format::Json,
            Arg::Long("all") => settings.all = true,
            Arg::Long("allow-private") => settings.allow_private = true,
            Arg::Long("allow-loopback") => settings.allow_loopback = true,
            Arg::Long("resolver") => {
                let resolver = value(&mut parser, "resolver", name_server)?;
                settings.resolvers.push(resolver);
            }
            Arg::Long("config") => once(&mut given.config, "config", parser.value()?.into())?,
            Arg::Long("roots") => once(&mut given.roots, "roots", parser.value()?.into())?,
            Arg::Long("remember") => {
                once(&mut given.remember, "remember", parser.value()?.into())?;
            }
            Arg::Long("key") => once(&mut given.key, "key", parser.value()?.into())?,
            Arg::Long("as") => once_read(&mut given.ours, &mut parser, "as", domain)?,
            Arg::Long("protocol") => {
                once_read(&mut given.protocols, &mut parser, "protocol", protocols)?;
            }
            Arg::Long("subscribe") => {
                once_read(&mut given.subscribe, &mut parser, "subscribe", address)?;
            }
            Arg::Long("from") => once_read(&mut given.from, &mut parser, "from", side)?,
            Arg::Long("to") => once_read(&mut given.to, &mut parser, "to", side)?,
            Arg::Long("subject") => once_read(&mut given.subject, &mut parser, "subject", subject)?,
            Arg::Long("ca") => once_read(&mut given.ca, &mut parser, "ca", ca)?,
            Arg::Value(word) => given.take(word)?,
            Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected().into()),
        }
    }
    given.complete()
}

/// Options as they come, some of them missing.
#[derive(Default)]
struct Given {
    command: Option<Name>,
    words: Vec<String>,
    settings: Settings,
    config: Option<PathBuf>,
    roots: Option<PathBuf>,
    remember: Option<PathBuf>,
    key: Option<PathBuf>,
    ours: Option<DomainName>,
    protocols: Option<Protocols>,
    subscribe: Option<Address>,
    from: Option<Subject>,
    to: Option<Subject>,
    subject: Option<SubjectName>,
    ca: Option<CaProfile>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Name {
    Check,
    Own,
    Compare,
    Explain,
    Route,
    Dns,
    Csr,
}

impl Name {
    /// How many words may follow the command.
    fn max_words(self) -> usize {
        match self {
            Self::Check | Self::Route => 1,
            Self::Compare => usize::MAX,
            Self::Own | Self::Explain | Self::Dns | Self::Csr => 0,
        }
    }

    /// Whether it asks name servers or peers.
    fn has_network(self) -> bool {
        match self {
            Self::Check | Self::Own | Self::Route | Self::Dns => true,
            Self::Compare | Self::Explain | Self::Csr => false,
        }
    }
}

impl Given {
    /// The first word is the command.
    fn take(&mut self, word: OsString) -> Result<(), OptionsError> {
        let Some(command) = self.command else {
            let word = word.string()?;
            let found = NAMES.into_iter().find(|(name, _)| *name == word);
            let (_, name) = found.ok_or(OptionsError::Program(Misuse::UnknownCommand(word)))?;
            self.command = Some(name);
            return Ok(());
        };
        if self.words.len() >= command.max_words() {
            return Err(lexopt::Error::UnexpectedArgument(word).into());
        }
        self.words.push(word.string()?);
        Ok(())
    }

    fn complete(self) -> Result<Command, OptionsError> {
        let none = OptionsError::Program(Misuse::NoCommand);
        let command = self.command.ok_or(none)?;
        self.refuse_misplaced(command)?;
        let settings = self.settings.clone();
        Ok(Command::Run(Box::new(self.task(command)?), settings))
    }

    fn task(self, command: Name) -> Result<Task, OptionsError> {
        let word = self.words.first().map(String::as_str);
        let config = self.config.clone().ok_or(OptionsError::Missing("config"));
        Ok(match command {
            Name::Check => Task::Check(Check {
                domain: named(word)?,
                config: self.config,
                ours: self.ours,
                protocols: self.protocols.unwrap_or(Protocols::Both),
                subscribe: self.subscribe,
                roots: self.roots,
            }),
            Name::Own => Task::Own {
                config: config?,
                remember: self.remember,
            },
            Name::Compare => Task::Compare(nodes(&self.words)?),
            Name::Explain => Task::Explain {
                config: config?,
                from: self.from.ok_or(OptionsError::Missing("from"))?,
                to: self.to.ok_or(OptionsError::Missing("to"))?,
            },
            // Whose address it is does not count.
            Name::Route => Task::Route {
                config: config?,
                domain: named(word.map(|text| text.rsplit_once('@').map_or(text, |it| it.1)))?,
            },
            Name::Dns => Task::Dns { config: config? },
            Name::Csr => Task::Csr(Csr {
                config: config?,
                key: self.key,
                subject: self.subject.unwrap_or_default(),
                ca: self.ca.unwrap_or(CaProfile::Public),
            }),
        })
    }

    fn refuse_misplaced(&self, command: Name) -> Result<(), OptionsError> {
        let is = |name| command == name;
        let settings = &self.settings;
        let options = [
            (is(Name::Check), "as", self.ours.is_some()),
            (is(Name::Check), "protocol", self.protocols.is_some()),
            (is(Name::Check), "subscribe", self.subscribe.is_some()),
            (is(Name::Check), "roots", self.roots.is_some()),
            (is(Name::Explain), "from", self.from.is_some()),
            (is(Name::Explain), "to", self.to.is_some()),
            (is(Name::Own), "remember", self.remember.is_some()),
            (is(Name::Csr), "key", self.key.is_some()),
            (is(Name::Csr), "subject", self.subject.is_some()),
            (is(Name::Csr), "ca", self.ca.is_some()),
            (!is(Name::Compare), "config", self.config.is_some()),
            (
                command.has_network(),
                "resolver",
                !settings.resolvers.is_empty(),
            ),
            (
                command.has_network(),
                "allow-private",
                settings.allow_private,
            ),
            (
                command.has_network(),
                "allow-loopback",
                settings.allow_loopback,
            ),
        ];
        let mut misplaced = options.into_iter();
        match misplaced.find(|(belongs, _, is_given)| *is_given && !belongs) {
            Some((_, option, _)) => Err(OptionsError::Program(Misuse::Misplaced(option))),
            None => Ok(()),
        }
    }
}

fn named(text: Option<&str>) -> Result<DomainName, OptionsError> {
    let text = text.ok_or(OptionsError::Program(Misuse::NoDomain))?;
    DomainName::parse(text).map_err(|error| {
        OptionsError::Program(Misuse::Domain {
            text: text.to_owned(),
            reason: error.to_string(),
        })
    })
}

fn nodes(words: &[String]) -> Result<Vec<NodeFile>, OptionsError> {
    node_files(words.iter().map(String::as_str)).map_err(|error| {
        OptionsError::Program(match error {
            NodeFilesError::TooFew => Misuse::TooFewNodes,
            NodeFilesError::SameName(name) => Misuse::SameName(name),
            NodeFilesError::Malformed(text) => Misuse::Node(text),
        })
    })
}

fn side(text: &str) -> Result<Subject, String> {
    text.parse()
        .map_err(|error: AddressError| error.to_string())
}

fn address(text: &str) -> Result<Address, String> {
    let text = text.strip_prefix("sip:").unwrap_or(text);
    text.parse()
        .map_err(|error: AddressError| error.to_string())
}

fn protocols(text: &str) -> Result<Protocols, String> {
    match text {
        "all" => Ok(Protocols::Both),
        "xmpp" => Ok(Protocols::Xmpp),
        "sip" => Ok(Protocols::Sip),
        _ => Err("give xmpp, sip or all".to_owned()),
    }
}

fn ca(text: &str) -> Result<CaProfile, String> {
    match text {
        "public" => Ok(CaProfile::Public),
        "organization" => Ok(CaProfile::Organization),
        "private" => Ok(CaProfile::Private),
        _ => Err("give public, organization or private".to_owned()),
    }
}

/// Reads a subject as `openssl req -subj` takes it.
fn subject(text: &str) -> Result<SubjectName, String> {
    let wrong =
        || "write it as in /C=DE/ST=Hessen/L=Kassel/O=Example/OU=IT/CN=a.example".to_owned();
    let mut subject = SubjectName::default();
    let pairs = text.strip_prefix('/').ok_or_else(wrong)?;
    for pair in pairs.split('/') {
        let (key, text) = pair.split_once('=').ok_or_else(wrong)?;
        let place = match key {
            "C" => &mut subject.country,
            "ST" => &mut subject.state,
            "L" => &mut subject.locality,
            "O" => &mut subject.organization,
            "OU" => &mut subject.unit,
            "CN" => &mut subject.common_name,
            _ => return Err(wrong()),
        };
        if text.is_empty() || place.replace(text.to_owned()).is_some() {
            return Err(wrong());
        }
    }
    Ok(subject)
}

const NAMES: [(&str, Name); 7] = [
    ("check", Name::Check),
    ("self", Name::Own),
    ("compare", Name::Compare),
    ("explain", Name::Explain),
    ("route", Name::Route),
    ("dns", Name::Dns),
    ("csr", Name::Csr),
];

#[cfg(test)]
mod tests;
