//! The bridge as the application of a SIP server.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Instant, SystemTime};

use comity_bridge::{Bridge, Counts, Dropped, Event, Fact, Route, StanzaId, Ticket};
use comity_identity::DomainName;
use comity_sip::endpoint::{self, Endpoint};
use comity_srv::federation::Via;
use comity_xmpp::router::Receipt;
use comity_xmpp::{Stanza, StanzaCondition, StanzaError};
use tokio::sync::mpsc;

use super::Observer;
use super::room::{Place, Room};
use super::side::{Side, Tracked, error};
use crate::handover::Tracking;
use crate::locator::Locator;
use crate::sip;

/// A bridge as the application of its SIP server, by which whoever has a [`Gateway`](super::Gateway)
/// can name the server.
pub struct Joint {
    bridge: Bridge,
    side: Side,
    observer: Box<dyn Observer>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    room: Room,
    questions: mpsc::UnboundedSender<Event>,
    locator: Option<Locator>,
    /// What comes back to the bridge at its first turn.
    facts: Vec<Fact>,
    /// Stanzas that the bridge has, and what their peers are told when it is done.
    receipts: BTreeMap<Ticket, Receipt>,
    next_ticket: u64,
    /// Stanzas of which the streams have not said what became of them.
    sent: BTreeMap<Tracked, Purpose>,
    /// What the streams have said before it was known which stanza it is about.
    early: BTreeMap<Tracked, Result<(), (Box<Stanza>, StanzaError)>>,
}

/// A stanza for a stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) stanza: Stanza,
    pub(super) purpose: Purpose,
    /// Where it waits.
    pub(super) place: Place,
}

/// Why a stanza is sent, and so who hears what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Nobody.
    Untracked,
    /// The bridge.
    Bridge(StanzaId),
    /// It came by XMPP and goes on by XMPP.
    Relay(Option<Ticket>),
}

impl Purpose {
    pub(super) fn tracking(self) -> Tracking {
        match self {
            Self::Untracked => Tracking::Untracked,
            Self::Bridge(_) | Self::Relay(_) => Tracking::Tracked,
        }
    }
}

/// What the streams say of a stanza first.
#[derive(Debug)]
pub(super) enum Outcome {
    /// One has taken it.
    Taken(Tracked, Purpose),
    /// None takes it.
    Refused(Returned),
}

/// A stanza that does not leave.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) stanza: Box<Stanza>,
    pub(super) purpose: Purpose,
    /// What its sender is told.
    pub(super) error: StanzaError,
}

impl Returned {
    /// Too many wait already.
    pub(super) fn without_room(stanza: Stanza, purpose: Purpose) -> Self {
        let words = "too many stanzas wait to be sent";
        Self {
            stanza: Box::new(stanza),
            purpose,
            error: error(StanzaCondition::ResourceConstraint, words),
        }
    }
}

impl fmt::Debug for Joint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joint")
            .field("bridge", &self.bridge)
            .finish_non_exhaustive()
    }
}

impl Joint {
    pub(super) fn new(
        bridge: Bridge,
        side: Side,
        observer: Box<dyn Observer>,
        (outgoing, room): (mpsc::UnboundedSender<Outgoing>, Room),
        questions: mpsc::UnboundedSender<Event>,
    ) -> Self {
        Self {
            bridge,
            side,
            observer,
            outgoing,
            room,
            questions,
            locator: None,
            facts: Vec::new(),
            receipts: BTreeMap::new(),
            next_ticket: 0,
            sent: BTreeMap::new(),
            early: BTreeMap::new(),
        }
    }

    pub(super) fn with_locator(mut self, locator: Locator) -> Self {
        self.locator = Some(locator);
        self
    }

    pub(super) fn restore_later(&mut self, facts: Vec<Fact>) {
        for fact in &facts {
            if let Fact::Learned { domain, route } = fact {
                self.learn(domain, *route);
            }
        }
        self.facts = facts;
    }

    pub(super) fn counts(&self) -> Counts {
        self.bridge.counts()
    }

    pub(super) fn observer(&mut self) -> &mut dyn Observer {
        &mut *self.observer
    }

    /// Has the bridge do something, and does what comes of it.
    pub(super) fn act(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        act: impl FnOnce(&mut Bridge, Instant, &mut Endpoint),
    ) {
        if !self.facts.is_empty() {
            let facts = std::mem::take(&mut self.facts);
            self.bridge.restore(now, endpoint, facts);
        }
        act(&mut self.bridge, now, endpoint);
        self.drain(now, endpoint);
    }

    /// A stanza came.
    pub(super) fn bring(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: Stanza,
        receipt: Option<Receipt>,
    ) {
        let ticket = receipt.map(|receipt| {
            let ticket = Ticket(self.next_ticket);
            self.next_ticket += 1;
            self.receipts.insert(ticket, receipt);
            ticket
        });
        self.act(now, endpoint, |bridge, now, endpoint| {
            bridge.handle_stanza(now, endpoint, stanza, ticket);
        });
    }

    /// The streams have taken a stanza or not.
    pub(super) fn note(&mut self, now: Instant, endpoint: &mut Endpoint, outcome: Outcome) {
        match outcome {
            Outcome::Taken(id, purpose) => match self.early.remove(&id) {
                None => {
                    self.sent.insert(id, purpose);
                }
                Some(Ok(())) => self.finish(now, endpoint, purpose),
                Some(Err((stanza, error))) => {
                    let returned = Returned {
                        stanza,
                        purpose,
                        error,
                    };
                    self.give_back(now, endpoint, returned);
                }
            },
            Outcome::Refused(returned) => self.give_back(now, endpoint, returned),
        }
    }

