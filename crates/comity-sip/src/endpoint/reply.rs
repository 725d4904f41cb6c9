//! Where answers go (RFC 3261 §18.2.2, RFC 3581 §4).

use std::net::SocketAddr;
use std::time::Instant;

use comity_identity::Host;

use super::core::{Core, Question};
use super::receive::Way;
use super::{Hop, Target};
use crate::header::Via;
use crate::transaction::{Departure, Side, Tell};
use crate::{Flow, Headers, Limits, Message, Transport};

impl Way {
    /// The way of the answer to a message with this topmost Via. To a datagram it goes to the address
    /// from which that came, whatever Via says, and to the port that Via has, or from which it came if
    /// that is asked for.
    ///
    /// `maddr` is not followed: anybody could have a third party written to.
    pub(crate) fn back(mut self, via: &Via<'_>) -> Self {
        if let Flow::Datagrams { remote, .. } = &mut self.flow
            && !via.has_rport()
        {
            let port = via.port();
            remote.set_port(port.unwrap_or_else(|| Transport::Udp.default_port()));
        }
        self
    }

    /// The same where the headers may be malformed.
    pub(crate) fn back_to(self, headers: Headers<'_>) -> Self {
        match headers.first::<Via<'_>>() {
            Ok(Some(via)) => self.back(&via),
            Ok(None) | Err(_) => self,
        }
    }
}

impl Core {
    /// Takes another way for a message whose connection is gone.
    ///
    /// A request fails, and is tried at the next target. An answer goes to the address from which the
    /// request came, at the port in Via; over TLS, where whoever is there must prove the name in Via,
    /// at last to the addresses of that name. Over TCP that would have us write to whomever a peer
    /// names.
    pub(crate) fn detour(&mut self, now: Instant, departure: Departure) {
        let Some((id, side)) = departure.from else {
            self.counters.lost += 1;
            return;
        };
        if side == Side::Client {
            self.note_unsent(&departure);
            self.table.handle_undeliverable(now, id);
            return;
        }
        let detour = Message::from_datagram(departure.message.clone(), &Limits::passed());
        let detour = detour
            .ok()
            .and_then(|message| Detour::of(message.headers()));
        match (detour, departure.detours) {
            (
                Some(Detour {
                    target: Some(target),
                    ..
                }),
                0,
            ) => {
                self.send_by(now, departure, &target);
            }
            (
                Some(Detour {
                    hop: Some(hop),
                    transport,
                    ..
                }),
                0 | 1,
            ) => {
                let question = Question::Answer {
                    departure,
                    transport,
                };
                self.ask(now, question, hop);
            }
            (Some(_) | None, _) => self.lose_answer(now, &departure),
        }
    }

    /// Sends an answer to a target, over a connection that is there or is opened for it.
    pub(crate) fn send_by(&mut self, now: Instant, mut departure: Departure, target: &Target) {
        departure.detours += 1;
        let open = self.connections.find(target);
        let Some(connection) = open.or_else(|| self.dial(now, target)) else {
            self.lose_answer(now, &departure);
            return;
        };
        departure.flow = Flow::Connection(connection);
        if let Some((id, _)) = departure.from {
            self.table.redirect(id, departure.flow);
        }
        self.depart(now, departure);
    }

    pub(crate) fn lose_answer(&mut self, now: Instant, departure: &Departure) {
        let Some((id, _)) = departure.from else {
            return;
        };
        if !self.table.handle_undeliverable(now, id) {
            self.lost_answers.push_back((id, Tell::TransportFailed));
        }
    }
}

/// The ways of an answer when its connection is gone.
struct Detour {
    transport: Transport,
    target: Option<Target>,
    hop: Option<Hop>,
}

impl Detour {
    fn of(headers: Headers<'_>) -> Option<Self> {
        let via = headers.first::<Via<'_>>().ok()??;
        let transport = Transport::parse(via.transport())?;
        let host = via.host().to_host().ok()?;
        let port = via.port().unwrap_or_else(|| transport.default_port());
        let address = match (via.received(), &host) {
            (Some(address), _) => Some(address),
            (None, Host::Ip(address)) => Some(*address),
            (None, Host::Domain(_)) => None,
        };
        let name = match &host {
            Host::Domain(name) => Some(name.clone()),
            Host::Ip(_) => None,
        };
        let is_provable = transport == Transport::Tls && name.is_some();
        let is_open = transport == Transport::Tcp;
        let target = address
            .filter(|_| is_provable || is_open)
            .map(|address| Target {
                transport,
                address: SocketAddr::new(address, port),
                names: name.into_iter().collect(),
            });
        let hop = is_provable.then_some(Hop {
            host,
            port: via.port(),
            transport: Some(transport),
            is_secure: true,
        });
        Some(Self {
            transport,
            target,
            hop,
        })
    }
}
