//! The ACK to a 2xx, which belongs to no transaction (RFC 3261 §13.2.2.4).

use std::time::Instant;

use super::Target;
use super::connections::Connection;
use super::core::{Core, Question};
use super::draft::{Draft, via};
use super::outgoing::MAX_ACCEPTED;
use crate::header::Via;
use crate::transaction::Departure;
use crate::{ConnectionId, Flow, RequestBuilder};

impl Core {
    /// Sends the ACK to a 2xx, to wherever its dialog leads (RFC 3261 §13.2.2.4).
    pub(crate) fn send_ack(&mut self, now: Instant, ack: &RequestBuilder, flow: Option<Flow>) {
        if let Some(draft) = Draft::acknowledgement(ack, &self.config.message) {
            let back = self.way_back(flow, draft.hop().as_ref());
            self.send_ack_draft(now, draft, back.as_slice());
        }
    }

    /// Sends an ACK to its targets, or asks for them.
    pub(crate) fn send_ack_draft(&mut self, now: Instant, draft: Draft, targets: &[Target]) {
        match draft.hop().filter(|_| targets.is_empty()) {
            Some(hop) => self.ask(now, Question::Ack(draft), hop),
            None => self.send_ack_to(now, &draft, targets),
        }
    }

    /// Sends an ACK to the first target that can be reached. If a connection has to be opened for it
    /// and cannot, the next one follows. It is not repeated: another 2xx asks for another ACK.
    pub(crate) fn send_ack_to(&mut self, now: Instant, draft: &Draft, targets: &[Target]) {
        let mut rest = targets;
        while let [target, behind @ ..] = rest {
            rest = behind;
            let Ok((listener, flow)) = self.way_to(now, target) else {
                continue;
            };
            let number = u64::from_be_bytes(self.random.bytes());
            let branch = format!("{}{number:016x}", Via::COOKIE);
            let via = via(&listener, &branch, self.config.offers_reuse);
            let departure = Departure {
                from: None,
                flow,
                message: draft.render(&via, &listener),
                detours: 0,
            };
            self.depart(now, departure);
            if let Flow::Connection(id) = flow
                && self.connections.get(id).is_some_and(Connection::is_opening)
            {
                self.note_ack(id, draft, behind);
            }
            return;
        }
    }

    /// Keeps an ACK for the case that its connection does not come about.
    fn note_ack(&mut self, id: ConnectionId, draft: &Draft, targets: &[Target]) {
        let acks = self.acks.entry(id).or_default();
        if acks.len() < MAX_ACCEPTED {
            acks.push((draft.clone(), targets.to_vec()));
        }
    }

    /// Sends ACKs elsewhere whose connection did not come about.
    pub(crate) fn resend_acks(&mut self, now: Instant, id: ConnectionId) {
        for (draft, targets) in self.acks.remove(&id).unwrap_or_default() {
            self.send_ack_to(now, &draft, &targets);
        }
    }
}
