//! What happens to server transactions (RFC 3261 §17.2, RFC 6026 §7.1, RFC 4320).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use comity_identity::DomainName;
use comity_sip::{Flow, Method, Request, StatusCode};

use super::machine::{Server, State, is_reliable};
use super::model::{Model, Output, Want};
use super::parts::{Parts, response_of};

/// How a request came.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) flow: Flow,
    pub(super) source: SocketAddr,
    pub(super) realm: String,
    pub(super) proved: Vec<DomainName>,
}

/// What a request that came is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It is refused with this status, and nothing is kept.
    Refused(StatusCode),
    /// It passed every check that needs no transactions and dialogs.
    Acceptable,
}

/// What the endpoint did with a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The user got it.
    pub(super) is_given: bool,
    /// Whether there are more transactions than before; `None` if nobody can say why.
    pub(super) is_kept: Option<bool>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Absorbed,
    /// It is answered with one of these, and nothing is kept.
    Refused([StatusCode; 3]),
    /// The user has it, or it is answered by now.
    Begun,
    /// Nobody can say.
    Adrift,
}

impl Model {
    /// A request came.
    pub(super) fn request(
        &mut self,
        request: &Request,
        standing: Standing,
        way: &Way,
        seen: Seen,
        outputs: &mut VecDeque<Output>,
    ) -> Fate {
        let Some(parts) = Parts::of(request.headers(), request.method().as_str()) else {
            return refused(StatusCode::BAD_REQUEST);
        };
        let key = parts.key(request, &way.realm, request.method().as_str());
        let found = self.servers.iter().position(|server| server.key == key);
        if request.method() == Method::Ack {
            self.ack(found, &parts, way);
            return Fate::Absorbed;
        }
        if let Some(found) = found {
            return self.copy(found, parts, way, outputs);
        }
        if let Standing::Refused(status) = standing {
            return refused(status);
        }
        let source = (way.flow, way.source);
        let invite = parts.key(request, &way.realm, "INVITE");
        let mut server = Server::new(self.now, &self.timing, key, parts, source);
        server.proved.clone_from(&way.proved);
        if request.method() == Method::Cancel {
            return self.cancel(server, &invite, outputs);
        }
        if server.parts.to_tag.is_none() {
            server.merge = Some(server.parts.merge(&way.realm));
        }
        self.fresh(server, seen, outputs)
    }

    fn ack(&mut self, found: Option<usize>, parts: &Parts, way: &Way) {
        let (now, timing) = (self.now, self.timing);
        let absorbed = found.filter(|&found| {
            let server = &self.servers[found];
            // RFC 3261 §17.2.3.
            let is_its_own = server.parts.is_unique || server.to_tag == parts.to_tag;
            server.state != State::Accepted && is_its_own
        });
        let Some(found) = absorbed else {
            return self.acknowledge(parts, &way.proved);
        };
        let server = &mut self.servers[found];
        if server.is_adrift {
            return self.loosen(&parts.call_id);
        }
        if server.state == State::Completed {
            server.state = State::Confirmed;
            server.again = None;
            server.end = now + timing.t4;
            if is_reliable(server.flow) {
                self.servers.remove(found);
            }
        }
    }

    /// The ACK to a 2xx ends its repetition, if it comes from whom the session is with.
    fn acknowledge(&mut self, parts: &Parts, proved: &[DomainName]) {
        for server in &mut self.servers {
            let Some(repeat) = &mut server.repeat else {
                continue;
            };
            let to_tag = server.to_tag.as_deref().unwrap_or_default();
            if !server.parts.same_call(parts) || !parts.has_to_tag(to_tag) {
                continue;
            }
            let in_common = server.proved.iter().any(|name| proved.contains(name));
            // The session of a further INVITE can be one that began without names.
            match (server.parts.to_tag.is_none(), in_common) {
                (_, true) => server.repeat = None,
                (true, false) if server.proved.is_empty() => server.repeat = None,
                (true, false) => {}
                (false, false) => repeat.is_sure = false,
            }
        }
    }

    /// A request came again: its answer leaves on the way of this copy.
    fn copy(
        &mut self,
        found: usize,
        parts: Parts,
        way: &Way,
        outputs: &mut VecDeque<Output>,
    ) -> Fate {
        let (now, timing) = (self.now, self.timing);
        let server = &mut self.servers[found];
        server.flow = way.flow;
        server.is_cut = false;
        if server.is_adrift {
            server.drift(now, &timing);
            // It may be another one, if the first is over.
            if server.parts.answer() != parts.answer() {
                let (key, source) = (server.key.clone(), (way.flow, way.source));
                let mut other = Server::new(now, &timing, key, parts, source);
                other.drift(now, &timing);
                self.servers.push(other);
            }
            return Fate::Adrift;
        }
        if let State::Proceeding | State::Completed = server.state {
            let want = Want::Bytes(way.flow, server.last.clone());
            self.expect(vec![want], outputs);
        }
        Fate::Absorbed
    }

