//! Two endpoints and the network between them, in simulated time.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_identity::{DomainName, Host};
use comity_machine::QueryId;
use comity_sip::endpoint::{Config, Event, Hop, Listener, Target};
use comity_sip::{ConnectionId, Endpoint, Flow, Limits, Message, Transport};
use comity_testkit::link::{Arrival, DatagramPlan, Datagrams, End, Stream, StreamPlan};

/// `A` is 192.0.2.1 and a.example, `B` is 192.0.2.2 and b.example; each listens on 5060 and 5061.
pub(crate) struct World {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    ends: [Endpoint; 2],
    datagrams: Datagrams,
    wires: Vec<Wire>,
    /// What was told and not taken.
    told: [VecDeque<Event>; 2],
    /// Everything that left: when, from where, and the first line.
    pub(crate) log: Vec<(Duration, End, String)>,
    /// No connection can be opened.
    pub(crate) refuses_connections: bool,
    /// When an end closed a connection last, and which.
    pub(crate) closed: Option<(Instant, End)>,
}

struct Wire {
    stream: Stream,
    ids: [Option<ConnectionId>; 2],
}

pub(crate) fn config(end: End) -> Config {
    let address = address(end);
    let listeners = [
        (Transport::Udp, 5060),
        (Transport::Tcp, 5060),
        (Transport::Tls, 5061),
    ];
    let listeners = listeners.map(|(transport, port)| {
        let listener = Listener::new(transport, SocketAddr::new(address, port));
        listener.advertised(name(end).into(), port)
    });
    let mut config = Config::new(listeners.into());
    config.events = vec!["presence".to_owned()];
    config
}

pub(crate) fn address(end: End) -> IpAddr {
    match end {
        End::A => [192, 0, 2, 1].into(),
        End::B => [192, 0, 2, 2].into(),
    }
}

pub(crate) fn name(end: End) -> DomainName {
    let name = match end {
        End::A => "a.example",
        End::B => "b.example",
    };
    name.parse().unwrap()
}

/// The target of an endpoint over a transport.
pub(crate) fn target(end: End, transport: Transport) -> Target {
    let target = Target::new(
        transport,
        SocketAddr::new(address(end), transport.default_port()),
    );
    target.named(name(end))
}

impl World {
    pub(crate) fn new(plan: DatagramPlan, seed: u8) -> Self {
        Self::with(plan, seed, config(End::A), config(End::B))
    }

    pub(crate) fn with(plan: DatagramPlan, seed: u8, a: Config, b: Config) -> Self {
        let now = comity_testkit::origin();
        Self {
            start: now,
            now,
            ends: [
                Endpoint::new(now, a, [seed; 32]),
                Endpoint::new(now, b, [seed ^ 0xff; 32]),
            ],
            datagrams: Datagrams::new(plan, [seed; 32]),
            wires: Vec::new(),
            told: Default::default(),
            log: Vec::new(),
            refuses_connections: false,
            closed: None,
        }
    }

    /// Without loss and latency.
    pub(crate) fn ideal() -> Self {
        Self::new(
            DatagramPlan {
                latency: Duration::ZERO,
                ..DatagramPlan::default()
            },
            1,
        )
    }

    pub(crate) fn end(&mut self, end: End) -> &mut Endpoint {
        &mut self.ends[end as usize]
    }

    /// Does something with an endpoint, and lets out what comes of it.
    pub(crate) fn act<T>(&mut self, end: End, act: impl FnOnce(Instant, &mut Endpoint) -> T) -> T {
        let now = self.now;
        let done = act(now, self.end(end));
        self.drain(end);
        done
    }

    /// What an endpoint told since the last call.
    pub(crate) fn told(&mut self, end: End) -> Vec<Event> {
        self.told[end as usize].drain(..).collect()
    }

    /// Goes on until nothing happens any more, or this time has passed.
    pub(crate) fn run(&mut self, wait: Duration) {
        let until = self.now + wait;
        while let Some(next) = self.next_time() {
            if next > until {
                break;
            }
            self.now = self.now.max(next);
            self.step();
        }
        self.now = until;
    }

    /// Goes on until something is told to an endpoint's user.
    pub(crate) fn run_until_told(&mut self) {
        while self.told.iter().all(VecDeque::is_empty) {
            let next = self.next_time().expect("something happens");
            self.now = self.now.max(next);
            self.step();
        }
    }

    /// An endpoint starts anew and knows nothing.
    pub(crate) fn forget(&mut self, end: End, config: Config) {
        self.break_connections();
        self.run(Duration::from_millis(1));
        self.ends[end as usize] = Endpoint::new(self.now, config, [0x55; 32]);
    }

    /// Everything under way is lost, and from now on datagrams travel in another way.
    pub(crate) fn replace_link(&mut self, plan: DatagramPlan) {
        self.datagrams = Datagrams::new(plan, [9; 32]);
    }

    /// Breaks every connection.
    pub(crate) fn break_connections(&mut self) {
        let now = self.now;
        for wire in &mut self.wires {
            wire.stream.cut_off(now);
        }
    }

    /// Goes on until something is told to the user of one end.
    pub(crate) fn run_until_told_to(&mut self, end: End) {
        while self.told[end as usize].is_empty() {
            let next = self.next_time().expect("something happens");
            self.now = self.now.max(next);
            self.step();
        }
    }

