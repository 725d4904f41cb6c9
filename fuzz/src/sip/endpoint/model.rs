//! The transactions as the RFCs have them, in a plain table (RFC 3261 §17, RFC 6026, RFC 4320).
//!
//! It says which messages the transaction layer must send at each input. What the transaction user
//! sends it cannot know: it takes that from the output, and checks that the machine at hand lets it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_sip::{Flow, Method, Request, StatusCode, Timing};

use super::machine::{Client, Server, State, is_reliable, until_t2};
use super::parts::{Parts, is_503, response_of};

/// A message that left.
pub(super) type Output = (Flow, Bytes);

#[derive(Debug)]
pub(super) struct Model {
    pub(super) timing: Timing,
    pub(super) servers: Vec<Server>,
    pub(super) clients: Vec<Client>,
    /// Answers that may leave for what is refused at the input at hand.
    pub(super) refusals: usize,
    /// All branches of requests of the endpoint so far.
    pub(super) branches: Vec<String>,
    pub(super) now: Instant,
    /// When the request that leaves could have begun: its connection was not open before.
    pub(super) since: Instant,
    /// Whether there may be no room for a transaction.
    pub(super) is_tight: bool,
}

/// What a request that came is.
pub(super) enum Standing {
    /// It is refused, and nothing is kept.
    Refused,
    /// It passed every check that needs no transactions and dialogs.
    Acceptable,
}

/// What is known of what became of a request that begins no transaction of a CANCEL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Absorbed,
    Refused,
    /// The user has it, or it is answered by now.
    Begun,
    /// Nobody has it.
    Nowhere,
}

/// What must leave.
#[derive(Debug)]
pub(super) enum Want {
    Bytes(Flow, Bytes),
    /// An answer with this status, by the way of this server.
    Answer(Flow, String, u16),
    /// The ACK to what is no 2xx.
    Ack(usize, Bytes),
    /// The CANCEL of what rang for too long.
    Cancel(String),
}

impl Model {
    pub(super) fn new(timing: Timing, now: Instant, is_tight: bool) -> Self {
        Self {
            timing,
            now,
            since: now,
            is_tight,
            servers: Vec::new(),
            clients: Vec::new(),
            refusals: 0,
            branches: Vec::new(),
        }
    }

    /// The least and the greatest number of transactions that there can be.
    pub(super) fn bounds(&self) -> (usize, usize) {
        let servers = self.servers.iter().filter(|server| !server.is_adrift);
        let clients = self.clients.iter().filter(|client| !client.is_adrift);
        let all = self.servers.len() + self.clients.len();
        (servers.count() + clients.count(), all)
    }

    /// Begins an input: nothing is to be refused yet.
    pub(super) fn begin(&mut self, now: Instant, since: Instant) {
        self.refusals = 0;
        (self.now, self.since) = (now, since);
    }

    /// One refusal more may be answered.
    pub(super) fn allow_refusal(&mut self) {
        self.refusals += 1;
    }

    /// A request came. `is_given` says whether the user got it.
    pub(super) fn request(
        &mut self,
        now: Instant,
        request: &Request,
        standing: &Standing,
        way: (Flow, SocketAddr, &str),
        is_given: bool,
        outputs: &mut VecDeque<Output>,
    ) -> Fate {
        let (flow, source, realm) = way;
        let Some(parts) = Parts::of(request.headers(), request.method().as_str()) else {
            self.refusals += 1;
            return Fate::Refused;
        };
        let key = parts.key(request, realm, request.method().as_str());
        let found = self.servers.iter().position(|server| server.key == key);
        if request.method() == Method::Ack {
            self.ack(now, found, &parts, realm);
            return Fate::Absorbed;
        }
        if let Some(found) = found {
            if self.servers[found].is_adrift {
                return self.copy_adrift(found, &parts, flow, source);
            }
            self.copy(found, flow, outputs);
            return Fate::Absorbed;
        }
        if let Standing::Refused = standing {
            self.refusals += 1;
            return Fate::Refused;
        }
        let server = Server {
            key,
            answer: parts.answer(),
            merge: parts.to_tag.is_none().then(|| parts.merge()),
            is_invite: request.method() == Method::Invite,
            state: State::Trying,
            flow,
            source,
            last: Bytes::new(),
            again: None,
            end: None,
            to_tag: None,
            is_old: !parts.is_unique,
            is_adrift: false,
            accepted: None,
        };
        if request.method() == Method::Cancel {
            let invite = parts.key(request, realm, "INVITE");
            return self.cancel(now, server, &invite, outputs);
        }
        self.fresh(now, server, is_given, outputs)
    }

