//! Why a stream ends, and what the peer is told.

use super::output::Detail;
use crate::decision::Refusal;
use crate::stanza::AddressError;
use crate::xml::{Limit, ParseError};
use crate::{StanzaCondition, StreamCondition};

/// Why a stream ended.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer or the network ended it, after something had gone wrong that most likely is why.
    #[error("{setback}; then: {reason}")]
    After {
        /// What went wrong.
        setback: Setback,
        /// How the stream ended.
        reason: Box<Self>,
    },
    /// The certificate that the stream relies on has expired (RFC 6120 §13.7.2.3).
    #[error("the peer's certificate has expired")]
    CertificateExpired,
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
    /// We closed it, and told the peer why.
    #[error("closed: {0}")]
    Farewell(Farewell),
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

impl CloseReason {
    /// How the stream ended, whatever went wrong before.
    #[must_use]
    pub fn last(&self) -> &Self {
        if let Self::After { reason, .. } = self {
            return reason;
        }
        self
    }

    /// Whether the peer or the network ended the stream, so that what went wrong before explains
    /// more.
    pub(super) fn is_unexplained(&self) -> bool {
        match self {
            Self::ConnectionLost | Self::PeerClosed | Self::PeerError(_) | Self::TimedOut(_) => {
                true
            }
            Self::After { .. }
            | Self::CertificateExpired
            | Self::Closed
            | Self::Farewell(_)
            | Self::Idle
            | Self::Rejected(_)
            | Self::TlsFailed(_) => false,
        }
    }
}

/// What went wrong on a stream without ending it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Setback {
    /// The peer refused SASL EXTERNAL, which it had offered.
    #[error("the peer refused our certificate: {condition}{}", in_brackets(text))]
    ExternalRefused {
        /// The condition of the failure (RFC 6120 §6.5), as written.
        condition: Box<str>,
        /// The peer's own words, cut to 256 characters.
        text: Box<str>,
    },
    /// TLS is required, and the peer does not offer STARTTLS.
    #[error("TLS is required, and the peer does not offer it")]
    TlsNotOffered,
}

/// A part of a stream's life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// The peer's answer to a request for acknowledgement.
    Acknowledgement,
    /// The peer's close of its direction.
    Close,
    /// The connection itself.
    Connect,
    /// Everything up to the first proved pair.
    Negotiation,
    /// The answer to a ping (XEP-0199).
    Ping,
    /// The time after that.
    Stanzas,
    /// The TLS handshake.
    Tls,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Acknowledgement => "an acknowledgement",
            Self::Close => "closing",
            Self::Connect => "connecting",
            Self::Negotiation => "negotiation",
            Self::Ping => "the answer to a ping",
            Self::Stanzas => "the exchange of stanzas",
            Self::Tls => "the TLS handshake",
        })
    }
}

/// What we say when we close a stream that has no fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Farewell {
    /// A newer stream of the same domains takes its place.
    #[error("a newer stream takes the place of this one")]
    Conflict,
    /// Others need its place, and its peer has proved nothing.
    #[error("others need the place of this stream")]
    Crowded,
    /// A fault of ours.
    #[error("a fault of this server")]
    InternalError,
    /// Security has to be negotiated anew, for new certificates for example.
    #[error("the stream is to be negotiated anew")]
    Reset,
    /// Another host serves the domain.
    #[error("the domain is served at {0}")]
    SeeOtherHost(Box<str>),
    /// This server stops.
    #[error("this server stops")]
    Shutdown,
}

impl Farewell {
    /// The stream error that the peer gets.
    #[must_use]
    pub fn condition(&self) -> StreamCondition {
        match self {
            Self::Conflict => StreamCondition::Conflict,
            Self::Crowded => StreamCondition::ResourceConstraint,
            Self::InternalError => StreamCondition::InternalServerError,
            Self::Reset => StreamCondition::Reset,
            Self::SeeOtherHost(_) => StreamCondition::SeeOtherHost,
            Self::Shutdown => StreamCondition::SystemShutdown,
        }
    }
}

/// The stream error that a peer sent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeerError {
    /// How far the stream had come.
    pub stage: Stage,
    /// The condition; `undefined-condition` if it has none that we know.
    pub condition: StreamCondition,
    /// The peer's own words, cut to 256 characters.
    pub text: Box<str>,
    /// Whether the peer's certificate had proved its domain when it said so.
    pub from_proved: bool,
    /// Where else the domain is served, as written: the content of `see-other-host`, cut to 256
    /// characters.
    pub other_host: Option<Box<str>>,
}

impl std::fmt::Display for PeerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.condition, in_brackets(&self.text))
    }
}

/// A peer's words behind a space and in brackets, what is not printable escaped; nothing if there
/// are none.
pub(crate) fn in_brackets(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut shown = String::from(" (");
    for character in text.chars() {
        match character {
            '\'' | '"' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown.push(')');
    shown
}

/// What a peer did that ends the stream with an error.
///
/// Its text is sent along, so that the peer's operator can act on it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// More stanzas acknowledged than were sent (XEP-0198).
    #[error("{acknowledged} stanzas acknowledged, {sent} sent")]
    AcknowledgedTooMany {
        /// What the peer says it has handled.
        acknowledged: u32,
        /// How many were sent.
        sent: u32,
    },
    /// A stanza or header without the addresses that it must have.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// A dialback key could not be verified, and the peer knows no dialback errors.
    #[error("the dialback key could not be verified: {0}")]
    KeyNotVerified(StanzaCondition),
    /// The header names a domain that was ours.
    #[error("this server no longer serves {0:?}")]
    HostGone(Box<str>),
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
    /// The content namespace is not `jabber:server`, `jabber:client` where a client connects, or
    /// `jabber:component:accept` on the stream of a component.
    #[error("the content namespace is not the one that is served here")]
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
    /// The peer requires a feature that we do not know, and offers no other way on.
    #[error("the required feature {0:?} is not supported")]
    UnsupportedFeature(Box<str>),
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
    /// What the stream error says beyond its condition.
    pub(super) fn detail(&self) -> Detail<'_> {
        if let Self::Xml(ParseError::Limit(Limit::ElementBytes(_))) = self {
            return Detail::StanzaTooBig;
        }
        let Self::AcknowledgedTooMany { acknowledged, sent } = *self else {
            return Detail::None;
        };
        Detail::HandledCountTooHigh { acknowledged, sent }
    }

    /// The stream error that the peer gets.
    #[must_use]
    pub fn condition(&self) -> StreamCondition {
        match self {
            Self::AcknowledgedTooMany { .. } => StreamCondition::UndefinedCondition,
            Self::Address(_) => StreamCondition::ImproperAddressing,
            Self::KeyNotVerified(_) => StreamCondition::RemoteConnectionFailed,
            Self::HostGone(_) => StreamCondition::HostGone,
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
            Self::UnsupportedFeature(_) => StreamCondition::UnsupportedFeature,
            Self::Version => StreamCondition::UnsupportedVersion,
            Self::Xml(error) => (*error).into(),
        }
    }
}