    /// The log, from one end: seconds and first lines.
    pub(crate) fn sent(&self, end: End) -> Vec<(f64, &str)> {
        let own = self.log.iter().filter(|(_, from, _)| *from == end);
        own.map(|(at, _, line)| (at.as_secs_f64(), line.as_str()))
            .collect()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.ends.iter().all(|end| end.transactions() == 0)
    }

    fn next_time(&self) -> Option<Instant> {
        let streams = self
            .wires
            .iter()
            .filter_map(|wire| wire.stream.next_delivery());
        let timeouts = self.ends.iter().filter_map(Endpoint::poll_timeout);
        let datagrams = self.datagrams.next_delivery();
        streams.chain(timeouts).chain(datagrams).min()
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some((to, datagram)) = self.datagrams.deliver(now) {
            let place = |end| SocketAddr::new(address(end), 5060);
            let datagram = Bytes::from(datagram);
            self.act(to, |now, endpoint| {
                endpoint.handle_datagram(now, place(to), place(to.other()), datagram);
            });
        }
        for at in 0..self.wires.len() {
            while let Some((to, arrival)) = self.wires[at].stream.deliver(now) {
                let Some(id) = self.wires[at].ids[to as usize] else {
                    continue;
                };
                if let Arrival::Bytes(bytes) = arrival {
                    self.act(to, |now, endpoint| endpoint.handle_input(now, id, &bytes));
                } else {
                    self.wires[at].ids[to as usize] = None;
                    self.act(to, |now, endpoint| endpoint.handle_closed(now, id));
                }
            }
        }
        for end in [End::A, End::B] {
            if self.end(end).poll_timeout().is_some_and(|due| due <= now) {
                self.act(end, |now, endpoint| endpoint.handle_timeout(now));
                let next = self.end(end).poll_timeout();
                assert!(next.is_none_or(|next| next > now), "a timeout that is over");
            }
        }
    }

    fn drain(&mut self, end: End) {
        loop {
            self.transmit(end);
            let Some(event) = self.end(end).poll_event() else {
                return;
            };
            self.handle_event(end, event);
        }
    }

    fn transmit(&mut self, end: End) {
        let mut buf = Vec::new();
        while let Some(transmit) = self.ends[end as usize].poll_transmit(&mut buf) {
            let line = String::from_utf8_lossy(&buf);
            let line = line.split(" SIP/2.0\r\n").next().unwrap();
            let line = line.split("\r\n").next().unwrap().to_owned();
            self.log.push((self.now - self.start, end, line));
            if !buf.iter().all(u8::is_ascii_whitespace) {
                let message = Message::from_datagram(buf.clone().into(), &Limits::default());
                assert!(message.is_ok(), "{message:?}");
            }
            match transmit.flow {
                Flow::Datagrams { remote, .. } => {
                    assert_eq!(remote.ip(), address(end.other()));
                    self.datagrams.send(self.now, end, &buf);
                }
                Flow::Connection(id) => {
                    let ids = |wire: &&mut Wire| wire.ids[end as usize] == Some(id);
                    let wire = self.wires.iter_mut().find(ids).expect("a connection");
                    wire.stream.send(self.now, end, &buf);
                }
            }
            buf.clear();
        }
    }

    fn handle_event(&mut self, end: End, event: Event) {
        match event {
            Event::Connect {
                connection,
                transport,
                remote,
                ..
            } => self.connect(end, connection, transport, remote),
            Event::Disconnect(connection) => {
                let ids = |wire: &&mut Wire| wire.ids[end as usize] == Some(connection);
                if let Some(wire) = self.wires.iter_mut().find(ids) {
                    self.closed = Some((self.now, end));
                    wire.stream.finish(self.now, end);
                    wire.ids[end as usize] = None;
                }
            }
            Event::Locate { query, hop } => self.locate(end, query, &hop),
            event => self.told[end as usize].push_back(event),
        }
    }

    fn connect(&mut self, end: End, id: ConnectionId, transport: Transport, remote: SocketAddr) {
        let listens = remote.port() == transport.default_port();
        if self.refuses_connections || !listens || remote.ip() != address(end.other()) {
            return self.act(end, |now, endpoint| endpoint.handle_closed(now, id));
        }
        let proved = |end| match transport {
            Transport::Tls => vec![name(end)],
            Transport::Udp | Transport::Tcp => Vec::new(),
        };
        let own = SocketAddr::new(
            address(end),
            40_000 + u16::try_from(self.wires.len()).unwrap(),
        );
        let accepted = self.act(end.other(), |now, endpoint| {
            endpoint.accept_connection(now, transport, own, proved(end))
        });
        let mut ids = [None; 2];
        ids[end as usize] = Some(id);
        ids[end.other() as usize] = accepted;
        let stream = Stream::new(StreamPlan::default(), [7; 32]);
        self.wires.push(Wire { stream, ids });
        self.act(end, |now, endpoint| {
            endpoint.handle_connected(now, id, proved(end.other()));
        });
    }

    fn locate(&mut self, end: End, query: QueryId, hop: &Hop) {
        let transport = hop.transport.unwrap_or(Transport::Udp);
        let port = hop.port.unwrap_or_else(|| transport.default_port());
        let address = match &hop.host {
            Host::Ip(address) => Some(*address),
            Host::Domain(domain) => [End::A, End::B]
                .into_iter()
                .find(|&end| name(end) == *domain)
                .map(address),
        };
        let target = address.map(|address| Target::new(transport, SocketAddr::new(address, port)));
        self.act(end, |now, endpoint| {
            endpoint.handle_targets(now, query, target.into_iter().collect());
        });
    }
}
