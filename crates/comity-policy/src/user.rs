use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use comity_identity::DomainName;
use foldhash::fast::RandomState;

use crate::{Address, AddressError, Verdict};

/// What a local user has decided about another user, or about a whole domain.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct UserRule {
    /// The local user.
    pub owner: Address,
    /// Whom it is about.
    pub subject: Subject,
    /// What it is about.
    pub scope: Scope,
    /// What was decided.
    pub verdict: Verdict,
}

impl UserRule {
    /// A decision of `owner` about `subject`.
    #[must_use]
    pub fn new(owner: Address, subject: Subject, scope: Scope, verdict: Verdict) -> Self {
        Self {
            owner,
            subject,
            scope,
            verdict,
        }
    }
}

impl fmt::Display for UserRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let did = match self.verdict {
            Verdict::Allow => "allows",
            Verdict::Deny => "blocks",
        };
        write!(f, "{} {did} {} ({})", self.owner, self.subject, self.scope)
    }
}

/// Whom a user has decided about.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a user or all users of a domain")]
pub enum Subject {
    /// Every user of the domain, and the domain itself. Domains below it are others.
    Domain(DomainName),
    /// One user.
    User(Address),
}

impl Subject {
    /// The domain, or that of the user.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        match self {
            Self::Domain(domain) => domain,
            Self::User(address) => address.domain(),
        }
    }

    /// The user, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<&Address> {
        match self {
            Self::Domain(_) => None,
            Self::User(address) => Some(address),
        }
    }
}

impl FromStr for Subject {
    type Err = AddressError;

    /// Takes a text with an `@` for a user, another for a domain.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.contains('@') {
            return text.parse().map(Self::User);
        }
        let domain = DomainName::parse(text).map_err(AddressError::Domain)?;
        Ok(Self::Domain(domain))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::User(address) => address.fmt(f),
        }
    }
}

/// What a decision of a user is about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "all non-empty sets of the two")]
pub enum Scope {
    /// Both.
    Both,
    /// Instant messages.
    Messages,
    /// Presence and subscriptions to it.
    Presence,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "presence and messages",
            Self::Messages => "messages",
            Self::Presence => "presence",
        })
    }
}

/// What a stanza or a request is about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "users decide about these two")]
pub enum Topic {
    /// An instant message, or what belongs to one.
    Message,
    /// Presence, or a subscription to it.
    Presence,
}

/// How a user's refusal looks to the other side.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "callers must treat both")]
pub enum DenyMode {
    /// The user is seen as offline and never refuses (RFC 3856 §6.6.2).
    #[default]
    Polite,
    /// The other side is told that it was refused (RFC 8048 §5.3.1).
    Rejected,
}

impl fmt::Display for DenyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Polite => "polite",
            Self::Rejected => "rejected",
        })
    }
}

/// The compiled decisions of users.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserTable {
    rules: HashMap<(Address, Subject), Slot, RandomState>,
}

/// What was decided about one subject.
#[derive(Clone, Debug, Default)]
struct Slot {
    messages: Option<Arc<UserRule>>,
    presence: Option<Arc<UserRule>>,
}

impl Slot {
    fn change(&mut self, scope: Scope, rule: Option<&Arc<UserRule>>) {
        if scope != Scope::Presence {
            self.messages = rule.cloned();
        }
        if scope != Scope::Messages {
            self.presence = rule.cloned();
        }
    }
}

impl UserTable {
    pub(crate) fn with_capacity(rules: usize) -> Self {
        Self {
            rules: HashMap::with_capacity_and_hasher(rules, RandomState::default()),
        }
    }

    /// Adds a rule, or returns the one that already decides about the same.
    pub(crate) fn insert(&mut self, rule: &Arc<UserRule>) -> Result<(), Arc<UserRule>> {
        let key = (rule.owner.clone(), rule.subject.clone());
        let slot = self.rules.entry(key).or_default();
        let places = match rule.scope {
            Scope::Both => [Some(&mut slot.messages), Some(&mut slot.presence)],
            Scope::Messages => [Some(&mut slot.messages), None],
            Scope::Presence => [None, Some(&mut slot.presence)],
        };
        let mut taken = None;
        for place in places.into_iter().flatten() {
            match place {
                Some(earlier) => taken = Some(Arc::clone(earlier)),
                None => *place = Some(Arc::clone(rule)),
            }
        }
        taken.map_or(Ok(()), Err)
    }

    /// Adds a rule in the place of those about the same.
    pub(crate) fn set(&mut self, rule: &Arc<UserRule>) {
        let key = (rule.owner.clone(), rule.subject.clone());
        let slot = self.rules.entry(key).or_default();
        slot.change(rule.scope, Some(rule));
    }

    pub(crate) fn remove(&mut self, owner: &Address, subject: &Subject, scope: Scope) {
        let key = (owner.clone(), subject.clone());
        let Some(slot) = self.rules.get_mut(&key) else {
            return;
        };
        slot.change(scope, None);
        if slot.messages.is_none() && slot.presence.is_none() {
            self.rules.remove(&key);
        }
    }

    /// Whether a rule about a user says no more than that about his domain.
    pub(crate) fn domain_says_the_same(&self, rule: &UserRule, domain: &DomainName) -> bool {
        let key = (rule.owner.clone(), Subject::Domain(domain.clone()));
        let Some(slot) = self.rules.get(&key) else {
            return false;
        };
        let says = |of: &Option<Arc<UserRule>>| {
            of.as_ref()
                .is_some_and(|other| other.verdict == rule.verdict)
        };
        match rule.scope {
            Scope::Both => says(&slot.messages) && says(&slot.presence),
            Scope::Messages => says(&slot.messages),
            Scope::Presence => says(&slot.presence),
        }
    }

    /// The rule that decides: that about the user, else that about the domain.
    pub(crate) fn rule(
        &self,
        owner: &Address,
        domain: &DomainName,
        user: Option<&Address>,
        topic: Topic,
    ) -> Option<&Arc<UserRule>> {
        if self.rules.is_empty() {
            return None;
        }
        let by = |subject: Subject| {
            let slot = self.rules.get(&(owner.clone(), subject))?;
            match topic {
                Topic::Message => slot.messages.as_ref(),
                Topic::Presence => slot.presence.as_ref(),
            }
        };
        user.and_then(|user| by(Subject::User(user.clone())))
            .or_else(|| by(Subject::Domain(domain.clone())))
    }
}
