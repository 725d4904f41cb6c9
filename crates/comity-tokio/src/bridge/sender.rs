//! What gives the stanzas of the bridge to the streams.

use std::time::Instant;

use comity_xmpp::stream::Pair;
use tokio::sync::mpsc;

use super::application::{Joint, Outcome, Outgoing, Returned};
use super::side::Side;
use super::waiting::{MAX_BATCH, Waiting};
use crate::{clock, sip};

/// Gives stanzas to the streams, and tells the bridge what they say.
#[derive(Debug)]
pub(super) struct Sender {
    side: Side,
    waiting: Waiting,
    outcomes: Vec<Outcome>,
}

impl Sender {
    pub(super) fn new(side: Side, waiting: Waiting) -> Self {
        Self {
            side,
            waiting,
            outcomes: Vec::new(),
        }
    }

    /// Runs until the bridge has ended, and what it said last is handed over; or until the runtime ends.
    pub(super) async fn run(
        mut self,
        mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
        server: sip::Server<Joint>,
    ) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                count = outgoing.recv_many(&mut batch, MAX_BATCH) => if count == 0 {
                    return;
                },
                () = clock::until(self.waiting.next_retry()) => {}
            }
            for new in batch.drain(..) {
                let refused = self.waiting.push(new);
                let returned = refused.map(
                    |Outgoing {
                         stanza, purpose, ..
                     }| {
                        Outcome::Refused(Returned::without_room(stanza, purpose))
                    },
                );
                self.outcomes.extend(returned);
            }
            if !self.hand_over().await {
                return;
            }
            self.report(&server).await;
        }
    }

    /// Hands over all that may go on; false if the runtime ends.
    async fn hand_over(&mut self) -> bool {
        // What finds no room now is tried again after the others have been heard.
        let now = Instant::now();
        while let Some((pair, some)) = self.waiting.pop(now) {
            if !self.hand_over_some(pair, some).await {
                return false;
            }
        }
        true
    }

    async fn hand_over_some(&mut self, pair: Pair, some: Vec<Outgoing>) -> bool {
        let mut rests = Vec::with_capacity(some.len());
        let mut stanzas = Vec::with_capacity(some.len());
        for Outgoing {
            stanza,
            purpose,
            place,
        } in some
        {
            rests.push((purpose, place));
            stanzas.push((stanza, purpose.tracking()));
        }
        let Some(taken) = self.side.send_all(&pair, stanzas).await else {
            return false;
        };
        let mut held = Vec::new();
        for (taken, (purpose, place)) in taken.into_iter().zip(rests) {
            match taken {
                Ok(id) => self
                    .outcomes
                    .extend(id.map(|id| Outcome::Taken(id, purpose))),
                Err(refused) if refused.passes => {
                    let stanza = *refused.stanza;
                    held.push(Outgoing {
                        stanza,
                        purpose,
                        place,
                    });
                }
                Err(refused) => self.outcomes.push(Outcome::Refused(Returned {
                    stanza: refused.stanza,
                    purpose,
                    error: refused.error,
                })),
            }
        }
        self.waiting.put_back(Instant::now(), pair, held);
        true
    }

    /// Tells the bridge.
    async fn report(&mut self, server: &sip::Server<Joint>) {
        if self.outcomes.is_empty() {
            return;
        }
        let outcomes = std::mem::take(&mut self.outcomes);
        let noted = server.call(move |now, endpoint, joint| {
            for outcome in outcomes {
                joint.note(now, endpoint, outcome);
            }
        });
        // One that has ended does not ask.
        let _ = noted.await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use comity_identity::Host;
    use comity_xmpp::stream::component::{Config, Secret};
    use comity_xmpp::{Stanza, StanzaKind};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::super::application::Purpose;
    use super::super::room::Room;
    use super::*;
    use crate::component::{self, Link};

    /// A component, and what keeps it: its events, and a server that says nothing.
    async fn link(change: impl FnOnce(&mut component::Config)) -> (Link, impl Sized) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let rules = Config::new("a.example".parse().unwrap(), Secret::new("secret"));
        let mut config = component::Config::new(Host::Ip(address.ip()), address.port(), rules);
        change(&mut config);
        let (link, events) = Link::start(config, [0; 32]);
        (link, (events, server))
    }

    fn sender(link: Link, pairs: usize) -> Sender {
        let side = Side::Components([(link.domain().clone(), link)].into());
        let mut sender = Sender::new(side, Waiting::new(pairs, usize::MAX));
        let room = Room::new(pairs, usize::MAX);
        for number in 0..pairs {
            let from = "a.example".parse().unwrap();
            let to = format!("{number}.example").parse().unwrap();
            let stanza = Stanza::new(StanzaKind::Presence, from, to);
            let refused = sender.waiting.push(Outgoing {
                place: room.take(&stanza).unwrap(),
                stanza,
                purpose: Purpose::Untracked,
            });
            assert!(refused.is_none());
        }
        sender
    }

    #[tokio::test]
    async fn many_domains_that_take_nothing_do_not_keep_the_bridge_from_being_told() {
        let full = |config: &mut component::Config| config.limits.max_waiting_stanzas = 0;
        let (link, _kept) = link(full).await;
        let mut sender = sender(link, 20_000);
        let handed_over = timeout(Duration::from_secs(20), sender.hand_over()).await;
        assert_eq!(handed_over, Ok(true));
        assert!(sender.waiting.next_retry().is_some());
    }

    #[tokio::test]
    async fn nobody_is_told_of_a_stanza_of_which_nobody_asks() {
        let (link, _kept) = link(|_| {}).await;
        let mut sender = sender(link, 1);
        assert!(sender.hand_over().await);
        assert!(sender.outcomes.is_empty(), "{:?}", sender.outcomes);
        assert_eq!(sender.waiting.next_retry(), None);
    }
}