    fn ack(&mut self, now: Instant, found: Option<usize>, parts: &Parts, realm: &str) {
        let dialog = parts.dialog();
        for server in &mut self.servers {
            let is_there = server.key.starts_with(&format!("{realm} "));
            if is_there && server.accepted.is_some() && server.answer.ends_with(&dialog) {
                let tag = server.to_tag.as_deref().unwrap_or_default();
                if parts
                    .to_tag
                    .as_deref()
                    .is_some_and(|to| to.eq_ignore_ascii_case(tag))
                {
                    server.accepted = None;
                }
            }
        }
        let Some(server) = found.and_then(|found| self.servers.get_mut(found)) else {
            return;
        };
        if server.state != State::Completed || (server.is_old && server.to_tag != parts.to_tag) {
            return;
        }
        server.state = State::Confirmed;
        server.again = None;
        server.end = now.checked_add(self.timing.t4);
        if is_reliable(server.flow) {
            let found = found.unwrap_or_default();
            self.servers.remove(found);
        }
    }

    /// A request came again: its answer leaves on the way of this copy.
    fn copy(&mut self, found: usize, flow: Flow, outputs: &mut VecDeque<Output>) {
        let server = &mut self.servers[found];
        server.flow = flow;
        if let State::Proceeding | State::Completed = server.state {
            let want = Want::Bytes(flow, server.last.clone());
            self.expect(vec![want], outputs);
        }
    }

    /// A request came again of which nobody can say whether it is over.
    fn copy_adrift(&mut self, found: usize, parts: &Parts, flow: Flow, source: SocketAddr) -> Fate {
        self.refusals += 1;
        let first = &self.servers[found];
        self.servers.push(Server {
            key: first.key.clone(),
            answer: parts.answer(),
            merge: parts.to_tag.is_none().then(|| parts.merge()),
            is_invite: first.is_invite,
            state: State::Trying,
            flow,
            source,
            last: Bytes::new(),
            again: None,
            end: None,
            to_tag: None,
            is_old: first.is_old,
            is_adrift: true,
            accepted: None,
        });
        Fate::Begun
    }

    fn cancel(
        &mut self,
        now: Instant,
        mut server: Server,
        invite: &str,
        outputs: &mut VecDeque<Output>,
    ) -> Fate {
        let found = self.servers.iter().position(|server| server.key == invite);
        let Some(found) = found else {
            self.refusals += 1;
            return Fate::Refused;
        };
        if is_503(outputs.front(), &server.answer) {
            self.refusals += 1;
            return Fate::Nowhere;
        }
        let mut wants = vec![Want::Answer(server.flow, server.answer.clone(), 200)];
        let target = &self.servers[found];
        if target.is_adrift {
            server.is_adrift = true;
            self.refusals += 1;
            self.start(now, server);
            return Fate::Begun;
        }
        if let (State::Trying | State::Proceeding, true) = (target.state, target.is_invite) {
            wants.push(Want::Answer(target.flow, target.answer.clone(), 487));
        }
        self.start(now, server);
        self.expect(wants, outputs);
        Fate::Begun
    }

    fn fresh(
        &mut self,
        now: Instant,
        mut server: Server,
        is_given: bool,
        outputs: &mut VecDeque<Output>,
    ) -> Fate {
        let merged = self
            .servers
            .iter()
            .find(|other| server.merge.is_some() && other.merge == server.merge);
        if let Some(other) = merged {
            server.is_adrift |= other.is_adrift;
            if !other.is_adrift {
                self.refusals += 1;
                return Fate::Refused;
            }
        }
        let answer = outputs.iter().find_map(|(_, bytes)| {
            let response = response_of(bytes)?;
            (Parts::of_response(&response)?.answer() == server.answer).then(|| response.status())
        });
        match answer {
            Some(StatusCode::SERVICE_UNAVAILABLE) if !is_given => {
                self.refusals += 1;
                return Fate::Nowhere;
            }
            // A request without its dialog keeps nothing; one that does not fit into its dialog does.
            Some(StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST) if !is_given => {
                if server.merge.is_none() {
                    server.is_adrift = true;
                    self.start(now, server);
                    return Fate::Begun;
                }
                self.refusals += 1;
                return Fate::Refused;
            }
            Some(_) => {}
            None if is_given => {}
            None => return Fate::Nowhere,
        }
        self.start(now, server);
        Fate::Begun
    }

