//! The SIP side: `[sip]`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use comity_identity::{DomainName, Host};
use comity_rustls::TlsVersion;
use comity_trust::{CommonName, PeerSubject};

use super::problem::{Problem, Rule};
use super::read::{ADDRESS, DOMAIN, HOST};
use super::source::{Placed, Section, Source};

/// How SIP peers reach us.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sip {
    /// The federation routing FQDN: the name of the whole site, which the `_sipfederationtls`
    /// records of all our domains lead to.
    pub federation_host: Option<Host>,
    /// Where peers connect to.
    pub listeners: Vec<SipListener>,
    /// Whose certificates name others than their domains.
    pub peers: Vec<SipPeer>,
}

impl Sip {
    /// Whom the certificates of domains' peers may name in their place.
    #[must_use]
    pub fn subjects(&self) -> BTreeMap<DomainName, Vec<PeerSubject>> {
        let mut all = BTreeMap::new();
        for peer in &self.peers {
            let subjects = subjects(&peer.subjects, &peer.legacy_subjects);
            for domain in &peer.domains {
                all.insert(domain.clone(), subjects.clone());
            }
        }
        all
    }
}

/// A socket of the SIP side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SipListener {
    /// The place in the file.
    pub line: usize,
    /// What it takes.
    pub transport: SipTransport,
    /// Where it listens.
    pub address: SocketAddr,
    /// The name that others are told.
    pub host: Option<Host>,
    /// The port that others are told, if it is not that of the socket.
    pub port: Option<u16>,
    /// How TLS is used, by a listener that has it.
    pub tls: Option<SipTls>,
    /// Whether the port of TLS takes plain TCP too.
    pub shared: bool,
}

impl SipListener {
    /// The port that others use.
    #[must_use]
    pub fn advertised_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.address.port())
    }
}

/// How SIP is carried.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SipTransport {
    /// TLS over TCP.
    Tls,
    /// Plain TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for SipTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "TLS",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

/// The TLS context of a listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SipTls {
    /// The names of suites as OpenSSL or the IANA writes them; all that we speak if there is none.
    pub ciphers: Option<String>,
    /// Who may connect, by the names in their certificates; everybody who is trusted if there is
    /// none.
    pub peer_subjects: Vec<Host>,
    /// The same by the common name, of peers whose certificates have nothing better.
    pub legacy_peer_subjects: Vec<DomainName>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The newest version that is spoken.
    pub max_version: TlsVersion,
}

impl SipTls {
    /// Who may connect; everybody who is trusted if it is nobody.
    #[must_use]
    pub fn subjects(&self) -> Vec<PeerSubject> {
        subjects(&self.peer_subjects, &self.legacy_peer_subjects)
    }
}

fn subjects(hosts: &[Host], legacy: &[DomainName]) -> Vec<PeerSubject> {
    let hosts = hosts.iter().cloned().map(PeerSubject::new);
    let legacy = legacy.iter().cloned();
    let legacy = legacy.map(|name| PeerSubject::with_common_name(name, CommonName::Always));
    hosts.chain(legacy).collect()
}

/// Whom the certificates of a domain's peers may name in its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SipPeer {
    /// Whose certificates they are.
    pub domains: Vec<DomainName>,
    /// The names that they may have.
    pub subjects: Vec<Host>,
    /// By the common name.
    pub legacy_subjects: Vec<DomainName>,
}

pub(super) fn read<'t>(source: &mut Source<'t>, root: &Section<'_, 't>) -> Sip {
    let mut sip = Sip::default();
    let Some(section) = source.section(root, "sip") else {
        return sip;
    };
    source.know(&section, SIP);
    sip.federation_host = source.parsed(&section, "federation-host", HOST);
    for table in source.sections(&section, "listeners") {
        let listener = listener(source, &table, sip.federation_host.as_ref());
        let Some(listener) = listener else { continue };
        let same = |earlier: &&SipListener| {
            let is_datagram = |one: &SipListener| one.transport == SipTransport::Udp;
            earlier.address == listener.address && is_datagram(earlier) == is_datagram(&listener)
        };
        if sip.listeners.iter().find(same).is_some() {
            let line = source.line(&table, "address");
            let problem = Problem::Duplicate(listener.address.to_string());
            source.fail(line, table.key("address"), problem);
        }
        sip.listeners.push(listener);
    }
    sip.peers = peers(source, &section);
    sip
}

