//! Connections of the gateway, and what it sends on them.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use comity_bridge::Ticket;
use comity_identity::DomainName;
use comity_sip::endpoint::{self, Target};
use comity_sip::{ConnectionId, Flow, Transport};

use super::ledger::Pair;
use super::plain::Plain;
use super::users::SIP;
use super::{World, name};
use crate::program::Program;
use crate::wire::{text, trace};

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) id: ConnectionId,
    /// By the peer.
    pub(super) proved: BTreeSet<DomainName>,
    pub(super) is_open: bool,
    /// Whether the peer sends what is no message.
    pub(super) is_raw: bool,
}

/// A request of the gateway.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) wire: usize,
    pub(super) request: Plain,
    /// The text that it carries.
    pub(super) ticket: Option<Ticket>,
}

/// A dialog as the peer sees it.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    pub(super) wire: usize,
    pub(super) pair: Pair,
    pub(super) call_id: String,
    /// As it stands in the peer's requests.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) target: String,
    pub(super) cseq: u32,
    /// Of an INVITE of the peer's own.
    pub(super) is_invited: bool,
}

impl World {
    /// A connection that a peer has opened, the one with these names if there is one.
    pub(super) fn wire(&mut self, choice: u8, is_raw: bool) -> usize {
        let names = PEERS[usize::from(choice) % PEERS.len()];
        let proved: BTreeSet<_> = names.iter().copied().map(name).collect();
        let known = self
            .wires
            .iter()
            .position(|wire| wire.is_open && wire.is_raw == is_raw && wire.proved == proved);
        if let Some(known) = known {
            return known;
        }
        let list = proved.iter().cloned().collect();
        let from = address(3 + choice % 4);
        let id = self
            .gateway
            .accept_connection(self.now, Transport::Tls, from, list)
            .expect("room for a connection");
        self.wires.push(Wire {
            id,
            proved,
            is_open: true,
            is_raw,
        });
        self.wires.len() - 1
    }

    pub(super) fn input(&mut self, wire: usize, bytes: &[u8]) {
        trace(|| format!("> {wire}: {}", text(bytes)));
        let id = self.wires[wire].id;
        self.gateway.handle_input(self.now, id, bytes);
    }

    /// A peer says something that need not be a message.
    pub(super) fn mutter(&mut self, program: &mut Program<'_>) {
        let wire = self.wire(program.byte(), true);
        let bytes = program.bytes();
        let is_ours = |seven: &[u8]| seven == OURS.as_bytes();
        if bytes.windows(OURS.len()).any(is_ours) {
            return;
        }
        let domains = self.wires[wire].proved.iter().map(DomainName::to_string);
        self.ledger.muttered.extend(domains);
        self.input(wire, bytes);
    }

    pub(super) fn close(&mut self, program: &mut Program<'_>) {
        let choice = usize::from(program.byte());
        if self.wires.is_empty() {
            return;
        }
        let wire = choice % self.wires.len();
        if self.wires[wire].is_open {
            self.lose(wire);
            let id = self.wires[wire].id;
            self.gateway.handle_closed(self.now, id);
        }
    }

    fn lose(&mut self, wire: usize) {
        self.wires[wire].is_open = false;
        self.dialogs.retain(|dialog| dialog.wire != wire);
        let (lost, kept) = std::mem::take(&mut self.asked)
            .into_iter()
            .partition(|asked| asked.wire == wire);
        self.asked = kept;
        for asked in lost {
            if let Some(ticket) = asked.ticket {
                self.ledger.given(ticket).was_lost = true;
            }
        }
    }

    pub(super) fn handle_gateway(&mut self, event: endpoint::Event) {
        trace(|| format!("{event:?}"));
        match event {
            endpoint::Event::Locate { query, hop } => {
                let host = hop.host.to_string();
                let target = Target::new(Transport::Tls, address(2)).named(name(&host));
                self.gateway.handle_targets(self.now, query, vec![target]);
            }
            endpoint::Event::Connect {
                connection, names, ..
            } => {
                if !self.connects {
                    return self.gateway.handle_closed(self.now, connection);
                }
                let proved = names.into_iter().collect::<BTreeSet<_>>();
                let list = proved.iter().cloned().collect();
                self.wires.push(Wire {
                    id: connection,
                    proved,
                    is_open: true,
                    is_raw: false,
                });
                self.gateway.handle_connected(self.now, connection, list);
            }
            endpoint::Event::Disconnect(id) => {
                let wire = self.wires.iter().position(|wire| wire.id == id);
                if let Some(wire) = wire {
                    self.lose(wire);
                }
            }
            event => self.bridge.handle_sip(self.now, &mut self.gateway, event),
        }
    }