    /// A stanza has left.
    pub(super) fn conclude(&mut self, now: Instant, endpoint: &mut Endpoint, id: Tracked) {
        match self.sent.remove(&id) {
            Some(purpose) => self.finish(now, endpoint, purpose),
            None => {
                self.early.insert(id, Ok(()));
            }
        }
    }

    /// A stanza was taken, and has not left.
    pub(super) fn lose(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        stanza: Stanza,
        id: Tracked,
        error: StanzaError,
    ) {
        let stanza = Box::new(stanza);
        match self.sent.remove(&id) {
            Some(purpose) => {
                let returned = Returned {
                    stanza,
                    purpose,
                    error,
                };
                self.give_back(now, endpoint, returned);
            }
            None => {
                self.early.insert(id, Err((stanza, error)));
            }
        }
    }

    fn finish(&mut self, now: Instant, endpoint: &mut Endpoint, purpose: Purpose) {
        match purpose {
            Purpose::Untracked | Purpose::Relay(None) => {}
            Purpose::Bridge(id) => self.act(now, endpoint, |bridge, now, endpoint| {
                bridge.handle_sent(now, endpoint, id);
            }),
            Purpose::Relay(Some(ticket)) => self.settle(ticket),
        }
    }

    fn give_back(&mut self, now: Instant, endpoint: &mut Endpoint, returned: Returned) {
        self.turn_down(now, endpoint, returned);
        self.drain(now, endpoint);
    }

    /// Whoever sent a stanza hears that it does not leave.
    fn turn_down(&mut self, now: Instant, endpoint: &mut Endpoint, returned: Returned) {
        let Returned {
            stanza,
            purpose,
            error,
        } = returned;
        match purpose {
            Purpose::Untracked => self.observer.handle_dropped(Dropped::Unsent),
            Purpose::Bridge(id) => self.bridge.handle_unsent(now, endpoint, id, &error),
            Purpose::Relay(ticket) => self.bridge.handle_unrelayed(now, *stanza, ticket, &error),
        }
    }

    /// A domain was reached, which nobody has configured: it is looked for that way from now on.
    fn learn(&self, domain: &DomainName, route: Route) {
        if let Some(locator) = &self.locator {
            learn(locator, domain, route);
        }
    }

    fn settle(&mut self, ticket: Ticket) {
        if let Some(receipt) = self.receipts.remove(&ticket) {
            self.side.settle(receipt);
        }
    }

    fn drain(&mut self, now: Instant, endpoint: &mut Endpoint) {
        while let Some(event) = self.bridge.poll_event() {
            match event {
                Event::Stanza { stanza, id } => {
                    let purpose = id.map_or(Purpose::Untracked, Purpose::Bridge);
                    self.post(now, endpoint, stanza, purpose);
                }
                Event::Relay { stanza, ticket } => {
                    self.post(now, endpoint, stanza, Purpose::Relay(ticket));
                }
                Event::Settled(ticket) => self.settle(ticket),
                Event::Identify { .. } | Event::Discover { .. } => {
                    // Without anybody to answer, the bridge's own time ends the question.
                    let _ = self.questions.send(event);
                }
                Event::Learned { domain, route } => self.learn(&domain, route),
                Event::Store(fact) => self.observer.store(fact),
                Event::Forget(fact) => self.observer.forget(fact),
                Event::Collision { address, collision } => {
                    self.observer.handle_collision(&address, &collision);
                }
                Event::Dropped(rule) => self.observer.handle_dropped(rule),
                Event::Refused(why) => self.observer.handle_refused(&why),
                _ => {}
            }
        }
    }

    /// Gives a stanza to the streams, unless too many wait there.
    fn post(&mut self, now: Instant, endpoint: &mut Endpoint, stanza: Stanza, purpose: Purpose) {
        let refused = match self.room.take(&stanza) {
            Some(place) => {
                let outgoing = Outgoing {
                    stanza,
                    purpose,
                    place,
                };
                // Who sends them may be gone.
                let sent = self.outgoing.send(outgoing);
                sent.err()
                    .map(|mpsc::error::SendError(outgoing)| outgoing.stanza)
            }
            None => Some(stanza),
        };
        if let Some(stanza) = refused {
            self.turn_down(now, endpoint, Returned::without_room(stanza, purpose));
        }
    }
}

impl sip::Application for Joint {
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: endpoint::Event) {
        self.act(now, endpoint, |bridge, now, endpoint| {
            bridge.handle_sip(now, endpoint, event);
        });
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.bridge.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.act(now, endpoint, |bridge, now, endpoint| {
            bridge.handle_timeout(now, endpoint);
        });
    }

    fn handle_shutdown(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.act(now, endpoint, |bridge, now, endpoint| {
            bridge.close(now, endpoint);
        });
    }

    fn handle_notice(&mut self, notice: sip::Notice) {
        self.observer.handle_notice(notice);
    }

    fn wants_traffic(&self) -> bool {
        self.observer.wants_traffic()
    }

    fn handle_traffic(&mut self, traffic: sip::Traffic<'_>) {
        self.observer.handle_traffic(traffic);
    }

    fn handle_idle(&mut self) {
        self.observer.handle_idle();
    }
}

fn learn(locator: &Locator, domain: &DomainName, route: Route) {
    let via = match route {
        Route::Records => Via::Sip,
        Route::Edge => Via::Edge,
        Route::Default => Via::DefaultRoute,
    };
    // What there is no room for is not remembered.
    let _ = locator.with_directory(|directory| {
        directory
            .learn(SystemTime::now(), domain, via)
            .map(|_learned| ())
    });
}
