use std::fmt;

use comity_identity::{Direction, DomainName};

use crate::Exception;

/// Whether packets pass.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "callers should match without a wildcard"
)]
pub enum Verdict {
    /// They pass.
    Allow,
    /// They do not pass.
    Deny,
}

impl Verdict {
    /// The other verdict.
    #[must_use]
    pub fn inverted(self) -> Self {
        match self {
            Self::Allow => Self::Deny,
            Self::Deny => Self::Allow,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

/// The answer of a [`Policy`](crate::Policy) for one packet, with the rules that made it.
///
/// Its text is one line: `allowed: default allow`. It names remote domains, so it is for the
/// operator and not for a bounce.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether the packet passes.
    pub verdict: Verdict,
    /// Why.
    pub explanation: Explanation,
}

impl Decision {
    pub(crate) fn new<const N: usize>(verdict: Verdict, rules: [Rule; N]) -> Self {
        let explanation = Explanation(rules.into());
        Self {
            verdict,
            explanation,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Allow => "allowed",
            Verdict::Deny => "denied",
        };
        write!(f, "{verdict}: {}", self.explanation)
    }
}

/// The rules that made a decision, in the order in which they were consulted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation(Box<[Rule]>);

impl Explanation {
    /// The rules; there is at least one.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for rule in &self.0 {
            write!(f, "{separator}{rule}")?;
            separator = match rule {
                Rule::Exception(_) => " under ",
                Rule::NotLocal(_)
                | Rule::RemoteIsLocal(_)
                | Rule::OtherDirection(..)
                | Rule::Default(_) => ", ",
            };
        }
        Ok(())
    }
}

/// One step of an [`Explanation`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// The packet's own side is not a local domain.
    NotLocal(DomainName),
    /// The packet's remote side is a local domain.
    RemoteIsLocal(DomainName),
    /// The most specific exception for the remote domain inverted the default.
    Exception(Exception),
    /// The most specific exception for the remote domain is not about packets of this direction.
    OtherDirection(Exception, Direction),
    /// The default verdict.
    Default(Verdict),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLocal(domain) => write!(f, "{domain} is not a local domain"),
            Self::RemoteIsLocal(domain) => write!(f, "{domain} is a local domain"),
            Self::Exception(exception) => exception.fmt(f),
            Self::OtherDirection(exception, direction) => {
                let packets = match direction {
                    Direction::Inbound => "incoming",
                    Direction::Outbound => "outgoing",
                };
                write!(f, "{exception} does not cover {packets} packets")
            }
            Self::Default(verdict) => write!(f, "default {verdict}"),
        }
    }
}
