use comity_machine::QueryId;

use super::proof::{Authorized, DialbackProof, Method, Pair};
use crate::decision::Refusal;
use crate::stanza::AddressError;
use crate::xml::ParseError;
use crate::{Security, Stanza, StanzaCondition, StreamCondition};

/// What the composer of a stream must know or answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Does the certificate of this TLS session prove `domain`?
    /// Answered by [`handle_verdict`](super::Stream::handle_verdict).
    Authenticate {
        /// The question.
        query: QueryId,
        /// What the certificate must name.
        domain: comity_identity::DomainName,
    },
    /// May this pair federate towards us, and under which rules?
    /// Answered by [`handle_decision`](super::Stream::handle_decision).
    Authorize {
        /// The question.
        query: QueryId,
        /// Our domain and the one that the peer claims.
        pair: Pair,
    },
    /// The peer has proved a pair: its stanzas come from now on.
    Authorized(Authorized),
    /// The stream is over; nothing follows.
    Closed(CloseReason),
    /// A stanza was dropped by a rule.
    Dropped(DropReason),
    /// A stream that we initiated can carry our stanzas.
    Established {
        /// The domains.
        pair: Pair,
        /// How we proved ours to the peer.
        method: Method,
    },
    /// The peer did not accept our dialback key: no stanza can be sent.
    Refused(PairRefusal),
    /// A stanza of a proved pair.
    Stanza {
        /// The stanza.
        stanza: Stanza,
        /// The method by which its pair was proved.
        method: Method,
    },
    /// Start the TLS handshake now, as a client on an initiated stream and as a server on a
    /// received one.
    StartTls,
    /// The answer to a [`verify`](super::Stream::verify) request.
    Verified {
        /// The request.
        request: VerifyRequest,
        /// What the authoritative server said.
        verification: Verification,
    },
    /// Ask the authoritative server of the pair's remote domain about a dialback key.
    /// Answered by [`handle_verification`](super::Stream::handle_verification).
    Verify {
        /// The question.
        query: QueryId,
        /// What to ask.
        request: VerifyRequest,
    },
    /// The answer to a question about a dialback key is no longer needed: to
    /// [`Authorize`](Self::Authorize), [`Authenticate`](Self::Authenticate) or
    /// [`Verify`](Self::Verify).
    Withdrawn {
        /// The question.
        query: QueryId,
    },
}

/// The rule by which a stanza of a peer was dropped, its stream going on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// The localpart or resourcepart of an address is malformed. One user's odd name does not end
    /// the stream of a whole domain.
    #[error("{0}")]
    Address(AddressError),
    /// It came on a stream that we initiated, which carries stanzas the other way. Some servers
    /// send their errors there.
    #[error("a stanza on a stream that carries stanzas the other way")]
    WrongDirection,
}

/// What a policy says about a pair of domains.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Decision {
    /// They may federate in this direction, under these rules.
    Allow(Security),
    /// They may not.
    Deny,
}

/// A dialback key to be confirmed by the authoritative server (XEP-0220 §2.1.2).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct VerifyRequest {
    /// Our domain, and the domain that the key speaks for.
    pub pair: Pair,
    /// The id of the stream that the key came on.
    pub id: Box<str>,
    /// The key.
    pub key: Box<str>,
}

/// What came of the question to the authoritative server.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Verification {
    /// It confirmed the key.
    Valid(DialbackProof),
    /// It denied the key.
    Invalid,
    /// It could not be asked or gave no verdict; the peer is told this condition.
    Failed(StanzaCondition),
}

/// Why a peer does not accept stanzas of a pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PairRefusal {
    /// Our own server denied our key.
    #[error("the peer found our dialback key invalid")]
    Invalid,
    /// The peer could not or would not verify the key.
    #[error("the peer could not verify our dialback key: {0}")]
    Error(StanzaCondition),
}

/// Why a stream ended.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// We closed it.
    #[error("closed")]
    Closed,
    /// The connection ended without the end of the stream.
    #[error("the connection ended inside the stream")]
    ConnectionLost,
    /// Nothing came for the idle time.
    #[error("idle")]
    Idle,
    /// The peer ended the stream.
    #[error("closed by the peer")]
    PeerClosed,
    /// The peer ended the stream with an error.
    #[error("closed by the peer: {0}")]
    PeerError(PeerError),
    /// We ended it for something that the peer did. The peer was told, unless it waited for a TLS
    /// handshake or our direction was closed before.
    #[error("{0}")]
    Rejected(Rejection),
    /// The TLS handshake did not come about.
    #[error("the TLS handshake failed: {0}")]
    TlsFailed(Box<str>),
    /// Something took too long.
    #[error("{0} took too long")]
    TimedOut(Stage),
}

