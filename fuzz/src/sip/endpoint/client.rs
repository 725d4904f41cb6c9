//! What happens to client transactions (RFC 3261 §17.1, RFC 6026 §7.2).

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use comity_sip::header::{CSeq, Via};
use comity_sip::{Flow, Method, Response, StatusCode};

use super::machine::{State, is_reliable};
use super::model::{Model, Output, Want};

impl Model {
    /// A response came on a flow.
    pub(super) fn response(
        &mut self,
        now: Instant,
        response: &Response,
        flow: Flow,
        outputs: &mut VecDeque<Output>,
    ) {
        let headers = response.headers();
        let (Ok(Some(via)), Ok(cseq)) = (headers.first::<Via<'_>>(), headers.one::<CSeq<'_>>())
        else {
            return;
        };
        let branch = via.branch().unwrap_or("").to_ascii_lowercase();
        let is_cancel = cseq.method == Method::Cancel;
        let found = self
            .clients
            .iter()
            .position(|client| client.branch == branch && (client.method == "CANCEL") == is_cancel);
        let Some(found) = found else { return };
        let client = &self.clients[found];
        let same_way = match (client.flow, flow) {
            (Flow::Datagrams { .. }, Flow::Datagrams { .. }) => true,
            (left, right) => left == right,
        };
        if !same_way || client.is_invite != (cseq.method == Method::Invite) || client.is_adrift {
            return;
        }
        let status = response.status();
        match client.is_invite {
            true => self.invite_response(now, found, status, response.as_bytes(), outputs),
            false => self.other_response(now, found, status),
        }
    }

    fn invite_response(
        &mut self,
        now: Instant,
        found: usize,
        status: StatusCode,
        bytes: &Bytes,
        outputs: &mut VecDeque<Output>,
    ) {
        let timing = self.timing;
        let client = &mut self.clients[found];
        let is_open = matches!(
            client.state,
            State::Trying | State::Proceeding | State::Cancelled
        );
        if status.is_provisional() {
            if client.state == State::Trying
                || (client.state == State::Proceeding && status != StatusCode::TRYING)
            {
                client.state = State::Proceeding;
                client.again = None;
                client.end = (now + timing.timer_c, now + timing.timer_c);
            }
        } else if status.is_success() {
            if is_open {
                client.state = State::Accepted;
                client.again = None;
                client.end = (now + timing.timeout(), now + timing.timeout());
            }
        } else if is_open || client.state == State::Completed {
            if is_open {
                let linger = timing.timer_d.max(timing.timeout());
                client.state = State::Completed;
                client.again = None;
                client.end = (now + linger, now + linger);
            }
            let want = match &client.ack {
                Some(ack) => Want::Bytes(client.flow, ack.clone()),
                None => Want::Ack(found, bytes.clone()),
            };
            self.expect(vec![want], outputs);
            if is_reliable(self.clients[found].flow) {
                self.clients.remove(found);
            }
        }
    }

    fn other_response(&mut self, now: Instant, found: usize, status: StatusCode) {
        let timing = self.timing;
        let client = &mut self.clients[found];
        if client.state == State::Completed {
            return;
        }
        if status.is_provisional() {
            client.state = State::Proceeding;
        } else if is_reliable(client.flow) {
            self.clients.remove(found);
        } else {
            client.state = State::Completed;
            client.again = None;
            client.end = (now + timing.t4, now + timing.t4);
        }
    }

    pub(super) fn client_again(&mut self, now: Instant, at: usize, wants: &mut Vec<Want>) {
        let client = &mut self.clients[at];
        let (_, interval) = client.again.take().expect("it is due");
        let interval = match (client.is_invite, client.state) {
            (true, _) => interval * 2,
            (false, State::Proceeding) => self.timing.t2,
            (false, _) => (interval * 2).min(self.timing.t2),
        };
        client.again = Some((now + interval, interval));
        wants.push(Want::Bytes(client.flow, client.request.clone()));
    }

    pub(super) fn client_end(&mut self, now: Instant, at: usize, wants: &mut Vec<Want>) {
        let client = &mut self.clients[at];
        if client.is_invite && client.state == State::Proceeding {
            client.state = State::Cancelled;
            client.end = (now + self.timing.timeout(), now + self.timing.timeout());
            wants.push(Want::Cancel(client.branch.clone()));
        } else {
            self.clients.remove(at);
        }
    }
}
