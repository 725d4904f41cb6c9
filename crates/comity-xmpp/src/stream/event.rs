use comity_machine::QueryId;

use super::handled::Receipt;
use super::proof::{Authorized, DialbackProof, Method, Pair};
use super::reason::CloseReason;
use super::sent::SendId;
use crate::stanza::AddressError;
use crate::{Security, Stanza, StanzaCondition, Terms};

/// What the composer of a stream must know or answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An error for the sender of a stanza that was dropped, to be sent to the sender's domain.
    Answer {
        /// The error.
        stanza: Stanza,
    },
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
    /// The stream can carry our stanzas of a pair.
    Established {
        /// The domains.
        pair: Pair,
        /// How we proved ours to the peer; on a stream that the peer initiated, how it proved its
        /// own to us (XEP-0288).
        method: Method,
    },
    /// The peer did not accept our dialback key: no stanza of the pair can be sent. The stream
    /// ends if it was opened for that pair.
    Refused {
        /// The domains.
        pair: Pair,
        /// Why.
        refusal: PairRefusal,
    },
    /// A stanza that is tracked has left: the peer has acknowledged it (XEP-0198), or, where
    /// nothing is acknowledged, the driver has [written](super::Stream::handle_written) it.
    Sent {
        /// The id that it was [sent with](super::Stream::send_tracked).
        id: SendId,
    },
    /// A stanza of a proved pair.
    Stanza {
        /// The stanza.
        stanza: Stanza,
        /// The method by which its pair was proved.
        method: Method,
        /// What [`settle`](super::Stream::settle) takes, under
        /// [`Acknowledge::WhenSettled`](super::Acknowledge::WhenSettled).
        receipt: Option<Receipt>,
    },
    /// Start the TLS handshake now, as a client on an initiated stream and as a server on a
    /// received one.
    StartTls,
    /// A stanza that was sent and that the peer has not acknowledged when the stream ended
    /// (XEP-0198), or one that is tracked where nothing is acknowledged, and that the driver had not
    /// written: nobody knows whether it arrived. They come in the order in which they were sent.
    Unacknowledged {
        /// The stanza.
        stanza: Stanza,
        /// The id that it was sent with, if it is tracked.
        id: Option<SendId>,
    },
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
    /// It came behind our last acknowledgement (XEP-0198), so that its sender still has it.
    #[error("a stanza behind our last acknowledgement, which its sender keeps")]
    Unacknowledged,
    /// It came on a stream that we initiated, which carries stanzas the other way. Some servers
    /// send their errors there.
    #[error("a stanza on a stream that carries stanzas the other way")]
    WrongDirection,
}

/// What a policy says about a pair of domains.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Decision {
    /// They may federate in this direction, on these terms.
    Allow(Terms),
    /// They may not.
    Deny,
    /// They may not in this direction, but the peer may ask about our dialback keys (XEP-0220
    /// §2.1.3) on the way in, under the security of these terms.
    VerifyOnly(Terms),
    /// They may, at another host, which the peer is told behind TLS (RFC 6120 §4.9.3.19): a domain,
    /// an IPv4 address or an IPv6 address in brackets, with or without `:port`. A dialback key is
    /// denied.
    SeeOtherHost(Box<str>),
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
    /// The rules under which the pair may send to us. They hold for the question too.
    pub security: Security,
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
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PairRefusal {
    /// The rules require a certificate, and that of the stream's server does not name the domain.
    #[error("the certificate does not prove the domain: {0}")]
    Certificate(Box<str>),
    /// The peer did not answer.
    #[error("the peer did not answer for our dialback key")]
    TimedOut,
    /// Our own server denied our key.
    #[error("the peer found our dialback key invalid")]
    Invalid,
    /// The peer could not or would not verify the key.
    #[error("the peer could not verify our dialback key: {0}")]
    Error(StanzaCondition),
}
