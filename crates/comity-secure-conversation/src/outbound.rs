use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::session::{Outbound, OutboundSession, Session, SessionError};
use crate::table::Table;
use crate::{Context, Limits, UserId};

/// The sessions under which we send requests: one for each authenticated user and service URL.
///
/// An inbound session is never among them.
#[derive(Debug)]
pub struct OutboundSessions {
    limits: Limits,
    table: Table<Arc<Key>, Outbound>,
}

/// Why an outbound session is not kept. Nothing has changed then.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The service URL is empty.
    #[error("the service URL is empty")]
    NoServiceUrl,
    /// It is longer than [`Limits::max_service_url_bytes`].
    #[error("the service URL is longer than {limit} bytes")]
    ServiceUrlTooLong {
        /// The limit.
        limit: usize,
    },
    /// What can be wrong in either direction.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// For whom and with which service a session is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    user: Option<UserId>,
    service_url: Box<str>,
}

impl OutboundSessions {
    /// An empty table.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            table: Table::new(limits.max_sessions),
        }
    }

    /// Keeps a session with the service for the user of its context, and gives back the one in whose
    /// place it comes. With another service or for another user it stands beside that.
    ///
    /// The service URL is compared byte by byte and need not be a URL. Without a user it has to be
    /// one that is used once, or all who are not authenticated share the session: see
    /// [`unique_service_url`].
    ///
    /// # Errors
    ///
    /// If something is beyond the limits or the session has expired.
    pub fn insert(
        &mut self,
        now: UnixTime,
        service_url: &str,
        context: Context,
    ) -> Result<Option<OutboundSession>, OutboundError> {
        if service_url.is_empty() {
            return Err(OutboundError::NoServiceUrl);
        }
        let limit = self.limits.max_service_url_bytes;
        if service_url.len() > limit {
            return Err(OutboundError::ServiceUrlTooLong { limit });
        }
        let session = Session::new(now, context, &self.limits)?;
        let user = session.user.as_ref().map(|user| &user.id);
        let key = Key::new(user, service_url);
        Ok(self.table.insert(now, key.into(), session)?)
    }

    /// The session with a service for a user, if it can still be used.
    #[must_use]
    pub fn lookup(
        &self,
        now: UnixTime,
        user: Option<&UserId>,
        service_url: &str,
    ) -> Option<&OutboundSession> {
        self.table.live(now, &Key::new(user, service_url))
    }

    /// Forgets a session.
    pub fn remove(&mut self, user: Option<&UserId>, service_url: &str) -> Option<OutboundSession> {
        self.table.remove(&Key::new(user, service_url))
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

impl Key {
    fn new(user: Option<&UserId>, service_url: &str) -> Self {
        Self {
            user: user.cloned(),
            service_url: service_url.into(),
        }
    }
}

/// The name of a session with a service without an authenticated user: `<url>?sessionId=<id>`.
///
/// It is a key and no address. Two pairs of URL and id never have the same one: what is not a
/// letter, a digit or one of `-._~:` in the id is percent-encoded, so that the last `?` parts them.
#[must_use]
pub fn unique_service_url(service_url: &str, session_id: &str) -> String {
    let mut url = format!("{service_url}?sessionId=");
    for byte in session_id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            url.push(byte.into());
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_url_tells_its_parts_apart() {
        for (url, id, unique) in [
            (
                "https://s.example/a",
                "urn:uuid:1-2",
                "https://s.example/a?sessionId=urn:uuid:1-2",
            ),
            ("s", "a?sessionId=b", "s?sessionId=a%3FsessionId%3Db"),
            ("s?sessionId=a", "b", "s?sessionId=a?sessionId=b"),
            ("s", "é%", "s?sessionId=%C3%A9%25"),
            ("", "", "?sessionId="),
        ] {
            assert_eq!(unique_service_url(url, id), unique);
        }
    }
}
