//! What leaves, and whether it must and may.

use std::collections::VecDeque;

use bytes::Bytes;
use comity_sip::header::Via;
use comity_sip::{
    Flow, HeaderName, Headers, Limits, Message, Method, Request, Response, StatusCode,
};

use super::machine::{Client, Repeat, Server, State, is_reliable};
use super::model::{Model, Output, Want};
use super::parts::{Parts, check_via, follows, lines, response_of};

impl Model {
    /// Takes out what must leave; the order among these does not matter.
    pub(super) fn expect(&mut self, wants: Vec<Want>, outputs: &mut VecDeque<Output>) {
        for want in wants {
            let mut all = outputs.iter();
            let found = all.position(|output| self.is_wanted(&want, output));
            let Some((flow, bytes)) = found.and_then(|found| outputs.remove(found)) else {
                let may_miss = self.is_tight && matches!(want, Want::Cancel(_));
                assert!(may_miss, "missing: {want:?}\nof {outputs:?}");
                continue;
            };
            match want {
                Want::Bytes(..) => {}
                Want::Answer(..) => self.note_answer(flow, &bytes),
                Want::Ack(client, _) => self.clients[client].ack = Some(bytes),
                Want::Cancel(branch) => self.start_client(flow, bytes, branch, "CANCEL"),
            }
        }
    }

    fn is_wanted(&self, want: &Want, (flow, bytes): &Output) -> bool {
        match want {
            Want::Bytes(to, exact) => to == flow && exact == bytes,
            Want::Answer(to, answer, status) => {
                let response = response_of(bytes);
                to == flow
                    && response.is_some_and(|response| {
                        let parts = Parts::of_response(&response);
                        response.status().code() == *status
                            && parts.is_some_and(|parts| parts.answer() == *answer)
                    })
            }
            Want::Ack(at, response) => {
                let client = &self.clients[*at];
                client.flow == *flow && follows(&client.request, bytes, "ACK", Some(response))
            }
            Want::Cancel(branch) => {
                let client = self.clients.iter().find(|client| client.branch == *branch);
                client.is_some_and(|client| {
                    client.flow == *flow && follows(&client.request, bytes, "CANCEL", None)
                })
            }
        }
    }

    /// Takes in what the user of the transactions sent; false if no transaction lets it.
    pub(super) fn absorb(&mut self, output: &Output) -> bool {
        let mut parting = self.parting.iter();
        if let Some(found) = parting.position(|other| other == output) {
            self.parting.remove(found);
            return true;
        }
        let (flow, bytes) = output;
        match Message::from_datagram(bytes.clone(), &Limits::default()) {
            Ok(Message::Request(request)) => self.absorb_request(*flow, &request),
            Ok(Message::Response(response)) => self.answer(*flow, &response),
            Err(rejected) => panic!("no message: {rejected}"),
        }
    }

    /// An answer leaves.
    fn answer(&mut self, flow: Flow, response: &Response) -> bool {
        let (now, timing) = (self.now, self.timing);
        let Some(parts) = Parts::of_response(response) else {
            return false;
        };
        let (answer, status) = (parts.answer(), response.status());
        let bytes = response.as_bytes();
        let is_its = |server: &Server| server.parts.answer() == answer;
        let certain = self.servers.iter().position(|server| {
            is_its(server)
                && !server.is_uncertain()
                && server.flow == flow
                && server.takes(status, bytes)
        });
        if let Some(found) = certain {
            match self.servers[found].state == State::Accepted {
                true => self.servers[found].note_repeat(now, timing.t2),
                false => self.record(found, response),
            }
            return true;
        }
        let mut servers = self.servers.iter_mut();
        let adrift = servers.find(|server| is_its(server) && server.is_uncertain());
        let Some(server) = adrift else { return false };
        server.drift(now, &timing);
        true
    }

    /// An answer leaves that the transaction itself gives.
    fn note_answer(&mut self, flow: Flow, bytes: &Bytes) {
        let response = response_of(bytes).expect("a response");
        let answer = Parts::of_response(&response).map(|parts| parts.answer());
        let found = self.servers.iter().position(|server| {
            Some(server.parts.answer()) == answer && server.flow == flow && !server.is_uncertain()
        });
        // It may be over by now, when much time has passed at once.
        if let Some(found) = found {
            self.record(found, &response);
        }
    }

