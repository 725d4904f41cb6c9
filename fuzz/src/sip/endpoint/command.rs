//! What the user of the endpoint does.

use std::time::Duration;

use bytes::Bytes;
use comity_sip::endpoint::AnswerError;
use comity_sip::{Method, Publish, Reason, StatusCode, Subscribe, Uri};

use super::Run;
use super::user::IsThere;

impl Run<'_> {
    pub(super) fn incoming(&mut self) -> Option<usize> {
        let back = usize::from(self.program.byte());
        let len = self.user.incoming.len();
        (len > 0).then(|| len - 1 - back % len)
    }

    pub(super) fn answer(&mut self) {
        let (at, byte) = (self.incoming(), self.program.byte());
        let Some(incoming) = at.and_then(|at| self.user.incoming.get(at)) else {
            return;
        };
        let codes = [200, 404, 486, 202, 302, 603, 408, 180];
        let status = StatusCode::new(codes[usize::from(byte) % 8]).expect("a status");
        let is_invite = incoming.request().method() == Method::Invite;
        let response = incoming.response(status);
        let expected = match self.model.is_waiting(incoming.request()) {
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

    pub(super) fn inform(&mut self) {
        let at = self.incoming();
        let Some(incoming) = at.and_then(|at| self.user.incoming.get(at)) else {
            return;
        };
        let response = incoming.response(StatusCode::RINGING);
        if let Ok(Some(session)) = self.endpoint.inform(self.now, incoming, response) {
            let known = self.user.sessions.entry(session);
            known.or_insert(IsThere::Begun);
        }
        self.commanded();
    }

    /// Accepts an INVITE or a SUBSCRIBE.
    pub(super) fn accept(&mut self) {
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

    pub(super) fn send(&mut self) {
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

    pub(super) fn cancel(&mut self) {
        let all: Vec<_> = self.user.asked.keys().copied().collect();
        if let Some(&request) = self.program.recent(&all) {
            self.endpoint.cancel(self.now, request);
            self.commanded();
        }
    }

    pub(super) fn invite(&mut self) {
        let targets = self.target();
        let request = self.endpoint.compose(Method::Invite, uri(PEER), uri(US));
        let request = request.expect("a request");
        if let Ok(session) = self.endpoint.invite(self.now, &request, targets) {
            self.user.sessions.insert(session, IsThere::Begun);
        }
        self.commanded();
    }

    pub(super) fn in_session(&mut self) {
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

    pub(super) fn bye(&mut self) {
        let all: Vec<_> = self.user.sessions.keys().copied().collect();
        if let Some(&session) = self.program.recent(&all)
            && self.endpoint.bye(self.now, session).is_ok()
        {
            self.user.sessions.remove(&session);
        }
        self.commanded();
    }

    pub(super) fn subscribe(&mut self) {
        let targets = self.target();
        let mut wish = Subscribe::new(uri(PEER).to_buf(), uri(US).to_buf(), "presence");
        wish.targets = targets;
        let seconds = [3_600, 0, 60, 600][usize::from(self.program.byte() & 3)];
        wish.expires = Duration::from_secs(seconds);
        let begun = self.endpoint.subscribe(self.now, wish);
        self.user.subscriptions.extend(begun);
        self.commanded();
    }

    pub(super) fn unsubscribe(&mut self) {
        let all: Vec<_> = self.user.subscriptions.iter().copied().collect();
        if let Some(&id) = self.program.recent(&all) {
            let _: Result<_, _> = self.endpoint.unsubscribe(self.now, id);
            self.commanded();
        }
    }

    pub(super) fn watch(&mut self) {
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

    pub(super) fn publish(&mut self) {
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
}

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text).expect("a URI")
}

const US: &str = "sip:us@ours.example";

const PEER: &str = "sip:peer@peer.example";
