//! Connections as they come about.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use comity_identity::Direction;
use comity_sip::{ConnectionId, Transport};
use tokio::net::TcpStream;

use super::{Driver, Timer};
use crate::headed::Headed;
use crate::sip::application::Application;
use crate::sip::connections::Remote;
use crate::sip::errands::{Dial, DialError, Dialled};
use crate::sip::notice::{Notice, TurnAway};
use crate::sip::proof::Proof;
use crate::sip::stream::Stream;

impl<A: Application> Driver<A> {
    /// Takes peers that connect; true if there may be more.
    pub(super) fn take_peers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut more = false;
        for index in 0..self.listeners.len() {
            let listening = self.listeners.get(index);
            let needs_seat =
                listening.is_some_and(|listening| listening.transport == Transport::Tls);
            let mut left = MAX_PEERS;
            while left > 0
                && (!needs_seat || self.has_seat())
                && let Some(listening) = self.listeners.get(index)
                && !listening.rests
                && let Poll::Ready(accepted) = listening.listener.poll_accept(cx)
            {
                left -= 1;
                let (transport, place) = (listening.transport, listening.place);
                match accepted {
                    Ok((stream, peer)) => self.take_peer(transport, place, stream, peer),
                    // Descriptors or memory are short, or the peer has gone. An error may come at
                    // once again.
                    Err(_refused) => self.rest(index),
                }
            }
            more |= left == 0;
        }
        more
    }

    /// Whether a handshake can begin; if it can later, the driver looks again.
    fn has_seat(&mut self) -> bool {
        let now = Instant::now();
        let next = self.errands.next_seat(now);
        if let Some(next) = next.filter(|next| *next > now) {
            self.timers.set(Timer::Seat, next);
        }
        next.is_some_and(|next| next <= now)
    }

    fn take_peer(
        &mut self,
        transport: Transport,
        place: usize,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        // A socket for both families shows IPv4 addresses in the clothes of IPv6.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        // A message should not wait for the next one; that it would is no reason to give up.
        let _ = stream.set_nodelay(true);
        if transport == Transport::Tls {
            match self.errands.admit(stream, peer, place) {
                Ok(None) => {}
                Ok(Some(unseated)) => self.turn_away(transport, unseated, TurnAway::Crowded),
                Err(reason) => self.turn_away(transport, peer, reason),
            }
        } else {
            let stream = Stream::Tcp(Headed::new(stream));
            self.accept(transport, stream, peer, None);
        }
    }

    pub(super) fn accept(
        &mut self,
        transport: Transport,
        stream: Stream,
        peer: SocketAddr,
        proof: Option<Proof>,
    ) {
        let now = Instant::now();
        let ends = proof.as_ref().map(|proof| proof.ends(now));
        let proved = proof.map(|proof| proof.names).unwrap_or_default();
        let names = proved.clone();
        let accepted = self.endpoint.accept_connection(now, transport, peer, names);
        let Some(connection) = accepted else {
            self.turn_away(transport, peer, TurnAway::TooMany);
            return;
        };
        let remote = Remote {
            transport,
            peer,
            proved: proved.clone(),
        };
        self.connections
            .insert(connection, Direction::Inbound, stream, remote);
        self.set_expiry(connection, ends.flatten());
        self.application.handle_notice(Notice::Accepted {
            connection,
            transport,
            peer,
            proved,
        });
        // Somebody may have made room.
        self.settle(now);
    }

    pub(super) fn turn_away(&mut self, transport: Transport, peer: SocketAddr, reason: TurnAway) {
        self.application.handle_notice(Notice::TurnedAway {
            transport,
            peer,
            reason,
        });
    }

    /// It ends with the first of what its proof relies on.
    fn set_expiry(&mut self, connection: ConnectionId, ends: Option<Instant>) {
        if let Some(ends) = ends {
            self.timers.set(Timer::Certificate(connection), ends);
        }
    }

    fn rest(&mut self, index: usize) {
        if let Some(listening) = self.listeners.get_mut(index) {
            listening.rests = true;
            self.timers
                .set_after(Timer::Rest(index), Instant::now(), REST);
        }
    }

    pub(super) fn take_dialled(&mut self, now: Instant, dialled: Dialled) {
        let Dialled { dial, outcome } = dialled;
        self.note_dial(now, &dial, outcome.as_ref().err());
        let Dial {
            connection,
            transport,
            remote,
            ..
        } = dial;
        match outcome {
            Ok((stream, proof)) => {
                let ends = proof.as_ref().map(|proof| proof.ends(now));
                let proved = proof.map(|proof| proof.names).unwrap_or_default();
                let other_end = Remote {
                    transport,
                    peer: remote,
                    proved: proved.clone(),
                };
                self.connections
                    .insert(connection, Direction::Outbound, stream, other_end);
                self.set_expiry(connection, ends.flatten());
                self.application.handle_notice(Notice::Connected {
                    connection,
                    transport,
                    peer: remote,
                    proved: proved.clone(),
                });
                self.endpoint.handle_connected(now, connection, proved);
            }
            Err(DialError::Unreachable(reason) | DialError::Unsecured(reason)) => {
                self.application.handle_notice(Notice::ConnectFailed {
                    connection,
                    transport,
                    peer: remote,
                    reason,
                });
                self.endpoint.handle_closed(now, connection);
            }
        }
    }
}

/// Peers that are accepted before it is the turn of others.
const MAX_PEERS: usize = 16;
const REST: Duration = Duration::from_millis(100);
