//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use comity_command_line::{alone, name_server, once, once_read, value};
use comity_identity::{DomainName, ParseError};
use comity_srv::{Selection, Service, SipService, SipTransport};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "\
Usage: fed-dig xmpp DOMAIN [OPTIONS]
       fed-dig sip DOMAIN [--sips] [--transport NAME] [--port PORT] [OPTIONS]
       fed-dig edge DOMAIN [OPTIONS]
       fed-dig route [USER@]DOMAIN --routes FILE [OPTIONS]
       fed-dig check --inventory FILE [OPTIONS]

Shows where the servers of a domain are found, in the order in which they are tried. It asks name
servers and connects to nobody else.

Commands:
  xmpp                     its XMPP server, by _xmpps-server and _xmpp-server records
  sip                      its SIP server, by NAPTR and SRV records
  edge                     its edge as Microsoft servers find it, by _sipfederationtls records
  route                    where static routes and, after them, DNS lead to, and why
  check                    the records that our own domains need, and what is wrong with them

Options of route and check:
  --routes FILE            static routes, TOML
  --inventory FILE         our domains, nodes and edge, TOML

Options of sip:
  --sips                   as a sips URI: TLS only
  --transport NAME         the transport of the URI: udp, tcp or tls
  --port PORT              the port of the URI: no SRV records then

Options:
  --resolver ADDRESS       a recursive name server, with or without port; may be repeated
                           [default: those of /etc/resolv.conf]
  --validating             the name servers validate DNSSEC, and the way to them is safe
  --allow-private          addresses inside of networks may be dialled
  --allow-loopback         addresses of this machine may be dialled
  --seed HEX               decides the order inside of a priority, for the same order again: up to
                           64 digits [default: by chance]
  --rfc2782                order as the algorithm of RFC 2782 does, not as its text says
  --json                   print one JSON document
  --trace                  print each step; without candidates this is always done
  --help                   print this
  --version                print the version

Exit status: 0 with candidates, or if nothing is wrong that keeps others out; 1 otherwise; 2 if the
command line or a file is wrong.
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Version,
    Run(Task, Settings),
}

/// What to look for.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Dig(DomainName, Subject),
    Route { domain: DomainName, routes: PathBuf },
    Check { inventory: PathBuf },
}

/// What of a domain is looked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Subject {
    Xmpp,
    Sip {
        secure: bool,
        transport: Option<SipTransport>,
        port: Option<u16>,
    },
    Edge,
}

/// What all commands have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    /// None given means those of the system.
    pub(crate) resolvers: Vec<SocketAddr>,
    pub(crate) validating: bool,
    pub(crate) allow_private: bool,
    pub(crate) allow_loopback: bool,
    pub(crate) seed: Option<[u8; 32]>,
    pub(crate) selection: Selection,
    pub(crate) json: bool,
    pub(crate) trace: bool,
}

impl Subject {
    pub(crate) fn service(&self) -> Service {
        match self {
            Self::Xmpp => Service::XmppServerWithDirectTls,
            Self::Sip {
                secure,
                transport,
                port,
            } => {
                let mut sip = SipService::new();
                sip.secure = *secure;
                sip.transport = *transport;
                sip.port = *port;
                Service::Sip(sip)
            }
            Self::Edge => Service::SipFederation,
        }
    }

    /// Its name in commands and documents.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Xmpp => "xmpp",
            Self::Sip { .. } => "sip",
            Self::Edge => "edge",
        }
    }
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
}

/// Options as they come, some of them missing.
#[derive(Default)]
struct Given {
    command: Option<Name>,
    domain: Option<String>,
    settings: Settings,
    routes: Option<PathBuf>,
    inventory: Option<PathBuf>,
    sips: bool,
    transport: Option<SipTransport>,
    port: Option<u16>,
}

#[derive(Clone, Copy, PartialEq)]
enum Name {
    Xmpp,
    Sip,
    Edge,
    Route,
    Check,
}

