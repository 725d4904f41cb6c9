use rustls_pki_types::UnixTime;

use crate::session::{Inbound, InboundSession, Session, SessionError};
use crate::table::Table;
use crate::{Context, Identifier, Limits};

/// Whether inbound sessions may be for users. Default: no.
///
/// Whoever knows the secret of an inbound session sends requests in the name of its user, and at least
/// two sides know a secret. If it came from elsewhere, its issuer is one of them; if it belongs to
/// an outbound session as well, the service that we call is one of them, and could come back to us as
/// our own user. So a session is for use in one direction, and naming users in those that come in
/// takes the word of somebody who knows that nobody but the user himself has the secret.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a switch")]
pub enum Impersonation {
    /// A context with a user makes no inbound session.
    #[default]
    Refused,
    /// Whoever knows the secret speaks for the user.
    DangerAllowed,
}

/// The sessions under which we get requests, by the identifier that a request names.
///
/// An outbound session is never among them.
#[derive(Debug)]
pub struct InboundSessions {
    limits: Limits,
    impersonation: Impersonation,
    table: Table<Identifier, Inbound>,
}

/// Why an inbound session is not kept. Nothing has changed then.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InboundError {
    /// It is for a user, and [`Impersonation`] is refused.
    #[error("an inbound session must not be for a user")]
    Impersonation,
    /// A session with this identifier is in use. To be replaced it has to be removed: else whoever
    /// learns an identifier could put a secret of his own in its place.
    #[error("the identifier is in use")]
    IdentifierInUse,
    /// What can be wrong in either direction.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl InboundSessions {
    /// An empty table.
    #[must_use]
    pub const fn new(limits: Limits, impersonation: Impersonation) -> Self {
        Self {
            limits,
            impersonation,
            table: Table::new(limits.max_sessions),
        }
    }

    /// Keeps a session.
    ///
    /// # Errors
    ///
    /// If it is for a user and must not be, if its identifier is in use, if something is beyond the
    /// limits, or if it has expired.
    pub fn insert(&mut self, now: UnixTime, context: Context) -> Result<(), InboundError> {
        match (self.impersonation, &context.user) {
            (Impersonation::Refused, Some(_)) => return Err(InboundError::Impersonation),
            (Impersonation::Refused, None) | (Impersonation::DangerAllowed, _) => {}
        }
        if self.lookup(now, context.identifier.as_str()).is_some() {
            return Err(InboundError::IdentifierInUse);
        }
        let session = Session::new(now, context, &self.limits)?;
        self.table
            .insert(now, session.identifier.clone(), session)?;
        Ok(())
    }

    /// The session that a request names, if it can still be used.
    #[must_use]
    pub fn lookup(&self, now: UnixTime, identifier: &str) -> Option<&InboundSession> {
        self.table.live(now, identifier)
    }

    /// Forgets a session.
    pub fn remove(&mut self, identifier: &str) -> Option<InboundSession> {
        self.table.remove(identifier)
    }

    /// Drops what has expired. An insertion does that too.
    pub fn handle_timeout(&mut self, now: UnixTime) {
        self.table.drop_expired(now);
    }

    /// When the next session expires.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<UnixTime> {
        self.table.next_end()
    }

    /// How many sessions there are, with those that have expired and are not yet dropped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
