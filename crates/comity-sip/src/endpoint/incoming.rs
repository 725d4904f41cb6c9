use std::net::SocketAddr;

use comity_identity::DomainName;

use super::guard::Guard;
use crate::build::Answerable;
use crate::session::SessionId;
use crate::transaction::{Tag, TransactionId};
use crate::{
    ConnectionId, Edit, EditError, Flow, Method, Request, ResponseBuilder, StatusCode, Transport,
};

/// A request that came, to be spent on one answer.
///
/// It is answered by [`Endpoint::answer`](super::Endpoint::answer). One that is dropped is answered
/// with 408 after Timer C if it is an INVITE, and never otherwise.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) id: TransactionId,
    pub(crate) request: Request,
    pub(crate) answerable: Answerable,
    pub(crate) source: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) flow: Flow,
    pub(crate) tag: Tag,
    pub(crate) session: Option<SessionId>,
    pub(crate) guard: Guard,
}

impl Incoming {
    /// Its transaction.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        self.id
    }

    pub(crate) fn is_invite(&self) -> bool {
        self.request.method() == Method::Invite
    }

    /// The request as it came.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The session to which it belongs.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    /// How it came.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The names that its sender had proved when it came: none over datagrams and in clear text.
    #[must_use]
    pub fn proved(&self) -> &[DomainName] {
        self.guard.names()
    }

    /// The connection on which it came.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        match self.flow {
            Flow::Connection(connection) => Some(connection),
            Flow::Datagrams { .. } => None,
        }
    }

    /// A response to it, with a tag of ours in To and its source in the topmost Via.
    #[must_use]
    pub fn response(&self, status: StatusCode) -> ResponseBuilder {
        let tag = (status != StatusCode::TRYING).then(|| self.tag.as_str());
        ResponseBuilder::answer(self.request.headers(), &self.answerable, status, tag)
    }

    /// Changes to it, with its source in the topmost Via.
    ///
    /// # Errors
    ///
    /// If the topmost Via is malformed, which [`Endpoint`](super::Endpoint) does not let through.
    pub fn edit(&self) -> Result<Edit<'_>, EditError> {
        let mut edit = self.request.edit();
        edit.set_received(self.source)?;
        Ok(edit)
    }
}
