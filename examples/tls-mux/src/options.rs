//! The command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use comity_command_line::{alone, domain, once, once_read, value};
use comity_identity::{DomainName, Host};
use comity_rustls::TlsVersion;
use comity_trust::{EkuPolicy, Forms, Service};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "\
Usage: comity-tls-mux --cert FILE --key FILE [OPTIONS]
       comity-tls-mux --connect HOST:PORT --name NAME [OPTIONS]

One port for plaintext and TLS, which says whom it met and why it refused others.

Options of the port:
  --listen ADDRESS:PORT    where to listen [default: 127.0.0.1:1533]
  --strict                 take TLS alone
  --sni DOMAIN=CERT,KEY    what to present to clients that ask for DOMAIN, PEM files; may be
                           repeated
  --client-auth MODE       none: ask for no certificate; observe: ask, and take any or none;
                           want: take none or a good one; required: take a good one
                           [default: observe]
  --peer-subject NAME      take only clients whose certificate names NAME; may be repeated; for
                           want and required

Options of the client:
  --connect HOST:PORT      go to this server
  --name NAME              the domain or address that its certificate must name

Options of both:
  --cert FILE              our certificate and those above it, PEM
  --key FILE               the private key of our certificate, PEM
  --trust FILE             CA certificates that are trusted, PEM; may be repeated
  --pin FILE               certificates of peers, trusted for those whom they name, PEM; may be
                           repeated
  --crl FILE               revocation lists in PEM, with the certificates of their issuers unless
                           --trust has them, or one in DER; may be repeated
  --rule RULE              which names count: dns, sip, xmpp or peer [default: dns]
  --eku POLICY             any-tls, role-strict, both, sip-domain or sip-domain-or-tls
                           [default: any-tls]
  --legacy-cn              count the common name of certificates without any other name but
                           addresses; for --rule sip without those either
  --ciphers LIST           the cipher suites to use, and an answer to each
  --min-tls VERSION        1.2 or 1.3 [default: 1.2]
  --max-tls VERSION        1.2 or 1.3 [default: 1.3]
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
    pub(crate) listen: SocketAddr,
    pub(crate) strict: bool,
    pub(crate) identity: Option<Files>,
    pub(crate) domains: Vec<(DomainName, Files)>,
    pub(crate) client_auth: Auth,
    pub(crate) peer_subjects: Vec<Host>,
    /// Where to go, if the program is to be the client.
    pub(crate) target: Option<Target>,
    pub(crate) trust: Vec<PathBuf>,
    pub(crate) pins: Vec<PathBuf>,
    pub(crate) crls: Vec<PathBuf>,
    pub(crate) forms: Forms,
    pub(crate) eku: EkuPolicy,
    pub(crate) legacy_cn: bool,
    pub(crate) ciphers: Option<String>,
    pub(crate) min_tls: TlsVersion,
    pub(crate) max_tls: TlsVersion,
}

/// Where a certificate and its key are.
#[derive(Debug, PartialEq)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What becomes of clients' certificates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Auth {
    None,
    Observe,
    Required,
    Want,
}

/// A server to go to.
#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// Whom its certificate must name.
    pub(crate) name: Host,
}

/// What is wrong with the command line, and what to do about it.
pub(crate) type OptionsError = comity_command_line::OptionsError<Misuse>;

/// What only this program can say of its options.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("--{given} is nothing for a client; leave it or --connect out")]
    OfServer { given: &'static str },
    #[error("--name is for a client; give --connect too")]
    OfClient,
    #[error("--peer-subject needs --client-auth want or required")]
    UnjudgedSubject,
}

/// Options as they come, some of them missing.
#[derive(Default)]
struct Given {
    listen: Option<SocketAddr>,
    strict: bool,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    domains: Vec<(DomainName, Files)>,
    client_auth: Option<Auth>,
    peer_subjects: Vec<Host>,
    connect: Option<String>,
    name: Option<Host>,
    trust: Vec<PathBuf>,
    pins: Vec<PathBuf>,
    crls: Vec<PathBuf>,
    forms: Option<Forms>,
    eku: Option<EkuPolicy>,
    legacy_cn: bool,
    ciphers: Option<String>,
    min_tls: Option<TlsVersion>,
    max_tls: Option<TlsVersion>,
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
            "strict" => given.strict = true,
            "legacy-cn" => given.legacy_cn = true,
            "trust" => given.trust.push(parser.value()?.into()),
            "pin" => given.pins.push(parser.value()?.into()),
            "crl" => given.crls.push(parser.value()?.into()),
            "cert" => once(&mut given.cert, "cert", parser.value()?.into())?,
            "key" => once(&mut given.key, "key", parser.value()?.into())?,
            "ciphers" => once(&mut given.ciphers, "ciphers", parser.value()?.string()?)?,
            "connect" => once(&mut given.connect, "connect", parser.value()?.string()?)?,
            "sni" => given.domains.push(value(&mut parser, "sni", sni)?),
            "peer-subject" => {
                let subject = value(&mut parser, "peer-subject", host)?;
                given.peer_subjects.push(subject);
            }
            "listen" => once_read(&mut given.listen, &mut parser, "listen", listen)?,
            "name" => once_read(&mut given.name, &mut parser, "name", host)?,
            "client-auth" => once_read(&mut given.client_auth, &mut parser, "client-auth", auth)?,
            "rule" => once_read(&mut given.forms, &mut parser, "rule", rule)?,
            "eku" => once_read(&mut given.eku, &mut parser, "eku", eku)?,
            "min-tls" => once_read(&mut given.min_tls, &mut parser, "min-tls", version)?,
            "max-tls" => once_read(&mut given.max_tls, &mut parser, "max-tls", version)?,
            _ => return Err(arg.unexpected().into()),
        }
    }
    let options = given.complete()?;
    Ok(Command::Run(Box::new(options)))
}

