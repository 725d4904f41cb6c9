use std::fmt;

use comity_identity::Direction;

use crate::DomainPattern;

/// Remote domains for whose packets the default verdict is inverted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Exception {
    /// The remote domains.
    pub pattern: DomainPattern,
    /// The packets that the exception is about; the default holds for the others.
    pub packets: Packets,
}

impl Exception {
    /// Creates an exception for `packets` from or to the domains of `pattern`.
    #[must_use]
    pub fn new(pattern: DomainPattern, packets: Packets) -> Self {
        Self { pattern, packets }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception {} ({})", self.pattern, self.packets)
    }
}

/// The packets that an exception is about, by direction.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "two directions have these three non-empty sets"
)]
pub enum Packets {
    /// Packets in both directions.
    All,
    /// Packets from the remote domain to ours.
    IncomingOnly,
    /// Packets from our domain to the remote one.
    OutgoingOnly,
}

impl Packets {
    /// Whether packets of `direction` are meant.
    #[must_use]
    pub fn include(self, direction: Direction) -> bool {
        match (self, direction) {
            (Self::All, Direction::Inbound | Direction::Outbound)
            | (Self::IncomingOnly, Direction::Inbound)
            | (Self::OutgoingOnly, Direction::Outbound) => true,
            (Self::IncomingOnly, Direction::Outbound)
            | (Self::OutgoingOnly, Direction::Inbound) => false,
        }
    }
}

impl fmt::Display for Packets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all packets",
            Self::IncomingOnly => "incoming only",
            Self::OutgoingOnly => "outgoing only",
        })
    }
}
