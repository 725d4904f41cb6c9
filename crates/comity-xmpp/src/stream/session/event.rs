use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use comity_identity::DomainName;

use crate::stream::{PeerCertificate, Rejection, Stage};
use crate::xml;

/// Names a session for its whole life. On a session that a client opened it is the id in our stream
/// header (RFC 6120 §4.7.3).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// The id of a session by what its stream header says.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For whom sessions are, and what they may hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The domains that are ours.
    pub domains: Arc<BTreeSet<DomainName>>,
    /// XML from the other side, which has proved nothing.
    pub xml: xml::Limits,
    /// Sessions at a time. Default 1000.
    pub max_sessions: usize,
    /// From the connection to the request for TLS, and from there to the end of the handshake.
    /// Default 30 s each.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            domains: Arc::default(),
            xml: xml::Limits::unauthenticated(),
            max_sessions: 1000,
            timeout: Duration::from_secs(30),
        }
    }
}

/// How to start TLS on a session. Keys are named, and looked up by the composer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a session has two directions")]
pub enum StartTls {
    /// Towards a client: we are the TLS server.
    ToClient {
        /// The name of our private key and certificate. It must be given.
        key: Option<Box<str>>,
        /// Whether the client can or must show a certificate.
        client_auth: ClientAuth,
    },
    /// Towards a server: we are the TLS client.
    ToServer {
        /// The name of the key and certificate to show if the server asks for one.
        key: Option<Box<str>>,
    },
}

/// Whether a client shows a certificate.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "never, if it has one, always")]
pub enum ClientAuth {
    /// It is not asked for one.
    #[default]
    None,
    /// It is asked, and may have none.
    Optional,
    /// It is asked, and a session without one is closed.
    Required,
}

/// What the composer of sessions must know or do.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The session is over: close its connection.
    Closed {
        /// Which one.
        session: SessionId,
        /// Why.
        reason: CloseReason,
    },
    /// The server at the other end offers TLS: [`start_tls`](super::Sessions::start_tls) may be called.
    Offered {
        /// On which session.
        session: SessionId,
    },
    /// The client at the other end asks for TLS: [`start_tls`](super::Sessions::start_tls) answers it.
    Requested {
        /// On which session.
        session: SessionId,
    },
    /// TLS is up: everything that follows is for whoever takes the session over, from a new stream
    /// header on.
    Secured {
        /// Which one.
        session: SessionId,
        /// What the other side has shown.
        certificate: PeerCertificate,
    },
    /// Start the TLS handshake now. Every byte in clear text has been transmitted.
    StartTls {
        /// On which session.
        session: SessionId,
        /// How.
        parameters: StartTls,
    },
}

/// Why a session ended before it was handed over.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// A certificate is required of the client, and it has shown none.
    #[error("the client has shown no certificate")]
    CertificateAbsent,
    /// We closed it.
    #[error("closed")]
    Closed,
    /// The connection ended.
    #[error("the connection ended")]
    ConnectionLost,
    /// The other side ended the stream, with or without an error.
    #[error("closed by the other side")]
    PeerClosed,
    /// The server does not offer TLS, or has withdrawn the offer.
    #[error("the server offers no TLS")]
    NotOffered,
    /// We ended it for something that the other side did.
    #[error("{0}")]
    Rejected(Rejection),
    /// The handshake failed.
    #[error("the TLS handshake failed: {0}")]
    TlsFailed(Box<str>),
    /// Something took too long.
    #[error("{0} took too long")]
    TimedOut(Stage),
}

/// Why TLS is not started on a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StartTlsError {
    /// TLS has been started already.
    #[error("TLS has been started already")]
    AlreadyStarted,
    /// Towards a client a private key is needed.
    #[error("a private key is needed towards a client")]
    MissingPrivateKey,
    /// The other side has not yet asked for TLS or offered it.
    #[error("the other side has not yet asked for TLS or offered it")]
    NotReady,
    /// There is no session of that id.
    #[error("there is no session of that id")]
    UnknownSession,
    /// The session goes the other way.
    #[error("the session goes the other way")]
    WrongDirection,
}

/// There is no room for another session.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many sessions")]
#[non_exhaustive]
pub struct TooManySessions;

/// Bytes for the connection of one session.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Transmit {
    /// Which session.
    pub session: SessionId,
    /// How many were appended.
    pub len: usize,
}
