//! The command line.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use comity_command_line::{alone, domain, name_server, once, once_read, value};
use comity_identity::DomainName;
use comity_policy::TlsMode;
use comity_xmpp::{Jid, Profile};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "\
Usage: comity-xmpp-echo --domain NAME --dns ADDRESS --identity FILE --key FILE [OPTIONS]

An XMPP domain that federates with every other domain and sends messages back.

Required:
  --domain NAME            the domain to be
  --dns ADDRESS            a recursive name server, with or without port; may be repeated
  --identity FILE          our certificate and those above it, PEM
  --key FILE               the private key of our certificate, PEM

Options:
  --listen ADDRESS:PORT    where servers can connect to; may be repeated [default: [::]:5269,
                           unless --listen-tls is given]
  --listen-tls ADDRESS:PORT
                           the same with TLS from the first byte; may be repeated [default: none]
  --trust FILE             CA certificates that are trusted, PEM; may be repeated
  --tls MODE               required, optional or disabled [default: required]
  --require-certificate    refuse servers whose certificate does not prove their domain; without
                           this, dialback proves it
  --peer-profile DOMAIN=NAME
                           what is different with the servers of DOMAIN: NAME is standard,
                           cisco-webex, ejabberd, mongooseim, openfire or sametime; may be
                           repeated for other domains
  --dialback-secret TEXT   the secret of our dialback keys, the same on all nodes of the domain,
                           at least 16 bytes; other users of this host may see it
                           [default: random]
  --dialback-secret-file FILE
                           the same, from a file; white space around it does not count
  --allow-loopback         connect to loopback addresses too
  --greet JID=TEXT         write TEXT to JID after the start; may be repeated
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
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) listen_tls: Vec<SocketAddr>,
    pub(crate) dns: Vec<SocketAddr>,
    pub(crate) identity: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) trust: Vec<PathBuf>,
    pub(crate) tls: TlsMode,
    pub(crate) require_certificate: bool,
    pub(crate) profiles: BTreeMap<DomainName, Profile>,
    /// `None` stands for a random one.
    pub(crate) dialback_secret: Option<Secret>,
    pub(crate) allow_loopback: bool,
    pub(crate) greetings: Vec<Greeting>,
}

/// Where the dialback secret is.
#[derive(Debug, PartialEq)]
pub(crate) enum Secret {
    File(PathBuf),
    Text(String),
}

/// A message that the domain sends on its own.
#[derive(Debug, PartialEq)]
pub(crate) struct Greeting {
    pub(crate) to: Jid,
    pub(crate) text: String,
}

/// What is wrong with the command line, and what to do about it.
pub(crate) type OptionsError = comity_command_line::OptionsError<Misuse>;

/// What only this program can say of its options.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("--greet {0}: nobody lives at our own domain")]
    GreetedSelf(Jid),
    #[error(
        "--require-certificate needs --trust: without a trusted CA no certificate proves anything"
    )]
    NobodyTrusted,
    #[error("--peer-profile is given more than once for {0}")]
    TwoProfiles(DomainName),
    #[error("give one dialback secret, by --dialback-secret or by --dialback-secret-file")]
    TwoSecrets,
}

