use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use comity_identity::DomainName;

use crate::message::{RecordName, SrvData};
use crate::service::{SIP_FEDERATION, SipTransport, XMPP_PORT, XMPP_SERVER};

/// What we serve, and where.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Inventory {
    /// The domains of our users.
    pub local_domains: Vec<DomainName>,
    /// The domains of their addresses for mail, where others may use these.
    pub email_domains: Vec<DomainName>,
    /// The names of our chat nodes.
    pub chat_aliases: Vec<DomainName>,
    /// The names of our managed file transfer.
    pub file_transfer_aliases: Vec<DomainName>,
    /// Our nodes for XMPP; none if others do not reach us by it.
    pub nodes: Vec<Node>,
    /// Our edge for SIP, if others reach us by it.
    pub edge: Option<Edge>,
}

/// A node for XMPP as others see it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// Its public name.
    pub name: DomainName,
    /// Its public port; another than 5269 where several nodes share an address.
    pub port: u16,
    /// Its public addresses; none if they are not to be checked.
    pub addresses: Vec<IpAddr>,
}

impl Node {
    /// A node on port 5269.
    #[must_use]
    pub fn new(name: DomainName, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            name,
            port: XMPP_PORT,
            addresses: addresses.into_iter().collect(),
        }
    }
}

/// The edge for SIP as others see it: the name that all local domains have to lead to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Edge {
    /// The federation routing FQDN.
    pub name: DomainName,
    /// Its public port; 5061 is what Microsoft servers expect.
    pub port: u16,
    /// Its public addresses; none if they are not to be checked.
    pub addresses: Vec<IpAddr>,
}

impl Edge {
    /// An edge on port 5061.
    #[must_use]
    pub fn new(name: DomainName) -> Self {
        Self {
            name,
            port: SipTransport::Tls.port(),
            addresses: Vec::new(),
        }
    }
}

/// A record that has to be published. Its `Display` is a line of a zone file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WantedRecord {
    /// An SRV record.
    Service {
        /// Its owner.
        owner: RecordName,
        /// Its data. Any priority and weight will do if they are the same for all nodes.
        data: SrvData,
    },
    /// An A or AAAA record.
    Address {
        /// Its owner.
        owner: DomainName,
        /// The address.
        address: IpAddr,
    },
}

impl Inventory {
    /// The records that have to be published, each once.
    #[must_use]
    pub fn records(&self) -> Vec<WantedRecord> {
        let xmpp = self.xmpp_domains().into_iter().flat_map(|domain| {
            let nodes = self.nodes.iter();
            nodes.filter_map(move |node| service(&XMPP_SERVER, domain, &node.name, node.port))
        });
        let sip = self.sip_domains().into_iter().filter_map(|domain| {
            let edge = self.edge.as_ref()?;
            service(&SIP_FEDERATION, domain, &edge.name, edge.port)
        });
        let addresses = self.hosts().flat_map(|(name, addresses)| {
            addresses.iter().map(|&address| WantedRecord::Address {
                owner: name.clone(),
                address,
            })
        });
        let mut records = Vec::new();
        for record in xmpp.chain(sip).chain(addresses) {
            if !records.contains(&record) {
                records.push(record);
            }
        }
        records
    }

    /// The domains that others reach by XMPP. Chat nodes and file transfer are domains of their own to
    /// others (RFC 6120 §3.2.4).
    pub(super) fn xmpp_domains(&self) -> Vec<&DomainName> {
        if self.nodes.is_empty() {
            return Vec::new();
        }
        once(
            self.local_domains
                .iter()
                .chain(&self.email_domains)
                .chain(&self.chat_aliases)
                .chain(&self.file_transfer_aliases),
        )
    }

    /// The domains that others reach by SIP.
    pub(super) fn sip_domains(&self) -> Vec<&DomainName> {
        if self.edge.is_none() {
            return Vec::new();
        }
        once(self.local_domains.iter().chain(&self.email_domains))
    }

    /// Our hosts and their addresses.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (&DomainName, &[IpAddr])> {
        let nodes = self.nodes.iter();
        let nodes = nodes.map(|node| (&node.name, node.addresses.as_slice()));
        let edge = self.edge.iter();
        nodes.chain(edge.map(|edge| (&edge.name, edge.addresses.as_slice())))
    }
}

fn once<'a>(domains: impl Iterator<Item = &'a DomainName>) -> Vec<&'a DomainName> {
    let mut seen = BTreeSet::new();
    domains.filter(|domain| seen.insert(*domain)).collect()
}

/// `None` if DNS has no room for the labels before the domain.
fn service(
    labels: &[&str],
    domain: &DomainName,
    target: &DomainName,
    port: u16,
) -> Option<WantedRecord> {
    Some(WantedRecord::Service {
        owner: RecordName::below(labels, domain)?,
        data: SrvData {
            priority: 0,
            weight: 0,
            port,
            target: RecordName::from(target),
        },
    })
}

impl fmt::Display for WantedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { owner, data } => write!(
                f,
                "{owner}. SRV {} {} {} {}.",
                data.priority, data.weight, data.port, data.target
            ),
            Self::Address { owner, address } => {
                let kind = match address {
                    IpAddr::V4(_) => "A",
                    IpAddr::V6(_) => "AAAA",
                };
                write!(f, "{owner}. {kind} {address}")
            }
        }
    }
}