    fn cancel(&mut self, server: Server, invite: &str, outputs: &mut VecDeque<Output>) -> Fate {
        let (now, timing) = (self.now, self.timing);
        let target = self.servers.iter_mut().find(|other| other.key == invite);
        let Some(target) = target else {
            return refused(StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST);
        };
        if status_of(&server.parts, outputs) == Some(StatusCode::SERVICE_UNAVAILABLE) {
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
        if target.is_adrift {
            self.servers.push(server);
            let server = self.servers.last_mut().expect("it was pushed");
            server.drift(now, &timing);
            return Fate::Adrift;
        }
        let mut wants = vec![Want::Answer(server.flow, server.parts.answer(), 200)];
        if target.is_unanswered() {
            match target.is_cut {
                true => target.drift(now, &timing),
                false => wants.push(Want::Answer(target.flow, target.parts.answer(), 487)),
            }
        }
        self.servers.push(server);
        self.expect(wants, outputs);
        Fate::Begun
    }

    fn fresh(&mut self, mut server: Server, seen: Seen, outputs: &mut VecDeque<Output>) -> Fate {
        let mut others = self.servers.iter();
        let merged = others.find(|other| server.merge.is_some() && other.merge == server.merge);
        let mut fate = Fate::Begun;
        match merged {
            Some(other) if other.is_adrift => fate = Fate::Adrift,
            Some(_) => return refused(StatusCode::LOOP_DETECTED),
            None => {}
        }
        match status_of(&server.parts, outputs) {
            _ if seen.is_given => {}
            Some(status @ StatusCode::SERVICE_UNAVAILABLE) => return refused(status),
            // A request without its dialog keeps nothing; one that does not fit into its dialog does.
            Some(status @ StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST) => match seen.is_kept {
                Some(false) => return refused(status),
                Some(true) => {}
                None => fate = Fate::Adrift,
            },
            Some(status) => {
                if server.parts.method == "BYE" && status == StatusCode::OK {
                    self.bye(&server.parts);
                }
            }
            None if fate == Fate::Adrift => {}
            None => return refused(StatusCode::SERVICE_UNAVAILABLE),
        }
        if fate == Fate::Adrift {
            server.drift(self.now, &self.timing);
        }
        self.servers.push(server);
        fate
    }

    /// The peer ends a session, of which no 2xx is repeated any more.
    fn bye(&mut self, parts: &Parts) {
        for server in &mut self.servers {
            let to_tag = server.to_tag.as_deref().unwrap_or_default();
            if server.parts.same_dialog(parts) && parts.has_to_tag(to_tag) {
                server.repeat = None;
            }
        }
        self.loosen(&parts.call_id);
    }

    pub(super) fn server_again(&mut self, at: usize, wants: &mut Vec<Want>) {
        let (now, timing) = (self.now, self.timing);
        let server = &mut self.servers[at];
        let (due, interval) = server.again.take().expect("it is due");
        if due == server.end {
            self.parting.push((server.flow, server.last.clone()));
        } else if server.is_cut {
            server.drift(now, &timing);
        } else if server.state == State::Trying {
            server.state = State::Proceeding;
            wants.push(Want::Answer(server.flow, server.parts.answer(), 100));
        } else {
            let interval = (interval * 2).min(timing.t2);
            server.again = Some((now + interval, interval));
            wants.push(Want::Bytes(server.flow, server.last.clone()));
        }
    }

    pub(super) fn server_end(&mut self, at: usize, wants: &mut Vec<Want>) {
        let (now, timing) = (self.now, self.timing);
        let server = &mut self.servers[at];
        if server.is_adrift && !server.is_late {
            server.drift(now, &timing);
            server.is_late = true;
            return;
        }
        if server.is_adrift || !server.is_unanswered() {
            self.servers.remove(at);
            return;
        }
        if !server.is_cut {
            self.unanswered.0 += 1;
            self.unanswered.1 += 1;
        }
        match (server.is_invite, server.is_cut) {
            (true, true) => server.drift(now, &timing),
            (true, false) => {
                wants.push(Want::Answer(server.flow, server.parts.answer(), 408));
                server.complete(now, &timing);
            }
            (false, _) if is_reliable(server.flow) => {
                self.servers.remove(at);
            }
            // Copies that are late are absorbed.
            (false, _) => {
                server.state = State::Completed;
                server.again = None;
                server.end = now + timing.t4;
            }
        }
    }

    /// The 2xx that are due leave again.
    pub(super) fn repeat(&mut self, wants: &mut Vec<Want>) {
        let (now, timing) = (self.now, self.timing);
        for server in &mut self.servers {
            let Some(repeat) = server.repeat.filter(|repeat| is_due(repeat.at, now)) else {
                continue;
            };
            if server.is_cut {
                server.drift(now, &timing);
            } else if repeat.is_sure {
                wants.push(Want::Bytes(server.flow, server.last.clone()));
                server.note_repeat(now, timing.t2);
            }
        }
    }
}

impl Server {
    /// The 2xx left again.
    pub(super) fn note_repeat(&mut self, now: Instant, t2: std::time::Duration) {
        let repeat = self.repeat.as_mut().expect("it is repeated");
        assert!(is_due(repeat.at, now), "a 2xx that is repeated too early");
        repeat.wait = (repeat.wait * 2).min(t2);
        repeat.at = now + repeat.wait;
    }
}

fn is_due(at: Instant, now: Instant) -> bool {
    at <= now
}

fn refused(status: StatusCode) -> Fate {
    Fate::Refused([
        status,
        StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST,
        StatusCode::LOOP_DETECTED,
    ])
}

/// With what a request was answered.
fn status_of(parts: &Parts, outputs: &VecDeque<Output>) -> Option<StatusCode> {
    let answer = parts.answer();
    outputs.iter().find_map(|(_, bytes)| {
        let response = response_of(bytes)?;
        (Parts::of_response(&response)?.answer() == answer).then(|| response.status())
    })
}
