use std::fmt;

/// How firmly the other end of a connection has proved who it is, weakest first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Assurance {
    /// Nothing is known.
    None,
    /// The connection is encrypted, towards whom is not known.
    Encrypted,
    /// The domain's own server confirmed a dialback key (XEP-0220), found through DNS.
    DialedBack,
    /// A certificate chain that we trust names the domain.
    Certified,
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Encrypted => "encrypted",
            Self::DialedBack => "dialed back",
            Self::Certified => "certified",
        })
    }
}

/// Which way packets or connections go, as seen from our domain.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is no third way, and callers should match without a wildcard"
)]
pub enum Direction {
    /// From a federated domain to ours.
    Inbound,
    /// From our domain to a federated one.
    Outbound,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Inbound => Self::Outbound,
            Self::Outbound => Self::Inbound,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_worth_more_than_dialback() {
        let mut all = [
            Assurance::Certified,
            Assurance::None,
            Assurance::DialedBack,
            Assurance::Encrypted,
        ];
        all.sort();
        assert_eq!(
            all.map(|assurance| assurance.to_string()),
            ["none", "encrypted", "dialed back", "certified"]
        );
    }

    #[test]
    fn directions_reverse() {
        assert_eq!(Direction::Inbound.reversed(), Direction::Outbound);
        assert_eq!(Direction::Outbound.reversed().to_string(), "inbound");
    }
}
