use std::net::SocketAddr;

use comity_identity::DomainName;

use crate::Transport;

/// An address to which a request can be sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Target {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// Who has to be there, the one to ask for first. Over TLS the peer must prove one of these names;
    /// without a name any peer will do.
    pub names: Vec<DomainName>,
}

impl Target {
    /// An address at which any peer will do.
    #[must_use]
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            names: Vec::new(),
        }
    }

    /// The same, where somebody has to be, or whoever was named before.
    #[must_use]
    pub fn named(mut self, name: DomainName) -> Self {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        self
    }

    /// Whether a peer that proved these names may be there: it proved one of ours, which in clear text
    /// nobody can, or none is needed.
    pub(crate) fn is_met_by(&self, proved: &[DomainName]) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| proved.contains(name))
    }
}
