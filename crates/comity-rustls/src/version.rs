use std::fmt;

use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246), with authenticated encryption and ephemeral keys only.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsVersion {
    pub(crate) fn code(self) -> ProtocolVersion {
        self.to_rustls().version
    }

    pub(crate) fn to_rustls(self) -> &'static SupportedProtocolVersion {
        match self {
            Self::Tls12 => &TLS12,
            Self::Tls13 => &TLS13,
        }
    }

    /// Whether a suite belongs to the version.
    pub(crate) fn has(self, suite: &SupportedCipherSuite) -> bool {
        matches!(
            (self, suite),
            (Self::Tls12, SupportedCipherSuite::Tls12(_))
                | (Self::Tls13, SupportedCipherSuite::Tls13(_))
        )
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}
