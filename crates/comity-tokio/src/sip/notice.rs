use std::fmt;
use std::io;
use std::net::SocketAddr;

use comity_identity::{DomainName, Host};
use comity_rustls::Refusal;
use comity_sip::{ConnectionId, Transport};

/// What those who run a server may want to know.
///
/// The text of a notice is one line for a log. It names domains, addresses of hosts and reasons, and
/// shows nothing of users.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A peer connected, and over TLS proved these names.
    Accepted {
        /// The connection.
        connection: ConnectionId,
        /// How.
        transport: Transport,
        /// The peer's address.
        peer: SocketAddr,
        /// The names; none over TCP.
        proved: Vec<DomainName>,
    },
    /// A peer connected and was not served.
    TurnedAway {
        /// How.
        transport: Transport,
        /// The peer's address.
        peer: SocketAddr,
        /// Why.
        reason: TurnAway,
    },
    /// A connection of ours stands, and over TLS the peer proved these names.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// How.
        transport: Transport,
        /// The peer's address.
        peer: SocketAddr,
        /// The names; none over TCP.
        proved: Vec<DomainName>,
    },
    /// A connection of ours did not come about.
    ConnectFailed {
        /// The connection.
        connection: ConnectionId,
        /// How.
        transport: Transport,
        /// The peer's address.
        peer: SocketAddr,
        /// What the operating system, TLS or the judgement of the certificate says.
        reason: Box<str>,
    },
    /// A connection is over.
    Closed {
        /// Which one.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// A host that a message names was not found.
    NotFound {
        /// The host.
        host: Host,
        /// Why.
        reason: Box<str>,
    },
    /// The network did not take these datagrams for so long that they were dropped.
    DatagramsDropped {
        /// How many.
        count: u64,
    },
}

/// Why a peer that connected is not served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TurnAway {
    /// There are too many connections, in all or from its source.
    #[error("too many connections")]
    TooMany,
    /// Its source has too many TLS handshakes under way, all that it may have or not fewer than others
    /// where all places are taken.
    #[error("too many TLS handshakes from there")]
    TooManyHandshakes,
    /// Its source had the most TLS handshakes under way, and somebody else needed a place.
    #[error("others need the place of its TLS handshake")]
    Crowded,
    /// The TLS handshake failed, or took too long.
    #[error("TLS: {0}")]
    Handshake(Box<str>),
    /// Its certificate proves no name, or none of those that are let in.
    #[error("{0}")]
    Unproved(Box<str>),
    /// What it began with is not served at a port for both TLS and clear text.
    #[error("{0}")]
    Refused(Refusal),
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer ended it.
    #[error("by the peer")]
    ByPeer,
    /// The endpoint ended it: it was idle, what came on it was no SIP, or others needed its place.
    #[error("by the endpoint")]
    ByEndpoint,
    /// The certificate of the peer, or what it depends on, has expired.
    #[error("the peer's certificate has expired")]
    Expired,
    /// It was lost.
    #[error("lost: {}", io::Error::from(*.0))]
    Lost(io::ErrorKind),
    /// The peer does not read what it is sent.
    #[error("the peer does not read")]
    Unread,
    /// The server was shut down.
    #[error("shutdown")]
    Shutdown,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted {
                connection,
                transport,
                peer,
                proved,
            } => {
                write!(f, "connection {connection}: accepted from {peer}")?;
                fmt_protection(*transport, proved, f)
            }
            Self::TurnedAway {
                transport,
                peer,
                reason,
            } => write!(f, "turned {peer} away ({transport}): {reason}"),
            Self::Connected {
                connection,
                transport,
                peer,
                proved,
            } => {
                write!(f, "connection {connection}: connected to {peer}")?;
                fmt_protection(*transport, proved, f)
            }
            Self::ConnectFailed {
                connection,
                transport,
                peer,
                reason,
            } => write!(
                f,
                "connection {connection}: not connected to {peer} ({transport}): {reason}"
            ),
            Self::Closed { connection, reason } => {
                write!(f, "connection {connection}: closed: {reason}")
            }
            Self::NotFound { host, reason } => write!(f, "{host} was not found: {reason}"),
            Self::DatagramsDropped { count } => {
                write!(f, "dropped {count} datagrams that the network did not take")
            }
        }
    }
}

fn fmt_protection(
    transport: Transport,
    proved: &[DomainName],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, " ({transport})")?;
    for (index, name) in proved.iter().enumerate() {
        let separator = if index == 0 { ", who is " } else { ", " };
        write!(f, "{separator}{name}")?;
    }
    Ok(())
}
