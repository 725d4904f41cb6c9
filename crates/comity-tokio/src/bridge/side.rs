//! The side of XMPP: streams between servers, or components of a local one.

use std::collections::BTreeMap;

use comity_identity::DomainName;
use comity_xmpp::router::Receipt;
use comity_xmpp::stream::{Pair, SendId};
use comity_xmpp::{Stanza, StanzaCondition, StanzaError};

use crate::Federation;
use crate::component::Link;
use crate::handover::{Refusal, Taken, Tracking};

/// Where stanzas go.
#[derive(Clone, Debug)]
pub(super) enum Side {
    Streams(Federation),
    /// By the domain that each speaks for.
    Components(BTreeMap<DomainName, Link>),
}

/// A stanza that is tracked, on any of the ways of a side.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Tracked {
    /// The component; `None` for streams.
    pub(super) component: Option<DomainName>,
    pub(super) id: SendId,
}

impl Side {
    /// Hands over stanzas between two domains, in their order. The answers are in the same one; none if
    /// the runtime ends.
    pub(super) async fn send_all(
        &self,
        pair: &Pair,
        stanzas: Vec<(Stanza, Tracking)>,
    ) -> Option<Vec<Result<Option<Tracked>, Refused>>> {
        match self {
            Self::Streams(federation) => {
                let taken = federation.send_all(stanzas).await?;
                Some(taken.into_iter().map(|taken| answer(None, taken)).collect())
            }
            Self::Components(links) => {
                let domain = &pair.local;
                let Some(link) = links.get(domain) else {
                    let unknown = |(stanza, _)| Err(Refused::unknown(domain, stanza));
                    return Some(stanzas.into_iter().map(unknown).collect());
                };
                let taken = link.send_all(stanzas).await?;
                let taken = taken.into_iter();
                Some(taken.map(|taken| answer(Some(domain), taken)).collect())
            }
        }
    }

    /// A stanza is done with. The server of a component is not told.
    pub(super) fn settle(&self, receipt: Receipt) {
        match self {
            Self::Streams(federation) => federation.settle(receipt),
            Self::Components(_) => {}
        }
    }

    pub(super) async fn shutdown(&self) {
        match self {
            Self::Streams(federation) => federation.shutdown().await,
            Self::Components(links) => {
                for link in links.values() {
                    link.shutdown().await;
                }
            }
        }
    }
}

/// A stanza that no stream has taken.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) stanza: Box<Stanza>,
    /// What its sender is told.
    pub(super) error: StanzaError,
    /// Whether there may be room for it a little later.
    pub(super) passes: bool,
}

impl Refused {
    fn unknown(domain: &DomainName, stanza: Stanza) -> Self {
        let words = format!("no component speaks for {domain}");
        Self {
            stanza: Box::new(stanza),
            error: error(StanzaCondition::RemoteServerNotFound, &words),
            passes: false,
        }
    }
}

fn answer<E: Refusal>(
    component: Option<&DomainName>,
    taken: Taken<E>,
) -> Result<Option<Tracked>, Refused> {
    match taken {
        Ok(id) => Ok(id.map(|id| Tracked {
            component: component.cloned(),
            id,
        })),
        Err((stanza, reason)) => Err(Refused {
            stanza,
            error: error(reason.condition(), &reason.to_string()),
            passes: reason.passes(),
        }),
    }
}

/// The error for the sender of a stanza, in words.
pub(super) fn error(condition: StanzaCondition, words: &str) -> StanzaError {
    let mut error = StanzaError::new(condition);
    error.text = Some(words.into());
    error
}
