//! What happens to client transactions (RFC 3261 §17.1, RFC 6026 §7.2).

use std::collections::VecDeque;

use bytes::Bytes;
use comity_sip::header::{CSeq, Via};
use comity_sip::{Flow, HeaderName, Headers, Method, Response, StatusCode};

use super::machine::{State, is_reliable};
use super::model::{Model, Output, Want};
use super::parts::{Parts, request_of};

/// What a response is to the user of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing.
    Absorbed,
    Passed,
    /// The 2xx of an INVITE, which is acknowledged.
    Accepted,
}

impl Model {
    /// A response came on a flow.
    pub(super) fn response(
        &mut self,
        response: &Response,
        flow: Flow,
        outputs: &mut VecDeque<Output>,
    ) -> Taken {
        let Some(found) = self.client_of(response, flow) else {
            return Taken::Absorbed;
        };
        let status = response.status();
        let client = &mut self.clients[found];
        let taken = match (client.is_adrift, client.is_invite) {
            (true, _) => {
                client.drift(self.now, &self.timing);
                Taken::Passed
            }
            (false, true) => self.invite_response(found, status, response.as_bytes(), outputs),
            (false, false) => self.other_response(found, status),
        };
        if taken != Taken::Absorbed {
            let count = self.passed.entry(response.as_bytes().clone());
            *count.or_default() += 1;
            self.note_passed(response);
        }
        taken
    }

    /// The client to which a response belongs: it has the Via that its request has, answers the same
    /// method, and comes on the same way (RFC 3261 §17.1.3, §18.1.2).
    fn client_of(&self, response: &Response, flow: Flow) -> Option<usize> {
        let headers = response.headers();
        let via = sent_by(headers)?;
        let cseq = headers.one::<CSeq<'_>>().ok()?;
        let mut clients = self.clients.iter();
        clients.position(|client| {
            let same_way = match (client.flow, flow) {
                (Flow::Datagrams { .. }, Flow::Datagrams { .. }) => true,
                (left, right) => left == right,
            };
            let request = request_of(&client.request);
            let asked = request
                .as_ref()
                .and_then(|request| sent_by(request.headers()));
            same_way && client.method == cseq.method.as_str() && asked.as_ref() == Some(&via)
        })
    }

    /// A 2xx to an INVITE asks for ACKs, and 481 and 408 may end a session (RFC 3261 §12.2.1.2).
    fn note_passed(&mut self, response: &Response) {
        let (headers, status) = (response.headers(), response.status());
        let Some(Parts {
            call_id, numbered, ..
        }) = Parts::of(headers, "")
        else {
            return;
        };
        let ends = [
            StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST,
            StatusCode::REQUEST_TIMEOUT,
        ];
        if ends.contains(&status) {
            self.loosen(&call_id);
        }
        if status.is_success() && numbered == "INVITE" {
            self.accepted.insert(call_id);
        }
    }

    fn invite_response(
        &mut self,
        found: usize,
        status: StatusCode,
        bytes: &Bytes,
        outputs: &mut VecDeque<Output>,
    ) -> Taken {
        let (now, timing) = (self.now, self.timing);
        let client = &mut self.clients[found];
        let is_open = client.is_open();
        if status.is_provisional() {
            if client.state == State::Trying
                || (client.state == State::Proceeding && status != StatusCode::TRYING)
            {
                client.enter(State::Proceeding, now, timing.timer_c);
            }
            return if is_open {
                Taken::Passed
            } else {
                Taken::Absorbed
            };
        }
        if status.is_success() {
            if is_open {
                client.enter(State::Accepted, now, timing.timeout());
            }
            return match client.state {
                State::Accepted => Taken::Accepted,
                _ => Taken::Absorbed,
            };
        }
        if is_open {
            let linger = timing.timer_d.max(timing.timeout());
            client.enter(State::Completed, now, linger);
        }
        if client.state == State::Completed {
            let want = match &client.ack {
                Some(ack) => Want::Bytes(client.flow, ack.clone()),
                None => Want::Ack(found, bytes.clone()),
            };
            self.expect(vec![want], outputs);
            if is_reliable(self.clients[found].flow) {
                self.clients.remove(found);
            }
        }
        if is_open {
            Taken::Passed
        } else {
            Taken::Absorbed
        }
    }

    fn other_response(&mut self, found: usize, status: StatusCode) -> Taken {
        let (now, timing) = (self.now, self.timing);
        let client = &mut self.clients[found];
        if client.state == State::Completed {
            return Taken::Absorbed;
        }
        if status.is_provisional() {
            client.state = State::Proceeding;
        } else if is_reliable(client.flow) {
            self.clients.remove(found);
        } else {
            client.enter(State::Completed, now, timing.t4);
        }
        Taken::Passed
    }

    pub(super) fn client_again(&mut self, at: usize, wants: &mut Vec<Want>) {
        let client = &mut self.clients[at];
        let (due, interval) = client.again.take().expect("it is due");
        if due == client.end.1 {
            self.parting.push((client.flow, client.request.clone()));
            return;
        }
        let interval = match (client.is_invite, client.state) {
            (true, _) => interval * 2,
            (false, State::Proceeding) => self.timing.t2,
            (false, _) => (interval * 2).min(self.timing.t2),
        };
        client.again = Some((self.now + interval, interval));
        wants.push(Want::Bytes(client.flow, client.request.clone()));
    }

    pub(super) fn client_end(&mut self, at: usize, wants: &mut Vec<Want>) {
        let (now, timing) = (self.now, self.timing);
        let client = &mut self.clients[at];
        if client.is_invite && client.state == State::Proceeding && !client.is_adrift {
            client.enter(State::Cancelled, now, timing.timeout());
            wants.push(Want::Cancel(client.branch.clone()));
            return;
        }
        if client.is_adrift && !client.is_late {
            client.drift(now, &timing);
            client.is_late = true;
            return;
        }
        let client = self.clients.remove(at);
        if client.is_open() {
            self.loosen(&client.call_id);
        }
    }
}

/// Host, port and branch of the topmost Via.
fn sent_by(headers: Headers<'_>) -> Option<(String, Option<u16>, String)> {
    let via = headers.first::<Via<'_>>().ok()??;
    let branch = via.branch()?.to_ascii_lowercase();
    Some((via.host().as_str().to_ascii_lowercase(), via.port(), branch))
}

/// Whether the user of the endpoint must acknowledge a 2xx: it has what an ACK needs.
pub(super) fn asks_for_ack(response: &Response) -> bool {
    let headers = response.headers();
    headers.has(HeaderName::Contact)
        && Parts::of(headers, Method::Invite.as_str()).is_some_and(|parts| parts.to_tag.is_some())
}