    fn record(&mut self, found: usize, response: &Response) {
        let (now, timing) = (self.now, self.timing);
        let (status, bytes) = (response.status(), response.as_bytes());
        let server = &mut self.servers[found];
        check_via(response, server.source);
        server.last = bytes.clone();
        if status.is_provisional() {
            if server.state == State::Trying {
                server.state = State::Proceeding;
                server.again = None;
            }
            if status != StatusCode::TRYING {
                server.end = now + timing.timer_c;
            }
            return;
        }
        server.to_tag = Parts::of_response(response).and_then(|parts| parts.to_tag);
        if !server.is_invite && is_reliable(server.flow) {
            self.servers.remove(found);
        } else if server.is_invite && status.is_success() {
            server.state = State::Accepted;
            server.again = None;
            server.end = now + timing.timeout();
            server.repeat = Some(Repeat {
                at: now + timing.t1,
                wait: timing.t1,
                is_sure: true,
            });
        } else if server.is_unanswered() {
            server.complete(now, &timing);
        }
    }

    fn absorb_request(&mut self, flow: Flow, request: &Request) -> bool {
        let bytes = request.as_bytes().clone();
        let headers = request.headers();
        let via = headers.first::<Via<'_>>().ok().flatten().expect("a Via");
        let branch = via.branch().expect("a branch").to_ascii_lowercase();
        assert!(via.has_unique_branch(), "a branch of an old client");
        assert!(headers.has(HeaderName::MaxForwards), "no Max-Forwards");
        let method = request.method();
        let mut clients = self.clients.iter();
        let known = clients.position(|client| client.branch == branch && client.is_invite);
        let is_adrift = known.is_some_and(|known| self.clients[known].is_adrift);
        match (method, known) {
            (Method::Ack, Some(_)) => return is_adrift,
            (Method::Ack, None) => {
                let call = Parts::of(headers, "ACK").map(|parts| parts.call_id);
                return call.is_some_and(|call| self.accepted.contains(&call));
            }
            (Method::Cancel, None) => return false,
            (Method::Cancel, Some(known)) => {
                let end = self.now + self.timing.timeout();
                let client = &mut self.clients[known];
                let is_its =
                    client.flow == flow && follows(&client.request, &bytes, "CANCEL", None);
                if !is_its || !(is_adrift || client.state == State::Proceeding) {
                    return false;
                }
                client.state = State::Cancelled;
                client.end = (end, end.max(client.end.1));
            }
            _ if !self.branches.insert(branch.clone()) => {
                let mut clients = self.clients.iter();
                return clients.any(|client| client.is_adrift && client.request == bytes);
            }
            _ => {}
        }
        let method = method.as_str().to_owned();
        self.start_client(flow, bytes, branch, &method);
        if let (true, Some(client)) = (is_adrift, self.clients.last_mut()) {
            client.drift(self.now, &self.timing);
        }
        true
    }

    fn start_client(&mut self, flow: Flow, request: Bytes, branch: String, method: &str) {
        let timing = self.timing;
        let again = (!is_reliable(flow)).then_some((self.now + timing.t1, timing.t1));
        let parts = super::parts::request_of(&request)
            .and_then(|request| Parts::of(request.headers(), method));
        self.clients.push(Client {
            branch,
            method: method.to_owned(),
            is_invite: method == "INVITE",
            state: State::Trying,
            flow,
            request,
            call_id: parts.expect("a request").call_id,
            ack: None,
            again,
            end: (self.since + timing.timeout(), self.now + timing.timeout()),
            is_adrift: false,
            is_late: false,
        });
    }

    /// Whether a request that came waits for an answer of the user; `None` if nobody can say.
    pub(super) fn is_waiting(&self, request: &Request) -> Option<bool> {
        let parts = Parts::of(request.headers(), request.method().as_str())?;
        let answer = parts.answer();
        let mut servers = self.servers.iter();
        let mut found = servers
            .by_ref()
            .filter(|server| server.parts.answer() == answer);
        match (found.next(), found.next()) {
            (None, _) => Some(false),
            // A copy of the request under the same key may be another one.
            (Some(server), None) if !server.is_uncertain() => Some(server.is_unanswered()),
            (Some(_), _) => None,
        }
    }
}

/// Takes out the answer to what is refused.
pub(super) fn take_refusal(headers: Headers<'_>, outputs: &mut VecDeque<Output>) -> Option<Output> {
    // Of what a malformed request has twice the first is repeated.
    let same = |response: &Response, name| {
        let asked = lines(headers, name).into_iter().take(1);
        asked.eq(lines(response.headers(), name))
    };
    let found = outputs.iter().position(|(_, bytes)| {
        response_of(bytes).is_some_and(|response| {
            response.status().code() >= 400
                && same(&response, HeaderName::CallId)
                && same(&response, HeaderName::CSeq)
        })
    });
    outputs.remove(found?)
}