    fn start(&mut self, now: Instant, mut server: Server) {
        let timing = &self.timing;
        let (again, end) = match server.is_invite {
            true => (timing.trying, timing.timer_c),
            false => (until_t2(timing), timing.timeout()),
        };
        server.again = Some((now + again, Duration::ZERO));
        server.end = Some(now + end);
        self.servers.push(server);
    }

    /// All timers that are due at `now` end.
    pub(super) fn tick(&mut self, now: Instant, outputs: &mut VecDeque<Output>) {
        let mut wants = Vec::new();
        while let Some(due) = self.due(now) {
            match due {
                Due::ServerAgain(at) => self.server_again(now, at, &mut wants),
                Due::ServerEnd(at) => self.server_end(now, at, &mut wants),
                Due::ClientAgain(at) => self.client_again(now, at, &mut wants),
                Due::ClientEnd(at) => self.client_end(now, at, &mut wants),
            }
        }
        for client in &mut self.clients {
            client.is_adrift |= client.end.0 <= now;
        }
        self.expect(wants, outputs);
    }

    fn due(&self, now: Instant) -> Option<Due> {
        let mut due = Vec::new();
        for (at, server) in self.servers.iter().enumerate() {
            if server.is_adrift {
                continue;
            }
            due.extend(server.again.map(|(when, _)| (when, Due::ServerAgain(at))));
            due.extend(server.end.map(|when| (when, Due::ServerEnd(at))));
        }
        for (at, client) in self.clients.iter().enumerate() {
            if client.is_adrift {
                continue;
            }
            due.extend(client.again.map(|(when, _)| (when, Due::ClientAgain(at))));
            due.push((client.end.1, Due::ClientEnd(at)));
        }
        due.retain(|(when, _)| *when <= now);
        due.into_iter()
            .min_by_key(|(when, _)| *when)
            .map(|(_, due)| due)
    }

    fn server_again(&mut self, now: Instant, at: usize, wants: &mut Vec<Want>) {
        let server = &mut self.servers[at];
        let (_, interval) = server.again.take().expect("it is due");
        if server.state == State::Trying {
            server.state = State::Proceeding;
            wants.push(Want::Answer(server.flow, server.answer.clone(), 100));
        } else {
            let interval = (interval * 2).min(self.timing.t2);
            server.again = Some((now + interval, interval));
            wants.push(Want::Bytes(server.flow, server.last.clone()));
        }
    }

    fn server_end(&mut self, now: Instant, at: usize, wants: &mut Vec<Want>) {
        let server = &mut self.servers[at];
        if server.is_invite && matches!(server.state, State::Trying | State::Proceeding) {
            wants.push(Want::Answer(server.flow, server.answer.clone(), 408));
            server.complete(now, &self.timing);
        } else {
            self.servers.remove(at);
        }
    }

    /// A connection is gone, or datagrams to an address cannot be delivered.
    pub(super) fn lose(&mut self, is_lost: impl Fn(Flow) -> bool) {
        for server in &mut self.servers {
            let is_connection = matches!(server.flow, Flow::Connection(_));
            server.is_adrift |= is_connection && is_lost(server.flow);
        }
        self.clients.retain_mut(|client| {
            if !is_lost(client.flow) || client.state == State::Accepted {
                return true;
            }
            client.is_adrift |= client.state == State::Completed;
            client.is_adrift
        });
    }

    /// A connection ends at the step at hand, so that nobody can say what leaves on it.
    pub(super) fn doubt(&mut self, lost: Flow) {
        for server in &mut self.servers {
            server.is_adrift |= server.flow == lost;
        }
        for client in &mut self.clients {
            client.is_adrift |= client.flow == lost && client.state != State::Accepted;
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Due {
    ServerAgain(usize),
    ServerEnd(usize),
    ClientAgain(usize),
    ClientEnd(usize),
}
