//! An endpoint, its peers, its driver and its user.

mod act;
mod client;
mod machine;
mod model;
mod output;
mod parts;
mod peer;
mod user;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_sip::endpoint::{Config, Counters, Event, Listener};
use comity_sip::{
    ConnectionId, Endpoint, Flow, Framer, FramerEvent, Limits, Message, Method, Request, Transport,
};

use self::model::{Fate, Model, Output, Standing};
use self::peer::Heard;
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
    if data.first().is_some_and(|mode| mode & 0x80 != 0) {
        assert!(transcript == run(data), "chance that no seed gave");
    }
}

fn run(data: &[u8]) -> Vec<String> {
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
        is_refused: false,
        transcript: Vec::new(),
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
    /// Whether what came at last was refused without a trace.
    is_refused: bool,
    transcript: Vec<String>,
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

/// What the model has to look at.
enum Input {
    Message(Box<Message>, Flow, SocketAddr, String),
    Rejected,
    KeepAlive,
    Tick,
    Command,
}

impl Run<'_> {
    fn datagram(&mut self, source: SocketAddr, bytes: &Bytes) {
        let local = self.config.listeners[0].local;
        trace(&format!("{source} says {}", text(bytes)));
        self.endpoint
            .handle_datagram(self.now, local, source, bytes.clone());
        let input = match Message::from_datagram(bytes.clone(), &Limits::default()) {
            Ok(message) => {
                let remote = answer_address(&message, source);
                let flow = Flow::Datagrams { local, remote };
                Input::Message(Box::new(message), flow, source, "udp".to_owned())
            }
            Err(_) => Input::Rejected,
        };
        let answers = self.follow(vec![input], self.now);
        if self.is_refused {
            assert!(answers.len() <= 1, "several answers");
        }
        for (flow, answer) in answers.iter().filter(|_| self.is_refused) {
            assert!(
                answer.len() <= bytes.len() + 200,
                "an answer that is too large"
            );
            let Flow::Datagrams { remote, .. } = flow else {
                panic!("an answer on a connection")
            };
            assert_eq!(remote.ip(), source.ip(), "an answer to somebody else");
        }
    }

    fn stream(&mut self, id: ConnectionId, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else {
            self.endpoint.handle_input(self.now, id, bytes);
            self.follow(vec![], self.now);
            return;
        };
        trace(&format!("connection {id} says {}", text(bytes)));
        self.endpoint.handle_input(self.now, id, bytes);
        connection.framer.handle_input(bytes);
        let mut names: Vec<_> = connection.proved.iter().map(ToString::to_string).collect();
        names.sort();
        let realm = format!("{} {names:?}", connection.transport);
        let mut inputs = Vec::new();
        while let Some(event) = connection.framer.poll_event() {
            inputs.push(match event {
                FramerEvent::KeepAlive => Input::KeepAlive,
                FramerEvent::Message(message) => {
                    let flow = Flow::Connection(id);
                    Input::Message(Box::new(message), flow, connection.remote, realm.clone())
                }
                FramerEvent::Rejected(_) | FramerEvent::Failed(_) => Input::Rejected,
            });
        }
        self.follow(inputs, self.now);
    }

    fn tick(&mut self, wait: Duration) {
        self.now += wait;
        trace(&format!("{wait:?} pass"));
        self.endpoint.handle_timeout(self.now);
        let next = self.endpoint.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "time stands still");
        self.follow(vec![Input::Tick], self.now);
    }

    fn close(&mut self, id: ConnectionId) {
        trace(&format!("connection {id} is closed"));
        self.endpoint.handle_closed(self.now, id);
        self.connections.remove(&id);
        self.model.lose(|flow| flow == Flow::Connection(id));
        self.follow(vec![], self.now);
    }

    fn connected(&mut self, id: ConnectionId, proved: Vec<DomainName>) {
        let mut since = self.now;
        trace(&format!("connection {id} is open: {proved:?}"));
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

    /// Takes out what an input set off, and looks at it.
    fn follow(&mut self, inputs: Vec<Input>, since: Instant) -> Vec<Output> {
        let mut outputs = self.transmits();
        let all: Vec<_> = outputs.iter().cloned().collect();
        let mut given = self.events();
        self.model.begin(self.now, since);
        self.is_refused = false;
        for input in inputs {
            match input {
                Input::Message(message, flow, source, realm) => match *message {
                    Message::Request(request) => {
                        let way = (flow, source, realm.as_str());
                        self.model_request(&request, way, &mut given.requests, &mut outputs);
                    }
                    Message::Response(response) => {
                        let role = self.config.acceptance.role;
                        if comity_sip::check_response(&response, role).is_ok() {
                            self.model.response(self.now, &response, flow, &mut outputs);
                        }
                    }
                },
                Input::Rejected => {
                    self.is_refused = true;
                    self.model.allow_refusal();
                }
                Input::KeepAlive | Input::Command => {}
                Input::Tick => {
                    for &id in &given.closed {
                        self.model.doubt(Flow::Connection(id));
                    }
                    self.model.tick(self.now, &mut outputs);
                }
            }
            self.absorb(&mut outputs);
        }
        self.absorb(&mut outputs);
        assert!(outputs.is_empty(), "for nothing: {outputs:?}");
        assert!(given.requests.is_empty(), "a request that did not come");
        for id in given.closed {
            self.connections.remove(&id);
            self.model.lose(|flow| flow == Flow::Connection(id));
        }
        self.counters = self.endpoint.counters();
        self.count();
        all
    }

    fn absorb(&mut self, outputs: &mut VecDeque<Output>) {
        while let Some(output) = outputs.front() {
            if output.1 != "\r\n" && !self.model.absorb(output) {
                return;
            }
            outputs.pop_front();
        }
    }

    fn model_request(
        &mut self,
        request: &Request,
        way: (Flow, SocketAddr, &str),
        given: &mut Vec<Bytes>,
        outputs: &mut VecDeque<Output>,
    ) {
        let acceptance = &self.config.acceptance;
        let is_page = request.method() == Method::Message
            && (request.headers().one::<comity_sip::header::To<'_>>())
                .is_ok_and(|to| to.tag_bytes().is_none());
        let is_large = request.as_bytes().len() > 1_300;
        let standing = match acceptance.check(request, comity_sip::Standing::default()) {
            Ok(()) if !(is_page && is_large) => Standing::Acceptable,
            Ok(()) | Err(_) => Standing::Refused,
        };
        let found = given.iter().position(|bytes| bytes == request.as_bytes());
        if let Some(found) = found {
            given.remove(found);
        }
        let is_given = found.is_some();
        let fate = self
            .model
            .request(self.now, request, &standing, way, is_given, outputs);
        trace(&format!("it is {fate:?}"));
        self.is_refused = fate == Fate::Refused;
        match fate {
            Fate::Begun => {}
            Fate::Absorbed | Fate::Refused => assert!(!is_given, "given, but it is {fate:?}"),
            Fate::Nowhere => {
                let (now, before) = (self.endpoint.counters(), self.counters);
                let counts = [now, before]
                    .map(|counters| counters.overloaded + counters.withheld + counters.oversized);
                assert!(counts[0] > counts[1], "neither given nor answered");
            }
        }
    }

    fn transmits(&mut self) -> VecDeque<Output> {
        let mut outputs = VecDeque::new();
        let mut buffer = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit(&mut buffer) {
            let bytes = Bytes::from(std::mem::take(&mut buffer));
            let line = format!("{:?}: {}", transmit.flow, text(&bytes));
            trace(&line);
            self.transcript.push(line);
            if let Some(message) = self.read(transmit.flow, &bytes) {
                self.heard.note(transmit.flow, &message, &bytes);
            }
            outputs.push_back((transmit.flow, bytes));
        }
        outputs
    }

    /// What leaves is a message, on a way that is there.
    fn read(&self, flow: Flow, bytes: &Bytes) -> Option<Message> {
        let Flow::Connection(id) = flow else {
            let message = Message::from_datagram(bytes.clone(), &Limits::default());
            let message = message.expect("a message");
            assert_eq!(message.as_bytes(), bytes, "more than a message");
            return Some(message);
        };
        let connection = self.connections.get(&id);
        let connection = connection.expect("a connection that is there");
        assert!(
            connection.opening.is_none(),
            "a connection that is not open"
        );
        if bytes == "\r\n" {
            return None;
        }
        let mut framer = Framer::new(Limits::default());
        framer.handle_input(bytes);
        let Some(FramerEvent::Message(message)) = framer.poll_event() else {
            panic!("no message: {}", text(bytes));
        };
        assert_eq!(framer.pending(), 0, "more than a message");
        Some(message)
    }

    fn events(&mut self) -> Given {
        let mut given = Given::default();
        while let Some(event) = self.endpoint.poll_event() {
            let line = format!("{event:?}");
            trace(&line);
            self.transcript.push(line);
            match event {
                Event::Connect {
                    connection,
                    transport,
                    remote,
                    ..
                } => {
                    let asked = Connection::new(transport, remote, Vec::new(), Some(self.now));
                    let known = self.connections.insert(connection, asked);
                    assert!(known.is_none(), "a connection that was there before");
                }
                Event::Disconnect(id) => {
                    assert!(self.connections.contains_key(&id), "closed, but not there");
                    given.closed.push(id);
                }
                Event::Locate { query, .. } => self.locates.push(query),
                Event::Request(incoming) => {
                    given.requests.push(incoming.request().as_bytes().clone());
                    self.user.handle(Event::Request(incoming));
                }
                other => self.user.handle(other),
            }
        }
        given
    }

    fn count(&self) {
        let (least, most) = self.model.bounds();
        let count = self.endpoint.transactions();
        assert!(count >= least, "{count} transactions, of {least}");
        let is_opening = |connection: &Connection| connection.opening.is_some();
        if !self.connections.values().any(is_opening) {
            assert!(
                count <= most,
                "{count} transactions, of {most}: {:?}",
                self.model
            );
        }
        let limit = self.config.limits.max_transactions as usize;
        assert!(count <= limit, "more transactions than there may be");
        assert_eq!(self.endpoint.connections(), self.connections.len());
    }
}

/// What events say about the input at hand.
#[derive(Default)]
struct Given {
    requests: Vec<Bytes>,
    closed: Vec<ConnectionId>,
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
}

/// Where the answer to a datagram goes (RFC 3261 §18.2.2, RFC 3581 §4).
fn answer_address(message: &Message, source: SocketAddr) -> SocketAddr {
    let via = message.headers().first::<comity_sip::header::Via<'_>>();
    let port = match via {
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