    /// Takes what the gateway sends.
    pub(super) fn transmit(&mut self) -> bool {
        let mut has_moved = false;
        let mut buf = Vec::new();
        while let Some(transmit) = self.gateway.poll_transmit(&mut buf) {
            has_moved = true;
            let Flow::Connection(id) = transmit.flow else {
                panic!("a datagram");
            };
            let wire = self.wires.iter().position(|wire| wire.id == id);
            let wire = wire.expect("a connection");
            let bytes = std::mem::take(&mut buf);
            trace(|| format!("< {wire}: {}", text(&bytes)));
            // Keep-alive.
            if bytes.iter().all(|byte| b"\r\n".contains(byte)) {
                continue;
            }
            let message = Plain::read(&bytes);
            match message.status() {
                Some(status) => self.take_answer(wire, status, &message),
                None => self.take_request(wire, message),
            }
        }
        has_moved
    }

    fn take_answer(&mut self, wire: usize, status: u16, answer: &Plain) {
        let wires = &self.wires;
        // Where the first is gone, by who he said that he is (RFC 3261 §18.2.2).
        let is_him = wires[wire].proved.contains(&name("peer.test"));
        let may_follow = |first: usize| is_him && !wires[first].is_open;
        self.ledger.answered(wire, answer, may_follow);
        if answer.method() != "INVITE" || !(200..300).contains(&status) {
            return;
        }
        let call_id = answer.one("Call-ID");
        let mut calls = self.ledger.calls.iter();
        let Some(call) = calls.find(|call| call.call_id == call_id) else {
            return;
        };
        if self.dialogs.iter().any(|dialog| dialog.call_id == call_id) {
            return;
        }
        self.dialogs.push(Dialog {
            wire,
            pair: call.pair,
            call_id: call_id.to_owned(),
            from: call.from.clone(),
            to: answer.one("To").to_owned(),
            target: target(answer),
            cseq: 1,
            is_invited: true,
        });
    }

    fn take_request(&mut self, wire: usize, request: Plain) {
        assert!(request.start.ends_with(" SIP/2.0"), "{}", request.start);
        assert_eq!(request.all("Via").count(), 1);
        let method = request.method();
        assert!(request.start.starts_with(&format!("{method} ")));
        let pair = self.ledger.pair_of(&request);
        let mut ticket = None;
        if let Some(pair) = pair {
            // Nobody else is told what is for the users of a domain.
            let domain = SIP[pair.1].domain();
            let peer = &self.wires[wire];
            let is_dialog = request.one("To").contains(";tag=");
            assert!(is_dialog || peer.proved.contains(&domain), "{request:?}");
            if method == "MESSAGE" {
                ticket = self.take_text(pair, &request, is_dialog);
            }
        }
        if method != "ACK" {
            self.asked.push(Asked {
                wire,
                request,
                ticket,
            });
        }
    }

    /// A MESSAGE is the next text of the pair, a notice, or a sign of typing.
    fn take_text(&mut self, pair: Pair, request: &Plain, is_dialog: bool) -> Option<Ticket> {
        let mut names = request.names();
        names.retain(|name| *name != "Subject");
        if !is_dialog {
            assert_eq!(names, LINES);
        }
        let body = std::str::from_utf8(&request.body).expect("UTF-8");
        let content_type = request.one("Content-Type");
        if !content_type.starts_with("text/plain; charset=UTF-8") {
            assert_eq!(content_type, "application/im-iscomposing+xml");
            return None;
        }
        let notices = self.ledger.notices.get(&pair).copied().unwrap_or_default();
        let next = self.ledger.next_text(pair);
        let Some((ticket, given)) = next.filter(|(_, given)| given.wire_text() == body) else {
            let is_notice = body.starts_with("Your message was not delivered: ");
            assert!(is_notice && notices > 0, "nobody wrote {body:?}");
            return None;
        };
        given.sends += 1;
        let may_again = given.was_lost && given.sends == 2;
        assert!(given.sends == 1 || may_again, "{given:?} goes again");
        if let Some(subject) = request.optional("Subject") {
            let is_space = |one: char| " \t".contains(one);
            let said = given.subject.as_deref().unwrap_or_default();
            assert_eq!(subject.trim_matches(is_space), said.trim_matches(is_space));
        }
        let is_word = |thread: &&String| {
            let mut bytes = thread.bytes();
            (1..=128).contains(&thread.len()) && bytes.all(|byte| byte.is_ascii_alphanumeric())
        };
        if let Some(thread) = given.thread.as_ref().filter(is_word)
            && !is_dialog
        {
            assert_eq!(request.one("Call-ID"), thread);
        }
        Some(ticket)
    }
}

/// The URI that a Contact names.
pub(super) fn target(message: &Plain) -> String {
    let contact = message.one("Contact");
    let (_, rest) = contact.split_once('<').expect("a URI");
    rest.split_once('>').expect("its end").0.to_owned()
}

pub(super) fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 5061))
}

/// What stands in every Call-ID of ours, and in nothing that is muttered.
pub(super) const OURS: &str = "ledger";

/// What peers prove.
const PEERS: [&[&str]; 4] = [
    &["lync.test"],
    &["sip.test"],
    &["evil.test"],
    &["lync.test", "sip.test"],
];

/// What stands in a text outside of sessions.
const LINES: [&str; 8] = [
    "CSeq",
    "Call-ID",
    "Content-Length",
    "Content-Type",
    "From",
    "Max-Forwards",
    "To",
    "Via",
];
