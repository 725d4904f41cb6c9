//! Messages from the wire.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::core::Core;
use super::event::Event;
use super::guard::Guard;
use super::incoming::Incoming;
use super::{Endpoint, options};
use crate::build::Answerable;
use crate::header::{CallId, Via};
use crate::message::Mandatory;
use crate::transaction::{
    Arrival, Departure, Full, Realm, Receipt, RequestKey, Tag, TransactionId,
};
use crate::{
    BuildError, DialogId, Flow, FramerEvent, HeaderName, Message, Method, Passage, Refusal,
    Rejected, Request, ResponseBuilder, Role, Standing, StatusCode, Transport,
};

/// On which way a message came, or its answer goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) flow: Flow,
    pub(crate) source: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) realm: Realm,
}

impl Endpoint {
    pub(crate) fn handle_message(&mut self, now: Instant, message: Message, way: Way) {
        match message {
            Message::Request(request) => self.handle_request(now, request, way),
            Message::Response(mut response) => {
                if let Flow::Connection(_) = way.flow {
                    // It would keep all that was read with it.
                    response.compact();
                }
                self.core.handle_response(now, Box::new(response), way.flow);
            }
        }
    }

    pub(crate) fn handle_framed(&mut self, now: Instant, event: FramerEvent, way: Way) {
        match &event {
            FramerEvent::KeepAlive => {}
            FramerEvent::Message(message) => self.core.tap.note(way.flow, message.as_bytes()),
            FramerEvent::Rejected(rejected) | FramerEvent::Failed(rejected) => {
                self.core.tap.note(way.flow, rejected.as_bytes());
            }
        }
        match event {
            FramerEvent::KeepAlive => self.core.handle_keep_alive(way.flow),
            FramerEvent::Message(message) => self.handle_message(now, message, way),
            FramerEvent::Rejected(rejected) => self.core.reject(now, &rejected, way),
            FramerEvent::Failed(rejected) => {
                self.core.reject(now, &rejected, way);
                if let Flow::Connection(connection) = way.flow {
                    self.core.disconnect(now, connection);
                }
            }
        }
    }

    fn handle_request(&mut self, now: Instant, mut request: Request, way: Way) {
        let core = &mut self.core;
        let read = match Mandatory::read(request.headers()) {
            Ok(read) => read,
            Err(error) => {
                let way = way.back_to(request.headers());
                return core.refuse(now, &request, &error.into(), way);
            }
        };
        let way = way.back(&read.via);
        let key = core.table.keys().of(&request, &read, way.realm);
        let arrival = Arrival {
            flow: way.flow,
            source: way.source,
        };
        if let Some(receipt) = core.table.handle_request(now, &request, &key, arrival) {
            core.settle(now);
            return self.follow_up(now, request, receipt, way);
        }
        core.note_offer(&read.via, way);
        if request.method() == Method::Benotify {
            // Nobody was told that we take it, and it must not be answered.
            core.counters.unwanted += 1;
            return;
        }
        let standing = self.standing(&request, &key);
        let core = &mut self.core;
        if let Err(refusal) = core.check(&request, &read, standing) {
            return core.refuse(now, &request, &refusal, way);
        }
        let answerable = Answerable::read(&read, way.source);
        if let Flow::Connection(_) = way.flow {
            // It would keep all that was read with it.
            request.compact();
        }
        let invite = core.table.invite_of(&key);
        let is_cancel = request.method() == Method::Cancel;
        let id = match core.table.begin_server(now, &request, &key, arrival) {
            Ok(id) => id,
            Err(Full) => return core.refuse_for_now(now, &request, way),
        };
        let incoming = Box::new(Incoming {
            id,
            request,
            answerable,
            source: way.source,
            transport: way.transport,
            flow: way.flow,
            tag: core.table.tag(key.invite.unwrap_or(key.own)),
            session: None,
            guard: Guard::new(core.proved(way.flow)),
        });
        if is_cancel {
            if let Some(invite) = core.handle_cancel(now, &incoming, invite) {
                self.forget_invite(invite);
                self.core.events.push_back(Event::Cancelled(invite));
            }
        } else if core.is_proxy() {
            core.events.push_back(Event::Request(incoming));
        } else if key.in_dialog {
            self.dispatch_in_dialog(now, incoming);
        } else {
            self.dispatch(now, incoming);
        }
    }

