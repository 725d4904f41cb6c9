//! What goes into the table of transactions, and what comes out.

use std::net::SocketAddr;

use bytes::Bytes;
use thiserror::Error;

use super::step::Tell;
use crate::Method;
use crate::flow::Flow;

/// One transaction, as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId {
    pub(super) slot: u32,
    pub(super) serial: u32,
}

/// What identifies a client transaction in its branch (RFC 3261 §17.1.3): a CANCEL has the branch of
/// its INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Branch {
    pub(crate) id: u64,
    pub(crate) is_cancel: bool,
}

/// What a request is to a transaction that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// It was here before, and was answered as it has to be.
    Absorbed,
    /// An ACK to a 2xx, which is the user's.
    Ack,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) flow: Flow,
    pub(crate) source: SocketAddr,
}

/// A request that begins a client transaction.
#[derive(Clone, Debug)]
pub(crate) struct Departing {
    pub(crate) branch: Branch,
    pub(crate) kind: Kind,
    pub(crate) request: Bytes,
    pub(crate) flow: Flow,
    /// A number of the user's.
    pub(crate) owner: u64,
}

/// The two kinds of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invite,
    Other,
}

impl Kind {
    pub(crate) fn of(method: Method<'_>) -> Self {
        match method == Method::Invite {
            true => Self::Invite,
            false => Self::Other,
        }
    }
}

/// A message that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Departure {
    /// `None` for an ACK to a 2xx, and for an answer for which nothing is kept.
    pub(crate) from: Option<(TransactionId, Side)>,
    pub(crate) flow: Flow,
    pub(crate) message: Bytes,
    /// How many other ways were tried before.
    pub(crate) detours: u8,
}

/// What a response is to its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is for the user.
    Told(Told),
    /// It was here before.
    Absorbed,
    /// It belongs to none, or came another way than the request went.
    Stray,
}

/// What happened to a transaction by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) id: TransactionId,
    pub(crate) owner: u64,
    pub(crate) side: Side,
    pub(crate) tell: Tell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// There is no room for one more transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("more transactions than the limit allows")]
pub(crate) struct Full;

/// The transaction is over, or takes no response of this class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the transaction takes no such response any more")]
pub(crate) struct Closed;
