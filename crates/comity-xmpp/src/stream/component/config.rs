use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use comity_identity::DomainName;
use sha1::{Digest, Sha1};

use crate::dialback::hex;
use crate::xml;

/// Which component this is, and what its stream may hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The domain of the component.
    pub domain: DomainName,
    /// What the component shares with its server.
    pub secret: Secret,
    /// How the stream is kept alive. Default: by spaces.
    pub keep_alive: KeepAlive,
    /// The bounds.
    pub limits: Limits,
}

impl Config {
    /// The component of a domain, with all else as it is by default.
    #[must_use]
    pub fn new(domain: DomainName, secret: Secret) -> Self {
        Self {
            domain,
            secret,
            keep_alive: KeepAlive::default(),
            limits: Limits::default(),
        }
    }
}

/// What a component and its server share. It is never shown.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a secret as the server is configured with it.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(secret.into())
    }

    /// The proof for the stream that the server named `id` (XEP-0114 §3).
    pub(super) fn proof(&self, id: &str) -> String {
        let hash = Sha1::new_with_prefix(id).chain_update(self.0.as_bytes());
        hex(&hash.finalize())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

/// How a quiet stream is kept alive.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the server answers or it does not")]
pub enum KeepAlive {
    /// By a space when we have sent nothing for a while (RFC 6120 §4.6.1). That the server is gone
    /// shows when the connection breaks.
    #[default]
    Space,
    /// By a ping to this domain, that of the server, when nothing has come for a while (XEP-0199). If
    /// nothing comes then either, the stream ends.
    Ping(DomainName),
}

/// Bounds on what the server of a component can make its stream hold or wait for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// XML before the server has accepted the component.
    pub negotiation: xml::Limits,
    /// XML after that.
    pub stanzas: xml::Limits,
    /// From the beginning until the server has accepted the component. Default 30 s.
    pub negotiation_timeout: Duration,
    /// Of silence until the stream is kept alive; at least 1 s. Default 60 s: on a connection to the
    /// next machine it costs little.
    pub keep_alive: Duration,
    /// For something to come after a ping. Default 30 s.
    pub ping_timeout: Duration,
    /// For the server to close its direction after we closed ours. Default 5 s.
    pub close_timeout: Duration,
    /// Bytes that have not been fetched, above which `send` refuses. Default 1 MiB.
    pub max_output_bytes: usize,
    /// Stanzas that are tracked and have not been written, above which `send` refuses. Default 1000.
    pub max_unwritten_stanzas: usize,
    /// What these may take. Default 4 MiB.
    pub max_unwritten_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            negotiation: xml::Limits::unauthenticated(),
            stanzas: xml::Limits::default(),
            negotiation_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            max_output_bytes: 1024 * 1024,
            max_unwritten_stanzas: 1000,
            max_unwritten_bytes: 4 * 1024 * 1024,
        }
    }
}