pub(crate) fn parse(mut parser: Parser) -> Result<Command, OptionsError> {
    let mut given = Given::default();
    while let Some(arg) = parser.next()? {
        let settings = &mut given.settings;
        match arg {
            Arg::Long("help") => return alone(&mut parser, "help", Command::Help),
            Arg::Long("version") => return alone(&mut parser, "version", Command::Version),
            Arg::Long("sips") => given.sips = true,
            Arg::Long("transport") => {
                once_read(&mut given.transport, &mut parser, "transport", transport)?;
            }
            Arg::Long("port") => once_read(&mut given.port, &mut parser, "port", port)?,
            Arg::Long("routes") => once(&mut given.routes, "routes", parser.value()?.into())?,
            Arg::Long("inventory") => {
                once(&mut given.inventory, "inventory", parser.value()?.into())?;
            }
            Arg::Long("resolver") => {
                let resolver = value(&mut parser, "resolver", name_server)?;
                settings.resolvers.push(resolver);
            }
            Arg::Long("seed") => once_read(&mut settings.seed, &mut parser, "seed", seed)?,
            Arg::Long("validating") => settings.validating = true,
            Arg::Long("allow-private") => settings.allow_private = true,
            Arg::Long("allow-loopback") => settings.allow_loopback = true,
            Arg::Long("rfc2782") => settings.selection = Selection::Rfc2782,
            Arg::Long("json") => settings.json = true,
            Arg::Long("trace") => settings.trace = true,
            Arg::Value(word) => given.take(word)?,
            Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected().into()),
        }
    }
    given.complete()
}

impl Given {
    /// The first word is the command, the second one the domain.
    fn take(&mut self, word: OsString) -> Result<(), OptionsError> {
        if self.domain.is_some() || self.command == Some(Name::Check) {
            return Err(lexopt::Error::UnexpectedArgument(word).into());
        }
        let word = word.string()?;
        if self.command.is_some() {
            self.domain = Some(word);
        } else {
            let found = NAMES.into_iter().find(|(name, _)| *name == word);
            let (_, name) = found.ok_or(OptionsError::Program(Misuse::UnknownCommand(word)))?;
            self.command = Some(name);
        }
        Ok(())
    }

    fn complete(self) -> Result<Command, OptionsError> {
        let none = OptionsError::Program(Misuse::NoCommand);
        let command = self.command.ok_or(none)?;
        self.refuse_misplaced(command)?;
        let (secure, transport, port) = (self.sips, self.transport, self.port);
        let domain = || domain(self.domain.as_deref());
        let task = match command {
            Name::Xmpp => Task::Dig(domain()?, Subject::Xmpp),
            Name::Edge => Task::Dig(domain()?, Subject::Edge),
            Name::Sip => {
                let subject = Subject::Sip {
                    secure,
                    transport,
                    port,
                };
                Task::Dig(domain()?, subject)
            }
            Name::Route => Task::Route {
                domain: domain_of_address(self.domain.as_deref())?,
                routes: self.routes.ok_or(OptionsError::Missing("routes"))?,
            },
            Name::Check => Task::Check {
                inventory: self.inventory.ok_or(OptionsError::Missing("inventory"))?,
            },
        };
        Ok(Command::Run(task, self.settings))
    }

    fn refuse_misplaced(&self, command: Name) -> Result<(), OptionsError> {
        let options = [
            (Name::Sip, "sips", self.sips),
            (Name::Sip, "transport", self.transport.is_some()),
            (Name::Sip, "port", self.port.is_some()),
            (Name::Route, "routes", self.routes.is_some()),
            (Name::Check, "inventory", self.inventory.is_some()),
        ];
        let misplaced = |(owner, _, is_given): &(Name, _, bool)| *is_given && *owner != command;
        match options.into_iter().find(misplaced) {
            Some((_, option, _)) => Err(OptionsError::Program(Misuse::Misplaced(option))),
            None => Ok(()),
        }
    }
}