/// Options as they come, some of them missing.
#[derive(Default)]
struct Given {
    domain: Option<DomainName>,
    listen: Vec<SocketAddr>,
    listen_tls: Vec<SocketAddr>,
    dns: Vec<SocketAddr>,
    identity: Option<PathBuf>,
    key: Option<PathBuf>,
    trust: Vec<PathBuf>,
    tls: Option<TlsMode>,
    require_certificate: bool,
    profiles: BTreeMap<DomainName, Profile>,
    dialback_secret: Option<Secret>,
    allow_loopback: bool,
    greetings: Vec<Greeting>,
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
            "require-certificate" => given.require_certificate = true,
            "identity" => once(&mut given.identity, "identity", parser.value()?.into())?,
            "key" => once(&mut given.key, "key", parser.value()?.into())?,
            "trust" => given.trust.push(parser.value()?.into()),
            "dialback-secret" => given.secret(Secret::Text(parser.value()?.string()?))?,
            "dialback-secret-file" => given.secret(Secret::File(parser.value()?.into()))?,
            "domain" => once_read(&mut given.domain, &mut parser, "domain", domain)?,
            "listen" => given.listen.push(value(&mut parser, "listen", listen)?),
            "listen-tls" => {
                let address = value(&mut parser, "listen-tls", listen)?;
                given.listen_tls.push(address);
            }
            "dns" => given.dns.push(value(&mut parser, "dns", name_server)?),
            "tls" => once_read(&mut given.tls, &mut parser, "tls", tls_mode)?,
            "peer-profile" => given.profile(value(&mut parser, "peer-profile", peer_profile)?)?,
            "greet" => given.greetings.push(value(&mut parser, "greet", greeting)?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    given
        .complete()
        .map(|options| Command::Run(Box::new(options)))
}

impl Given {
    fn secret(&mut self, secret: Secret) -> Result<(), OptionsError> {
        match self.dialback_secret.replace(secret) {
            None => Ok(()),
            Some(_) => Err(OptionsError::Program(Misuse::TwoSecrets)),
        }
    }

    fn profile(&mut self, (domain, profile): (DomainName, Profile)) -> Result<(), OptionsError> {
        match self.profiles.insert(domain.clone(), profile) {
            None => Ok(()),
            Some(_) => Err(OptionsError::Program(Misuse::TwoProfiles(domain))),
        }
    }

    fn complete(mut self) -> Result<Options, OptionsError> {
        if self.require_certificate && self.trust.is_empty() {
            return Err(OptionsError::Program(Misuse::NobodyTrusted));
        }
        if self.dns.is_empty() {
            return Err(OptionsError::Missing("dns"));
        }
        if self.listen.is_empty() && self.listen_tls.is_empty() {
            self.listen.push(DEFAULT_LISTEN);
        }
        let domain = self.domain.ok_or(OptionsError::Missing("domain"))?;
        let own = |greeting: &&Greeting| *greeting.to.domain() == domain;
        if let Some(greeting) = self.greetings.iter().find(own) {
            let to = greeting.to.clone();
            return Err(OptionsError::Program(Misuse::GreetedSelf(to)));
        }
        Ok(Options {
            domain,
            listen: self.listen,
            listen_tls: self.listen_tls,
            dns: self.dns,
            identity: self.identity.ok_or(OptionsError::Missing("identity"))?,
            key: self.key.ok_or(OptionsError::Missing("key"))?,
            trust: self.trust,
            tls: self.tls.unwrap_or(TlsMode::Required),
            require_certificate: self.require_certificate,
            profiles: self.profiles,
            dialback_secret: self.dialback_secret,
            allow_loopback: self.allow_loopback,
            greetings: self.greetings,
        })
    }
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_std| "give an IP address and a port, as in 192.0.2.1:5269".to_owned())
}

fn tls_mode(text: &str) -> Result<TlsMode, String> {
    match text {
        "required" => Ok(TlsMode::Required),
        "optional" => Ok(TlsMode::Optional),
        "disabled" => Ok(TlsMode::Disabled),
        _ => Err("give required, optional or disabled".to_owned()),
    }
}

fn peer_profile(text: &str) -> Result<(DomainName, Profile), String> {
    let (peer, name) = text
        .split_once('=')
        .ok_or("give a domain and a name, as in montague.example=openfire")?;
    let profile = Profile::named(name).ok_or_else(|| {
        let names = Profile::NAMED.map(|(name, _)| name);
        format!(
            "there is no profile {name:?}; there are {}",
            names.join(", ")
        )
    })?;
    Ok((domain(peer)?, profile))
}

