use std::fmt;
use std::str::FromStr;

use comity_identity::DomainName;
use comity_xmpp::Jid;

/// What a bridge has to know again after a restart.
///
/// It leaves in [`Event::Store`](crate::Event) and [`Event::Forget`](crate::Event) and comes back by
/// [`Bridge::restore`](crate::Bridge::restore). It is stored as a key, its text without the value, and
/// a value; [`key`](Self::key) and [`value`](Self::value) make them, and [`read`](Self::read) takes
/// them back.
///
/// Sessions are not among them: a text in one that is gone gets 481, upon which its sender opens
/// another.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fact {
    /// A user of XMPP is subscribed to the presence of a user of SIP, or wants to be.
    Watch {
        /// Who wants to see it.
        watcher: Jid,
        /// Whose presence.
        presentity: Jid,
        /// Whether the other side has granted it.
        is_granted: bool,
    },
    /// A user of XMPP has decided whether a user of SIP may see his presence.
    Authorization {
        /// Who wants to see it.
        watcher: Jid,
        /// Whose presence.
        presentity: Jid,
        /// Whether he may.
        is_allowed: bool,
    },
    /// A domain that nobody has configured was reached over SIP.
    Learned {
        /// The domain.
        domain: DomainName,
        /// By what.
        route: Route,
    },
}

/// How a domain is reached over SIP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the ways that there are")]
pub enum Route {
    /// By its records in DNS, or by itself: it has connected to us.
    Records,
    /// By the record of its edge, `_sipfederationtls`: its servers are Microsoft's.
    Edge,
    /// By the default route.
    Default,
}

/// A stored fact cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no fact of this version")]
#[non_exhaustive]
pub struct UnreadableFact;

impl Fact {
    /// Under what it is stored.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Watch {
                watcher,
                presentity,
                ..
            } => format!("watch {watcher} {presentity}"),
            Self::Authorization {
                watcher,
                presentity,
                ..
            } => format!("authorization {watcher} {presentity}"),
            Self::Learned { domain, .. } => format!("learned {domain}"),
        }
    }

    /// What is stored.
    #[must_use]
    pub fn value(&self) -> &'static str {
        match self {
            Self::Watch { is_granted, .. } => word(*is_granted, "granted", "asked"),
            Self::Authorization { is_allowed, .. } => word(*is_allowed, "allowed", "denied"),
            Self::Learned { route, .. } => match route {
                Route::Records => "records",
                Route::Edge => "edge",
                Route::Default => "default",
            },
        }
    }

    /// The fact that was stored so.
    ///
    /// # Errors
    ///
    /// It was not made by [`key`](Self::key) and [`value`](Self::value).
    pub fn read(key: &str, value: &str) -> Result<Self, UnreadableFact> {
        let mut words = key.split(' ');
        let fact = match words.next() {
            Some("watch") => Self::Watch {
                watcher: parse(words.next())?,
                presentity: parse(words.next())?,
                is_granted: either(value, "granted", "asked")?,
            },
            Some("authorization") => Self::Authorization {
                watcher: parse(words.next())?,
                presentity: parse(words.next())?,
                is_allowed: either(value, "allowed", "denied")?,
            },
            Some("learned") => Self::Learned {
                domain: parse(words.next())?,
                route: match value {
                    "records" => Route::Records,
                    "edge" => Route::Edge,
                    "default" => Route::Default,
                    _ => return Err(UnreadableFact),
                },
            },
            Some(_) | None => return Err(UnreadableFact),
        };
        match words.next() {
            None => Ok(fact),
            Some(_) => Err(UnreadableFact),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key(), self.value())
    }
}

fn word(is_first: bool, first: &'static str, second: &'static str) -> &'static str {
    if is_first { first } else { second }
}

fn either(value: &str, yes: &str, no: &str) -> Result<bool, UnreadableFact> {
    match value {
        value if value == yes => Ok(true),
        value if value == no => Ok(false),
        _other => Err(UnreadableFact),
    }
}

/// Bare addresses and domains hold no space.
fn parse<T: FromStr>(text: Option<&str>) -> Result<T, UnreadableFact> {
    text.and_then(|text| text.parse().ok())
        .ok_or(UnreadableFact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_comes_back_as_it_was_stored() {
        let (watcher, presentity): (Jid, Jid) = (
            "juliet@a.example".parse().unwrap(),
            "d\\27artagnan@b.example".parse().unwrap(),
        );
        let pair = || (watcher.clone(), presentity.clone());
        for yes in [true, false] {
            let ((watcher, presentity), is_granted) = (pair(), yes);
            let watch = Fact::Watch {
                watcher,
                presentity,
                is_granted,
            };
            let ((watcher, presentity), is_allowed) = (pair(), yes);
            let authorization = Fact::Authorization {
                watcher,
                presentity,
                is_allowed,
            };
            for fact in [watch, authorization] {
                assert_eq!(Fact::read(&fact.key(), fact.value()), Ok(fact));
            }
        }
        for (route, text) in [
            (Route::Records, "learned b.example: records"),
            (Route::Edge, "learned b.example: edge"),
            (Route::Default, "learned b.example: default"),
        ] {
            let domain = "b.example".parse().unwrap();
            let learned = Fact::Learned { domain, route };
            assert_eq!(learned.to_string(), text);
            assert_eq!(Fact::read(&learned.key(), learned.value()), Ok(learned));
        }
    }

    #[test]
    fn what_is_no_fact_is_not_taken_for_one() {
        for (key, value) in [
            ("", ""),
            ("watch", "granted"),
            ("watch a@b.example", "granted"),
            ("watch a@b.example c@d.example", "allowed"),
            ("watch a@b.example c@d.example e@f.example", "granted"),
            ("authorization a@b.example c@d.example", "granted"),
            ("learned b.example", "xmpp"),
            ("learned -", "records"),
        ] {
            assert_eq!(Fact::read(key, value), Err(UnreadableFact), "{key}");
        }
    }
}
