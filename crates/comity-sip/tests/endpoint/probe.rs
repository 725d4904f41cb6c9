//! One endpoint, and hand-made messages.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_identity::DomainName;
use comity_sip::endpoint::{Config, Event, Incoming};
use comity_sip::{ConnectionId, Endpoint, Flow, StatusCode, Transport};
use comity_testkit::link::End;

use super::world;

/// b.example, to which others write.
pub(crate) struct Probe {
    pub(crate) now: Instant,
    pub(crate) endpoint: Endpoint,
}

/// What left: where to, and what.
pub(crate) type Sent = (Flow, String);

impl Probe {
    pub(crate) fn new() -> Self {
        Self::with(world::config(End::B))
    }

    pub(crate) fn with(config: Config) -> Self {
        let now = comity_testkit::origin();
        let endpoint = Endpoint::new(now, config, [3; 32]);
        Self { now, endpoint }
    }

    /// A datagram from an address; gives what was sent because of it.
    pub(crate) fn datagram(&mut self, source: &str, text: &str) -> Vec<Sent> {
        self.raw(source.parse().unwrap(), text.as_bytes())
    }

    pub(crate) fn raw(&mut self, source: SocketAddr, bytes: &[u8]) -> Vec<Sent> {
        let bytes = Bytes::copy_from_slice(bytes);
        self.endpoint
            .handle_datagram(self.now, local(), source, bytes);
        self.sent()
    }

    pub(crate) fn connection(
        &mut self,
        transport: Transport,
        source: &str,
        proved: &[&str],
    ) -> ConnectionId {
        let proved = proved
            .iter()
            .map(|name| name.parse::<DomainName>().unwrap());
        self.endpoint
            .accept_connection(
                self.now,
                transport,
                source.parse().unwrap(),
                proved.collect(),
            )
            .unwrap()
    }

    pub(crate) fn input(&mut self, connection: ConnectionId, text: &str) -> Vec<Sent> {
        self.endpoint
            .handle_input(self.now, connection, text.as_bytes());
        self.sent()
    }

    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        let (mut sent, mut buf) = (Vec::new(), Vec::new());
        while let Some(transmit) = self.endpoint.poll_transmit(&mut buf) {
            sent.push((transmit.flow, String::from_utf8_lossy(&buf).into_owned()));
            buf.clear();
        }
        sent
    }

    pub(crate) fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.endpoint.poll_event()).collect()
    }

    /// The requests that were told, and nothing else was.
    pub(crate) fn requests(&mut self) -> Vec<Incoming> {
        let told = self.told().into_iter().map(|event| match event {
            Event::Request(incoming) => *incoming,
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    pub(crate) fn answer(&mut self, incoming: &Incoming, status: StatusCode) -> Vec<Sent> {
        let response = incoming.response(status);
        self.endpoint.answer(self.now, incoming, response).unwrap();
        self.sent()
    }

    /// Lets time pass; gives what was sent, and when.
    pub(crate) fn wait(&mut self, wait: Duration) -> Vec<(Duration, Sent)> {
        let (start, until) = (self.now, self.now + wait);
        let mut sent = Vec::new();
        while let Some(next) = self.endpoint.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.endpoint.handle_timeout(self.now);
            let at = self.now - start;
            sent.extend(self.sent().into_iter().map(|sent| (at, sent)));
        }
        self.now = until;
        sent
    }
}

/// The address to which datagrams are sent.
pub(crate) fn local() -> SocketAddr {
    SocketAddr::new(world::address(End::B), 5060)
}

/// Datagrams to an address.
pub(crate) fn to(remote: &str) -> Flow {
    Flow::Datagrams {
        local: local(),
        remote: remote.parse().unwrap(),
    }
}

/// The first lines of what was sent.
pub(crate) fn lines(sent: &[Sent]) -> Vec<(Flow, &str)> {
    sent.iter()
        .map(|(flow, text)| (*flow, text.lines().next().unwrap()))
        .collect()
}

/// A request of alice's, with this method, topmost Via and further headers.
pub(crate) fn request(method: &str, via: &str, more: &str) -> String {
    format!(
        "{method} sip:bob@b.example SIP/2.0\r\n\
         Via: SIP/2.0/{via}\r\n\
         From: <sip:alice@a.example>;tag=1\r\n\
         To: <sip:bob@b.example>\r\n\
         Call-ID: call@a.example\r\n\
         CSeq: 7 {method}\r\n\
         Max-Forwards: 70\r\n\
         Contact: <sip:alice@192.0.2.1:5060>\r\n\
         {more}\
         Content-Length: 0\r\n\r\n"
    )
}

/// The value of a header of a message.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {message}"))
}