    /// Goes on with what belongs to a transaction.
    fn follow_up(&mut self, now: Instant, request: Request, receipt: Receipt, way: Way) {
        match receipt {
            Receipt::Absorbed => {}
            Receipt::Ack if self.core.is_proxy() => {
                let (request, source) = (Box::new(request), way.source);
                self.core.events.push_back(Event::Ack { request, source });
            }
            Receipt::Ack => self.handle_ack(now, request, way.flow),
        }
    }

    /// Gives a new request outside of dialogs to whom it concerns.
    fn dispatch(&mut self, now: Instant, incoming: Box<Incoming>) {
        match incoming.request.method() {
            Method::Options => {
                let response = options::answer(&self.core.config, &incoming);
                self.core.respond(now, incoming.id, response);
            }
            Method::Subscribe => self.dispatch_subscribe(now, incoming),
            Method::Invite
            | Method::Bye
            | Method::Notify
            | Method::Prack
            | Method::Update
            | Method::Info
            | Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Message
            | Method::Publish
            | Method::Refer
            | Method::Benotify
            | Method::Service
            | Method::Negotiate
            | Method::Extension(_) => self.core.events.push_back(Event::Request(incoming)),
        }
    }
}

impl Endpoint {
    /// What the headers of a request alone do not tell. A proxy may see a request again on another way
    /// (RFC 3261 §16.3), and keeps no dialogs.
    fn standing(&self, request: &Request, key: &RequestKey) -> Standing {
        if self.core.is_proxy() {
            return Standing::default();
        }
        let passage = match self.core.table.is_merged(key) {
            true => Passage::Merged,
            false => Passage::First,
        };
        Standing {
            is_orphan: self.is_orphan(request, key),
            passage,
        }
    }

    /// Whether a request goes on with what is not there (RFC 3261 §9.2, §12.2.2).
    fn is_orphan(&self, request: &Request, key: &RequestKey) -> bool {
        if request.method() == Method::Cancel {
            return self.core.table.invite_of(key).is_none();
        }
        let needs_dialog = matches!(
            request.method(),
            Method::Bye | Method::Notify | Method::Prack | Method::Update | Method::Info
        );
        if !key.in_dialog {
            return needs_dialog;
        }
        let dialog = DialogId::of_request(request);
        !dialog.is_ok_and(|dialog| self.knows(&dialog))
    }

    fn knows(&self, dialog: &DialogId) -> bool {
        self.sessions.of_dialog(dialog).is_some()
            || self.subscription_of(dialog).is_some()
            || self.watcher_of(dialog).is_some()
    }

    /// Gives a request to its dialog.
    fn dispatch_in_dialog(&mut self, now: Instant, incoming: Box<Incoming>) {
        let gone = StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST;
        let Ok(dialog) = DialogId::of_request(&incoming.request) else {
            return self.core.refuse_with(now, &incoming, gone);
        };
        let is_notify = incoming.request.method() == Method::Notify;
        if let Some(session) = self.sessions.of_dialog(&dialog) {
            self.dispatch_in_session(now, session, &dialog, incoming);
        } else if let Some(id) = self.subscription_of(&dialog).filter(|_| is_notify) {
            self.handle_notify(now, id, &dialog, incoming);
        } else if let Some(id) = self.watcher_of(&dialog) {
            self.dispatch_in_subscription(now, id, &incoming);
        } else {
            self.core.refuse_with(now, &incoming, gone);
        }
    }
}

impl Core {
    /// Answers two empty lines with one (RFC 5626 §3.5.1).
    fn handle_keep_alive(&mut self, flow: Flow) {
        if let Flow::Connection(id) = flow
            && let Some(connection) = self.connections.get_mut(id)
            && connection.is_asked()
        {
            self.transmits
                .push_back((flow, Bytes::from_static(b"\r\n")));
        }
    }

