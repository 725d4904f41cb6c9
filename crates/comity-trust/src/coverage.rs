use std::collections::BTreeSet;
use std::fmt;

use comity_identity::{DomainName, Host};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::certificate::Certificate;
use crate::identifier::{Identifier, Name};
use crate::matching;
use crate::names::{Names, NamesError};
use crate::policy::{CommonName, Limits};
use crate::purpose::Purposes;
use crate::reference::{Forms, Service};
use crate::tlv::Fault;

/// What a site serves, so far as its certificate must name it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Inventory {
    /// The domains of its users, those that have none yet among them.
    pub local_domains: BTreeSet<DomainName>,
    /// The domains of its users' email addresses, where federated contacts see these.
    pub email_domains: BTreeSet<DomainName>,
    /// The domains of its chat rooms.
    pub chat_aliases: BTreeSet<DomainName>,
    /// The domains of its file transfer.
    pub file_transfer_aliases: BTreeSet<DomainName>,
    /// The host names of its servers, to which SIP peers connect.
    pub nodes: BTreeSet<DomainName>,
    /// The protocols that it federates by. Default: XMPP.
    pub protocols: Protocols,
}

/// The protocols that a site federates by.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "all subsets but the empty one")]
pub enum Protocols {
    /// Both.
    Both,
    /// SIP alone.
    Sip,
    /// XMPP alone.
    #[default]
    Xmpp,
}

impl Protocols {
    fn sip(self) -> bool {
        match self {
            Self::Both | Self::Sip => true,
            Self::Xmpp => false,
        }
    }

    fn xmpp(self) -> bool {
        match self {
            Self::Both | Self::Xmpp => true,
            Self::Sip => false,
        }
    }
}

/// Something that a certificate must name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct Need {
    /// What it is.
    pub kind: NeedKind,
    /// Its name.
    pub name: DomainName,
    /// By which protocol it is reached.
    pub protocol: Protocol,
}

impl Need {
    /// The names that satisfy it, the best one first.
    #[must_use]
    pub fn expected(&self) -> Vec<Identifier> {
        let host = Host::Domain(self.name.clone());
        self.protocol.forms().expected(&host)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} {} over {}", self.kind, self.name, self.protocol)
    }
}

/// What has to be named.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum NeedKind {
    /// A domain of chat rooms.
    ChatAlias,
    /// A domain of email addresses.
    EmailDomain,
    /// A domain of file transfer.
    FileTransferAlias,
    /// A domain of users.
    LocalDomain,
    /// A server.
    Node,
}

impl fmt::Display for NeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChatAlias => "chat alias",
            Self::EmailDomain => "email domain",
            Self::FileTransferAlias => "file transfer alias",
            Self::LocalDomain => "local domain",
            Self::Node => "node",
        })
    }
}

/// A protocol, by whose rules a certificate names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "those that comity speaks")]
pub enum Protocol {
    /// SIP: RFC 5922.
    Sip,
    /// XMPP between servers: RFC 6120 §13.7.
    Xmpp,
}

impl Protocol {
    fn forms(self) -> Forms {
        match self {
            Self::Sip => Forms::Sip,
            Self::Xmpp => Forms::Xmpp(Service::XmppServer),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sip => "SIP",
            Self::Xmpp => "XMPP",
        })
    }
}

impl Inventory {
    /// What the certificate of `servers` must name.
    #[must_use]
    pub fn needs(&self, servers: Servers<'_>) -> Vec<Need> {
        let everywhere = [
            (NeedKind::LocalDomain, &self.local_domains),
            (NeedKind::EmailDomain, &self.email_domains),
        ];
        let over_xmpp = [
            (NeedKind::ChatAlias, &self.chat_aliases),
            (NeedKind::FileTransferAlias, &self.file_transfer_aliases),
        ];
        let nodes = match servers {
            Servers::All => self.nodes.clone(),
            Servers::One(node) => BTreeSet::from([node.clone()]),
        };
        let over_sip = [(NeedKind::Node, &nodes)];
        let mut needs = Vec::new();
        let mut add = |protocol, sets: &[(NeedKind, &BTreeSet<DomainName>)]| {
            for (kind, names) in sets {
                needs.extend(names.iter().map(|name| Need {
                    kind: *kind,
                    name: name.clone(),
                    protocol,
                }));
            }
        };
        if self.protocols.xmpp() {
            add(Protocol::Xmpp, &everywhere);
            add(Protocol::Xmpp, &over_xmpp);
        }
        if self.protocols.sip() {
            add(Protocol::Sip, &everywhere);
            add(Protocol::Sip, &over_sip);
        }
        needs
    }

