//! What we may send, pair by pair.

mod requests;

use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::QueryId;

use self::requests::Request;
use super::SendError;
use super::core::{Core, Life, Timer};
use super::event::{Event, PairRefusal};
use super::output::{Content, Dialback, as_u64};
use super::proof::{Method, Pair, Verdict};
use super::sent::{Kept, SendId};
use crate::decision::Channel;
use crate::xml::Element;
use crate::{CertificateRule, Stanza, StanzaCondition, Terms, TlsMode};

/// The pairs that we have asked for, and the questions about keys of others.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// `max_pairs` bounds them.
    pairs: Vec<Asked>,
    /// Requests that were sent and not answered, or wait for the stream to be ready, oldest first.
    requests: Vec<Request>,
}

/// A pair that was asked for.
#[derive(Clone, Debug)]
struct Asked {
    pair: Pair,
    leave: Leave,
    /// When it has taken too long; never for the pair that a stream is opened for, whose time is
    /// that of the negotiation.
    deadline: Option<Instant>,
}

/// How far a pair has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Leave {
    /// The certificate is asked whether the server speaks for another domain.
    Checking(QueryId, CertificateRule),
    /// A key was sent.
    Asked,
    /// Stanzas may be sent.
    Given,
}

impl Outgoing {
    fn get(&self, stanza: &Stanza) -> Option<Leave> {
        let (from, to) = stanza.domains();
        let is_it = |asked: &&Asked| asked.pair.local == *from && asked.pair.remote == *to;
        let found = self.pairs.iter().find(is_it)?;
        Some(found.leave)
    }

    fn leave(&self, pair: &Pair) -> Option<Leave> {
        let found = self.pairs.iter().find(|asked| asked.pair == *pair)?;
        Some(found.leave)
    }

    pub(super) fn is_given(&self, pair: &Pair) -> bool {
        self.leave(pair) == Some(Leave::Given)
    }

    pub(super) fn has(&self, pair: &Pair) -> bool {
        self.leave(pair).is_some()
    }

    fn remove(&mut self, pair: &Pair) {
        self.pairs.retain(|asked| asked.pair != *pair);
    }
}

impl Core {
    /// Lets us send stanzas of a pair.
    pub(super) fn establish(&mut self, pair: Pair, method: Method) {
        self.set_leave(&pair, Leave::Given);
        self.events.push_back(Event::Established { pair, method });
    }

    /// Notes how far a pair has come, and until when it must have come further.
    fn set_leave(&mut self, pair: &Pair, leave: Leave) {
        let wait = self.config.limits.negotiation_timeout;
        let deadline = match leave {
            Leave::Checking(..) | Leave::Asked if self.is_proved() => self.now.checked_add(wait),
            Leave::Checking(..) | Leave::Asked | Leave::Given => None,
        };
        self.outgoing.remove(pair);
        self.outgoing.pairs.push(Asked {
            pair: pair.clone(),
            leave,
            deadline,
        });
        self.arm_pairs();
    }

    /// Sets the timer to the pair that has waited longest.
    fn arm_pairs(&mut self) {
        let pairs = self.outgoing.pairs.iter();
        match pairs.filter_map(|asked| asked.deadline).min() {
            Some(deadline) => self.timers.set(Timer::Pairs, deadline),
            None => self.timers.stop(Timer::Pairs),
        }
    }

    /// Gives up on pairs that the peer has not answered for in time.
    pub(super) fn pairs_timed_out(&mut self) {
        let now = self.now;
        let late = |asked: &mut Asked| asked.deadline.is_some_and(|deadline| deadline <= now);
        for Asked { pair, .. } in self.outgoing.pairs.extract_if(.., late) {
            let refusal = PairRefusal::TimedOut;
            self.events.push_back(Event::Refused { pair, refusal });
        }
        self.arm_pairs();
    }

    /// Sends a stanza of a pair that the peer has accepted, and tells when it has left if it has an
    /// id.
    pub(super) fn send_stanza(
        &mut self,
        stanza: &Stanza,
        id: Option<SendId>,
    ) -> Result<(), SendError> {
        if self.life != Life::Open {
            return Err(SendError::Closed);
        }
        match self.outgoing.get(stanza) {
            Some(Leave::Given) => {}
            Some(Leave::Asked | Leave::Checking(..)) => return Err(SendError::NotEstablished),
            None if self.outgoing.pairs.is_empty() => return Err(SendError::NotEstablished),
            None => return Err(SendError::OtherPair),
        }
        let limits = &self.config.limits;
        let (max_stanzas, max_bytes) = (
            limits.max_unacknowledged_stanzas,
            limits.max_unacknowledged_bytes,
        );
        if self.output.len() >= limits.max_output_bytes.authenticated
            || !self.acks.has_room(max_stanzas, max_bytes)
            || !self.unwritten.has_room(max_stanzas, max_bytes)
        {
            return Err(SendError::Full);
        }
        let max_bytes = self.peer_limits.max_bytes;
        if !self.output.stanza(stanza, max_bytes) {
            return Err(SendError::TooLong(max_bytes.unwrap_or(u64::MAX)));
        }
        let end = self.output.total();
        if self.acks.counts_sent() {
            self.acks.note_sent(Kept::new(stanza, id, end));
        } else if id.is_some() {
            self.unwritten.push(Kept::new(stanza, id, end));
        }
        self.request_if_due();
        self.note_use();
        self.note_output();
        Ok(())
    }

