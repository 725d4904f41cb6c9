use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use comity_identity::{DomainName, Host};
use comity_machine::QueryId;
use thiserror::Error;

use super::{Incoming, Target};
use crate::session::{SessionEvent, SessionId};
use crate::subscription::{
    PublicationEvent, PublicationId, SubscriptionEvent, SubscriptionId, WatcherEvent,
};
use crate::transaction::TransactionId;
use crate::{ConnectionId, Flow, Request, Response, Scheme, Transport, Uri};

/// Bytes to be sent, which [`Endpoint::poll_transmit`](super::Endpoint::poll_transmit) has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Where they go; over datagrams they are one.
    pub flow: Flow,
}

/// A request of ours, on all its ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an endpoint tells its user, or asks.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request, to be answered once.
    Request(Box<Incoming>),
    /// The peer cancelled an INVITE before it was answered. It got 487, and takes no answer any more;
    /// of a proxy it waits for the answer to the request that was passed on, which is to be cancelled
    /// too.
    Cancelled(TransactionId),
    /// A request was not answered in time. An INVITE got 408, any other nothing (RFC 4320 §4.2).
    Unanswered(TransactionId),
    /// The answer to a request did not reach the peer: every way to it failed, or no ACK came for
    /// the refusal of an INVITE.
    AnswerLost(TransactionId),
    /// The ACK to a 2xx that a proxy passed on, to be passed on by
    /// [`forward_ack`](super::Endpoint::forward_ack).
    Ack {
        /// The ACK.
        request: Box<Request>,
        /// Where it came from.
        source: SocketAddr,
    },
    /// Something happened to a session.
    Session {
        /// The session.
        session: SessionId,
        /// What happened.
        event: SessionEvent,
    },
    /// Something happened to a subscription of ours.
    Subscription {
        /// The subscription.
        subscription: SubscriptionId,
        /// What happened.
        event: SubscriptionEvent,
    },
    /// Something happened to a subscription of a watcher's.
    Watcher {
        /// The subscription.
        subscription: SubscriptionId,
        /// What happened.
        event: WatcherEvent,
    },
    /// Something happened to a publication.
    Publication {
        /// The publication.
        publication: PublicationId,
        /// What happened.
        event: PublicationEvent,
    },
    /// A response to a request: any number of provisional ones, and then a final one; more than one
    /// of them only for an INVITE that was accepted at several places.
    Response {
        /// The request.
        request: RequestId,
        /// The response.
        response: Box<Response>,
    },
    /// A request got no response at any of its targets, or one that may be about a copy of it: behind an
    /// attempt that may have reached somebody, 482 to any request, 481 and 500 in a session. Nothing
    /// more comes for it.
    Failed {
        /// The request.
        request: RequestId,
        /// Why: at the first target that may have got it, or at the last.
        failure: Failure,
    },
    /// A connection is to be opened; answered by
    /// [`handle_connected`](super::Endpoint::handle_connected) or
    /// [`handle_closed`](super::Endpoint::handle_closed).
    Connect {
        /// Its number.
        connection: ConnectionId,
        /// TCP or TLS.
        transport: Transport,
        /// Where to.
        remote: SocketAddr,
        /// Who has to be there, the one to ask for first; over TLS the peer must prove one of these
        /// names, if there are any.
        names: Vec<DomainName>,
    },
    /// A connection is to be closed, after what was to be transmitted. It is gone already.
    Disconnect(ConnectionId),
    /// Addresses are wanted (RFC 3263); answered by
    /// [`handle_targets`](super::Endpoint::handle_targets).
    Locate {
        /// The question.
        query: QueryId,
        /// What is looked for.
        hop: Hop,
    },
}

/// A next hop as a URI or a Via names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop {
    /// The host.
    pub host: Host,
    /// The port; with one no SRV record is looked up (RFC 3263 §4.2).
    pub port: Option<u16>,
    /// The transport, if it is prescribed.
    pub transport: Option<Transport>,
    /// True if nothing but TLS will do (`sips`).
    pub is_secure: bool,
}

impl Hop {
    /// The hop that a URI names; `None` if it is no `sip` or `sips` URI, or its transport is none of
    /// ours.
    pub(crate) fn of(uri: Uri<'_>) -> Option<Self> {
        let is_secure = match uri.scheme() {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Im | Scheme::Pres | Scheme::Other => return None,
        };
        let transport = match uri.param("transport") {
            Some(name) => Some(Transport::parse(&name)?),
            None => None,
        };
        let host = match uri.param("maddr") {
            Some(host) => host.parse().ok()?,
            None => uri.host()?.to_host().ok()?,
        };
        Some(Self {
            host,
            port: uri.port(),
            transport,
            is_secure,
        })
    }
}

impl Hop {
    /// What of some addresses leads there: over TLS somebody has to prove a name of the target, or the
    /// one that was looked up, and nothing but TLS will do where that is asked for.
    pub(crate) fn admitted(&self, targets: Vec<Target>) -> Vec<Target> {
        let named = targets.into_iter().filter_map(|mut target| {
            if target.transport != Transport::Tls {
                return (!self.is_secure).then_some(target);
            }
            if let (true, Host::Domain(name)) = (target.names.is_empty(), &self.host) {
                target.names.push(name.clone());
            }
            (!target.names.is_empty()).then_some(target)
        });
        named.collect()
    }
}

/// Why a request got no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Failure {
    /// No target was given or found.
    #[error("no address is known for it")]
    NoTarget,
    /// No listener has the transport or address family of the target.
    #[error("no listener for this transport and address family")]
    NoListener,
    /// No answer came for 64*T1.
    #[error("no answer in time")]
    TimedOut,
    /// The connection could not be opened or was lost, or datagrams cannot be delivered.
    #[error("the transport failed")]
    Transport,
    /// Every target asked to be left alone for at least this time.
    #[error("unavailable for {} s", wait.as_secs())]
    Unavailable {
        /// How long.
        wait: Duration,
    },
    /// There are too many transactions or connections.
    #[error("too many transactions or connections")]
    Overloaded,
    /// It was cancelled before it was sent, or no answer came after it was.
    #[error("cancelled")]
    Cancelled,
}

/// What an endpoint dropped, by the rule that said so. Everything else that came was answered or
/// given to the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Responses that belong to no request of ours (RFC 6026 §8.9), or came another way than the
    /// request went.
    pub stray_responses: u64,
    /// Responses with an error (RFC 3261 §8.1.3).
    pub malformed_responses: u64,
    /// ACKs that belong to no INVITE.
    pub stray_acks: u64,
    /// What is no message, or a malformed request to which nothing can be answered.
    pub malformed: u64,
    /// Requests that were refused because there was no room for them (503).
    pub overloaded: u64,
    /// Answers that were not given to datagrams because their source had too many.
    pub withheld: u64,
    /// Answers to datagrams that would have been too large beside them.
    pub oversized: u64,
    /// BENOTIFYs, which are not answered.
    pub unwanted: u64,
    /// Answers for which nothing was kept, and ACKs, that found no way.
    pub lost: u64,
    /// Requests whose transaction ended before the user answered.
    pub unanswered: u64,
    /// Connections of strangers that were closed because others needed their place.
    pub crowded: u64,
}