    /// Whether a request can be accepted at all.
    fn check(
        &self,
        request: &Request,
        read: &Mandatory<'_>,
        standing: Standing,
    ) -> Result<(), Refusal> {
        self.config.acceptance.check_read(request, read, standing)?;
        let in_dialog = read.to.tag_bytes().is_some();
        let is_page = request.method() == Method::Message && !in_dialog;
        match self.config.max_page_bytes {
            Some(limit) if is_page && request.as_bytes().len() > limit as usize => {
                Err(Refusal::TooLarge { limit })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Notes that a peer takes our requests on its connection.
    fn note_offer(&mut self, via: &Via<'_>, way: Way) {
        if let Flow::Connection(connection) = way.flow
            && !self.connections.is_offered(connection)
            && via.params().find("alias").is_some()
        {
            self.connections.offer(connection);
        }
    }

    /// Answers what is no message, if that is possible, and keeps nothing.
    pub(crate) fn reject(&mut self, now: Instant, rejected: &Rejected, way: Way) {
        let Some(response) = ResponseBuilder::reject_received(rejected, way.source) else {
            self.counters.malformed += 1;
            return;
        };
        let tag = self.table.tag(rejected.as_bytes());
        let way = way.back_to(rejected.headers());
        self.answer_and_forget(now, response, tag, rejected.as_bytes().len(), way);
    }

    /// Refuses a request and keeps nothing: a copy of it gets the same answer.
    fn refuse(&mut self, now: Instant, request: &Request, refusal: &Refusal, way: Way) {
        let acceptance = &self.config.acceptance;
        let Some(response) = acceptance.refuse_received(request, refusal, way.source) else {
            self.counters.malformed += 1;
            return;
        };
        self.answer_request(now, request, response, way);
    }

    /// Refuses a request for which there is no room (RFC 3261 §21.5.4).
    fn refuse_for_now(&mut self, now: Instant, request: &Request, way: Way) {
        self.counters.overloaded += 1;
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut response = ResponseBuilder::received(request, status, way.source);
        let seconds = self.config.limits.retry_after_seconds;
        let _: Result<_, BuildError> = response.header(HeaderName::RetryAfter, seconds);
        self.answer_request(now, request, response, way);
    }

    fn answer_request(
        &mut self,
        now: Instant,
        request: &Request,
        response: ResponseBuilder,
        way: Way,
    ) {
        let headers = request.headers();
        let via = headers.first::<Via<'_>>().ok().flatten();
        let branch = via.and_then(|via| via.branch_bytes()).unwrap_or_default();
        let call_id = headers.one::<CallId<'_>>();
        let call_id = call_id.as_ref().map_or(&b""[..], |id| id.as_bytes());
        let tag = self.table.tag([branch, call_id]);
        self.answer_and_forget(now, response, tag, request.as_bytes().len(), way);
    }

    fn answer_and_forget(
        &mut self,
        now: Instant,
        mut response: ResponseBuilder,
        tag: Tag,
        request_len: usize,
        way: Way,
    ) {
        // The tag is a token.
        let _: Result<_, BuildError> = response.to_tag(tag.as_str());
        let message = response.finish();
        if let Flow::Datagrams { .. } = way.flow {
            if message.len() > request_len + MAX_EXCESS {
                self.counters.oversized += 1;
                return;
            }
            if !self.table.may_answer(now, way.source.ip()) {
                self.counters.withheld += 1;
                return;
            }
        }
        let departure = Departure {
            from: None,
            flow: way.flow,
            message,
            detours: 0,
        };
        self.depart(now, departure);
    }

    /// Answers a CANCEL, and ends its INVITE (RFC 3261 §9.2); gives that if it was not answered.
    fn handle_cancel(
        &mut self,
        now: Instant,
        cancel: &Incoming,
        invite: Option<TransactionId>,
    ) -> Option<TransactionId> {
        let status = match invite {
            Some(_) => StatusCode::OK,
            None => StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST,
        };
        self.refuse_with(now, cancel, status);
        // A proxy passes the CANCEL on, and then the answer that comes of it (RFC 3261 §16.10).
        let ended = match self.is_proxy() {
            true => invite.filter(|&invite| self.table.is_unanswered(invite)),
            false => invite.filter(|&invite| self.table.terminate(now, invite)),
        };
        self.settle(now);
        ended
    }

    pub(crate) fn is_proxy(&self) -> bool {
        self.config.acceptance.role == Role::Proxy
    }

    /// Answers a request with a status alone.
    pub(crate) fn refuse_with(&mut self, now: Instant, incoming: &Incoming, status: StatusCode) {
        self.respond(now, incoming.id, incoming.response(status));
    }

    /// Sends a response of the endpoint's own to a request that waits for one.
    pub(crate) fn respond(&mut self, now: Instant, id: TransactionId, response: ResponseBuilder) {
        let status = response.status();
        let message = self.finish(response);
        // The transaction was there a moment ago, and nobody answered it since.
        let _: Result<_, _> = self.table.respond(now, id, status, message);
        self.settle(now);
    }

    pub(crate) fn finish(&self, mut response: ResponseBuilder) -> Bytes {
        response.push_line(&self.server_line);
        response.finish()
    }
}

/// By how much an answer to a datagram, for which nothing is known of its sender, may exceed it.
const MAX_EXCESS: usize = 200;
