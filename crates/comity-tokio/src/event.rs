use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use comity_identity::{Direction, DomainName};
use comity_policy::{Decision, SecurityDecision};
use comity_rustls::Refusal;
use comity_trust::{CertificateDer, Verdict};
use comity_xmpp::router::{
    AcceptError, ConnectionId, Failure, OtherHost, Receipt, Target, TlsRole,
};
use comity_xmpp::stream::{CloseReason, DropReason, Method, Pair, SendId};
use comity_xmpp::{Stanza, Transport};

use crate::discovery::{DiscoveryError, Resolution};

/// What the application must know, and an account of how it came about.
///
/// The text of an event is one line for a log. It names domains, addresses of hosts and reasons, a
/// peer's own words among them, and shows nothing of users: no localparts, no resources, nothing
/// from inside a stanza.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A peer connected.
    Accepted {
        /// The connection.
        connection: ConnectionId,
        /// The peer's address.
        peer: SocketAddr,
        /// How the connection begins.
        transport: Transport,
    },
    /// A peer has proved a pair of domains: its stanzas may come from now on.
    Authorized {
        /// The connection that they come on.
        connection: ConnectionId,
        /// The domains.
        pair: Pair,
        /// How the remote domain was proved.
        method: Method,
        /// What the connection is.
        channel: Channel,
    },
    /// A connection is over.
    Closed {
        /// Which one.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// A TCP connection that was dialled stands.
    Connected {
        /// The connection.
        connection: ConnectionId,
    },
    /// A TCP connection that was dialled did not come about.
    ConnectFailed {
        /// The connection.
        connection: ConnectionId,
        /// What the operating system says.
        reason: Box<str>,
    },
    /// The policy was asked whether a pair of domains may federate.
    Decided {
        /// The domains.
        pair: Pair,
        /// Which way stanzas would go.
        direction: Direction,
        /// The answer with the rules that made it.
        decision: Decision,
        /// How the connection must be protected if the answer allows one.
        security: SecurityDecision,
    },
    /// A TCP connection is being made.
    Dialling {
        /// The connection.
        connection: ConnectionId,
        /// The domain whose server is sought.
        domain: DomainName,
        /// Where to.
        target: Target,
    },
    /// A stanza of a peer was dropped by a rule of streams.
    Dropped {
        /// The connection that it came on.
        connection: ConnectionId,
        /// The rule.
        reason: DropReason,
    },
    /// A stream carries our stanzas of a pair.
    Established {
        /// The connection that they go on. Both sides write on it if the peer opened it (XEP-0288).
        connection: ConnectionId,
        /// The domains.
        pair: Pair,
        /// How we proved ours to the peer; on a connection that the peer opened, how it proved its
        /// own to us.
        method: Method,
        /// What the connection is.
        channel: Channel,
    },
    /// A peer's certificate was judged.
    Judged {
        /// The connection.
        connection: ConnectionId,
        /// Whom the certificate had to name.
        domain: DomainName,
        /// What it proves, or why nothing.
        verdict: Verdict,
    },
    /// A peer connected where its first bytes tell how it goes on, and these are not served.
    Refused {
        /// The peer's address.
        peer: SocketAddr,
        /// Why.
        reason: Refusal,
    },
    /// It was found out where the server of a domain is, or not.
    Resolved {
        /// The domain.
        domain: DomainName,
        /// The host that its server has named in its place, if that was sought.
        at: Option<OtherHost>,
        /// The result and how it came about.
        resolution: Result<Resolution, DiscoveryError>,
    },
    /// A TLS handshake succeeded. What the peer's certificate proves is told by
    /// [`Event::Judged`].
    Secured {
        /// The connection.
        connection: ConnectionId,
        /// Our part in the handshake.
        role: TlsRole,
        /// What was negotiated.
        session: TlsSession,
    },
    /// A stanza that is tracked ([`Federation::send_tracked`](crate::Federation::send_tracked)) has
    /// left: the peer has acknowledged it (XEP-0198), or, where nothing is acknowledged, the system
    /// has taken it for the connection.
    Sent {
        /// The connection that it went on.
        connection: ConnectionId,
        /// The id that it got when it was taken.
        id: SendId,
    },
    /// A stanza of a pair that its sender's server has proved.
    Stanza {
        /// The connection that it came on.
        connection: ConnectionId,
        /// The stanza.
        stanza: Stanza,
        /// How its pair was proved.
        method: Method,
        /// What [`settle`](crate::Federation::settle) takes, where stanzas count as handled when they
        /// are settled ([`Acknowledge::WhenSettled`](comity_xmpp::stream::Acknowledge)).
        receipt: Option<Receipt>,
    },
    /// A peer connected and was not served.
    TurnedAway {
        /// The peer's address.
        peer: SocketAddr,
        /// Why.
        reason: AcceptError,
    },
    /// A stanza that was taken could not be sent.
    Undelivered {
        /// The stanza.
        stanza: Stanza,
        /// The id that it got when it was taken, if it is tracked.
        id: Option<SendId>,
        /// Why.
        failure: Failure,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted {
                connection,
                peer,
                transport,
            } => write!(
                f,
                "{connection}: accepted from {peer}{}",
                suffix(*transport)
            ),
            Self::Authorized {
                connection,
                pair,
                method,
                ..
            } => write!(f, "{connection}: {} proved by {method}", pair.remote),
            Self::Closed { connection, reason } => write!(f, "{connection}: ended: {reason}"),
            Self::Connected { connection } => write!(f, "{connection}: connected"),
            Self::ConnectFailed { connection, reason } => {
                write!(f, "{connection}: not connected: {reason}")
            }
            Self::Decided {
                pair,
                direction,
                decision,
                ..
            } => write!(f, "policy, {pair}, {direction}: {decision}"),
            Self::Dialling {
                connection,
                domain,
                target,
            } => {
                let Target { address, host, .. } = target;
                write!(f, "{connection}: dialling {host} at {address} for {domain}")?;
                f.write_str(suffix(target.transport))
            }
            Self::Dropped { connection, reason } => {
                write!(f, "{connection}: dropped a stanza: {reason}")
            }
            Self::Established {
                connection,
                pair,
                method,
                channel,
            } => {
                write!(f, "{connection}: established for {pair}, ")?;
                match channel.opened {
                    Direction::Inbound => write!(f, "the peer proved its own by {method}"),
                    Direction::Outbound => write!(f, "we proved ours by {method}"),
                }
            }
            Self::Judged {
                connection,
                domain,
                verdict,
            } => {
                write!(f, "{connection}: certificate for {domain}: ")?;
                match verdict.outcome() {
                    Ok(trusted) => write!(f, "trusted, {trusted}"),
                    Err(reason) => reason.fmt(f),
                }
            }
            Self::Refused { peer, reason } => write!(f, "turned {peer} away: {reason}"),
            Self::Resolved {
                domain,
                at,
                resolution,
            } => {
                domain.fmt(f)?;
                if let Some(host) = at {
                    write!(f, ", sent on to {host},")?;
                }
                fmt_resolution(resolution, f)
            }
            Self::Secured {
                connection,
                session,
                ..
            } => write!(f, "{connection}: {session}"),
            Self::Sent { connection, .. } => write!(f, "{connection}: a tracked stanza has left"),
            Self::Stanza {
                connection, stanza, ..
            } => {
                write!(f, "{connection}: received ")?;
                fmt_redacted(stanza, f)
            }
            Self::TurnedAway { peer, reason } => write!(f, "turned {peer} away: {reason}"),
            Self::Undelivered {
                stanza, failure, ..
            } => {
                f.write_str("not delivered: ")?;
                fmt_redacted(stanza, f)?;
                write!(f, ": {failure}")
            }
        }
    }
}

