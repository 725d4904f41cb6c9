//! The command line.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use comity_command_line::{NodeFile, NodeFilesError, alone, domain, node_files, once, once_read};
use comity_identity::{Assurance, DomainName};
use comity_policy::{Protocol, Stage, Subject, Topic};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "\
Usage: policy-explain RULES --from ADDRESS --to ADDRESS [OPTIONS]
       policy-explain RULES --check [--json]
       policy-explain --nodes [NAME[@CLUSTER]=]RULES... [--json]

Says what the rules of federation decide about a packet, and which of them. It connects to nobody.

What is asked:
  --from ADDRESS           who sends: user@domain, or a domain
  --to ADDRESS             to whom; one of the two is in a local domain, the other is not
  --stage NAME             how far it has come: connect, header, authentication, stanza or
                           subscription [default: stanza]
  --protocol NAME          xmpp or sip [default: sip if the remote domain is a federated SIP domain]
  --topic NAME             what a stanza is about: message or presence [default: message]
  --assurance NAME         what the other side has proved: none, encrypted, dialed-back or certified
                           [default: certified]
  --peer ADDRESS           the IP address from which it comes, for the access list of SIP
  --peer-name HOST         the proved name of that peer
  --compare RULES          ask other rules the same, and show the difference between the two

Instead of a question:
  --check                  only read the rules: their warnings, and a summary
  --nodes                  compare the rules of the nodes of a site

Options:
  --json                   print one JSON document
  --help                   print this
  --version                print the version

Exit status: 0 if it is allowed, 1 if it is denied; with --compare 0 if both answer the same, 1 if
not; with --nodes 0 if they agree, 1 if not; with --check 0. 2 if the command line or the rules are
wrong.
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Version,
    Run(Task, Format),
}

#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Explain {
        rules: PathBuf,
        question: Box<Question>,
        compare: Option<PathBuf>,
    },
    Check {
        rules: PathBuf,
    },
    /// At least two, whose names differ.
    Nodes(Vec<NodeFile>),
}

/// For whom the answer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    People,
    Json,
}

/// What the rules are asked.
#[derive(Debug, PartialEq)]
pub(crate) struct Question {
    pub(crate) from: Subject,
    pub(crate) to: Subject,
    pub(crate) stage: Stage,
    /// By the rules if it is not given.
    pub(crate) protocol: Option<Protocol>,
    pub(crate) topic: Topic,
    pub(crate) assurance: Assurance,
    pub(crate) peer: Option<(IpAddr, Option<DomainName>)>,
}

/// What is wrong with the command line, and what to do about it.
pub(crate) type OptionsError = comity_command_line::OptionsError<Misuse>;

/// What only this program can say of its options.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("a rule file is missing; see --help")]
    NoRules,
    #[error("two rule files or more are compared; see --help")]
    TooFewNodes,
    #[error("two nodes are named {0:?}; see --help")]
    SameName(String),
    #[error("--{option} does not go with --{other}; see --help")]
    Misplaced {
        option: &'static str,
        other: &'static str,
    },
}

pub(crate) fn parse(mut parser: Parser) -> Result<Command, OptionsError> {
    let mut given = Given::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") => return alone(&mut parser, "help", Command::Help),
            Arg::Long("version") => return alone(&mut parser, "version", Command::Version),
            Arg::Long("json") => given.json = true,
            Arg::Long("check") => given.check = true,
            Arg::Long("nodes") => given.nodes = true,
            Arg::Long("from") => once_read(&mut given.from, &mut parser, "from", side)?,
            Arg::Long("to") => once_read(&mut given.to, &mut parser, "to", side)?,
            Arg::Long("stage") => once_read(&mut given.stage, &mut parser, "stage", stage)?,
            Arg::Long("protocol") => {
                once_read(&mut given.protocol, &mut parser, "protocol", protocol)?;
            }
            Arg::Long("topic") => once_read(&mut given.topic, &mut parser, "topic", topic)?,
            Arg::Long("assurance") => {
                once_read(&mut given.assurance, &mut parser, "assurance", assurance)?;
            }
            Arg::Long("peer") => once_read(&mut given.peer, &mut parser, "peer", address)?,
            Arg::Long("peer-name") => {
                once_read(&mut given.peer_name, &mut parser, "peer-name", domain)?;
            }
            Arg::Long("compare") => once(&mut given.compare, "compare", parser.value()?.into())?,
            Arg::Value(word) => given.words.push(word),
            Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected().into()),
        }
    }
    given.complete()
}

/// Options as they come, some of them missing.
#[derive(Default)]
struct Given {
    words: Vec<OsString>,
    json: bool,
    check: bool,
    nodes: bool,
    from: Option<Subject>,
    to: Option<Subject>,
    stage: Option<Stage>,
    protocol: Option<Protocol>,
    topic: Option<Topic>,
    assurance: Option<Assurance>,
    peer: Option<IpAddr>,
    peer_name: Option<DomainName>,
    compare: Option<PathBuf>,
}

