use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use comity_identity::DomainName;
use foldhash::fast::RandomState;

use crate::Address;

/// Under which email addresses local users are known to federated contacts.
///
/// Where it is switched on, a user with an email address is known by that alone: his own address
/// never leaves, and who writes to it meets nobody.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct EmailRules {
    /// Whether email addresses stand in for users' own. Default: no.
    pub enabled: bool,
    /// Domains that an operator has added ahead of their users.
    pub domains: BTreeSet<DomainName>,
    /// The email address of each user that has one, by the user's own address.
    pub identities: BTreeMap<Address, Address>,
}

/// A domain of email addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum EmailDomainKind {
    /// An operator added it and may delete it.
    AdminManaged,
    /// Users' addresses are in it: it cannot be deleted
    /// ([`Config::remove_email_domain`](crate::Config::remove_email_domain)), and becomes an
    /// operator's when the last user leaves
    /// ([`Config::remove_identity`](crate::Config::remove_identity)).
    SystemManaged,
}

impl fmt::Display for EmailDomainKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminManaged => "managed by the administrator",
            Self::SystemManaged => "managed by the system",
        })
    }
}

impl EmailRules {
    /// The domains of email addresses, each with who manages it.
    #[must_use]
    pub fn managed_domains(&self) -> BTreeMap<DomainName, EmailDomainKind> {
        let configured = self.domains.iter().cloned();
        let mut all: BTreeMap<_, _> = configured
            .map(|domain| (domain, EmailDomainKind::AdminManaged))
            .collect();
        for email in self.identities.values() {
            all.insert(email.domain().clone(), EmailDomainKind::SystemManaged);
        }
        all
    }
}

/// The compiled identities, in both directions.
#[derive(Clone, Debug, Default)]
pub(crate) struct EmailBook {
    enabled: bool,
    emails: HashMap<Address, Address, RandomState>,
    users: HashMap<Address, Address, RandomState>,
}

impl EmailBook {
    /// Compiles the rules, and tells which users share an address.
    pub(crate) fn new(rules: &EmailRules) -> (Self, Vec<SharedEmail>) {
        let mut shared = Vec::new();
        let mut book = Self {
            enabled: rules.enabled,
            emails: HashMap::with_capacity_and_hasher(
                rules.identities.len(),
                RandomState::default(),
            ),
            users: HashMap::with_capacity_and_hasher(
                rules.identities.len(),
                RandomState::default(),
            ),
        };
        for (user, email) in &rules.identities {
            let earlier = book.users.insert(email.clone(), user.clone());
            if let Some(first) = earlier {
                shared.push(SharedEmail {
                    email: email.clone(),
                    first,
                    second: user.clone(),
                });
            }
            book.emails.insert(user.clone(), email.clone());
        }
        (book, shared)
    }

    /// The address by which federated contacts know a user.
    pub(crate) fn outward<'a>(&'a self, user: &'a Address) -> &'a Address {
        let email = self.emails.get(user).filter(|_| self.enabled);
        email.unwrap_or(user)
    }

    /// Whom a federated contact means by an address.
    pub(crate) fn inward<'a>(&'a self, address: &'a Address) -> Inward<'a> {
        if !self.enabled {
            return Inward::User(address);
        }
        if let Some(user) = self.users.get(address) {
            return Inward::User(user);
        }
        match self.emails.get(address) {
            Some(email) => Inward::Hidden { email },
            None => Inward::User(address),
        }
    }
}

/// Two users with one email address, which could not be told apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SharedEmail {
    pub(crate) email: Address,
    pub(crate) first: Address,
    pub(crate) second: Address,
}

/// Whom a federated contact means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must treat both")]
pub enum Inward<'a> {
    /// The user with this address of his own.
    User(&'a Address),
    /// The own address of a user who is known by email: the packet is dropped without an answer,
    /// which would tell that the user is there.
    Hidden {
        /// By what he is known.
        email: &'a Address,
    },
}
