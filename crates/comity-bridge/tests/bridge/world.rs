//! A bridge with its endpoint, an edge of lync.test that it talks to, and what leaves over XMPP.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_bridge::{Bridge, Config, Dropped, Event, Fact, StanzaId, Ticket};
use comity_identity::DomainName;
use comity_policy::{FederatedDomain, PeerKind, Policy, Switch, Verdict};
use comity_sip::endpoint::{self, Endpoint, Incoming, Listener, Target};
use comity_sip::{ConnectionId, Flow, Method, StatusCode, Transport, Uri};
use comity_xmpp::xml::{self, Element};
use comity_xmpp::{Stanza, StanzaKind, ns};

/// Juliet of xmpp.test is on XMPP, Lisa of lync.test on SIP.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) bridge: Bridge,
    pub(crate) gateway: Endpoint,
    pub(crate) edge: Endpoint,
    wires: Vec<[ConnectionId; 2]>,
    /// What was told to the edge's user and not taken.
    told: VecDeque<endpoint::Event>,
    /// Stanzas that left, as they are on the wire.
    stanzas: VecDeque<String>,
    /// Those that the bridge wants to hear of.
    pub(crate) unsent: VecDeque<StanzaId>,
    /// Whether every stanza leaves at once.
    pub(crate) sends: bool,
    pub(crate) settled: Vec<u64>,
    pub(crate) facts: Vec<String>,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) refused: Vec<String>,
    pub(crate) asked: VecDeque<Event>,
    /// The names that the edge proves.
    pub(crate) proved: Vec<DomainName>,
    next_ticket: u64,
    /// Whether what the gateway sends over SIP is kept.
    pub(crate) record: bool,
    /// When it was sent, without what is drawn by lot.
    pub(crate) recorded: Vec<(Duration, String)>,
    start: Instant,
}

pub(crate) fn policy() -> comity_policy::Config {
    let mut config = comity_policy::Config::default();
    config.local_domains.insert(name("xmpp.test"));
    config.sip.enabled = Switch::On;
    config
        .sip
        .domains
        .push(FederatedDomain::new(name("lync.test"), PeerKind::Microsoft));
    config
        .sip
        .domains
        .push(FederatedDomain::new(name("sip.test"), PeerKind::Standard));
    config.sip.default_verdict = Verdict::Deny;
    config
}

pub(crate) fn name(name: &str) -> DomainName {
    name.parse().unwrap()
}

fn listener(host: u8, told: &str) -> Listener {
    let address = SocketAddr::from(([192, 0, 2, host], 5061));
    Listener::new(Transport::Tls, address).advertised(name(told).into(), 5061)
}

