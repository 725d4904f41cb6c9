//! Sessions: the dialogs that INVITE begins and BYE ends (RFC 3261 §13 to §15).

mod callee;
mod caller;

pub(crate) use caller::ends_dialog;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::endpoint::{Failure, Peer, RequestId, SendError};
use crate::transaction::TransactionId;
use crate::{BuildError, Dialog, DialogError, DialogId, Request, Response};

/// A session of an endpoint, never one that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(crate) u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happens to a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The peer is being looked for, or it rings: a provisional response above 100.
    Progress(Box<Response>),
    /// It is there: the peer answered our INVITE with 2xx, which was acknowledged.
    Answered(Box<Response>),
    /// It is there: the peer acknowledged our 2xx, also that to a further INVITE. The ACK to an INVITE
    /// without a description has the answer to ours.
    Acknowledged(Box<Request>),
    /// The peer refused our INVITE. The session is over; after a further INVITE of ours it goes on
    /// as it was.
    Refused(Box<Response>),
    /// Our INVITE got no answer, and the session is over.
    Failed(Failure),
    /// It is over.
    Ended(EndReason),
}

/// Why a session that was there is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndReason {
    /// The peer ended it.
    #[error("ended by the peer")]
    Bye,
    /// The peer cancelled its INVITE before it was answered.
    #[error("cancelled by the peer")]
    Cancelled,
    /// No ACK came for our 2xx, and BYE was sent.
    #[error("not acknowledged by the peer")]
    NoAck,
    /// The peer knows it no more, or did not answer a request in it (RFC 3261 §12.2.1.2).
    #[error("the peer knows it no more")]
    Gone,
}

/// Why a command about a session was not followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no such session, or it is not established.
    #[error("no such session")]
    Unknown,
    /// The request takes no answer any more, or is no INVITE.
    #[error("the request takes no answer any more")]
    Over,
    /// Another INVITE of the session is under way, in either direction (RFC 3261 §14.1).
    #[error("another INVITE is under way")]
    Pending,
    /// There are too many sessions.
    #[error("too many sessions")]
    Overloaded,
    /// No dialog can be made of the request, or no request of the dialog.
    #[error(transparent)]
    Dialog(#[from] DialogError),
    /// A value fits into no header.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The request is not sent.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// All sessions of an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: BTreeMap<SessionId, Session>,
    dialogs: BTreeMap<DialogId, SessionId>,
    /// Those of peers whose first INVITE waits for its final answer.
    invites: BTreeMap<TransactionId, SessionId>,
    next: u64,
}

/// Why an INVITE was sent in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// To begin it.
    Invite,
    /// To change it.
    Reinvite,
}

/// What a timer of a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SessionTimer {
    /// The 2xx is sent again.
    Again,
    /// No ACK came.
    NoAck,
    /// The INVITE that met one of the peer's is sent again.
    Reinvite,
}

#[derive(Debug)]
pub(crate) struct Session {
    side: Side,
    /// Who began it, if somebody else did.
    source: Option<IpAddr>,
    /// Established, or rung at one place; of a caller's first INVITE there may be several.
    dialogs: Vec<Dialog>,
    is_established: bool,
    /// The user has left it, and the peer has not acknowledged that it is there.
    is_leaving: bool,
    peer: Peer,
    /// Our INVITE that is not answered.
    outgoing: Option<RequestId>,
    /// The peer's INVITE that is not answered.
    incoming: Option<TransactionId>,
    accepted: Option<Accepted>,
    /// The body of our further INVITE, in case it has to be sent again.
    offer: Option<(String, Bytes)>,
}

/// Whose Call-ID it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Caller,
    Callee,
}

/// A 2xx of ours that waits for its ACK.
#[derive(Debug)]
struct Accepted {
    transaction: TransactionId,
    number: u32,
    response: Bytes,
    interval: Duration,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn of_dialog(&self, id: &DialogId) -> Option<SessionId> {
        self.dialogs.get(id).copied()
    }

    fn of_invite(&self, id: TransactionId) -> Option<SessionId> {
        self.invites.get(&id).copied()
    }

    fn is_leaving(&self, id: SessionId) -> bool {
        let session = self.sessions.get(&id);
        session.is_some_and(|session| session.is_leaving)
    }

    fn has_outgoing(&self, id: SessionId) -> bool {
        let session = self.sessions.get(&id);
        session.is_some_and(|session| session.outgoing.is_some())
    }

    fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id)
    }

    fn insert(&mut self, session: Session) -> SessionId {
        let id = SessionId(self.next);
        self.next += 1;
        for dialog in &session.dialogs {
            self.dialogs.insert(dialog.id().clone(), id);
        }
        if let Some(invite) = session.incoming {
            self.invites.insert(invite, id);
        }
        self.sessions.insert(id, session);
        id
    }

    /// Adds a dialog to a session.
    fn join(&mut self, id: SessionId, dialog: Dialog) {
        if let Some(session) = self.sessions.get_mut(&id) {
            self.dialogs.insert(dialog.id().clone(), id);
            session.dialogs.push(dialog);
        }
    }

    /// Leaves a session with this dialog alone.
    fn establish(&mut self, id: SessionId, dialog: Dialog) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        for early in std::mem::take(&mut session.dialogs) {
            self.dialogs.remove(early.id());
        }
        session.is_established = true;
        self.join(id, dialog);
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        for dialog in &session.dialogs {
            self.dialogs.remove(dialog.id());
        }
        if let Some(invite) = session.incoming {
            self.invites.remove(&invite);
        }
        Some(session)
    }
}

impl Session {
    fn new(side: Side) -> Self {
        Self {
            side,
            source: None,
            dialogs: Vec::new(),
            is_established: false,
            is_leaving: false,
            peer: Peer::default(),
            outgoing: None,
            incoming: None,
            accepted: None,
            offer: None,
        }
    }

    /// The dialog of an established session.
    fn dialog(&mut self) -> Option<&mut Dialog> {
        match self.is_established {
            true => self.dialogs.first_mut(),
            false => None,
        }
    }

    fn dialog_of(&mut self, id: &DialogId) -> Option<&mut Dialog> {
        self.dialogs.iter_mut().find(|dialog| dialog.id() == id)
    }

    /// How long to wait before a further INVITE that met one of the peer's is sent again
    /// (RFC 3261 §14.1): `chance` is from 0 to 199.
    fn glare_wait(&self, chance: u64) -> Duration {
        let steps = match self.side {
            // 2.1 to 4 s.
            Side::Caller => 210 + chance.min(190),
            // 0 to 2 s.
            Side::Callee => chance,
        };
        Duration::from_millis(10 * steps)
    }
}
