use std::collections::BTreeMap;
use std::time::SystemTime;

use comity_identity::DomainName;

use crate::service::Messaging;

/// How a domain was reached.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "callers store it and have to read all of it again"
)]
pub enum Via {
    /// XMPP, by its records.
    Xmpp,
    /// SIP, by its records.
    Sip,
    /// SIP, by its `_sipfederationtls` record: its servers are Microsoft's.
    Edge,
    /// SIP, by the default route.
    DefaultRoute,
}

impl Via {
    /// What is spoken on this way.
    #[must_use]
    pub fn messaging(self) -> Messaging {
        match self {
            Self::Xmpp => Messaging::Xmpp,
            Self::Sip | Self::Edge | Self::DefaultRoute => Messaging::Sip,
        }
    }
}

/// A domain that was learned.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers store it and build it again"
)]
pub struct Learned {
    /// The domain.
    pub domain: DomainName,
    /// How it was reached.
    pub via: Via,
    /// When an exchange has worked for the first time.
    pub first_seen: SystemTime,
    /// When one has worked last.
    pub last_worked: SystemTime,
}

/// Why a domain was not learned.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The table is full. Entries stay until somebody deletes them.
    #[error("more than {limit} domains are learned already")]
    Full {
        /// `Settings::max_learned`.
        limit: usize,
    },
}

#[derive(Debug)]
pub(super) struct Table {
    limit: usize,
    entries: BTreeMap<DomainName, Learned>,
}

impl Table {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, domain: &DomainName) -> Option<&Learned> {
        self.entries.get(domain)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Learned> {
        self.entries.values()
    }

    pub(super) fn learn(
        &mut self,
        wall: SystemTime,
        domain: &DomainName,
        via: Via,
    ) -> Result<&Learned, LearnError> {
        self.check_room(domain)?;
        let new = || Learned {
            domain: domain.clone(),
            via,
            first_seen: wall,
            last_worked: wall,
        };
        let entry = self.entries.entry(domain.clone()).or_insert_with(new);
        // A domain may have moved to the other protocol.
        entry.via = via;
        entry.last_worked = wall;
        Ok(entry)
    }

    pub(super) fn restore(&mut self, learned: Learned) -> Result<(), LearnError> {
        self.check_room(&learned.domain)?;
        self.entries.insert(learned.domain.clone(), learned);
        Ok(())
    }

    pub(super) fn forget(&mut self, domain: &DomainName) -> Option<Learned> {
        self.entries.remove(domain)
    }

    fn check_room(&self, domain: &DomainName) -> Result<(), LearnError> {
        let limit = self.limit;
        if self.entries.len() >= limit && !self.entries.contains_key(domain) {
            return Err(LearnError::Full { limit });
        }
        Ok(())
    }
}