fn peers<'t>(source: &mut Source<'t>, sip: &Section<'_, 't>) -> Vec<SipPeer> {
    let mut named = BTreeSet::new();
    let tables = source.sections(sip, "peers");
    let peers = tables.iter().map(|table| {
        source.know(table, PEER);
        let remedy = "list the domains whose peers are named otherwise";
        source.need(table, "domains", remedy);
        let domains = source.list::<DomainName>(table, "domains", DOMAIN);
        for domain in &domains {
            if !named.insert(domain.value.clone()) {
                let problem = Problem::Duplicate(domain.value.to_string());
                source.fail(domain.line, domain.key.clone(), problem);
            }
        }
        SipPeer {
            domains: plain(domains),
            subjects: plain(source.list(table, "subjects", HOST)),
            legacy_subjects: plain(source.list(table, "legacy-subjects", "a host name")),
        }
    });
    peers.collect()
}

fn plain<T>(placed: Vec<Placed<T>>) -> Vec<T> {
    placed.into_iter().map(|one| one.value).collect()
}

fn listener<'t>(
    source: &mut Source<'t>,
    section: &Section<'_, 't>,
    federation_host: Option<&Host>,
) -> Option<SipListener> {
    source.know(section, LISTENER);
    let transport = match source.word(section, "transport", &["tcp", "tls", "udp"]) {
        Some("tcp") => SipTransport::Tcp,
        Some("udp") => SipTransport::Udp,
        Some(_) | None => SipTransport::Tls,
    };
    let tls = match transport {
        SipTransport::Tls => Some(tls(source, section)),
        SipTransport::Tcp | SipTransport::Udp => {
            for key in ["shared", "tls"] {
                if section.has(key) {
                    source.break_rule(section, key, Rule::NotTls);
                }
            }
            None
        }
    };
    let own_host = source.parsed(section, "host", HOST);
    let port = source.number(section, "port", 1);
    let shared = source.switch(section, "shared", false);
    let remedy = "write where to listen, as in 0.0.0.0:5061";
    let address: SocketAddr = source.required(section, "address", ADDRESS, remedy)?;
    let host = own_host.or_else(|| federation_host.cloned());
    if address.ip().is_unspecified() && host.is_none() {
        source.break_rule(section, "address", Rule::Nameless(address.to_string()));
    }
    Some(SipListener {
        line: source.line(section, "address"),
        transport,
        address,
        host,
        port,
        tls,
        shared,
    })
}

fn tls<'t>(source: &mut Source<'t>, listener: &Section<'_, 't>) -> SipTls {
    let mut tls = SipTls {
        ciphers: None,
        peer_subjects: Vec::new(),
        legacy_peer_subjects: Vec::new(),
        min_version: TlsVersion::Tls12,
        max_version: TlsVersion::Tls13,
    };
    let Some(section) = source.section(listener, "tls") else {
        return tls;
    };
    source.know(&section, TLS);
    tls.ciphers = source.text(&section, "ciphers").map(str::to_owned);
    tls.peer_subjects = plain(source.list(&section, "peer-subjects", HOST));
    let legacy = source.list(&section, "legacy-peer-subjects", "a host name");
    tls.legacy_peer_subjects = plain(legacy);
    tls.min_version = version(source, &section, "min-version", tls.min_version);
    tls.max_version = version(source, &section, "max-version", tls.max_version);
    if (tls.min_version, tls.max_version) == (TlsVersion::Tls13, TlsVersion::Tls12) {
        source.break_rule(&section, "min-version", Rule::Versions);
    }
    tls
}

fn version<'t>(
    source: &mut Source<'t>,
    section: &Section<'_, 't>,
    key: &str,
    default: TlsVersion,
) -> TlsVersion {
    match source.word(section, key, &["1.2", "1.3"]) {
        Some("1.2") => TlsVersion::Tls12,
        Some(_) => TlsVersion::Tls13,
        None => default,
    }
}

const SIP: &[&str] = &["federation-host", "listeners", "peers"];
const PEER: &[&str] = &["domains", "legacy-subjects", "subjects"];
const LISTENER: &[&str] = &["address", "host", "port", "shared", "tls", "transport"];
const TLS: &[&str] = &[
    "ciphers",
    "legacy-peer-subjects",
    "max-version",
    "min-version",
    "peer-subjects",
];
