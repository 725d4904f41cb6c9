//! The XMPP side: `[xmpp]`.

use std::fmt;
use std::net::SocketAddr;

use comity_identity::{DomainName, Host};

use super::problem::{Problem, Rule};
use super::read::{ADDRESS, DOMAIN, HOST};
use super::source::{SecretSource, Section, Source};
use super::{Domains, Secret};

/// How the XMPP side is reached.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Xmpp {
    /// As what we are there.
    pub mode: XmppMode,
    /// Where servers connect to. None in component mode.
    pub listeners: Vec<XmppListener>,
    /// The secret of dialback keys, if the site has one.
    pub dialback: Option<SecretSource>,
}

/// As what we are on the XMPP side.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum XmppMode {
    /// As a server among servers (RFC 6120).
    #[default]
    ServerToServer,
    /// As external components of a local server (XEP-0114).
    Component(Component),
}

/// A local XMPP server that gives domains to us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Component {
    /// Where the server is.
    pub server: Host,
    /// Where it takes components.
    pub port: u16,
    /// The domains that it gives us.
    pub domains: Vec<ComponentDomain>,
}

/// A domain as the local server gives it to us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ComponentDomain {
    /// The domain.
    pub name: DomainName,
    /// What we prove ourselves by.
    pub secret: SecretSource,
}

/// A socket of the XMPP side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct XmppListener {
    /// The place in the file.
    pub line: usize,
    /// Where it listens.
    pub address: SocketAddr,
    /// How a connection begins.
    pub port_use: PortUse,
    /// The name that others are told by DNS.
    pub host: Option<Host>,
    /// The port that others are told by DNS, if it is not that of the socket.
    pub port: Option<u16>,
}

impl XmppListener {
    /// The port that others use.
    #[must_use]
    pub fn advertised_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.address.port())
    }
}

/// How a connection to a port begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PortUse {
    /// In plain text, which STARTTLS ends.
    #[default]
    StartTls,
    /// With TLS (XEP-0368).
    DirectTls,
    /// Either, by its first bytes.
    Both,
}

impl PortUse {
    /// Whether it may begin in plain text.
    #[must_use]
    pub fn has_starttls(self) -> bool {
        match self {
            Self::StartTls | Self::Both => true,
            Self::DirectTls => false,
        }
    }

    /// Whether it may begin with TLS.
    #[must_use]
    pub fn has_direct_tls(self) -> bool {
        match self {
            Self::DirectTls | Self::Both => true,
            Self::StartTls => false,
        }
    }
}

impl fmt::Display for PortUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartTls => "XMPP with STARTTLS",
            Self::DirectTls => "XMPP with direct TLS",
            Self::Both => "XMPP with STARTTLS or direct TLS",
        })
    }
}

pub(super) fn read<'t>(source: &mut Source<'t>, root: &Section<'_, 't>, domains: &Domains) -> Xmpp {
    let mut xmpp = Xmpp::default();
    let Some(section) = source.section(root, "xmpp") else {
        return xmpp;
    };
    source.know(&section, XMPP);
    let mode = source.word(&section, "mode", &["component", "s2s"]);
    let listeners = source.sections(&section, "listeners");
    let component = source.section(&section, "component");
    if mode == Some("component") {
        if section.has("listeners") {
            source.break_rule(&section, "listeners", Rule::ComponentListens);
        }
        let remedy = "name the local XMPP server in [xmpp.component]";
        source.need(&section, "component", remedy);
        let component = component.and_then(|table| read_component(source, &table, domains));
        if let Some(component) = component {
            xmpp.mode = XmppMode::Component(component);
        }
    } else {
        if component.is_some() {
            source.break_rule(&section, "component", Rule::ComponentUnused);
        }
        xmpp.listeners = read_listeners(source, &listeners);
    }
    xmpp.dialback = source.secret(&section, "dialback-secret", "dialback-secret-file");
    xmpp
}

fn read_listeners<'t>(source: &mut Source<'t>, sections: &[Section<'_, 't>]) -> Vec<XmppListener> {
    let mut listeners: Vec<XmppListener> = Vec::new();
    for section in sections {
        source.know(section, LISTENER);
        let uses = &["both", "direct-tls", "starttls"];
        let port_use = match source.word(section, "begins-with", uses) {
            Some("both") => PortUse::Both,
            Some("direct-tls") => PortUse::DirectTls,
            Some(_) | None => PortUse::StartTls,
        };
        let host = source.parsed(section, "host", HOST);
        let port = source.number(section, "port", 1);
        let remedy = "write where to listen, as in 0.0.0.0:5269";
        let address = source.required::<SocketAddr>(section, "address", ADDRESS, remedy);
        let Some(address) = address else { continue };
        if listeners.iter().any(|earlier| earlier.address == address) {
            let problem = Problem::Duplicate(address.to_string());
            let line = source.line(section, "address");
            source.fail(line, section.key("address"), problem);
        }
        listeners.push(XmppListener {
            line: source.line(section, "address"),
            address,
            port_use,
            host,
            port,
        });
    }
    listeners
}

fn read_component<'t>(
    source: &mut Source<'t>,
    section: &Section<'_, 't>,
    local: &Domains,
) -> Option<Component> {
    source.know(section, COMPONENT);
    let remedy = "name the local XMPP server, as in localhost";
    let server = source.required::<Host>(section, "server", HOST, remedy);
    let port = source.number(section, "port", 1);
    let remedy = "add [[xmpp.component.domains]] for each domain that the server gives us";
    source.need(section, "domains", remedy);
    let mut domains: Vec<ComponentDomain> = Vec::new();
    for table in source.sections(section, "domains") {
        source.know(&table, COMPONENT_DOMAIN);
        let remedy = "name the domain as the XMPP server names the component";
        let name = source.required::<DomainName>(&table, "name", DOMAIN, remedy);
        let secret = source.secret(&table, "secret", "secret-file");
        if secret.is_none() && !table.has("secret") && !table.has("secret-file") {
            let remedy = "name the file of the secret that the XMPP server knows too";
            source.need(&table, "secret-file", remedy);
        }
        let Some(name) = name else { continue };
        if local.xmpp.contains(&name) {
            source.break_rule(&table, "name", Rule::ComponentOfLocal(name.to_string()));
        }
        if domains.iter().any(|earlier| earlier.name == name) {
            let line = source.line(&table, "name");
            let problem = Problem::Duplicate(name.to_string());
            source.fail(line, table.key("name"), problem);
        }
        let secret = secret.unwrap_or_else(|| SecretSource::Text(Secret::new("")));
        domains.push(ComponentDomain { name, secret });
    }
    Some(Component {
        server: server?,
        port: port.unwrap_or(DEFAULT_COMPONENT_PORT),
        domains,
    })
}

const XMPP: &[&str] = &[
    "component",
    "dialback-secret",
    "dialback-secret-file",
    "listeners",
    "mode",
];
const LISTENER: &[&str] = &["address", "begins-with", "host", "port"];
const COMPONENT: &[&str] = &["domains", "port", "server"];
const COMPONENT_DOMAIN: &[&str] = &["name", "secret", "secret-file"];
const DEFAULT_COMPONENT_PORT: u16 = 5347;