impl Given {
    fn complete(self) -> Result<Options, OptionsError> {
        let identity = match (self.cert, self.key) {
            (Some(certificate), Some(key)) => Some(Files { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(OptionsError::Missing("key")),
            (None, Some(_)) => return Err(OptionsError::Missing("cert")),
        };
        let target = match (self.connect, self.name) {
            (Some(address), Some(name)) => Some(Target { address, name }),
            (Some(_), None) => return Err(OptionsError::Missing("name")),
            (None, Some(_)) => return Err(OptionsError::Program(Misuse::OfClient)),
            (None, None) => None,
        };
        let of_server = [
            ("listen", self.listen.is_some()),
            ("strict", self.strict),
            ("sni", !self.domains.is_empty()),
            ("client-auth", self.client_auth.is_some()),
            ("peer-subject", !self.peer_subjects.is_empty()),
        ];
        let of_server = of_server.into_iter().find(|(_, is_given)| *is_given);
        match (&target, of_server) {
            (Some(_), Some((given, _))) => {
                return Err(OptionsError::Program(Misuse::OfServer { given }));
            }
            (None, _) if identity.is_none() && self.domains.is_empty() => {
                return Err(OptionsError::Missing("cert"));
            }
            (Some(_) | None, _) => {}
        }
        let client_auth = self.client_auth.unwrap_or(Auth::Observe);
        let is_judged = matches!(client_auth, Auth::Required | Auth::Want);
        if !self.peer_subjects.is_empty() && !is_judged {
            return Err(OptionsError::Program(Misuse::UnjudgedSubject));
        }
        Ok(Options {
            listen: self.listen.unwrap_or(DEFAULT_LISTEN),
            strict: self.strict,
            identity,
            domains: self.domains,
            client_auth,
            peer_subjects: self.peer_subjects,
            target,
            trust: self.trust,
            pins: self.pins,
            crls: self.crls,
            forms: self.forms.unwrap_or(Forms::Host),
            eku: self.eku.unwrap_or_default(),
            legacy_cn: self.legacy_cn,
            ciphers: self.ciphers,
            min_tls: self.min_tls.unwrap_or(TlsVersion::Tls12),
            max_tls: self.max_tls.unwrap_or(TlsVersion::Tls13),
        })
    }
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_std| "give an IP address and a port, as in 192.0.2.1:1533".to_owned())
}

fn host(text: &str) -> Result<Host, String> {
    Host::parse(text).map_err(|error| error.to_string())
}

fn sni(text: &str) -> Result<(DomainName, Files), String> {
    let parts = text.split_once('=').and_then(|(domain, files)| {
        let (certificate, key) = files.split_once(',')?;
        Some((domain, certificate, key))
    });
    let (name, certificate, key) =
        parts.ok_or("give a domain and two files, as in a.example=a.pem,a.key")?;
    let files = Files {
        certificate: certificate.into(),
        key: key.into(),
    };
    Ok((domain(name)?, files))
}

fn auth(text: &str) -> Result<Auth, String> {
    match text {
        "none" => Ok(Auth::None),
        "observe" => Ok(Auth::Observe),
        "required" => Ok(Auth::Required),
        "want" => Ok(Auth::Want),
        _ => Err("give none, observe, want or required".to_owned()),
    }
}

fn rule(text: &str) -> Result<Forms, String> {
    match text {
        "dns" => Ok(Forms::Host),
        "peer" => Ok(Forms::PeerSubject),
        "sip" => Ok(Forms::Sip),
        "xmpp" => Ok(Forms::Xmpp(Service::XmppServer)),
        _ => Err("give dns, sip, xmpp or peer".to_owned()),
    }
}

fn eku(text: &str) -> Result<EkuPolicy, String> {
    match text {
        "any-tls" => Ok(EkuPolicy::AnyTls),
        "both" => Ok(EkuPolicy::Both),
        "role-strict" => Ok(EkuPolicy::RoleStrict),
        "sip-domain" => Ok(EkuPolicy::SipDomain),
        "sip-domain-or-tls" => Ok(EkuPolicy::SipDomainOrTls),
        _ => Err("give any-tls, role-strict, both, sip-domain or sip-domain-or-tls".to_owned()),
    }
}

fn version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "1.2" => Ok(TlsVersion::Tls12),
        "1.3" => Ok(TlsVersion::Tls13),
        _ => Err("give 1.2 or 1.3; nothing older can be spoken".to_owned()),
    }
}

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1533);

#[cfg(test)]
mod tests;
