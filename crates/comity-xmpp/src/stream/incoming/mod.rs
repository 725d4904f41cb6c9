//! What the peer may send, pair by pair.

mod keys;

use std::collections::BTreeMap;

use comity_identity::DomainName;
use comity_machine::QueryId;

use self::keys::Pending;
use super::config::Acknowledge;
use super::core::{Core, Life};
use super::event::{DropReason, Event};
use super::proof::{Authorized, Method, Pair};
use super::reason::Rejection;
use crate::decision::{Channel, Role};
use crate::stanza::{AddressError, ViewError};
use crate::{Stanza, TlsMode};

/// The pairs that the peer has proved, and its dialback keys that are being verified.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// One for each pair; `max_pairs` bounds them together with what is pending.
    pairs: Vec<Authorized>,
    pending: BTreeMap<QueryId, Pending>,
    /// Dialback keys that came before anything was proved.
    early_keys: usize,
    /// Whether the peer is from before dialback errors: one without a version.
    pub(super) knows_no_errors: bool,
}

impl Incoming {
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(super) fn method(&self, pair: &Pair) -> Option<Method> {
        let mut pairs = self.pairs.iter();
        let proved = pairs.find(|proved| proved.pair() == pair)?;
        Some(proved.method())
    }

    fn get(&self, (from, to): (&DomainName, &DomainName)) -> Option<&Authorized> {
        let proved = |authorized: &&Authorized| {
            let Pair { local, remote } = authorized.pair();
            remote == from && local == to
        };
        self.pairs.iter().find(proved)
    }
}

impl Core {
    /// Lets the peer send stanzas of a pair.
    pub(super) fn add_incoming(&mut self, authorized: Authorized) {
        let pairs = &mut self.incoming.pairs;
        pairs.retain(|known| known.pair() != authorized.pair());
        pairs.push(authorized.clone());
        self.prove();
        self.events.push_back(Event::Authorized(authorized));
    }

    /// Lets us send stanzas of the pairs that the peer has proved, if the stream goes both ways
    /// (XEP-0288 §2.2).
    pub(super) fn establish_reverse(&mut self) {
        if !self.bidi || self.role != Role::Receiving {
            return;
        }
        let proved = self.incoming.pairs.iter();
        let proved: Vec<_> = proved
            .map(|proved| (proved.pair().clone(), proved.method()))
            .filter(|(pair, _)| !self.outgoing.has(pair))
            .collect();
        for (pair, method) in proved {
            self.establish(pair, method);
        }
    }

    /// Lets nothing but STARTTLS pass before TLS where it is required.
    pub(super) fn check_tls(&self) -> Result<(), Rejection> {
        if self.channel == Channel::Plain && self.terms.security.tls == TlsMode::Required {
            return Err(Rejection::TlsRequired);
        }
        Ok(())
    }

    /// A stanza of the peer (RFC 6120 §8.1).
    pub(super) fn take_stanza(
        &mut self,
        stanza: Result<Stanza, ViewError>,
    ) -> Result<(), Rejection> {
        if !self.takes_stanzas() {
            // Some servers send errors against the direction of the stream (RFC 6120 §4.9.1.4).
            self.drop_stanza(DropReason::WrongDirection);
            return Ok(());
        }
        self.check_tls()?;
        if self.incoming.is_empty() {
            return Err(Rejection::NotAuthorized);
        }
        let stanza = match stanza {
            Ok(stanza) => stanza,
            Err(ViewError::Prefixed) => return Err(Rejection::PrefixedStanza),
            Err(ViewError::Address(error, answer)) if error.leaves_domain() => {
                return self.drop_malformed(error, answer);
            }
            Err(ViewError::Address(error, _)) => return Err(error.into()),
        };
        let Some(authorized) = self.incoming.get(stanza.domains()) else {
            return Err(self.refuse_pair(stanza.domains()));
        };
        let method = authorized.method();
        let receipt = match self.config.acknowledge {
            Acknowledge::OnReceipt => {
                self.acks.handled.note_settled();
                None
            }
            Acknowledge::WhenSettled => Some(self.acks.handled.note_open()),
        };
        self.note_use();
        self.events.push_back(Event::Stanza {
            stanza,
            method,
            receipt,
        });
        Ok(())
    }

    /// One user's odd address does not end the stream of a whole domain; its sender is told.
    fn drop_malformed(
        &mut self,
        error: AddressError,
        answer: Option<Box<Stanza>>,
    ) -> Result<(), Rejection> {
        if let Some(answer) = &answer {
            let (to, from) = answer.domains();
            if self.incoming.get((from, to)).is_none() {
                return Err(self.refuse_pair((from, to)));
            }
        }
        self.drop_stanza(DropReason::Address(error));
        if let Some(stanza) = answer {
            self.events.push_back(Event::Answer { stanza: *stanza });
        }
        Ok(())
    }

    fn drop_stanza(&mut self, reason: DropReason) {
        self.acks.handled.note_settled();
        self.events.push_back(Event::Dropped(reason));
    }

    /// Which side of an unproved pair is at fault (RFC 6120 §8.1.1.2, §8.1.2.2).
    fn refuse_pair(&self, (from, to): (&DomainName, &DomainName)) -> Rejection {
        let mut proved = self.incoming.pairs.iter();
        if !proved.any(|proved| proved.pair().remote == *from) {
            Rejection::InvalidFrom
        } else if self.config.domains.contains(to) {
            Rejection::PairNotAuthorized
        } else {
            Rejection::HostUnknown(to.as_str().into())
        }
    }

    /// Forgets the keys that are being verified: the stream that they came on is over, and an
    /// answer would stand outside the next one.
    pub(super) fn drop_keys(&mut self) {
        for (query, _) in std::mem::take(&mut self.incoming.pending) {
            self.withdraw_key(query);
        }
    }

    /// Whether an answer about a key can still be sent.
    fn can_answer(&self) -> bool {
        self.life == Life::Open
    }
}
