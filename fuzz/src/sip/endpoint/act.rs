//! The steps of a program, and the end of it all.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use comity_identity::DomainName;
use comity_sip::endpoint::{AnswerError, Target};
use comity_sip::{
    ConnectionId, Flow, Method, Publish, Reason, StatusCode, Subscribe, Transport, Uri,
};

use super::user::IsThere;
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
            8..11 => self.respond(),
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

    fn target(&mut self) -> Vec<Target> {
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
        let Some((flow, response)) = self.heard.response(&mut self.program) else {
            return;
        };
        match flow {
            Flow::Datagrams { remote, .. } => self.datagram(remote, &response.into()),
            Flow::Connection(id) => {
                let rest = self
                    .connections
                    .get_mut(&id)
                    .map(|connection| &mut connection.rest);
                let mut bytes = rest.map(std::mem::take).unwrap_or_default();
                bytes.extend(response);
                self.stream(id, &bytes);
            }
        }
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

    fn incoming(&mut self) -> Option<usize> {
        let back = usize::from(self.program.byte());
        let len = self.user.incoming.len();
        (len > 0).then(|| len - 1 - back % len)
    }

    fn answer(&mut self) {
        let (at, byte) = (self.incoming(), self.program.byte());
        let Some(incoming) = at.and_then(|at| self.user.incoming.get(at)) else {
            return;
        };
        let codes = [200, 404, 486, 202, 302, 603, 408, 180];
        let status = StatusCode::new(codes[usize::from(byte) % 8]).expect("a status");
        let is_invite = incoming.request().method() == Method::Invite;
        let response = incoming.response(status);
        let expected = match self.model.is_unanswered(incoming.request()) {
            _ if status.is_provisional() => Some(Err(AnswerError::Class)),
            _ if status == StatusCode::REQUEST_TIMEOUT && !is_invite => {
                Some(Err(AnswerError::Timeout))
            }
            _ if status.is_success() && is_invite => Some(Err(AnswerError::Class)),
            Some(false) => Some(Err(AnswerError::Over)),
            // A copy of the request under the same key may be another one.
            Some(true) | None => None,
        };
        let answered = self.endpoint.answer(self.now, incoming, response);
        if let Some(expected) = expected {
            assert_eq!(answered, expected);
        }
        self.commanded();
    }

    fn inform(&mut self) {
        let at = self.incoming();
        let Some(incoming) = at.and_then(|at| self.user.incoming.get(at)) else {
            return;
        };
        let response = incoming.response(StatusCode::RINGING);
        let _: Result<_, _> = self.endpoint.inform(self.now, incoming, response);
        self.commanded();
    }

    /// Accepts an INVITE or a SUBSCRIBE.
    fn accept(&mut self) {
        let (at, byte) = (self.incoming(), self.program.byte());
        let Some(incoming) = at.and_then(|at| self.user.incoming.get(at)) else {
            return;
        };
        let state = (byte & 1 == 0).then(|| ("text/plain", Bytes::from_static(b"open")));
        if incoming.request().method() == Method::Invite {
            let body = Bytes::from_static(b"v=0");
            let session = self
                .endpoint
                .accept(self.now, incoming, "application/sdp", body);
            if let Ok(session) = session {
                self.user.sessions.insert(session, IsThere::Established);
            }
        } else {
            let held = match byte & 2 {
                0 => self.endpoint.accept_subscription(self.now, incoming, state),
                _ => self.endpoint.hold_subscription(self.now, incoming),
            };
            self.user.watchers.extend(held);
        }
        self.commanded();
    }

    fn send(&mut self) {
        let targets = self.target();
        let byte = self.program.byte();
        let method = [Method::Message, Method::Options, Method::Info][usize::from(byte % 3)];
        let request = self.endpoint.compose(method, uri(PEER), uri(US));
        let mut request = request.expect("a request");
        if byte & 0x40 != 0 {
            let body = vec![b'x'; usize::from(byte) * 10];
            request.body("text/plain", body.into()).expect("a body");
        }
        if let Ok(id) = self.endpoint.send(self.now, &request, targets) {
            self.user.asked.insert(id, false);
        }
        self.commanded();
    }

    fn cancel(&mut self) {
        let all: Vec<_> = self.user.asked.keys().copied().collect();
        if let Some(&request) = self.program.recent(&all) {
            self.endpoint.cancel(self.now, request);
            self.commanded();
        }
    }

    fn invite(&mut self) {
        let targets = self.target();
        let request = self.endpoint.compose(Method::Invite, uri(PEER), uri(US));
        let request = request.expect("a request");
        if let Ok(session) = self.endpoint.invite(self.now, &request, targets) {
            self.user.sessions.insert(session, IsThere::Begun);
        }
        self.commanded();
    }

    fn in_session(&mut self) {
        let all: Vec<_> = self.user.sessions.keys().copied().collect();
        let (session, byte) = (self.program.recent(&all).copied(), self.program.byte());
        let Some(session) = session else { return };
        let body = Bytes::from_static(b"hello");
        if byte & 1 == 0 {
            let content = Some(("text/plain", body));
            let sent = self
                .endpoint
                .request_in(self.now, session, Method::Message, content);
            self.user.asked.extend(sent.map(|id| (id, false)));
        } else {
            let _: Result<_, _> = self
                .endpoint
                .reinvite(self.now, session, "text/plain", body);
        }
        self.commanded();
    }

    fn bye(&mut self) {
        let all: Vec<_> = self.user.sessions.keys().copied().collect();
        if let Some(&session) = self.program.recent(&all)
            && self.endpoint.bye(self.now, session).is_ok()
        {
            self.user.sessions.remove(&session);
        }
        self.commanded();
    }

    fn subscribe(&mut self) {
        let targets = self.target();
        let mut wish = Subscribe::new(uri(PEER).to_buf(), uri(US).to_buf(), "presence");
        wish.targets = targets;
        let seconds = [3_600, 0, 60, 600][usize::from(self.program.byte() & 3)];
        wish.expires = Duration::from_secs(seconds);
        let begun = self.endpoint.subscribe(self.now, wish);
        self.user.subscriptions.extend(begun);
        self.commanded();
    }

    fn unsubscribe(&mut self) {
        let all: Vec<_> = self.user.subscriptions.iter().copied().collect();
        if let Some(&id) = self.program.recent(&all) {
            let _: Result<_, _> = self.endpoint.unsubscribe(self.now, id);
            self.commanded();
        }
    }

    fn watch(&mut self) {
        let all: Vec<_> = self.user.watchers.iter().copied().collect();
        let (id, byte) = (self.program.recent(&all).copied(), self.program.byte());
        let Some(id) = id else { return };
        let _: Result<_, _> = match byte & 1 {
            0 => {
                let body = Bytes::from_static(b"closed");
                self.endpoint.notify(self.now, id, "text/plain", body)
            }
            _ => self.endpoint.terminate(self.now, id, Reason::NoResource),
        };
        self.commanded();
    }

    fn publish(&mut self) {
        let byte = self.program.byte();
        let all: Vec<_> = self.user.publications.iter().copied().collect();
        let id = self.program.recent(&all).copied();
        let body = Bytes::from_static(b"open");
        match (byte & 3, id) {
            (0 | 1, _) | (_, None) => {
                let (resource, from) = (uri(PEER).to_buf(), uri(US).to_buf());
                let mut wish = Publish::new(resource, from, "presence", "text/plain", body);
                wish.targets = self.target();
                let begun = self.endpoint.publish(self.now, wish);
                self.user.publications.extend(begun);
            }
            (2, Some(id)) => {
                let _: Result<_, _> = self.endpoint.modify(self.now, id, body);
            }
            (_, Some(id)) => {
                let _: Result<_, _> = self.endpoint.unpublish(self.now, id);
            }
        }
        self.commanded();
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

    /// Ends all that there is, and sees that nothing is left.
    pub(super) fn end(&mut self) {
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            self.close(id);
        }
        for session in std::mem::take(&mut self.user.sessions).into_keys() {
            let over = self.endpoint.bye(self.now, session);
            // Without room for a BYE the session stays.
            if over.is_err() {
                self.user.sessions.insert(session, IsThere::Established);
            }
            self.commanded();
        }
        for id in self.user.subscriptions.clone() {
            let _: Result<_, _> = self.endpoint.unsubscribe(self.now, id);
            self.commanded();
        }
        for id in self.user.watchers.clone() {
            let _: Result<_, _> = self.endpoint.terminate(self.now, id, Reason::NoResource);
            self.commanded();
        }
        for id in self.user.publications.clone() {
            let _: Result<_, _> = self.endpoint.unpublish(self.now, id);
            self.commanded();
        }
        self.fall_silent();
    }

    fn fall_silent(&mut self) {
        let start = self.now;
        while let Some(next) = self.endpoint.poll_timeout() {
            let rounds = self.now - start;
            if rounds > SILENCE {
                break;
            }
            self.tick(next.saturating_duration_since(self.now));
            for id in self.connections.keys().copied().collect::<Vec<_>>() {
                self.close(id);
            }
            for session in std::mem::take(&mut self.user.sessions).into_keys() {
                if self.endpoint.bye(self.now, session).is_err() {
                    self.user.sessions.insert(session, IsThere::Established);
                }
                self.commanded();
            }
            for id in self.user.subscriptions.clone() {
                let _: Result<_, _> = self.endpoint.unsubscribe(self.now, id);
                self.commanded();
            }
        }
        assert_eq!(self.endpoint.transactions(), 0, "transactions are left");
        assert_eq!(self.endpoint.connections(), 0, "connections are left");
        assert_eq!(
            self.endpoint.poll_timeout(),
            None,
            "time is left: {:?}",
            self.user
        );
        assert!(
            self.user.asked.values().all(|is_over| *is_over),
            "no end of a request"
        );
        assert!(self.user.subscriptions.is_empty(), "subscriptions are left");
        assert!(self.user.watchers.is_empty(), "watchers are left");
        assert!(self.user.publications.is_empty(), "publications are left");
        assert_eq!(self.endpoint.subscriptions(), 0, "subscriptions are left");
        assert_eq!(
            self.endpoint.sessions(),
            0,
            "sessions are left: {:?}",
            self.user
        );
    }
}

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text).expect("a URI")
}

fn peer_name() -> DomainName {
    DomainName::parse("peer.example").expect("a name")
}

const US: &str = "sip:us@ours.example";

const PEER: &str = "sip:peer@peer.example";

/// More than all bounded timers one behind the other.
const SILENCE: Duration = Duration::from_secs(3_600 * 2);
