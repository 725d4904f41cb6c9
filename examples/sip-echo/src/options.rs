//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use comity_command_line::{alone, domain, name_server, once, once_read, value};
use comity_identity::{DomainName, Host};
use lexopt::{Arg, Parser};

pub(crate) const USAGE: &str = "\
Usage: comity-sip-echo --domain NAME [--listen-udp ADDRESS:PORT]... [OPTIONS]

A SIP domain that sends messages back.

Required:
  --domain NAME            the domain to be
  --listen-udp ADDRESS:PORT
                           where it is reached over UDP; may be repeated
  --listen-tcp ADDRESS:PORT
                           the same over TCP
  --listen-tls ADDRESS:PORT
                           the same over TLS, whose clients have to present a certificate; one
                           address of any transport is enough

Options:
  --advertise NAME[:PORT]  the name or address, and port, that others are told [default: the
                           address and port that are listened on; the domain in place of an
                           address that stands for all]
  --identity FILE          our certificate and those above it, PEM; needed for TLS
  --key FILE               the private key of our certificate, PEM; needed for TLS
  --trust FILE             CA certificates that are trusted, PEM; needed for TLS, may be repeated
  --dns ADDRESS            a recursive name server, with or without port; may be repeated
                           [default: none, and hosts that messages name are not found]
  --allow-loopback         connect to loopback addresses that messages name too
  --no-echo                answer, and send nothing back
  --max-transactions N     transactions outside of dialogs at a time [default: 15360]
  --max-transactions-per-source N
                           those of one source among them [default: 1024]
  --help                   print this
  --version                print the version
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Run(Box<Options>),
    Version,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) domain: DomainName,
    pub(crate) listen_udp: Vec<SocketAddr>,
    pub(crate) listen_tcp: Vec<SocketAddr>,
    pub(crate) listen_tls: Vec<SocketAddr>,
    pub(crate) advertise: Option<Name>,
    /// What TLS needs, if it is given.
    pub(crate) tls: Option<Tls>,
    pub(crate) dns: Vec<SocketAddr>,
    pub(crate) allow_loopback: bool,
    pub(crate) echoes: bool,
    pub(crate) max_transactions: Option<u32>,
    pub(crate) max_transactions_per_source: Option<u32>,
}

/// A name that others are told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
}

/// The files that TLS needs.
#[derive(Debug, PartialEq)]
pub(crate) struct Tls {
    pub(crate) identity: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) trust: Vec<PathBuf>,
}

/// What is wrong with the command line, and what to do about it.
pub(crate) type OptionsError = comity_command_line::OptionsError<Misuse>;

/// What only this program can say of its options.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("give an address by --listen-udp, --listen-tcp or --listen-tls")]
    Nowhere,
    #[error("--listen-tls, --identity, --key and --trust need each other: --{0} is missing")]
    HalfTls(&'static str),
}

/// Options as they come, some of them missing.
#[derive(Default)]
struct Given {
    domain: Option<DomainName>,
    listen_udp: Vec<SocketAddr>,
    listen_tcp: Vec<SocketAddr>,
    listen_tls: Vec<SocketAddr>,
    advertise: Option<Name>,
    identity: Option<PathBuf>,
    key: Option<PathBuf>,
    trust: Vec<PathBuf>,
    dns: Vec<SocketAddr>,
    allow_loopback: bool,
    no_echo: bool,
    max_transactions: Option<u32>,
    max_transactions_per_source: Option<u32>,
}