fn endpoint(now: Instant, host: u8, told: &str) -> Endpoint {
    let config = comity_bridge::endpoint_config(vec![listener(host, told)]);
    Endpoint::new(now, config, [host; 32])
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::new("gw"), policy())
    }

    pub(crate) fn with(config: Config, policy: comity_policy::Config) -> Self {
        let now = comity_testkit::origin();
        Self {
            now,
            bridge: Bridge::new(config, Policy::new(policy).unwrap(), [3; 32]),
            gateway: endpoint(now, 1, "gw.xmpp.test"),
            edge: endpoint(now, 2, "edge.lync.test"),
            wires: Vec::new(),
            told: VecDeque::new(),
            stanzas: VecDeque::new(),
            unsent: VecDeque::new(),
            sends: true,
            settled: Vec::new(),
            facts: Vec::new(),
            dropped: Vec::new(),
            refused: Vec::new(),
            asked: VecDeque::new(),
            proved: vec![name("lync.test"), name("sip.test"), name("edge.lync.test")],
            next_ticket: 0,
            record: false,
            recorded: Vec::new(),
            start: now,
        }
    }

    /// The user of XMPP sends something.
    pub(crate) fn xmpp(&mut self, stanza: &str) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let stanza = parse(stanza);
        self.bridge
            .handle_stanza(self.now, &mut self.gateway, stanza, Some(ticket));
        self.pump();
    }

    /// The edge does something.
    pub(crate) fn edge<T>(&mut self, act: impl FnOnce(Instant, &mut Endpoint) -> T) -> T {
        let done = act(self.now, &mut self.edge);
        self.pump();
        done
    }

    /// The edge sends a request outside of dialogs: `From` and `To` are users, `lines` further headers.
    pub(crate) fn request(
        &mut self,
        method: Method<'_>,
        from: &str,
        to: &str,
        lines: &[(&str, &str)],
        content: Option<(&str, Bytes)>,
    ) {
        let (to, from) = (Uri::parse(to).unwrap(), Uri::parse(from).unwrap());
        let mut request = self.edge.compose(method, to, from).unwrap();
        for (name, value) in lines {
            request.header(name, value).unwrap();
        }
        if let Some((content_type, body)) = content {
            request.body(content_type, body).unwrap();
        }
        let targets = vec![target(1, "xmpp.test")];
        match method {
            Method::Invite => {
                self.edge.invite(self.now, &request, targets).unwrap();
            }
            _ => {
                self.edge.send(self.now, &request, targets).unwrap();
            }
        }
        self.pump();
    }

    /// The edge sends a text outside of sessions.
    pub(crate) fn page(&mut self, from: &str, text: &str) {
        let content = Some(("text/plain;charset=UTF-8", Bytes::from(text.to_owned())));
        self.request(Method::Message, from, "sip:juliet@xmpp.test", &[], content);
    }

    /// The gateway gets these bytes from the edge, on the connection that there is.
    pub(crate) fn inject(&mut self, bytes: &str) {
        let [gateway, _] = *self.wires.last().expect("a connection");
        self.gateway
            .handle_input(self.now, gateway, bytes.as_bytes());
        self.pump();
    }

    /// The next thing that the edge's user was told, if there is one.
    pub(crate) fn poll_told(&mut self) -> Option<endpoint::Event> {
        self.told.pop_front()
    }

    /// Takes the next thing that the edge's user was told, if there is one.
    pub(crate) fn next_told(&mut self) -> bool {
        self.told.pop_front().is_some()
    }

    /// The next request that the edge's user was given.
    pub(crate) fn incoming(&mut self) -> Box<Incoming> {
        match self.told.pop_front() {
            Some(endpoint::Event::Request(incoming)) => incoming,
            other => panic!("no request: {other:?}"),
        }
    }

    /// The same if there is one.
    pub(crate) fn next_incoming(&mut self) -> Option<Box<Incoming>> {
        (!self.told.is_empty()).then(|| self.incoming())
    }

    /// The next thing that the edge's user was told.
    pub(crate) fn told(&mut self) -> endpoint::Event {
        self.told.pop_front().expect("something is told")
    }

    /// The status of the next answer to the edge, and its phrase.
    pub(crate) fn answered(&mut self) -> (u16, String) {
        let is_trying = |event: &endpoint::Event| {
            matches!(event, endpoint::Event::Response { response, .. }
                if response.status() == StatusCode::TRYING)
        };
        self.told.retain(|event| !is_trying(event));
        match self.told.pop_front() {
            Some(endpoint::Event::Response { response, .. }) => {
                (response.status().code(), response.reason().into_owned())
            }
            other => panic!("no response: {other:?}"),
        }
    }

    /// Nothing was told to the edge's user that was not taken.
    pub(crate) fn edge_is_quiet(&self) {
        assert!(self.told.is_empty(), "{:?}", self.told);
    }

    /// The stanzas that left since the last call.
    pub(crate) fn left(&mut self) -> Vec<String> {
        self.stanzas.drain(..).collect()
    }

    /// The edge answers a request.
    pub(crate) fn reply(&mut self, incoming: &Incoming, status: StatusCode) {
        let response = incoming.response(status);
        self.edge.answer(self.now, incoming, response).unwrap();
        self.pump();
    }

    /// Goes on for this time.
    pub(crate) fn run(&mut self, wait: Duration) {
        let until = self.now + wait;
        loop {
            let timeouts = [
                self.bridge.poll_timeout(),
                self.gateway.poll_timeout(),
                self.edge.poll_timeout(),
            ];
            let Some(next) = timeouts.into_iter().flatten().min() else {
                break;
            };
            if next > until {
                break;
            }
            self.now = self.now.max(next);
            let now = self.now;
            self.bridge.handle_timeout(now, &mut self.gateway);
            self.gateway.handle_timeout(now);
            self.edge.handle_timeout(now);
            self.pump();
        }
        self.now = until;
    }

    /// Moves everything until nothing moves.
    pub(crate) fn pump(&mut self) {
        loop {
            let moved = [self.transmit(0), self.transmit(1)];
            let happened = [self.poll_gateway(), self.poll_edge(), self.poll_bridge()];
            if !moved.contains(&true) && !happened.contains(&true) {
                return;
            }
        }
    }

    fn transmit(&mut self, side: usize) -> bool {
        let mut moved = false;
        let mut buf = Vec::new();
        loop {
            let from = match side {
                0 => &mut self.gateway,
                _ => &mut self.edge,
            };
            let Some(transmit) = from.poll_transmit(&mut buf) else {
                return moved;
            };
            moved = true;
            let Flow::Connection(id) = transmit.flow else {
                panic!("datagrams");
            };
            let wire = self.wires.iter().find(|wire| wire[side] == id);
            let other = wire.expect("a connection")[1 - side];
            if side == 0 && self.record {
                let text = String::from_utf8_lossy(&buf).into_owned();
                self.recorded.push((self.now - self.start, text));
            }
            let to = match side {
                0 => &mut self.edge,
                _ => &mut self.gateway,
            };
            to.handle_input(self.now, other, &std::mem::take(&mut buf));
        }
    }

    fn poll_gateway(&mut self) -> bool {
        let Some(event) = self.gateway.poll_event() else {
            return false;
        };
        match event {
            endpoint::Event::Connect { connection, .. } => {
                let from = SocketAddr::from(([192, 0, 2, 1], 40_000));
                let proved = vec![name("xmpp.test"), name("gw.xmpp.test")];
                let other = self
                    .edge
                    .accept_connection(self.now, Transport::Tls, from, proved);
                self.wires.push([connection, other.unwrap()]);
                let proved = self.proved.clone();
                self.gateway.handle_connected(self.now, connection, proved);
            }
            endpoint::Event::Locate { query, hop } => {
                let targets = vec![target(2, &hop.host.to_string())];
                self.gateway.handle_targets(self.now, query, targets);
            }
            endpoint::Event::Disconnect(id) => self.disconnect(0, id),
            event => self.bridge.handle_sip(self.now, &mut self.gateway, event),
        }
        true
    }

    fn poll_edge(&mut self) -> bool {
        let Some(event) = self.edge.poll_event() else {
            return false;
        };
        match event {
            endpoint::Event::Connect { connection, .. } => {
                let from = SocketAddr::from(([192, 0, 2, 2], 40_000));
                let proved = self.proved.clone();
                let other = self
                    .gateway
                    .accept_connection(self.now, Transport::Tls, from, proved);
                self.wires.push([other.unwrap(), connection]);
                let proved = vec![name("xmpp.test"), name("gw.xmpp.test")];
                self.edge.handle_connected(self.now, connection, proved);
            }
            endpoint::Event::Locate { query, .. } => {
                let targets = vec![target(1, "gw.xmpp.test")];
                self.edge.handle_targets(self.now, query, targets);
            }
            endpoint::Event::Disconnect(id) => self.disconnect(1, id),
            event => self.told.push_back(event),
        }
        true
    }

    fn disconnect(&mut self, side: usize, id: ConnectionId) {
        let at = self.wires.iter().position(|wire| wire[side] == id);
        if let Some(at) = at {
            let wire = self.wires.remove(at);
            match side {
                0 => self.edge.handle_closed(self.now, wire[1]),
                _ => self.gateway.handle_closed(self.now, wire[0]),
            }
        }
    }

    fn poll_bridge(&mut self) -> bool {
        let Some(event) = self.bridge.poll_event() else {
            return false;
        };
        match event {
            Event::Stanza { stanza, id } => {
                let mut text = String::new();
                stanza.element().write(ns::SERVER, &mut text);
                self.stanzas.push_back(text);
                match id {
                    Some(id) if self.sends => {
                        self.bridge.handle_sent(self.now, &mut self.gateway, id);
                    }
                    Some(id) => self.unsent.push_back(id),
                    None => {}
                }
            }
            Event::Settled(Ticket(ticket)) => self.settled.push(ticket),
            Event::Store(fact) => self.facts.push(format!("+ {fact}")),
            Event::Forget(fact) => self.facts.push(format!("- {}", fact.key())),
            Event::Dropped(rule) => self.dropped.push(rule),
            Event::Refused(line) => self.refused.push(line.into()),
            other => self.asked.push_back(other),
        }
        true
    }

    /// The gateway sends no larger pages than this.
    pub(crate) fn bound_pages(&mut self, bytes: u32) {
        let mut config = comity_bridge::endpoint_config(vec![listener(1, "gw.xmpp.test")]);
        config.max_page_bytes = Some(bytes);
        self.gateway = Endpoint::new(self.now, config, [1; 32]);
    }

    pub(crate) fn replace_policy(&mut self, policy: comity_policy::Config) {
        let policy = Policy::new(policy).unwrap();
        self.bridge
            .replace_policy(self.now, &mut self.gateway, policy);
        self.pump();
    }

    /// Starts the gateway anew with what it had stored, and breaks every connection.
    pub(crate) fn restart(&mut self, facts: Vec<Fact>) {
        for wire in std::mem::take(&mut self.wires) {
            self.edge.handle_closed(self.now, wire[1]);
        }
        self.gateway = endpoint(self.now, 1, "gw.xmpp.test");
        self.bridge = Bridge::new(Config::new("gw"), Policy::new(policy()).unwrap(), [4; 32]);
        self.bridge.restore(self.now, &mut self.gateway, facts);
        self.pump();
    }
}

pub(crate) fn target(host: u8, told: &str) -> Target {
    let address = SocketAddr::from(([192, 0, 2, host], 5061));
    Target::new(Transport::Tls, address).named(name(told))
}

/// A stanza from its text.
pub(crate) fn parse(text: &str) -> Stanza {
    let text = format!("<top xmlns='jabber:server'>{text}</top>");
    let top = Element::parse(text.as_bytes(), xml::Limits::default()).unwrap();
    let element = top.children().next().unwrap();
    let kind = match element.name() {
        "message" => StanzaKind::Message,
        "presence" => StanzaKind::Presence,
        _ => StanzaKind::Iq,
    };
    let address = |name| element.attribute(name).unwrap().parse().unwrap();
    let mut stanza = Stanza::new(kind, address("from"), address("to"));
    if let Some(value) = element.attribute("type") {
        stanza = stanza.with_type(value);
    }
    if let Some(id) = element.attribute("id") {
        stanza = stanza.with_id(id);
    }
    element
        .children()
        .fold(stanza, |stanza, child| stanza.with_payload(child.clone()))
}
