use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use rustls_pki_types::UnixTime;

use crate::session::{Session, SessionError};

/// Sessions by their keys, which are cheap to clone. It is bounded and forgets what has expired.
#[derive(Debug)]
pub(crate) struct Table<K, D> {
    max_sessions: usize,
    sessions: BTreeMap<K, Session<D>>,
    /// Every session with its end.
    ends: BTreeSet<(UnixTime, K)>,
}

impl<K: Clone + Ord, D> Table<K, D> {
    pub(crate) const fn new(max_sessions: usize) -> Self {
        Self {
            max_sessions,
            sessions: BTreeMap::new(),
            ends: BTreeSet::new(),
        }
    }

    /// Adds a session and gives back the one in whose place it comes.
    pub(crate) fn insert(
        &mut self,
        now: UnixTime,
        key: K,
        session: Session<D>,
    ) -> Result<Option<Session<D>>, SessionError> {
        self.drop_expired(now);
        let replaced = self.remove(&key);
        if self.sessions.len() >= self.max_sessions {
            let limit = self.max_sessions;
            return Err(SessionError::Full { limit });
        }
        self.ends.insert((session.expires, key.clone()));
        self.sessions.insert(key, session);
        Ok(replaced)
    }

    pub(crate) fn live<Q: Ord + ?Sized>(&self, now: UnixTime, key: &Q) -> Option<&Session<D>>
    where
        K: Borrow<Q>,
    {
        self.sessions
            .get(key)
            .filter(|session| session.is_live(now))
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<Session<D>>
    where
        K: Borrow<Q>,
    {
        let (key, session) = self.sessions.remove_entry(key)?;
        self.ends.remove(&(session.expires, key));
        Some(session)
    }

    pub(crate) fn drop_expired(&mut self, now: UnixTime) {
        while self.ends.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, key)) = self.ends.pop_first() {
                self.sessions.remove(&key);
            }
        }
    }

    pub(crate) fn next_end(&self) -> Option<UnixTime> {
        self.ends.first().map(|(end, _)| *end)
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }
}