fn domain(text: Option<&str>) -> Result<DomainName, OptionsError> {
    let text = text.ok_or(OptionsError::Program(Misuse::NoDomain))?;
    let wrong = |error: ParseError| Misuse::Domain {
        text: text.to_owned(),
        reason: error.to_string(),
    };
    DomainName::parse(text).map_err(|error| OptionsError::Program(wrong(error)))
}

/// Routes are for domains: whose address it is does not count.
fn domain_of_address(text: Option<&str>) -> Result<DomainName, OptionsError> {
    domain(text.map(|text| text.rsplit_once('@').map_or(text, |(_user, domain)| domain)))
}

fn transport(text: &str) -> Result<SipTransport, String> {
    match text {
        "udp" => Ok(SipTransport::Udp),
        "tcp" => Ok(SipTransport::Tcp),
        "tls" => Ok(SipTransport::Tls),
        _ => Err("give udp, tcp or tls".to_owned()),
    }
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("give a number from 1 to 65535".to_owned()),
        Ok(port) => Ok(port),
    }
}

/// Hexadecimal digits from the first byte on; what is missing is 0.
fn seed(text: &str) -> Result<[u8; 32], String> {
    let mut seed = [0; 32];
    let wrong = || "give 1 to 64 hexadecimal digits".to_owned();
    if text.is_empty() || text.len() > 2 * seed.len() {
        return Err(wrong());
    }
    for (index, digit) in text.chars().enumerate() {
        let digit = digit
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or_else(wrong)?;
        if let Some(byte) = seed.get_mut(index / 2) {
            *byte |= if index % 2 == 0 { digit << 4 } else { digit };
        }
    }
    Ok(seed)
}

