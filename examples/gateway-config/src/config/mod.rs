//! The configuration of the gateway: `gateway.toml`.
//!
//! It is read once, with everything that is wrong in it told at once, by line, key and remedy. What
//! the files hold that it names is for [`crate::Loaded`] to read.

mod problem;
mod read;
mod routes;
mod secret;
mod sip;
mod source;
#[cfg(test)]
mod tests;
mod tls;
mod xmpp;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use comity_command_line::{RESOLV_CONF, system_name_servers};
use comity_identity::{DomainName, Host};
use comity_srv::AddressPolicy;

use crate::LogFilter;

pub use problem::{ConfigError, ConfigErrors};
pub(crate) use problem::{Problem, Rule};
pub use routes::RouteTables;
pub use secret::Secret;
pub use sip::{Sip, SipListener, SipPeer, SipTls, SipTransport};
pub use source::{FileAt, SecretSource};
pub use tls::{DomainIdentity, IdentityFiles, Pin, PinKind, Tls, TrustFiles, Usage};
pub use xmpp::{Component, ComponentDomain, PortUse, Xmpp, XmppListener, XmppMode};

/// What `gateway.toml` says.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our domains.
    pub domains: Domains,
    /// How presence and texts are translated.
    pub bridge: Bridge,
    /// The XMPP side.
    pub xmpp: Xmpp,
    /// The SIP side.
    pub sip: Sip,
    /// What we present and whom we believe.
    pub tls: Tls,
    /// How domains are looked up.
    pub dns: Dns,
    /// The rules, in a file of their own.
    pub policy: FileAt,
    /// The static routes, which go before DNS.
    pub routes: RouteTables,
    /// Where facts are kept over a restart; nowhere if there is no path.
    pub store: Option<PathBuf>,
    /// The control socket; none if there is no path.
    pub control: Option<PathBuf>,
    /// Where metrics are read; off if there is no address.
    pub metrics: Option<SocketAddr>,
    /// What is logged.
    pub log: Log,
    /// Where decrypted messages are written; nowhere by default.
    pub tap: Option<Tap>,
    /// The addresses under which users are known to others; none if there is no path.
    pub email: Option<FileAt>,
}

/// Our domains, each on the side where its users live.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Domains {
    /// Those whose users live on XMPP.
    pub xmpp: BTreeSet<DomainName>,
    /// Those whose users live on SIP.
    pub sip: BTreeSet<DomainName>,
    /// Domains of chat rooms (`conference-2.cluster.example.com`).
    pub chat_aliases: BTreeSet<DomainName>,
    /// Domains of file transfer (`filetransfer-4.cluster.example.com`).
    pub file_transfer_aliases: BTreeSet<DomainName>,
}

impl Domains {
    /// All domains of our users.
    pub fn all(&self) -> BTreeSet<DomainName> {
        self.xmpp.union(&self.sip).cloned().collect()
    }
}

/// How presence and texts are translated.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bridge {
    /// Which table maps presence, unless a peer has its own. By default it depends on the kind of
    /// servers.
    pub presence: Option<PresenceProfile>,
    /// What the SIP servers of our own domains are; those of others are what the rules say.
    pub own_servers: ServerKind,
    /// The tables of single domains.
    pub peers: Vec<(BTreeSet<DomainName>, PresenceProfile)>,
}

impl Bridge {
    /// The table for a domain, if one is chosen.
    pub fn presence_of(&self, domain: &DomainName) -> Option<PresenceProfile> {
        let named = self.peers.iter().find(|(names, _)| names.contains(domain));
        named.map(|(_, profile)| *profile).or(self.presence)
    }
}

/// Which table maps presence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PresenceProfile {
    /// The tables of Cisco's guide, in which "do not disturb" is "busy".
    Cisco,
    /// RFC 8048: what is said on one side is said on the other.
    Faithful,
}

/// What SIP servers are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ServerKind {
    /// They take texts inside of a session.
    Microsoft,
    /// They take each text as a MESSAGE of its own (RFC 3428).
    #[default]
    Standard,
}

/// Which name servers are asked, and what may be dialled.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dns {
    /// None: those of the system.
    pub servers: Vec<SocketAddr>,
    /// Whether they validate DNSSEC, and are reached by a path that nobody can change.
    pub validating: bool,
    /// Where remote domains may lead us.
    pub addresses: AddressPolicy,
}

impl Dns {
    /// How domains are looked up. Without servers of its own it reads which ones the system has; if
    /// that names none, nothing is found, which is told with every domain that is looked for.
    #[must_use]
    pub fn discovery(&self) -> comity_srv::Config {
        let mut servers = self.servers.clone();
        if servers.is_empty() {
            let text = fs::read_to_string(RESOLV_CONF).unwrap_or_default();
            servers = system_name_servers(&text);
        }
        let mut discovery = comity_srv::Config::new(servers);
        discovery.servers_validate = self.validating;
        discovery.address_policy = self.addresses.clone();
        discovery
    }
}

/// What is logged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Log {
    /// Which events are written.
    pub filter: LogFilter,
    /// Whether the data of users is left out. Default: yes.
    pub redact: bool,
}

/// Where decrypted messages are written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tap {
    /// The file, which is appended to.
    pub file: PathBuf,
    /// Whether what users write is there too. Default: no.
    pub bodies: bool,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// That it cannot be read, or everything that is wrong in it.
    pub fn read(file: &Path) -> Result<Self, ConfigErrors> {
        let text = fs::read_to_string(file).map_err(|error| {
            ConfigErrors::of(vec![ConfigError {
                line: 0,
                key: String::new(),
                problem: Problem::Unreadable {
                    file: file.display().to_string(),
                    kind: error.kind(),
                },
            }])
        })?;
        Self::parse(&text, file.parent().unwrap_or_else(|| Path::new("")))
    }

    /// Reads a text whose relative paths are relative to `folder`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in it.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigErrors> {
        read::config(text, folder)
    }

    /// The name under which SIP peers know us.
    pub fn edge(&self) -> Option<&Host> {
        let of_listener = || {
            let mut listeners = self.sip.listeners.iter();
            listeners.find_map(|listener| listener.host.as_ref())
        };
        self.sip.federation_host.as_ref().or_else(of_listener)
    }
}