/// A part of a stream's life that has a deadline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// The peer's close of its direction.
    Close,
    /// The connection itself.
    Connect,
    /// Everything up to the first proved pair.
    Negotiation,
    /// The TLS handshake.
    Tls,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Close => "closing",
            Self::Connect => "connecting",
            Self::Negotiation => "negotiation",
            Self::Tls => "the TLS handshake",
        })
    }
}

/// The stream error that a peer sent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeerError {
    /// The condition; `undefined-condition` if it has none that we know.
    pub condition: StreamCondition,
    /// The peer's own words, cut to 256 characters.
    pub text: Box<str>,
}

impl std::fmt::Display for PeerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.condition)?;
        if !self.text.is_empty() {
            write!(f, " ({})", self.text.escape_debug())?;
        }
        Ok(())
    }
}

/// What a peer did that ends the stream with an error.
///
/// Its text is sent along, so that the peer's operator can act on it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// A stanza or header without the addresses that it must have.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// The header names no domain of ours that could be meant.
    #[error("this server does not serve {0:?}")]
    HostUnknown(Box<str>),
    /// A stanza's `from` is in no domain that the peer has proved.
    #[error("the domain of 'from' was not proved on this stream")]
    InvalidFrom,
    /// The header's `from` differs from what was proved or asked for.
    #[error("the header's 'from' is not the domain that this stream is for")]
    WrongPeer,
    /// The header's `from` is a domain of ours.
    #[error("the header's 'from' is a domain of this server")]
    LocalFrom,
    /// The content namespace is not `jabber:server`.
    #[error("the content namespace is not jabber:server")]
    ContentNamespace,
    /// Clear text followed the request to start TLS.
    #[error("data behind the request to start TLS")]
    DataBeforeTls,
    /// The policy does not let these domains federate.
    #[error("policy does not allow federation between these domains")]
    Denied,
    /// A message, presence or iq before its sender's domain was proved.
    #[error("a stanza before authentication")]
    NotAuthorized,
    /// A stanza whose name has a prefix (RFC 6120 §4.8.5).
    #[error("the content namespace has a prefix")]
    PrefixedStanza,
    /// A stanza for a pair of which the sender is proved and the recipient is not.
    #[error("the domain of 'to' was not proved together with that of 'from' on this stream")]
    PairNotAuthorized,
    /// The peer does not fetch what was sent.
    #[error("the peer does not read what it is sent")]
    OutputLimit,
    /// More came than may be held while an answer is awaited.
    #[error("more than {0} bytes before an answer")]
    HeldLimit(usize),
    /// No way to prove the domain is left; for a certificate, why it did not do.
    #[error("{refusal}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    Refused {
        /// What is missing.
        refusal: Refusal,
        /// What the certificate's verdict says, or nothing.
        reason: Box<str>,
    },
    /// The response header has no id.
    #[error("the stream has no id")]
    NoId,
    /// The stream element is not in the stream namespace.
    #[error("the stream namespace is not http://etherx.jabber.org/streams")]
    StreamNamespace,
    /// Too many attempts to authenticate.
    #[error("too many attempts to authenticate")]
    TooManyAttempts,
    /// Something other than STARTTLS where TLS is required.
    #[error("TLS is required first")]
    TlsRequired,
    /// A first-level element that is no stanza.
    #[error("a first-level element that is neither a stanza nor part of the negotiation")]
    UnsupportedElement,
    /// An element of the negotiation at the wrong time.
    #[error("an element of the negotiation at the wrong time")]
    UnexpectedElement,
    /// A version of XMPP that is not 1.
    #[error("the version of XMPP is not supported")]
    Version,
    /// The XML is not what XMPP allows.
    #[error("{0}")]
    Xml(#[from] ParseError),
}

impl Rejection {
    /// The stream error that the peer gets.
    #[must_use]
    pub fn condition(&self) -> StreamCondition {
        match self {
            Self::Address(_) => StreamCondition::ImproperAddressing,
            Self::HostUnknown(_) => StreamCondition::HostUnknown,
            Self::InvalidFrom | Self::WrongPeer => StreamCondition::InvalidFrom,
            Self::ContentNamespace | Self::StreamNamespace => StreamCondition::InvalidNamespace,
            Self::DataBeforeTls
            | Self::Denied
            | Self::Refused { .. }
            | Self::TlsRequired
            | Self::TooManyAttempts => StreamCondition::PolicyViolation,
            Self::LocalFrom | Self::NotAuthorized | Self::PairNotAuthorized => {
                StreamCondition::NotAuthorized
            }
            Self::PrefixedStanza => StreamCondition::BadNamespacePrefix,
            Self::HeldLimit(_) | Self::OutputLimit => StreamCondition::ResourceConstraint,
            Self::NoId | Self::UnexpectedElement => StreamCondition::InvalidXml,
            Self::UnsupportedElement => StreamCondition::UnsupportedStanzaType,
            Self::Version => StreamCondition::UnsupportedVersion,
            Self::Xml(error) => (*error).into(),
        }
    }
}
