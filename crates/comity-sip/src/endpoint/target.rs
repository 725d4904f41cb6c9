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
    /// Who has to be there. Over TLS the peer must prove it; without a name any peer will do.
    pub name: Option<DomainName>,
}

impl Target {
    /// An address at which any peer will do.
    #[must_use]
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            name: None,
        }
    }

    /// The same, where somebody has to be.
    #[must_use]
    pub fn named(mut self, name: DomainName) -> Self {
        self.name = Some(name);
        self
    }
}
