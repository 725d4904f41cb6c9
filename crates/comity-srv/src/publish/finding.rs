use std::fmt;
use std::net::IpAddr;

use comity_identity::DomainName;

use crate::address::Forbidden;
use crate::message::RecordName;
use crate::plan::Failure;
use crate::service::Messaging;

/// What is wrong with what is published. Its `Display` says what it means.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// A domain has no SRV record.
    Missing {
        /// The owner of the missing record.
        owner: RecordName,
        /// The domain.
        domain: DomainName,
        /// What it is not reached by.
        messaging: Messaging,
    },
    /// The target of a domain's SRV record is `.`.
    Refused {
        /// The owner of the record.
        owner: RecordName,
    },
    /// It could not be found out what is published.
    Unknown {
        /// The owner of the records.
        owner: RecordName,
        /// Why.
        failure: Failure,
    },
    /// A node or the edge is not among the targets.
    NodeMissing {
        /// The owner of the records.
        owner: RecordName,
        /// The node.
        node: DomainName,
        /// Its port.
        port: u16,
    },
    /// A target is none of ours.
    Stranger {
        /// The owner of the record.
        owner: RecordName,
        /// Its target.
        target: RecordName,
        /// Its port.
        port: u16,
    },
    /// Priorities or weights differ, so that some nodes get more than their share or nothing.
    Uneven {
        /// The owner of the records.
        owner: RecordName,
    },
    /// There are several targets for SIP. Microsoft servers use only one.
    SeveralTargets {
        /// The owner of the records.
        owner: RecordName,
    },
    /// The records for SIP of our domains have different targets. Microsoft servers know one edge.
    TargetsDiffer {
        /// The targets.
        targets: Vec<RecordName>,
    },
    /// A target is an alias, which RFC 2782 forbids. Some do not follow it.
    TargetIsAlias {
        /// The target.
        target: DomainName,
        /// What it leads to.
        to: RecordName,
    },
    /// A target has no address.
    NoAddress {
        /// The target.
        target: DomainName,
    },
    /// One of our addresses is not published.
    AddressMissing {
        /// The node.
        node: DomainName,
        /// The address.
        address: IpAddr,
    },
    /// An address is published that is none of ours: a request may go there, and be lost.
    AddressUnknown {
        /// The node.
        node: DomainName,
        /// The address.
        address: IpAddr,
    },
    /// An address is published that others cannot or must not dial.
    AddressForbidden {
        /// The target.
        target: DomainName,
        /// The address.
        address: IpAddr,
        /// Why.
        reason: Forbidden,
    },
    /// The edge has several addresses of one family. Microsoft servers use only one, and presence is
    /// lost after a short time if an internal and an external edge share a name.
    SeveralAddresses {
        /// The edge.
        target: DomainName,
    },
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "tools turn each into a mark")]
pub enum Severity {
    /// It works with some peers, or most of the time.
    Warning,
    /// Others do not reach us.
    Error,
}

impl Finding {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Missing { .. }
            | Self::Refused { .. }
            | Self::Unknown { .. }
            | Self::TargetsDiffer { .. }
            | Self::NoAddress { .. }
            | Self::AddressForbidden { .. } => Severity::Error,
            Self::NodeMissing { .. }
            | Self::Stranger { .. }
            | Self::Uneven { .. }
            | Self::SeveralTargets { .. }
            | Self::TargetIsAlias { .. }
            | Self::AddressMissing { .. }
            | Self::AddressUnknown { .. }
            | Self::SeveralAddresses { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing {
                owner,
                domain,
                messaging,
            } => write!(
                f,
                "{owner} has no SRV record: others cannot find {domain} by {messaging}"
            ),
            Self::Refused { owner } => {
                write!(f, "{owner} says that the service is not offered")
            }
            Self::Unknown { owner, failure } => {
                write!(f, "{owner} could not be looked up: {failure}")
            }
            Self::NodeMissing { owner, node, port } => {
                write!(f, "{owner} does not name {node} port {port}")
            }
            Self::Stranger {
                owner,
                target,
                port,
            } => write!(
                f,
                "{owner} names {target} port {port}, which is none of ours"
            ),
            Self::Uneven { owner } => write!(
                f,
                "{owner} has records of different priority or weight: the nodes do not share alike"
            ),
            Self::SeveralTargets { owner } => write!(
                f,
                "{owner} has several records: Microsoft servers use only one of them"
            ),
            Self::TargetsDiffer { targets } => {
                f.write_str(
                    "our domains lead to different edges, where Microsoft servers know one: ",
                )?;
                for (place, target) in targets.iter().enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    write!(f, "{comma}{target}")?;
                }
                Ok(())
            }
            Self::TargetIsAlias { target, to } => write!(
                f,
                "the target {target} is an alias of {to}, which SRV records must not name"
            ),
            Self::NoAddress { target } => write!(f, "the target {target} has no address"),
            Self::AddressMissing { node, address } => {
                write!(f, "{node} does not have its address {address}")
            }
            Self::AddressUnknown { node, address } => {
                write!(f, "{node} has the address {address}, which is none of ours")
            }
            Self::AddressForbidden {
                target,
                address,
                reason,
            } => write!(
                f,
                "{target} has {reason}, {address}, which others do not dial"
            ),
            Self::SeveralAddresses { target } => write!(
                f,
                "the edge {target} has several addresses: Microsoft servers use only one of them, \
                 and an internal edge under the same name takes what is for the external one"
            ),
        }
    }
}