/// What a connection is, apart from the domains that it carries.
///
/// Its text says how it is protected, and by whom it was opened: `TLS 1.3, opened by the peer`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Channel {
    /// Who opened it: [`Direction::Inbound`] if the peer did.
    pub opened: Direction,
    /// What TLS negotiated; `None` in clear text.
    pub tls: Option<TlsSession>,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tls {
            Some(session) => f.write_str(&session.version)?,
            None => f.write_str("clear text")?,
        }
        f.write_str(match self.opened {
            Direction::Inbound => ", opened by the peer",
            Direction::Outbound => ", opened by us",
        })
    }
}

/// What a TLS handshake negotiated.
///
/// Its text is version and cipher suite: `TLS 1.3, TLS_AES_256_GCM_SHA384`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TlsSession {
    /// The version, such as `TLS 1.3`.
    pub version: Box<str>,
    /// The cipher suite by its registered name.
    pub cipher_suite: Box<str>,
    /// The protocol that was agreed on by ALPN, if one was.
    pub alpn: Option<Box<str>>,
    /// The certificates that the peer presented, its own first.
    pub peer_certificates: Arc<[CertificateDer<'static>]>,
}

impl fmt::Display for TlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.version, self.cipher_suite)
    }
}

fn fmt_resolution(
    resolution: &Result<Resolution, DiscoveryError>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match resolution {
        Err(error) => write!(f, " was not resolved: {error}"),
        Ok(resolution) => match resolution.targets() {
            Ok(targets) => write!(f, " resolved: {} addresses", targets.len()),
            Err(unresolved) => write!(f, ": {unresolved}"),
        },
    }
}

fn suffix(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "",
        Transport::DirectTls => ", direct TLS",
    }
}

/// Kind and domains of a stanza.
pub(crate) fn fmt_redacted(stanza: &Stanza, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (from, to) = stanza.domains();
    write!(f, "{} from {from} to {to}", stanza.kind().name())
}
