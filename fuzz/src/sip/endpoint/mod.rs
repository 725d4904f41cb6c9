//! An endpoint, its peers, its driver and its user.

mod act;
mod client;
mod command;
mod end;
mod follow;
mod machine;
mod model;
mod output;
mod parts;
mod peer;
mod server;
mod user;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_sip::endpoint::{Config, Counters, Listener};
use comity_sip::header::Via;
use comity_sip::{
    ConnectionId, Endpoint, Flow, Framer, FramerEvent, Headers, Limits, Message, Transport,
};

use self::follow::Input;
use self::model::Model;
use self::peer::Heard;
use self::server::Way;
use self::user::User;
use crate::program::Program;
use crate::wire::{text, trace};

/// Runs a program on an endpoint.
///
/// A plain table of transactions says which messages must leave at every step and which may; what the
/// user is told refers to what is there; when all is over nothing is left; and the same program gives
/// the same transcript.
pub fn sip_endpoint(data: &[u8]) {
    let transcript = run(data);
    if transcript.is_some() {
        assert!(transcript == run(data), "chance that no seed gave");
    }
}

/// Gives the transcript if the program asks for one.
fn run(data: &[u8]) -> Option<Vec<String>> {
    let mut program = Program::new(data);
    let mode = program.byte();
    let now = comity_testkit::origin();
    let config = config(mode);
    let mut run = Run {
        model: Model::new(config.timing, now, mode & 1 != 0),
        endpoint: Endpoint::new(now, config.clone(), [mode; 32]),
        config,
        program,
        now,
        heard: Heard::default(),
        user: User::default(),
        connections: BTreeMap::new(),
        datagrams: Vec::new(),
        locates: Vec::new(),
        counters: Counters::default(),
        transactions: 0,
        transcript: (mode & 0xC0 == 0xC0).then(Vec::new),
    };
    for _ in 0..MAX_STEPS {
        if run.program.is_over() {
            break;
        }
        run.step();
    }
    run.end();
    run.transcript
}

struct Run<'a> {
    program: Program<'a>,
    config: Config,
    endpoint: Endpoint,
    model: Model,
    now: Instant,
    heard: Heard,
    user: User,
    /// Those that are open or being opened.
    connections: BTreeMap<ConnectionId, Connection>,
    /// What came in datagrams, to come again.
    datagrams: Vec<(SocketAddr, Bytes)>,
    locates: Vec<QueryId>,
    counters: Counters,
    transactions: usize,
    transcript: Option<Vec<String>>,
}

struct Connection {
    transport: Transport,
    remote: SocketAddr,
    proved: Vec<DomainName>,
    framer: Framer,
    /// When it was asked for, until it is open.
    opening: Option<Instant>,
    /// The rest of a message that was cut.
    rest: Vec<u8>,
}