    /// Notes that the driver has written so many bytes more.
    pub(super) fn note_written(&mut self, bytes: usize) {
        self.unwritten.note_written(as_u64(bytes));
        self.tell_written();
    }

    /// Tells of the stanzas that have been written.
    pub(super) fn tell_written(&mut self) {
        while let Some(kept) = self.unwritten.pop_written() {
            self.events.extend(kept.id.map(|id| Event::Sent { id }));
        }
    }

    /// Asks for one more pair on a stream that carries another (XEP-0220 §2.3).
    pub(super) fn add_outgoing(&mut self, pair: &Pair, terms: Terms) -> Result<(), SendError> {
        if self.life != Life::Open {
            return Err(SendError::Closed);
        }
        if self.outgoing.has(pair) {
            return Err(SendError::AlreadyAsked);
        }
        // What comes back on a pair that is not the stream's own could not be told from a lie.
        if self.config.dialback.is_none() || self.bidi {
            return Err(SendError::OtherPair);
        }
        if self.outgoing.pairs.len() >= self.config.limits.max_pairs {
            return Err(SendError::Full);
        }
        match (self.channel, terms.security.tls, terms.security.certificate) {
            (Channel::Plain, TlsMode::Required, _)
            | (Channel::Plain | Channel::Anonymous, _, CertificateRule::Required) => {
                Err(SendError::Unprotected)
            }
            (Channel::Plain | Channel::Anonymous, _, CertificateRule::Optional) => {
                self.send_key(pair);
                Ok(())
            }
            (Channel::Untrusted | Channel::Trusted, _, rule) => {
                let query = self.ask_verdict(pair.remote.clone());
                self.set_leave(pair, Leave::Checking(query, rule));
                Ok(())
            }
        }
    }

    /// Takes the answer to the question whether the server speaks for another domain; gives nothing
    /// if that was not the question.
    pub(super) fn outgoing_verdict(&mut self, query: QueryId, verdict: &Verdict) -> Option<()> {
        let asked = |leave: Leave| match leave {
            Leave::Checking(asked, rule) if asked == query => Some(rule),
            Leave::Checking(..) | Leave::Asked | Leave::Given => None,
        };
        let mut pairs = self.outgoing.pairs.iter();
        let (pair, rule) = pairs.find_map(|it| Some((it.pair.clone(), asked(it.leave)?)))?;
        if self.life != Life::Open {
            return Some(());
        }
        match (verdict, rule) {
            (Verdict::Trusted { .. }, _) => {
                self.note_expiry(verdict);
                self.send_key(&pair);
            }
            (Verdict::Untrusted { .. }, CertificateRule::Optional) => self.send_key(&pair),
            (Verdict::Untrusted { reason }, CertificateRule::Required) => {
                self.outgoing.remove(&pair);
                let refusal = PairRefusal::Certificate(reason.clone());
                self.events.push_back(Event::Refused { pair, refusal });
            }
        }
        Some(())
    }

    /// Proves a domain of ours with a key (XEP-0220 §2.1.1).
    pub(super) fn send_key(&mut self, pair: &Pair) {
        let Pair { local, remote } = pair;
        let key = self.config.dialback.as_ref();
        let key = key.map(|secret| secret.key(remote, local, &self.id));
        self.output.dialback(&Dialback {
            content: Content::Key(&key.unwrap_or_default()),
            ..Dialback::of("result", pair)
        });
        self.set_leave(pair, Leave::Asked);
        self.await_progress();
    }

    /// Takes what the peer says about a key of ours (XEP-0220 §2.1.4); gives the pair whose key it
    /// refused.
    pub(super) fn take_result(&mut self, element: &Element) -> Option<Pair> {
        let pair = answered_pair(element)?;
        // An answer to something that was not asked proves nothing.
        if self.outgoing.leave(&pair) != Some(Leave::Asked) {
            return None;
        }
        let refusal = match element.attribute("type") {
            Some("valid") => {
                self.prove();
                self.establish(pair, Method::Dialback);
                return None;
            }
            Some("invalid") => PairRefusal::Invalid,
            Some("error") => PairRefusal::Error(error_condition(element)),
            Some(_) | None => return None,
        };
        self.outgoing.remove(&pair);
        self.events.push_back(Event::Refused {
            pair: pair.clone(),
            refusal,
        });
        Some(pair)
    }
}

/// The pair that an answer of the peer is about.
fn answered_pair(element: &Element) -> Option<Pair> {
    let domain = |name| DomainName::parse(element.attribute(name)?).ok();
    Some(Pair {
        local: domain("to")?,
        remote: domain("from")?,
    })
}

/// The condition inside a dialback error (XEP-0220 §2.4).
fn error_condition(element: &Element) -> StanzaCondition {
    element
        .children()
        .filter(|child| child.name() == "error")
        .flat_map(Element::children)
        .find_map(|child| StanzaCondition::from_name(child.name()))
        .unwrap_or(StanzaCondition::UndefinedCondition)
}