const NAMES: [(&str, Name); 5] = [
    ("xmpp", Name::Xmpp),
    ("sip", Name::Sip),
    ("edge", Name::Edge),
    ("route", Name::Route),
    ("check", Name::Check),
];

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    fn parse_all(args: &[&str]) -> Result<Command, String> {
        let args = ["fed-dig"].iter().chain(args);
        parse(Parser::from_iter(args)).map_err(|error| error.to_string())
    }

    fn dig(subject: Subject, settings: Settings) -> Result<Command, String> {
        let domain = "b.example".parse().expect("a domain");
        Ok(Command::Run(Task::Dig(domain, subject), settings))
    }

    fn sip(secure: bool, transport: Option<SipTransport>, port: Option<u16>) -> Subject {
        Subject::Sip {
            secure,
            transport,
            port,
        }
    }

    #[test]
    fn a_command_and_a_domain_are_enough() {
        for (name, subject) in [
            ("xmpp", Subject::Xmpp),
            ("sip", sip(false, None, None)),
            ("edge", Subject::Edge),
        ] {
            assert_eq!(
                parse_all(&[name, "B.Example"]),
                dig(subject, Settings::default())
            );
        }
    }

    #[test]
    fn a_route_is_for_a_domain_or_an_address_and_a_check_is_for_all() {
        let route = Task::Route {
            domain: "b.example".parse().expect("a domain"),
            routes: "r.toml".into(),
        };
        let route = Ok(Command::Run(route, Settings::default()));
        for address in ["b.example", "user@b.example", "a@c.example@B.Example"] {
            assert_eq!(parse_all(&["route", address, "--routes=r.toml"]), route);
        }
        let check = Task::Check {
            inventory: "i.toml".into(),
        };
        assert_eq!(
            parse_all(&["check", "--inventory", "i.toml"]),
            Ok(Command::Run(check, Settings::default()))
        );
    }

    #[test]
    fn every_option_is_read_wherever_it_stands() {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&[0xa1, 0xf0]);
        let settings = Settings {
            resolvers: vec![
                ([127, 0, 0, 1], 5353).into(),
                ([192, 0, 2, 53], 53).into(),
                "[2001:db8::53]:53".parse().expect("an address"),
            ],
            validating: true,
            allow_private: true,
            allow_loopback: true,
            seed: Some(seed),
            selection: Selection::Rfc2782,
            json: true,
            trace: true,
        };
        let args = [
            "--json",
            "sip",
            "--resolver=127.0.0.1:5353",
            "--resolver=192.0.2.53",
            "--resolver=2001:db8::53",
            "--validating",
            "b.example",
            "--allow-private",
            "--allow-loopback",
            "--seed=A1f",
            "--rfc2782",
            "--trace",
            "--sips",
            "--transport=tls",
            "--port=5071",
        ];
        let subject = sip(true, Some(SipTransport::Tls), Some(5071));
        assert_eq!(parse_all(&args), dig(subject, settings));
    }

    #[test]
    fn a_seed_may_have_all_its_digits() {
        let digits = "0123456789abcdef".repeat(4);
        let bytes = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef].repeat(4);
        assert_eq!(seed(&digits).map(Vec::from), Ok(bytes));
    }

    #[test]
    fn help_and_version_need_nothing_else() {
        assert_eq!(parse_all(&["--help"]), Ok(Command::Help));
        assert_eq!(parse_all(&["--version"]), Ok(Command::Version));
        assert_eq!(
            parse_all(&["--help=me"]),
            Err("--help \"me\": it takes no value".to_owned())
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let digits = "0".repeat(65);
        let long_seed = format!("--seed={digits}");
        let long_error = format!("--seed {digits:?}: give 1 to 64 hexadecimal digits");
        for (args, error) in [
            (&[][..], "a command is missing; see --help"),
            (&["dig"], "there is no command \"dig\"; see --help"),
            (&["xmpp"], "a domain is missing; see --help"),
            (
                &["xmpp", "a..b"],
                "\"a..b\" is no domain: the domain name has an empty label",
            ),
            (
                &["xmpp", "a.example", "b.example"],
                "unexpected argument \"b.example\"; see --help",
            ),
            (
                &["xmpp", "b.example", "--sips"],
                "--sips belongs to another command; see --help",
            ),
            (
                &["edge", "b.example", "--port=5061"],
                "--port belongs to another command; see --help",
            ),
            (
                &["--transport=tcp", "xmpp", "b.example"],
                "--transport belongs to another command; see --help",
            ),
            (
                &["xmpp", "b.example", "--routes=r.toml"],
                "--routes belongs to another command; see --help",
            ),
            (&["route", "b.example"], "--routes is missing; see --help"),
            (
                &["route", "user@", "--routes=r.toml"],
                "\"\" is no domain: the domain name is empty",
            ),
            (&["check"], "--inventory is missing; see --help"),
            (
                &["check", "b.example"],
                "unexpected argument \"b.example\"; see --help",
            ),
            (
                &["sip", "b.example", "--transport=sctp"],
                "--transport \"sctp\": give udp, tcp or tls",
            ),
            (
                &["sip", "b.example", "--port=0"],
                "--port \"0\": give a number from 1 to 65535",
            ),
            (
                &["sip", "b.example", "--port=1", "--port=1"],
                "--port is given more than once",
            ),
            (
                &["xmpp", "b.example", "--resolver=dns.example"],
                "--resolver \"dns.example\": give an IP address, as in 192.0.2.53 or 192.0.2.53:53",
            ),
            (
                &["xmpp", "b.example", "--seed=xyz"],
                "--seed \"xyz\": give 1 to 64 hexadecimal digits",
            ),
            (
                &["xmpp", "b.example", "--seed="],
                "--seed \"\": give 1 to 64 hexadecimal digits",
            ),
            (&["xmpp", "b.example", &long_seed], &long_error),
            (
                &["xmpp", "b.example", "--verbose"],
                "invalid option '--verbose'; see --help",
            ),
            (&["xmpp", "-j"], "invalid option '-j'; see --help"),
        ] {
            assert_eq!(parse_all(args), Err(error.to_owned()), "{args:?}");
        }
    }
}
