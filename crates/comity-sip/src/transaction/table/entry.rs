use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::StatusCode;
use crate::flow::Flow;
use crate::transaction::client::{InviteClient, OtherClient};
use crate::transaction::hash::Fingerprint;
use crate::transaction::message::own_response;
use crate::transaction::server::{InviteServer, OtherServer};
use crate::transaction::tag::Tag;
use crate::transaction::traffic::Branch;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) serial: u32,
    pub(super) machine: Machine,
    pub(super) flow: Flow,
    /// A client's request; a server's request until it is answered.
    pub(super) request: Bytes,
    /// A server's last response, a client's ACK.
    pub(super) last: Bytes,
    /// Of the timer that repeats.
    pub(super) interval: Duration,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    InviteClient(InviteClient),
    OtherClient(OtherClient),
    InviteServer(InviteServer),
    OtherServer(OtherServer),
}

/// How an entry is found, and what else is known of its side.
#[derive(Debug)]
pub(super) enum Place {
    Client {
        branch: Branch,
        owner: u64,
    },
    Server {
        key: Fingerprint,
        merge: Option<u64>,
        source: SocketAddr,
        age: Age,
    },
}

/// Of which age the client of a server transaction is.
#[derive(Debug)]
pub(super) enum Age {
    /// Its branches are unique.
    Current,
    /// It is older than RFC 3261. Its ACK is known by the tag in To of the final response (§17.2.3).
    Rfc2543 { tag: Option<Box<str>> },
}

impl Entry {
    /// A response of the transaction's own.
    pub(super) fn own_response(&self, status: StatusCode, tag: Option<Tag>) -> Option<Bytes> {
        own_response(&self.request, status, self.source(), tag)
    }

    /// Bytes of the messages that it keeps.
    pub(super) fn held(&self) -> usize {
        self.request.len() + self.last.len()
    }

    /// Where the request of a server came from.
    pub(super) fn source(&self) -> Option<SocketAddr> {
        match self.place {
            Place::Server { source, .. } => Some(source),
            Place::Client { .. } => None,
        }
    }
}
