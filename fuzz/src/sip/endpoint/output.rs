//! What leaves, and whether it must and may.

use std::collections::VecDeque;

use bytes::Bytes;
use comity_sip::header::Via;
use comity_sip::{Flow, HeaderName, Limits, Message, Method, Request, Response, StatusCode};

use super::machine::{Client, State, is_reliable};
use super::model::{Model, Output, Want};
use super::parts::{Parts, check_via, follows, response_of};

impl Model {
    /// Takes out what must leave; the order among these does not matter.
    pub(super) fn expect(&mut self, wants: Vec<Want>, outputs: &mut VecDeque<Output>) {
        for want in wants {
            let found = outputs
                .iter()
                .position(|output| self.is_wanted(&want, output));
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
    pub(super) fn absorb(&mut self, (flow, bytes): &Output) -> bool {
        match Message::from_datagram(bytes.clone(), &Limits::default()) {
            Ok(Message::Request(request)) => self.absorb_request(*flow, &request),
            Ok(Message::Response(_)) => self.answer(*flow, bytes) || self.refuse(bytes),
            Err(rejected) => panic!("no message: {rejected}"),
        }
    }

    fn refuse(&mut self, bytes: &Bytes) -> bool {
        let status = response_of(bytes).map(|response| response.status().code());
        let is_refusal = self.refusals > 0 && status.is_some_and(|status| status >= 400);
        self.refusals -= usize::from(is_refusal);
        is_refusal
    }

    /// An answer leaves.
    fn answer(&mut self, flow: Flow, bytes: &Bytes) -> bool {
        let (now, timing) = (self.now, self.timing);
        let response = response_of(bytes).expect("a response");
        let Some(parts) = Parts::of_response(&response) else {
            return false;
        };
        let (answer, status) = (parts.answer(), response.status());
        let found = self.servers.iter().position(|server| {
            server.answer == answer
                && (server.is_adrift || (server.flow == flow && server.takes(status, bytes)))
        });
        let Some(found) = found else { return false };
        let server = &mut self.servers[found];
        if server.is_adrift {
            return true;
        }
        if let Some((last, wait)) = &mut server.accepted {
            assert!(now - *last >= *wait, "a 2xx that is repeated too early");
            (*last, *wait) = (now, (*wait * 2).min(timing.t2));
            return true;
        }
        if server.state == State::Accepted {
            panic!("a 2xx that is repeated behind its ACK");
        }
        self.record(found, &response);
        true
    }

    /// An answer leaves that the transaction itself gives.
    fn note_answer(&mut self, flow: Flow, bytes: &Bytes) {
        let response = response_of(bytes).expect("a response");
        let answer = Parts::of_response(&response).map(|parts| parts.answer());
        let found = self.servers.iter().position(|server| {
            Some(&server.answer) == answer.as_ref() && server.flow == flow && !server.is_adrift
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
                server.end = Some(now + timing.timer_c);
            }
            return;
        }
        server.to_tag = Parts::of_response(response).and_then(|parts| parts.to_tag);
        if !server.is_invite && is_reliable(server.flow) {
            self.servers.remove(found);
        } else if server.is_invite && status.is_success() {
            server.state = State::Accepted;
            server.again = None;
            server.end = Some(now + timing.timeout());
            server.accepted = Some((now, timing.t1));
        } else {
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
        let known = self.clients.iter().find(|client| client.branch == branch);
        let method = request.method();
        let adrift = known.is_some_and(|client| client.is_adrift);
        match method {
            Method::Ack | Method::Cancel if adrift => return true,
            Method::Ack => return known.is_none(),
            Method::Cancel => {
                let may = known.is_some_and(|client| {
                    client.is_invite
                        && client.flow == flow
                        && matches!(client.state, State::Proceeding)
                        && follows(&client.request, &bytes, "CANCEL", None)
                });
                if !may {
                    return false;
                }
                let end = self.now + self.timing.timeout();
                for client in &mut self.clients {
                    if client.branch == branch {
                        client.state = State::Cancelled;
                        client.end = (end, end);
                    }
                }
            }
            _ if self.branches.contains(&branch) => return adrift,
            _ => self.branches.push(branch.clone()),
        }
        let method = method.as_str().to_owned();
        self.start_client(flow, bytes, branch, &method);
        true
    }

    fn start_client(&mut self, flow: Flow, request: Bytes, branch: String, method: &str) {
        let timing = self.timing;
        let again = (!is_reliable(flow)).then_some((self.now + timing.t1, timing.t1));
        self.clients.push(Client {
            branch,
            method: method.to_owned(),
            is_invite: method == "INVITE",
            state: State::Trying,
            flow,
            request,
            ack: None,
            again,
            end: (self.since + timing.timeout(), self.now + timing.timeout()),
            is_adrift: false,
        });
    }

    /// Whether a request that came waits for an answer of the user; `None` if nobody can say.
    pub(super) fn is_unanswered(&self, request: &Request) -> Option<bool> {
        let parts = Parts::of(request.headers(), request.method().as_str())?;
        let answer = parts.answer();
        let mut found = self.servers.iter().filter(|server| server.answer == answer);
        let (first, more) = (found.next(), found.next());
        match (first, more) {
            (None, _) => Some(false),
            (Some(server), None) if !server.is_adrift => {
                Some(matches!(server.state, State::Trying | State::Proceeding))
            }
            (Some(_), _) => None,
        }
    }
}
