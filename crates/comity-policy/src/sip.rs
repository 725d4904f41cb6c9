use std::fmt;

use comity_identity::DomainName;

use crate::Switch;

/// A domain that is federated over SIP.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct FederatedDomain {
    /// Its name.
    pub name: DomainName,
    /// What users are shown of it.
    pub description: String,
    /// What its servers are.
    pub kind: PeerKind,
    /// Whether its servers are reached without an edge in between: then peers are the front ends
    /// themselves. Default: off.
    pub direct: Switch,
}

impl FederatedDomain {
    /// A domain behind an edge, without a description.
    #[must_use]
    pub fn new(name: DomainName, kind: PeerKind) -> Self {
        Self {
            name,
            description: String::new(),
            kind,
            direct: Switch::Off,
        }
    }
}

impl fmt::Display for FederatedDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "federated domain {} ({}", self.name, self.kind)?;
        match self.direct {
            Switch::On => f.write_str(", direct)"),
            Switch::Off => f.write_str(")"),
        }
    }
}

/// What the servers of a SIP domain are.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum PeerKind {
    /// Microsoft OCS, Lync or Skype for Business.
    Microsoft,
    /// SIP with SIMPLE by the standards.
    Standard,
}

impl fmt::Display for PeerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Microsoft => "microsoft",
            Self::Standard => "standard",
        })
    }
}