impl Given {
    fn complete(self) -> Result<Command, OptionsError> {
        let format = if self.json {
            Format::Json
        } else {
            Format::People
        };
        let task = match (self.nodes, self.check) {
            (true, _) => {
                self.refuse_beside("nodes")?;
                Task::Nodes(nodes(self.words)?)
            }
            (false, true) => {
                self.refuse_beside("check")?;
                let rules = one_file(self.words)?;
                Task::Check { rules }
            }
            (false, false) => self.explain()?,
        };
        Ok(Command::Run(task, format))
    }

    /// Nothing is asked of rules that are only read.
    fn refuse_beside(&self, other: &'static str) -> Result<(), OptionsError> {
        let options = [
            ("check", other != "check" && self.check),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("stage", self.stage.is_some()),
            ("protocol", self.protocol.is_some()),
            ("topic", self.topic.is_some()),
            ("assurance", self.assurance.is_some()),
            ("peer", self.peer.is_some()),
            ("peer-name", self.peer_name.is_some()),
            ("compare", self.compare.is_some()),
        ];
        match options.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(OptionsError::Program(Misuse::Misplaced { option, other })),
            None => Ok(()),
        }
    }

    fn explain(self) -> Result<Task, OptionsError> {
        let rules = one_file(self.words)?;
        let from = self.from.ok_or(OptionsError::Missing("from"))?;
        let to = self.to.ok_or(OptionsError::Missing("to"))?;
        let peer = match (self.peer, self.peer_name) {
            (Some(address), name) => Some((address, name)),
            (None, Some(_)) => return Err(OptionsError::Missing("peer")),
            (None, None) => None,
        };
        let question = Question {
            from,
            to,
            stage: self.stage.unwrap_or(Stage::Stanza),
            protocol: self.protocol,
            topic: self.topic.unwrap_or(Topic::Message),
            assurance: self.assurance.unwrap_or(Assurance::Certified),
            peer,
        };
        Ok(Task::Explain {
            rules,
            question: Box::new(question),
            compare: self.compare,
        })
    }
}

fn one_file(words: Vec<OsString>) -> Result<PathBuf, OptionsError> {
    let mut words = words.into_iter();
    match (words.next(), words.next()) {
        (None, _) => Err(OptionsError::Program(Misuse::NoRules)),
        (Some(file), None) => Ok(file.into()),
        (Some(_), Some(more)) => Err(lexopt::Error::UnexpectedArgument(more).into()),
    }
}

fn nodes(words: Vec<OsString>) -> Result<Vec<NodeFile>, OptionsError> {
    let texts: Result<Vec<_>, _> = words.into_iter().map(ValueExt::string).collect();
    node_files(texts?.iter().map(String::as_str)).map_err(|error| match error {
        NodeFilesError::TooFew => OptionsError::Program(Misuse::TooFewNodes),
        NodeFilesError::SameName(name) => OptionsError::Program(Misuse::SameName(name)),
        NodeFilesError::Malformed(text) => OptionsError::Value {
            option: "nodes",
            text,
            reason: "write a node as name@cluster=rules.toml, name=rules.toml or rules.toml"
                .to_owned(),
        },
    })
}

fn side(text: &str) -> Result<Subject, String> {
    text.parse()
        .map_err(|error: comity_policy::AddressError| error.to_string())
}

/// The names of stages are those that they have in explanations.
fn stage(text: &str) -> Result<Stage, String> {
    let mut all = Stage::ALL.into_iter();
    all.find(|stage| stage.to_string() == text)
        .ok_or_else(|| "give connect, header, authentication, stanza or subscription".to_owned())
}

fn protocol(text: &str) -> Result<Protocol, String> {
    match text {
        "xmpp" => Ok(Protocol::Xmpp),
        "sip" => Ok(Protocol::Sip),
        _ => Err("give xmpp or sip".to_owned()),
    }
}

fn topic(text: &str) -> Result<Topic, String> {
    match text {
        "message" => Ok(Topic::Message),
        "presence" => Ok(Topic::Presence),
        _ => Err("give message or presence".to_owned()),
    }
}

fn assurance(text: &str) -> Result<Assurance, String> {
    match text {
        "none" => Ok(Assurance::None),
        "encrypted" => Ok(Assurance::Encrypted),
        "dialed-back" => Ok(Assurance::DialedBack),
        "certified" => Ok(Assurance::Certified),
        _ => Err("give none, encrypted, dialed-back or certified".to_owned()),
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_std| "give an IP address, as in 192.0.2.10".to_owned())
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic")]
mod tests;
