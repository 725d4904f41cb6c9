//! The command line.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

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

/// The rules of a node.
#[derive(Debug, PartialEq)]
pub(crate) struct NodeFile {
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) path: PathBuf,
}

/// What is wrong with the command line, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionsError {
    #[error("{0}; see --help")]
    Syntax(#[from] lexopt::Error),
    #[error("a rule file is missing; see --help")]
    NoRules,
    #[error("two rule files or more are compared; see --help")]
    TooFewNodes,
    #[error("two nodes are named {0:?}; see --help")]
    SameName(String),
    #[error("--{0} is given more than once")]
    Repeated(&'static str),
    #[error("--{0} is missing; see --help")]
    Missing(&'static str),
    #[error("--{option} does not go with --{other}; see --help")]
    Misplaced {
        option: &'static str,
        other: &'static str,
    },
    #[error("--{option} {text:?}: {reason}")]
    Value {
        option: &'static str,
        text: String,
        reason: String,
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
            Arg::Long("from") => once(&mut given.from, value(&mut parser, "from", side)?)?,
            Arg::Long("to") => once(&mut given.to, value(&mut parser, "to", side)?)?,
            Arg::Long("stage") => once(&mut given.stage, value(&mut parser, "stage", stage)?)?,
            Arg::Long("protocol") => {
                once(
                    &mut given.protocol,
                    value(&mut parser, "protocol", protocol)?,
                )?;
            }
            Arg::Long("topic") => once(&mut given.topic, value(&mut parser, "topic", topic)?)?,
            Arg::Long("assurance") => {
                let assurance = value(&mut parser, "assurance", assurance)?;
                once(&mut given.assurance, assurance)?;
            }
            Arg::Long("peer") => once(&mut given.peer, value(&mut parser, "peer", address)?)?,
            Arg::Long("peer-name") => {
                once(&mut given.peer_name, value(&mut parser, "peer-name", host)?)?;
            }
            Arg::Long("compare") => {
                let path = PathBuf::from(parser.value()?);
                once(&mut given.compare, ("compare", path))?;
            }
            Arg::Value(word) => given.words.push(word),
            Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected().into()),
        }
    }
    given.complete()
}

/// The value of an option, with its name.
type Named<T> = (&'static str, T);

/// Options as they come, some of them missing.
#[derive(Default)]
struct Given {
    words: Vec<OsString>,
    json: bool,
    check: bool,
    nodes: bool,
    from: Option<Named<Subject>>,
    to: Option<Named<Subject>>,
    stage: Option<Named<Stage>>,
    protocol: Option<Named<Protocol>>,
    topic: Option<Named<Topic>>,
    assurance: Option<Named<Assurance>>,
    peer: Option<Named<IpAddr>>,
    peer_name: Option<Named<DomainName>>,
    compare: Option<Named<PathBuf>>,
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
        let names = [
            (other != "check" && self.check).then_some("check"),
            name(&self.from),
            name(&self.to),
            name(&self.stage),
            name(&self.protocol),
            name(&self.topic),
            name(&self.assurance),
            name(&self.peer),
            name(&self.peer_name),
            name(&self.compare),
        ];
        match names.into_iter().flatten().next() {
            Some(option) => Err(OptionsError::Misplaced { option, other }),
            None => Ok(()),
        }
    }

    fn explain(self) -> Result<Task, OptionsError> {
        let rules = one_file(self.words)?;
        let (_, from) = self.from.ok_or(OptionsError::Missing("from"))?;
        let (_, to) = self.to.ok_or(OptionsError::Missing("to"))?;
        let peer = match (self.peer, self.peer_name) {
            (Some((_, address)), name) => Some((address, name.map(|(_, name)| name))),
            (None, Some(_)) => return Err(OptionsError::Missing("peer")),
            (None, None) => None,
        };
        let question = Question {
            from,
            to,
            stage: self.stage.map_or(Stage::Stanza, |(_, stage)| stage),
            protocol: self.protocol.map(|(_, protocol)| protocol),
            topic: self.topic.map_or(Topic::Message, |(_, topic)| topic),
            assurance: self
                .assurance
                .map_or(Assurance::Certified, |(_, assurance)| assurance),
            peer,
        };
        Ok(Task::Explain {
            rules,
            question: Box::new(question),
            compare: self.compare.map(|(_, path)| path),
        })
    }
}

fn name<T>(given: &Option<Named<T>>) -> Option<&'static str> {
    given.as_ref().map(|(name, _)| *name)
}

fn one_file(words: Vec<OsString>) -> Result<PathBuf, OptionsError> {
    let mut words = words.into_iter();
    match (words.next(), words.next()) {
        (None, _) => Err(OptionsError::NoRules),
        (Some(file), None) => Ok(file.into()),
        (Some(_), Some(more)) => Err(lexopt::Error::UnexpectedArgument(more).into()),
    }
}

fn nodes(words: Vec<OsString>) -> Result<Vec<NodeFile>, OptionsError> {
    let mut nodes = Vec::new();
    let mut names = BTreeSet::new();
    for word in words {
        let node = node(&word.string()?)?;
        if !names.insert(node.name.clone()) {
            return Err(OptionsError::SameName(node.name));
        }
        nodes.push(node);
    }
    if nodes.len() < 2 {
        return Err(OptionsError::TooFewNodes);
    }
    Ok(nodes)
}

/// Reads `name@cluster=file`; a node without a name is called as its file.
fn node(text: &str) -> Result<NodeFile, OptionsError> {
    let (label, path) = text.split_once('=').unwrap_or((text, text));
    let (name, cluster) = match label.split_once('@') {
        Some(parts) if label != path => parts,
        Some(_) | None => (label, CLUSTER),
    };
    if name.is_empty() || cluster.is_empty() || path.is_empty() {
        return Err(OptionsError::Value {
            option: "nodes",
            text: text.to_owned(),
            reason: "write a node as name@cluster=rules.toml, name=rules.toml or rules.toml"
                .to_owned(),
        });
    }
    Ok(NodeFile {
        name: name.to_owned(),
        cluster: cluster.to_owned(),
        path: path.into(),
    })
}

/// The command of an option that takes no value.
fn alone(
    parser: &mut Parser,
    option: &'static str,
    command: Command,
) -> Result<Command, OptionsError> {
    match parser.optional_value() {
        None => Ok(command),
        Some(value) => Err(OptionsError::Value {
            option,
            text: value.to_string_lossy().into_owned(),
            reason: "it takes no value".to_owned(),
        }),
    }
}

/// Keeps the value of an option that may be given once.
fn once<T>(place: &mut Option<Named<T>>, value: Named<T>) -> Result<(), OptionsError> {
    match place.replace(value) {
        None => Ok(()),
        Some((name, _)) => Err(OptionsError::Repeated(name)),
    }
}

/// Reads the value of an option.
fn value<T>(
    parser: &mut Parser,
    option: &'static str,
    read: fn(&str) -> Result<T, String>,
) -> Result<Named<T>, OptionsError> {
    let text = parser.value()?.string()?;
    match read(&text) {
        Ok(value) => Ok((option, value)),
        Err(reason) => Err(OptionsError::Value {
            option,
            text,
            reason,
        }),
    }
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

fn host(text: &str) -> Result<DomainName, String> {
    DomainName::parse(text).map_err(|error| error.to_string())
}

/// The cluster of nodes that name none.
const CLUSTER: &str = "default";

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic")]
mod tests;
