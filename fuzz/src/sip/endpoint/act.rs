//! The steps of a program: what peers, the network and the driver do.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use comity_identity::DomainName;
use comity_sip::endpoint::Target;
use comity_sip::{ConnectionId, Flow, Transport};

use super::{Connection, Run};

impl Run<'_> {
    pub(super) fn step(&mut self) {
        match self.program.byte() % 40 {
            0..4 => {
                let source = self.source();
                let request = Bytes::from(self.heard.request(&mut self.program, "UDP"));
                self.datagrams.push((source, request.clone()));
                self.datagram(source, &request);
            }
            4 | 5 => {
                if let Some((source, again)) = self.program.recent(&self.datagrams).cloned() {
                    self.datagram(source, &again);
                }
            }
            6 | 7 => self.say(),
            8 | 9 => self.respond(),
            10 => self.respond_elsewhere(),
            11 => {
                let source = self.source();
                let garbage = Bytes::copy_from_slice(self.program.bytes());
                self.datagram(source, &garbage);
            }
            12 => self.accept_connection(),
            13 => {
                if let Some(id) = self.connection() {
                    self.close(id);
                }
            }
            14 => {
                if let Some(id) = self.connection() {
                    let bytes = self.program.bytes();
                    self.stream(id, bytes);
                }
            }
            15..18 => self.answer(),
            18 => self.inform(),
            19 | 20 => self.accept(),
            21 => self.send(),
            22 => self.cancel(),
            23 => self.invite(),
            24 => self.in_session(),
            25 => self.bye(),
            26 => self.subscribe(),
            27 => self.unsubscribe(),
            28 => self.watch(),
            29 => self.publish(),
            30 | 31 => self.locate(),
            32 | 33 => self.open(),
            34 => self.mangled(),
            35 => {
                let remote = self.source();
                self.endpoint.handle_unreachable(self.now, remote);
                self.model.lose(
                    |flow| matches!(flow, Flow::Datagrams { remote: lost, .. } if lost == remote),
                );
                self.commanded();
            }
            36 | 37 => self.jump(),
            _ => {
                let waits = [0, 1, 200, 500, 3_500, 32_000, 181_000, 90_000_000];
                let wait = waits[usize::from(self.program.byte()) % waits.len()];
                self.tick(Duration::from_millis(wait));
            }
        }
    }

    fn source(&mut self) -> SocketAddr {
        let sources = [
            ([198, 51, 100, 1], 5060),
            ([198, 51, 100, 1], 40000),
            ([198, 51, 100, 2], 5060),
        ];
        sources[usize::from(self.program.byte()) % sources.len()].into()
    }

    pub(super) fn target(&mut self) -> Vec<Target> {
        let byte = self.program.byte();
        let transport = [
            Transport::Udp,
            Transport::Udp,
            Transport::Tcp,
            Transport::Tls,
        ];
        let count = [1, 1, 2, 0][usize::from(byte >> 2 & 3)];
        let targets = (0..count).map(|index| {
            let kind = usize::from(byte >> (4 * index) & 3);
            let address = SocketAddr::from(([198, 51, 100, 1 + index], 5060));
            let target = Target::new(transport[kind], address);
            match transport[kind] {
                Transport::Tls => target.named(peer_name()),
                Transport::Udp | Transport::Tcp => target,
            }
        });
        targets.collect()
    }

    fn connection(&mut self) -> Option<ConnectionId> {
        let all: Vec<_> = self.connections.keys().copied().collect();
        self.program.recent(&all).copied()
    }

    /// Sends a request on a connection, whole, or cut, and the rest of it later.
    fn say(&mut self) {
        let (Some(id), cut) = (self.connection(), self.program.byte()) else {
            return;
        };
        let connection = &mut self.connections.get_mut(&id).expect("it is there");
        if connection.opening.is_some() {
            return;
        }
        let name = connection.transport.name();
        let mut bytes = std::mem::take(&mut connection.rest);
        if bytes.is_empty() {
            bytes = self.heard.request(&mut self.program, name);
        }
        if cut & 3 == 0 {
            let behind = bytes.split_off(usize::from(cut) * 2 % bytes.len());
            self.connections.get_mut(&id).expect("it is there").rest = behind;
        }
        self.stream(id, &bytes);
    }

    fn respond(&mut self) {
        if let Some((flow, response)) = self.heard.response(&mut self.program) {
            self.come(flow, response);
        }
    }

    /// A response comes on another way than its request went.
    fn respond_elsewhere(&mut self) {
        let response = self.heard.response(&mut self.program);
        let (connection, source) = (self.connection(), self.source());
        let Some((flow, response)) = response else {
            return;
        };
        let other = match connection.map(Flow::Connection) {
            Some(other) if other != flow => other,
            Some(_) | None => Flow::Datagrams {
                local: self.config.listeners[0].local,
                remote: source,
            },
        };
        self.come(other, response);
    }

    /// A message comes, behind the rest of another.
    fn come(&mut self, flow: Flow, message: Vec<u8>) {
        let id = match flow {
            Flow::Datagrams { remote, .. } => return self.datagram(remote, &message.into()),
            Flow::Connection(id) => id,
        };
        let connection = self.connections.get_mut(&id);
        if connection
            .as_ref()
            .is_some_and(|connection| connection.opening.is_some())
        {
            return;
        }
        let rest = connection.map(|connection| &mut connection.rest);
        let mut bytes = rest.map(std::mem::take).unwrap_or_default();
        bytes.extend(message);
        self.stream(id, &bytes);
    }

    fn accept_connection(&mut self) {
        let remote = self.source();
        let (transport, proved) = match self.program.byte() % 3 {
            0 => (Transport::Tcp, Vec::new()),
            1 => (Transport::Tls, Vec::new()),
            _ => (Transport::Tls, vec![peer_name()]),
        };
        let id = self
            .endpoint
            .accept_connection(self.now, transport, remote, proved.clone());
        if let Some(id) = id {
            let connection = Connection::new(transport, remote, proved, None);
            let known = self.connections.insert(id, connection);
            assert!(known.is_none(), "a connection that was there before");
        }
        self.commanded();
    }

    /// A datagram with some bytes changed.
    fn mangled(&mut self) {
        let source = self.source();
        let mut bytes = self.heard.request(&mut self.program, "UDP");
        let at = usize::from(self.program.word()) % bytes.len();
        let end = (at + usize::from(self.program.byte() & 7)).min(bytes.len());
        let put = self.program.bytes();
        bytes.splice(at..end, put.iter().copied());
        self.datagram(source, &bytes.into());
    }

    fn jump(&mut self) {
        if let Some(next) = self.endpoint.poll_timeout() {
            let wait = next.saturating_duration_since(self.now);
            self.tick(wait);
        }
    }

    fn locate(&mut self) {
        let query = self.program.recent(&self.locates).copied();
        let targets = self.target();
        if let Some(query) = query {
            self.endpoint.handle_targets(self.now, query, targets);
            self.commanded();
        }
    }

    fn open(&mut self) {
        let id = self.connection();
        let byte = self.program.byte();
        let Some(id) = id else { return };
        match byte & 3 {
            0 => self.close(id),
            1 => self.connected(id, Vec::new()),
            _ => self.connected(id, vec![peer_name()]),
        }
    }
}

fn peer_name() -> DomainName {
    DomainName::parse("peer.example").expect("a name")
}
