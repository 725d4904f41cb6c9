use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use comity_identity::{Direction, DomainName};
use comity_xmpp::router::ConnectionId;

/// Bytes of a stream on their way, as they are without TLS: anything from a part of a stanza to several.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Traffic<'a> {
    /// When they came, or were given to the connection.
    pub now: Instant,
    /// Inbound if they came, outbound if they leave.
    pub direction: Direction,
    /// What they go over.
    pub line: Line<'a>,
    /// The bytes, texts of users and all.
    pub bytes: &'a [u8],
}

/// What bytes of XMPP go over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Line<'a> {
    /// A connection between servers, as events name it.
    Connection(ConnectionId),
    /// The link of the component for this domain.
    Component(&'a DomainName),
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(connection) => connection.fmt(f),
            Self::Component(domain) => write!(f, "component {domain}"),
        }
    }
}

/// Somebody who looks on at the bytes of all streams, or of a component.
///
/// It is called on the task that serves them all, and must not hold that up.
#[derive(Clone)]
pub struct Tap(Arc<dyn Fn(Traffic<'_>) + Send + Sync>);

impl Tap {
    /// One that does this with what it sees.
    pub fn new(look: impl Fn(Traffic<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    pub(crate) fn show(&self, traffic: Traffic<'_>) {
        (self.0)(traffic);
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").finish_non_exhaustive()
    }
}