impl Run<'_> {
    fn datagram(&mut self, source: SocketAddr, bytes: &Bytes) {
        let local = self.config.listeners[0].local;
        trace(|| format!("{source} says {}", text(bytes)));
        self.endpoint
            .handle_datagram(self.now, local, source, bytes.clone());
        let flow = |headers| Flow::Datagrams {
            local,
            remote: answer_address(headers, source),
        };
        let input = match Message::from_datagram(bytes.clone(), &Limits::default()) {
            _ if bytes.iter().all(|byte| b"\r\n".contains(byte)) => Input::KeepAlive,
            Ok(message) => {
                let way = Way {
                    flow: flow(message.headers()),
                    source,
                    realm: "udp".to_owned(),
                    proved: Vec::new(),
                };
                Input::Message(Box::new(message), way)
            }
            Err(rejected) => {
                let flow = flow(rejected.headers());
                Input::Rejected(rejected, flow)
            }
        };
        self.follow(vec![input], self.now);
    }

    fn stream(&mut self, id: ConnectionId, bytes: &[u8]) {
        trace(|| format!("connection {id} says {}", text(bytes)));
        self.endpoint.handle_input(self.now, id, bytes);
        let mut inputs = Vec::new();
        if let Some(connection) = self.connections.get_mut(&id) {
            let way = connection.way(id);
            connection.framer.handle_input(bytes);
            while let Some(event) = connection.framer.poll_event() {
                inputs.push(match event {
                    FramerEvent::KeepAlive => Input::KeepAlive,
                    FramerEvent::Message(message) => Input::Message(Box::new(message), way.clone()),
                    FramerEvent::Rejected(rejected) | FramerEvent::Failed(rejected) => {
                        Input::Rejected(rejected, way.flow)
                    }
                });
            }
        }
        self.follow(inputs, self.now);
    }

    fn tick(&mut self, wait: Duration) {
        self.now += wait;
        trace(|| format!("{wait:?} pass"));
        self.endpoint.handle_timeout(self.now);
        let next = self.endpoint.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "time stands still");
        self.follow(vec![Input::Tick], self.now);
    }

    fn close(&mut self, id: ConnectionId) {
        trace(|| format!("connection {id} is closed"));
        self.endpoint.handle_closed(self.now, id);
        self.connections.remove(&id);
        self.model.close(id);
        self.follow(vec![], self.now);
    }

    fn connected(&mut self, id: ConnectionId, proved: Vec<DomainName>) {
        let mut since = self.now;
        trace(|| format!("connection {id} is open: {proved:?}"));
        if let Some(connection) = self.connections.get_mut(&id)
            && let Some(asked) = connection.opening.take()
        {
            since = asked;
            connection.proved.clone_from(&proved);
        }
        self.endpoint.handle_connected(self.now, id, proved);
        self.follow(vec![Input::Command], since);
    }

    /// A command was given.
    fn commanded(&mut self) {
        self.follow(vec![Input::Command], self.now);
    }
}

impl Connection {
    fn new(
        transport: Transport,
        remote: SocketAddr,
        proved: Vec<DomainName>,
        opening: Option<Instant>,
    ) -> Self {
        Self {
            transport,
            remote,
            proved,
            framer: Framer::new(Limits::default()),
            opening,
            rest: Vec::new(),
        }
    }

    /// How a message comes on it.
    fn way(&self, id: ConnectionId) -> Way {
        let mut names: Vec<_> = self.proved.iter().map(ToString::to_string).collect();
        names.sort();
        Way {
            flow: Flow::Connection(id),
            source: self.remote,
            realm: format!("{} {names:?}", self.transport),
            proved: self.proved.clone(),
        }
    }
}

/// Where the answer to a datagram goes (RFC 3261 §18.2.2, RFC 3581 §4).
fn answer_address(headers: Headers<'_>, source: SocketAddr) -> SocketAddr {
    let port = match headers.first::<Via<'_>>() {
        Ok(Some(via)) if via.rport().is_none() => via.port().unwrap_or(5060),
        Ok(_) | Err(_) => source.port(),
    };
    SocketAddr::new(source.ip(), port)
}

fn config(mode: u8) -> Config {
    let listeners = [
        (Transport::Udp, 5060),
        (Transport::Tcp, 5060),
        (Transport::Tls, 5061),
    ];
    let listener =
        |(transport, port)| Listener::new(transport, SocketAddr::from(([192, 0, 2, 1], port)));
    let mut config = Config::new(listeners.map(listener).to_vec());
    config.events = vec!["presence".to_owned()];
    if mode & 1 != 0 {
        config.limits.max_transactions = 8;
        config.limits.max_transactions_per_source = 4;
        config.limits.max_requests = 4;
        config.limits.max_connections = 4;
        config.limits.max_connections_per_source = 2;
        config.limits.max_waiting_bytes = 700;
        config.limits.max_dialogs = 2;
    }
    if mode & 2 != 0 {
        config.timing.t1 = Duration::from_millis(300);
        config.timing.t2 = Duration::from_millis(2_000);
    }
    if mode & 4 != 0 {
        config.product = "comity".to_owned();
    }
    config
}

const MAX_STEPS: usize = 160;