    /// The names to ask a CA for: of every name a dNSName, which all peers read; of what is reached
    /// over XMPP an SRVName and an XmppAddr too, and of what is reached over SIP a `sip` URI.
    ///
    /// With one `sip` URI in a certificate its dNSNames no longer count for SIP (RFC 5922 §7.1),
    /// so that either all SIP names have one or none.
    #[must_use]
    pub fn names(&self, servers: Servers<'_>) -> Vec<Identifier> {
        let needs = self.needs(servers);
        let dns = needs
            .iter()
            .map(|need| Identifier::Dns(need.name.as_str().into()));
        let special = needs.iter().flat_map(|need| {
            let name = &need.name;
            match need.protocol {
                Protocol::Sip => vec![Identifier::Uri(format!("sip:{name}").into())],
                Protocol::Xmpp => vec![
                    Identifier::Srv(format!("_xmpp-server.{name}").into()),
                    Identifier::Xmpp(name.as_str().into()),
                ],
            }
        });
        let mut seen = BTreeSet::new();
        dns.chain(special)
            .filter(|name| seen.insert(name.clone()))
            .collect()
    }

    /// What a certificate of `servers` names of what it must, and what else.
    ///
    /// # Errors
    ///
    /// The certificate is malformed, of an old version or has too many names.
    pub fn coverage(
        &self,
        servers: Servers<'_>,
        certificate: &CertificateDer<'_>,
        limits: &Limits,
    ) -> Result<Coverage, CoverageError> {
        let fields = Certificate::parse(certificate)?;
        let limit = limits.max_names;
        let names = Names::of(&fields, limit).map_err(|error| match error {
            NamesError::Malformed => CoverageError::Malformed,
            NamesError::TooMany => CoverageError::TooManyNames { limit },
        })?;
        let purposes = Purposes::parse(fields.extended_key_usage()?)?;
        let needs = self.needs(servers);
        let missing = needs
            .iter()
            .filter(|need| !matching::names(&names, need.protocol.forms(), &need.name))
            .cloned()
            .collect();
        let both_roles = if purposes.serve_both_roles() {
            BothRoles::Served
        } else {
            BothRoles::NotServed
        };
        Ok(Coverage {
            missing,
            superfluous: superfluous(&names, &needs),
            both_roles,
            not_after: fields.not_after,
        })
    }
}

/// For which servers a certificate is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Servers<'a> {
    /// For all nodes: one certificate, copied to each.
    All,
    /// For this node alone.
    One(&'a DomainName),
}

/// What a certificate names of what it must, and what else.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Coverage {
    /// What it should name and does not: peers will refuse it for that.
    pub missing: Vec<Need>,
    /// What it names and need not: left from an earlier configuration, perhaps.
    pub superfluous: Vec<Identifier>,
    /// Whether it may serve both as a server's and as a client's, as mutual TLS asks.
    pub both_roles: BothRoles,
    /// The last second of its validity.
    pub not_after: UnixTime,
}

impl Coverage {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.both_roles == BothRoles::Served
    }
}

/// Whether a certificate may serve as a server's and as a client's (RFC 5280 §4.2.1.12).
///
/// Public CAs no longer issue such. Between XMPP servers most peers accept serverAuth alone;
/// Microsoft's and Cisco's ask for both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum BothRoles {
    /// It lacks serverAuth or clientAuth.
    NotServed,
    /// It has both, or no extended key usage at all.
    Served,
}

/// Why the coverage of a certificate cannot be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CoverageError {
    /// It is not the DER of a certificate, or its names are not.
    #[error("the certificate is malformed")]
    Malformed,
    /// It has more names than the limit.
    #[error("the certificate has more than {limit} names")]
    TooManyNames {
        /// The limit.
        limit: usize,
    },
    /// It is not X.509 version 3.
    #[error("the certificate is not an X.509 version 3 certificate")]
    Version,
}

impl From<Fault> for CoverageError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::Malformed,
            Fault::Version => Self::Version,
        }
    }
}

/// The subject alternative names that satisfy no need.
fn superfluous(names: &Names<'_>, needs: &[Need]) -> Vec<Identifier> {
    let wanted: BTreeSet<&DomainName> = needs.iter().map(|need| &need.name).collect();
    let is_wanted = |name: Name<'_>| {
        let only = Names::one(name);
        let forms = [
            Forms::Host,
            Forms::Sip,
            Forms::Xmpp(Service::XmppServer),
            Forms::Xmpp(Service::XmppClient),
        ];
        forms.into_iter().any(|forms| {
            let everyone = matching::everyone(&only, forms, CommonName::Off);
            match everyone.first().map(|found| &found.subject) {
                Some(Host::Domain(domain)) => wanted.contains(domain),
                Some(Host::Ip(_)) => false,
                // A wildcard, or no name of these forms.
                None => wanted
                    .iter()
                    .any(|name| matching::names(&only, forms, name)),
            }
        })
    };
    let alternatives = names.list.iter().filter(|name| match name {
        Name::Subject(_) => false,
        Name::Dns(_) | Name::Ip(_) | Name::Srv(_) | Name::Uri(_) | Name::Xmpp(_) => true,
    });
    alternatives
        .filter(|name| !is_wanted(**name))
        .filter_map(|name| name.identifier())
        .collect()
}