fn greeting(text: &str) -> Result<Greeting, String> {
    let (jid, text) = text
        .split_once('=')
        .ok_or("give an address and a text, as in romeo@montague.example=Hello")?;
    Ok(Greeting {
        to: Jid::parse(jid).map_err(|error| error.to_string())?,
        text: text.to_owned(),
    })
}

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 5269);

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    const REQUIRED: [&str; 8] = [
        "--domain",
        "Echo.Example",
        "--dns",
        "192.0.2.53",
        "--identity",
        "e.pem",
        "--key",
        "e.key",
    ];

    fn parse_with(more: &[&str]) -> Result<Command, String> {
        let args = ["comity-xmpp-echo"].iter().chain(&REQUIRED).chain(more);
        parse(Parser::from_iter(args)).map_err(|error| error.to_string())
    }

    fn options() -> Options {
        Options {
            domain: "echo.example".parse().expect("a domain"),
            listen: vec!["[::]:5269".parse().expect("an address")],
            listen_tls: Vec::new(),
            dns: vec!["192.0.2.53:53".parse().expect("an address")],
            identity: "e.pem".into(),
            key: "e.key".into(),
            trust: Vec::new(),
            tls: TlsMode::Required,
            require_certificate: false,
            profiles: BTreeMap::new(),
            dialback_secret: None,
            allow_loopback: false,
            greetings: Vec::new(),
        }
    }

    #[test]
    fn what_is_required_is_enough() {
        assert_eq!(parse_with(&[]), Ok(Command::Run(Box::new(options()))));
    }

    #[test]
    fn who_listens_for_direct_tls_alone_does_so() {
        let mut expected = options();
        expected.listen = Vec::new();
        expected.listen_tls = vec![([127, 0, 0, 1], 3).into()];
        assert_eq!(
            parse_with(&["--listen-tls=127.0.0.1:3"]),
            Ok(Command::Run(Box::new(expected)))
        );
    }

    #[test]
    fn every_option_is_read() {
        let more = [
            "--listen=127.0.0.1:1",
            "--listen=[::1]:2",
            "--listen-tls=127.0.0.1:3",
            "--listen-tls=[::1]:4",
            "--dns=192.0.2.54:5353",
            "--trust=a.pem",
            "--trust=b.pem",
            "--tls=optional",
            "--require-certificate",
            "--peer-profile=C.Example=sametime",
            "--peer-profile=d.example=standard",
            "--dialback-secret=s3cr3t",
            "--allow-loopback",
            "--greet=a@b.example=1=1",
        ];
        let mut expected = options();
        expected.listen = vec![([127, 0, 0, 1], 1).into(), "[::1]:2".parse().expect("one")];
        expected.listen_tls = vec![([127, 0, 0, 1], 3).into(), "[::1]:4".parse().expect("one")];
        expected.dns.push(([192, 0, 2, 54], 5353).into());
        expected.trust = vec!["a.pem".into(), "b.pem".into()];
        expected.tls = TlsMode::Optional;
        expected.require_certificate = true;
        let sametime = Profile::named("sametime").expect("it is known");
        for (domain, profile) in [("c.example", sametime), ("d.example", Profile::STANDARD)] {
            let domain = domain.parse().expect("a domain");
            expected.profiles.insert(domain, profile);
        }
        expected.dialback_secret = Some(Secret::Text("s3cr3t".to_owned()));
        expected.allow_loopback = true;
        expected.greetings = vec![Greeting {
            to: "a@b.example".parse().expect("an address"),
            text: "1=1".to_owned(),
        }];
        assert_eq!(parse_with(&more), Ok(Command::Run(Box::new(expected))));
    }

    #[test]
    fn a_dialback_secret_may_be_in_a_file() {
        let mut expected = options();
        expected.dialback_secret = Some(Secret::File("s.txt".into()));
        let parsed = parse_with(&["--dialback-secret-file=s.txt"]);
        assert_eq!(parsed, Ok(Command::Run(Box::new(expected))));
    }

    #[test]
    fn the_help_names_every_profile() {
        let words: Vec<_> = USAGE.split([' ', ',', ';', '\n']).collect();
        for (name, _) in Profile::NAMED {
            assert!(words.contains(&name), "{name}");
        }
    }

    #[test]
    fn help_and_version_need_nothing_else() {
        for (arg, command) in [("--help", Command::Help), ("--version", Command::Version)] {
            let parsed = parse(Parser::from_iter(["comity-xmpp-echo", arg]));
            assert_eq!(parsed.map_err(|error| error.to_string()), Ok(command));
        }
    }

    #[test]
    fn an_error_says_what_to_change() {
        for (more, error) in [
            (
                &["--tls=maybe"][..],
                "--tls \"maybe\": give required, optional or disabled",
            ),
            (
                &["--domain=a..b"],
                "--domain \"a..b\": the domain name has an empty label",
            ),
            (
                &["--listen=5269"],
                "--listen \"5269\": give an IP address and a port, as in 192.0.2.1:5269",
            ),
            (
                &["--listen-tls=host:5270"],
                "--listen-tls \"host:5270\": give an IP address and a port, as in 192.0.2.1:5269",
            ),
            (
                &["--peer-profile=openfire"],
                "--peer-profile \"openfire\": give a domain and a name, as in \
                 montague.example=openfire",
            ),
            (
                &["--peer-profile=a.example=exchange"],
                "--peer-profile \"a.example=exchange\": there is no profile \"exchange\"; there \
                 are standard, cisco-webex, ejabberd, mongooseim, openfire, sametime",
            ),
            (
                &["--peer-profile=a..b=openfire"],
                "--peer-profile \"a..b=openfire\": the domain name has an empty label",
            ),
            (
                &[
                    "--peer-profile=a.example=ejabberd",
                    "--peer-profile=A.example=openfire",
                ],
                "--peer-profile is given more than once for a.example",
            ),
            (
                &["--dns=ns.example"],
                "--dns \"ns.example\": give an IP address, as in 192.0.2.53 or 192.0.2.53:53",
            ),
            (
                &["--greet=a@b.example"],
                "--greet \"a@b.example\": give an address and a text, as in \
                 romeo@montague.example=Hello",
            ),
            (
                &["--greet=x@echo.example=Hello"],
                "--greet x@echo.example: nobody lives at our own domain",
            ),
            (
                &["--tls=optional", "--tls=optional"],
                "--tls is given more than once",
            ),
            (&["--domain=a.example"], "--domain is given more than once"),
            (&["--identity=a"], "--identity is given more than once"),
            (&["--key=a"], "--key is given more than once"),
            (&["--help=x"], "--help \"x\": it takes no value"),
            (&["--version="], "--version \"\": it takes no value"),
            (
                &["--require-certificate"],
                "--require-certificate needs --trust: without a trusted CA no certificate proves \
                 anything",
            ),
            (
                &["--dialback-secret=a", "--dialback-secret-file=b"],
                "give one dialback secret, by --dialback-secret or by --dialback-secret-file",
            ),
            (&["--colour"], "invalid option '--colour'; see --help"),
            (&["file"], "unexpected argument \"file\"; see --help"),
        ] {
            assert_eq!(parse_with(more), Err(error.to_owned()));
        }
    }

    #[test]
    fn every_required_option_is_missed() {
        for (at, name) in [(0, "domain"), (2, "dns"), (4, "identity"), (6, "key")] {
            let mut args = vec!["comity-xmpp-echo"];
            args.extend(&REQUIRED);
            args.drain(at + 1..at + 3);
            let error = parse(Parser::from_iter(args)).map_err(|error| error.to_string());
            assert_eq!(error, Err(format!("--{name} is missing; see --help")));
        }
    }
}
