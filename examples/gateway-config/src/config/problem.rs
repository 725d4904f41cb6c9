//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::io;

/// Everything that is wrong with a configuration; at least one thing, in the order of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// At least one error, in the order in which they are told.
    pub(crate) fn of(errors: Vec<ConfigError>) -> Self {
        Self(errors)
    }

    /// The errors, at least one, in the order of the file.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Something that is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The line where it stands, from one; zero if it is about the whole.
    pub line: usize,
    /// The key of the value, such as `xmpp.listeners[0].address`; empty if there is none.
    pub key: String,
    pub(crate) problem: Problem,
}

impl ConfigError {
    /// What is wrong there, and what to do about it. It shows no value that may be a secret.
    #[must_use]
    pub fn problem(&self) -> impl fmt::Display + '_ {
        &self.problem
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, ", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        self.problem.fmt(f)
    }
}

/// What is wrong at a place. None of them shows a value that may be a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{0:?} is there twice: delete one of them")]
    Duplicate(String),
    #[error("an empty secret protects nothing: write one of at least 16 random characters")]
    EmptySecret,
    #[error("a secret and a file of a secret are given: delete one of them")]
    SecretTwice,
    #[error("{file}: {}: check the path and who may read it", io::Error::from(*.kind))]
    Unreadable { file: String, kind: io::ErrorKind },
    #[error("{file}: {reason}")]
    File { file: String, reason: String },
    #[error("{text:?} is not {expected}: {reason}")]
    Malformed {
        text: String,
        expected: &'static str,
        reason: String,
    },
    #[error("the key {key} is missing: {remedy}")]
    Missing {
        key: &'static str,
        remedy: &'static str,
    },
    #[error("{text:?} is none of {}", .allowed.join(", "))]
    NoneOf {
        text: String,
        allowed: &'static [&'static str],
    },
    #[error("a whole number from {min} to {max} is expected")]
    Number { min: u32, max: u32 },
    #[error("{0}")]
    Rule(Rule),
    #[error("{0}")]
    Route(String),
    #[error("{0}")]
    Syntax(String),
    #[error("no such key; allowed are {}", .allowed.join(", "))]
    UnknownKey { allowed: &'static [&'static str] },
    #[error("{expected} is expected, not {found}")]
    WrongType {
        expected: &'static str,
        found: &'static str,
    },
}

/// What settings that are right each for itself must not be together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Rule {
    #[error(
        "{0} is among the domains of XMPP and of SIP: its users live on one of both, delete the other"
    )]
    BothProtocols(String),
    #[error("{0} is served by the local XMPP server itself: name domains that it does not serve")]
    ComponentOfLocal(String),
    #[error("a component has no listeners of its own: delete xmpp.listeners or set mode = \"s2s\"")]
    ComponentListens,
    #[error("this table has no effect unless mode = \"component\": change the mode or delete it")]
    ComponentUnused,
    #[error("the default route is written as [routes.default], where it is blocked unless opened")]
    DefaultRoute,
    #[error("{0} is not a loopback address: listen on 127.0.0.1 or [::1]")]
    NotLoopback(String),
    #[error("others cannot be told {0}: set host here or sip.federation-host")]
    Nameless(String),
    #[error("a route has either a priority or backup = true: delete one of them")]
    PriorityOfBackup,
    #[error("TLS listens without a certificate: set tls.inbound.chain and tls.inbound.key")]
    NoInboundIdentity,
    #[error("only a listener of TLS can have this key: delete it or set transport = \"tls\"")]
    NotTls,
    #[error(
        "{domain} is in local-domains of the rules: name it in [domains] too, or delete it there"
    )]
    NotOurs { domain: String },
    #[error("{domain} is not in local-domains of the rules: name it there too, or delete the list")]
    NotInRules { domain: String },
    #[error("min-version is newer than max-version: exchange them")]
    Versions,
}