pub(crate) fn parse(mut parser: Parser) -> Result<Command, OptionsError> {
    let mut given = Given::default();
    while let Some(arg) = parser.next()? {
        let Arg::Long(name) = arg else {
            return Err(arg.unexpected().into());
        };
        match name {
            "help" => return alone(&mut parser, "help", Command::Help),
            "version" => return alone(&mut parser, "version", Command::Version),
            "allow-loopback" => given.allow_loopback = true,
            "no-echo" => given.no_echo = true,
            "identity" => once(&mut given.identity, "identity", parser.value()?.into())?,
            "key" => once(&mut given.key, "key", parser.value()?.into())?,
            "trust" => given.trust.push(parser.value()?.into()),
            "listen-udp" => {
                let address = value(&mut parser, "listen-udp", listen)?;
                given.listen_udp.push(address);
            }
            "listen-tcp" => {
                let address = value(&mut parser, "listen-tcp", listen)?;
                given.listen_tcp.push(address);
            }
            "listen-tls" => {
                let address = value(&mut parser, "listen-tls", listen)?;
                given.listen_tls.push(address);
            }
            "dns" => given.dns.push(value(&mut parser, "dns", name_server)?),
            "domain" => once_read(&mut given.domain, &mut parser, "domain", domain)?,
            "advertise" => once_read(&mut given.advertise, &mut parser, "advertise", advertised)?,
            "max-transactions" => {
                let place = &mut given.max_transactions;
                once_read(place, &mut parser, "max-transactions", count)?;
            }
            "max-transactions-per-source" => {
                let place = &mut given.max_transactions_per_source;
                once_read(place, &mut parser, "max-transactions-per-source", count)?;
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    given
        .complete()
        .map(|options| Command::Run(Box::new(options)))
}

impl Given {
    fn complete(self) -> Result<Options, OptionsError> {
        let domain = self.domain.ok_or(OptionsError::Missing("domain"))?;
        let listens = [&self.listen_udp, &self.listen_tcp, &self.listen_tls];
        if listens.iter().all(|addresses| addresses.is_empty()) {
            return Err(OptionsError::Program(Misuse::Nowhere));
        }
        let tls = tls(&self.listen_tls, self.identity, self.key, self.trust)?;
        Ok(Options {
            domain,
            listen_udp: self.listen_udp,
            listen_tcp: self.listen_tcp,
            listen_tls: self.listen_tls,
            advertise: self.advertise,
            tls,
            dns: self.dns,
            allow_loopback: self.allow_loopback,
            echoes: !self.no_echo,
            max_transactions: self.max_transactions,
            max_transactions_per_source: self.max_transactions_per_source,
        })
    }
}

/// What TLS needs: all of it or nothing.
fn tls(
    listen: &[SocketAddr],
    identity: Option<PathBuf>,
    key: Option<PathBuf>,
    trust: Vec<PathBuf>,
) -> Result<Option<Tls>, OptionsError> {
    if listen.is_empty() && identity.is_none() && key.is_none() && trust.is_empty() {
        return Ok(None);
    }
    if listen.is_empty() {
        return Err(OptionsError::Program(Misuse::HalfTls("listen-tls")));
    }
    if trust.is_empty() {
        return Err(OptionsError::Program(Misuse::HalfTls("trust")));
    }
    Ok(Some(Tls {
        identity: identity.ok_or(OptionsError::Program(Misuse::HalfTls("identity")))?,
        key: key.ok_or(OptionsError::Program(Misuse::HalfTls("key")))?,
        trust,
    }))
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_std| "give an IP address and a port, as in 192.0.2.1:5060".to_owned())
}

fn advertised(text: &str) -> Result<Name, String> {
    // An IPv6 address with a port stands in brackets.
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Name {
            host: Host::Ip(address.ip()),
            port: Some(address.port()),
        });
    }
    if let Ok(host) = text.parse::<Host>() {
        return Ok(Name { host, port: None });
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let host = host.parse().map_err(|error| format!("{error}"))?;
    let port = port
        .parse()
        .map_err(|_std| "give a name or an address, as in sip.example.com:5060".to_owned())?;
    Ok(Name {
        host,
        port: Some(port),
    })
}

fn count(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("give a number, at least 1".to_owned()),
        Ok(count) => Ok(count),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    const REQUIRED: [&str; 2] = ["--domain=Echo.Example", "--listen-udp=127.0.0.1:1"];
    const TLS: [&str; 4] = [
        "--listen-tls=127.0.0.1:3",
        "--identity=e.pem",
        "--key=e.key",
        "--trust=a.pem",
    ];

    fn parse_all(args: &[&str]) -> Result<Command, String> {
        let args = ["comity-sip-echo"].iter().chain(args);
        parse(Parser::from_iter(args)).map_err(|error| error.to_string())
    }

    fn parse_with(more: &[&str]) -> Result<Command, String> {
        parse_all(&[&REQUIRED, more].concat())
    }

    fn options() -> Options {
        Options {
            domain: "echo.example".parse().expect("a domain"),
            listen_udp: vec![([127, 0, 0, 1], 1).into()],
            listen_tcp: Vec::new(),
            listen_tls: Vec::new(),
            advertise: None,
            tls: None,
            dns: Vec::new(),
            allow_loopback: false,
            echoes: true,
            max_transactions: None,
            max_transactions_per_source: None,
        }
    }

    fn run(options: Options) -> Result<Command, String> {
        Ok(Command::Run(Box::new(options)))
    }

    #[test]
    fn what_is_required_is_enough() {
        assert_eq!(parse_with(&[]), run(options()));
    }

    #[test]
    fn every_option_is_read() {
        let more = [
            "--listen-udp=[::1]:2",
            "--listen-tcp=127.0.0.1:2",
            "--listen-tls=127.0.0.1:3",
            "--advertise=sip.echo.example:5070",
            "--identity=e.pem",
            "--key=e.key",
            "--trust=a.pem",
            "--trust=b.pem",
            "--dns=192.0.2.53",
            "--dns=192.0.2.54:5353",
            "--allow-loopback",
            "--no-echo",
            "--max-transactions=7",
            "--max-transactions-per-source=5",
        ];
        let mut expected = options();
        expected.listen_udp.push("[::1]:2".parse().expect("one"));
        expected.listen_tcp = vec![([127, 0, 0, 1], 2).into()];
        expected.listen_tls = vec![([127, 0, 0, 1], 3).into()];
        expected.advertise = Some(Name {
            host: "sip.echo.example".parse().expect("a host"),
            port: Some(5070),
        });
        expected.tls = Some(Tls {
            identity: "e.pem".into(),
            key: "e.key".into(),
            trust: vec!["a.pem".into(), "b.pem".into()],
        });
        expected.dns = vec![([192, 0, 2, 53], 53).into(), ([192, 0, 2, 54], 5353).into()];
        expected.allow_loopback = true;
        expected.echoes = false;
        expected.max_transactions = Some(7);
        expected.max_transactions_per_source = Some(5);
        assert_eq!(parse_with(&more), run(expected));
    }

    #[test]
    fn a_name_may_have_a_port_and_an_address_too() {
        for (text, host, port) in [
            ("b.example", "b.example", None),
            ("b.example:7", "b.example", Some(7)),
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1:7", "192.0.2.1", Some(7)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]:7", "2001:db8::1", Some(7)),
        ] {
            let host = host.parse().expect("a host");
            assert_eq!(advertised(text), Ok(Name { host, port }), "{text}");
        }
    }

    #[test]
    fn tls_alone_is_enough() {
        let mut expected = options();
        expected.listen_udp = Vec::new();
        expected.listen_tls = vec![([127, 0, 0, 1], 3).into()];
        expected.tls = Some(Tls {
            identity: "e.pem".into(),
            key: "e.key".into(),
            trust: vec!["a.pem".into()],
        });
        let args = [&["--domain=echo.example"][..], &TLS].concat();
        assert_eq!(parse_all(&args), run(expected));
    }

    #[test]
    fn what_tls_needs_is_given_whole() {
        for (at, name) in [(0, "listen-tls"), (1, "identity"), (2, "key"), (3, "trust")] {
            let mut args = TLS.to_vec();
            args.remove(at);
            let error = format!(
                "--listen-tls, --identity, --key and --trust need each other: --{name} is missing"
            );
            assert_eq!(parse_with(&args), Err(error));
        }
    }

    #[test]
    fn help_and_version_need_nothing_else() {
        assert_eq!(parse_all(&["--help"]), Ok(Command::Help));
        assert_eq!(parse_all(&["--version"]), Ok(Command::Version));
    }

    #[test]
    fn an_error_says_what_to_change() {
        for (more, error) in [
            (
                &["--listen-udp=5060"][..],
                "--listen-udp \"5060\": give an IP address and a port, as in 192.0.2.1:5060",
            ),
            (
                &["--listen-tls=host:5061"],
                "--listen-tls \"host:5061\": give an IP address and a port, as in 192.0.2.1:5060",
            ),
            (
                &["--advertise=a..b"],
                "--advertise \"a..b\": the domain name has an empty label",
            ),
            (
                &["--advertise=b.example:x"],
                "--advertise \"b.example:x\": give a name or an address, as in \
                 sip.example.com:5060",
            ),
            (
                &["--dns=ns.example"],
                "--dns \"ns.example\": give an IP address, as in 192.0.2.53 or 192.0.2.53:53",
            ),
            (
                &["--max-transactions=0"],
                "--max-transactions \"0\": give a number, at least 1",
            ),
            (
                &["--max-transactions-per-source=x"],
                "--max-transactions-per-source \"x\": give a number, at least 1",
            ),
            (&["--domain=a.example"], "--domain is given more than once"),
            (&["--help=x"], "--help \"x\": it takes no value"),
            (&["--colour"], "invalid option '--colour'; see --help"),
            (&["file"], "unexpected argument \"file\"; see --help"),
        ] {
            assert_eq!(parse_with(more), Err(error.to_owned()));
        }
    }

    #[test]
    fn every_required_option_is_missed() {
        let error = parse_all(&["--listen-udp=127.0.0.1:1"]);
        assert_eq!(error, Err("--domain is missing; see --help".to_owned()));
        let error = parse_all(&["--domain=echo.example"]);
        let nowhere = "give an address by --listen-udp, --listen-tcp or --listen-tls";
        assert_eq!(error, Err(nowhere.to_owned()));
    }
}
