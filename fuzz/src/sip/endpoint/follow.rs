//! What an input set off, and whether that is right.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use comity_sip::endpoint::{Counters, Event};
use comity_sip::header::To;
use comity_sip::{
    ConnectionId, Flow, Framer, FramerEvent, Headers, Limits, Message, Method, Passage, Rejected,
    Request, Response, SessionEvent, StatusCode,
};

use super::client::{Taken, asks_for_ack};
use super::model::Output;
use super::output::take_refusal;
use super::server::{Fate, Seen, Standing, Way};
use super::{Connection, Run};
use crate::wire::{text, trace};

/// What the model has to look at.
pub(super) enum Input {
    Message(Box<Message>, Way),
    Rejected(Box<Rejected>, Flow),
    KeepAlive,
    Tick,
    Command,
}

/// What the endpoint says about a step.
#[derive(Default)]
struct Given {
    requests: Vec<Bytes>,
    responses: Vec<Bytes>,
    closed: Vec<ConnectionId>,
    unanswered: usize,
    /// It asks for addresses or connections.
    is_asking: bool,
    /// It sends an ACK.
    acknowledges: bool,
    /// How many answers it says it did not give.
    excuses: u64,
    /// Whether there are more transactions than before, if there is one reason for that.
    is_kept: Option<bool>,
}

impl Run<'_> {
    /// Takes out what an input set off, and looks at it.
    pub(super) fn follow(&mut self, inputs: Vec<Input>, since: Instant) {
        let mut outputs = self.transmits();
        let mut given = self.events();
        let is_more = self.endpoint.transactions() > self.transactions;
        given.is_kept = (inputs.len() == 1).then_some(is_more);
        given.acknowledges = outputs.iter().any(|(_, bytes)| bytes.starts_with(b"ACK "));
        given.excuses = excuses(self.endpoint.counters()) - excuses(self.counters);
        self.model.begin(self.now, since);
        for input in inputs {
            self.follow_input(input, &mut given, &mut outputs);
            self.absorb(&mut outputs);
        }
        self.absorb(&mut outputs);
        assert!(outputs.is_empty(), "for nothing: {outputs:?}");
        assert!(given.requests.is_empty(), "a request that did not come");
        let (least, most) = self.model.unanswered;
        let range = least..=most;
        assert!(range.contains(&given.unanswered), "unanswered: {range:?}");
        for response in given.responses {
            let passed = self.model.passed.get_mut(&response);
            let count = passed.filter(|count| **count > 0);
            *count.expect("a response that no transaction gave") -= 1;
        }
        for id in given.closed {
            self.connections.remove(&id);
            self.model.close(id);
        }
        let most_at_once = self.transactions.max(self.endpoint.transactions());
        if most_at_once + 1 >= self.config.limits.max_transactions as usize {
            self.model.doubt_cancels();
        }
        self.counters = self.endpoint.counters();
        self.transactions = self.endpoint.transactions();
        self.count();
        if let Some(latest) = self.model.next() {
            let next = self.endpoint.poll_timeout();
            assert!(
                next.is_some_and(|next| next <= latest),
                "a timer that does not run"
            );
        }
    }

    fn follow_input(&mut self, input: Input, given: &mut Given, outputs: &mut VecDeque<Output>) {
        match input {
            Input::Message(message, way) => match *message {
                Message::Request(request) => self.follow_request(&request, &way, given, outputs),
                Message::Response(response) => {
                    self.follow_response(&response, way.flow, given, outputs);
                }
            },
            Input::Rejected(rejected, flow) => {
                let len = rejected.as_bytes().len();
                refused(rejected.headers(), flow, len, given, outputs);
            }
            Input::KeepAlive => {}
            Input::Command => self.model.drift(),
            Input::Tick => {
                for &id in &given.closed {
                    self.model.doubt(Flow::Connection(id));
                }
                self.model.tick(outputs);
            }
        }
    }

    fn follow_request(
        &mut self,
        request: &Request,
        way: &Way,
        given: &mut Given,
        outputs: &mut VecDeque<Output>,
    ) {
        let mut requests = given.requests.iter();
        let found = requests.position(|bytes| bytes == request.as_bytes());
        let seen = Seen {
            is_given: found.is_some(),
            is_kept: given.is_kept,
        };
        let standing = self.standing(request);
        let fate = self.model.request(request, standing, way, seen, outputs);
        trace(|| format!("it is {fate:?}"));
        match fate {
            Fate::Begun | Fate::Adrift => {
                if let Some(found) = found {
                    given.requests.remove(found);
                }
            }
            Fate::Absorbed => assert!(!seen.is_given, "a request that is given twice"),
            Fate::Refused(statuses) => {
                assert!(!seen.is_given, "given, but it is {fate:?}");
                let len = request.as_bytes().len();
                let status = refused(request.headers(), way.flow, len, given, outputs);
                let fits = status.is_none_or(|status| statuses.contains(&status));
                assert!(fits, "{status:?}, but it is {fate:?}");
            }
        }
    }

    /// What can be said of a request by itself.
    fn standing(&self, request: &Request) -> Standing {
        let acceptance = &self.config.acceptance;
        let whole = comity_sip::Standing {
            is_orphan: false,
            passage: Passage::First,
        };
        let is_page = request.method() == Method::Message
            && (request.headers().one::<To<'_>>()).is_ok_and(|to| to.tag_bytes().is_none());
        let is_large = request.as_bytes().len() > 1_300;
        match acceptance.check(request, whole) {
            Ok(()) if is_page && is_large => Standing::Refused(StatusCode::MESSAGE_TOO_LARGE),
            Ok(()) => Standing::Acceptable,
            Err(refusal) => Standing::Refused(refusal.status()),
        }
    }

    fn follow_response(
        &mut self,
        response: &Response,
        flow: Flow,
        given: &Given,
        outputs: &mut VecDeque<Output>,
    ) {
        if comity_sip::check_response(response, self.config.acceptance.role).is_err() {
            return;
        }
        let taken = self.model.response(response, flow, outputs);
        trace(|| format!("it is {taken:?}"));
        if taken != Taken::Accepted || !asks_for_ack(response) {
            return;
        }
        let comes_later = given.is_asking || self.is_opening();
        assert!(
            given.acknowledges || comes_later || self.model.is_tight,
            "a 2xx without ACK"
        );
    }

    fn absorb(&mut self, outputs: &mut VecDeque<Output>) {
        while let Some(output) = outputs.front() {
            if output.1 != "\r\n" && !self.model.absorb(output) {
                return;
            }
            outputs.pop_front();
        }
    }

    fn transmits(&mut self) -> VecDeque<Output> {
        let mut outputs = VecDeque::new();
        let mut buffer = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit(&mut buffer) {
            let bytes = Bytes::from(std::mem::take(&mut buffer));
            self.note(|| format!("{:?}: {}", transmit.flow, text(&bytes)));
            if let Some(message) = self.read(transmit.flow, &bytes) {
                self.heard.note(transmit.flow, &message, &bytes);
            }
            outputs.push_back((transmit.flow, bytes));
        }
        outputs
    }

    /// What leaves is a message, on a way that is there.
    fn read(&self, flow: Flow, bytes: &Bytes) -> Option<Message> {
        let Flow::Connection(id) = flow else {
            let message = Message::from_datagram(bytes.clone(), &Limits::default());
            let message = message.expect("a message");
            assert_eq!(message.as_bytes(), bytes, "more than a message");
            return Some(message);
        };
        let connection = self.connections.get(&id);
        let connection = connection.expect("a connection that is there");
        assert!(connection.opening.is_none(), "it is not open");
        if bytes == "\r\n" {
            return None;
        }
        let mut framer = Framer::new(Limits::default());
        framer.handle_input(bytes);
        let Some(FramerEvent::Message(message)) = framer.poll_event() else {
            panic!("no message: {}", text(bytes));
        };
        assert_eq!(framer.pending(), 0, "more than a message");
        Some(message)
    }

    fn events(&mut self) -> Given {
        let mut given = Given::default();
        while let Some(event) = self.endpoint.poll_event() {
            self.note(|| format!("{event:?}"));
            match &event {
                Event::Connect {
                    connection,
                    transport,
                    remote,
                    ..
                } => {
                    let asked = Connection::new(*transport, *remote, Vec::new(), Some(self.now));
                    let known = self.connections.insert(*connection, asked);
                    assert!(known.is_none(), "a connection that was there before");
                    given.is_asking = true;
                }
                Event::Disconnect(id) => {
                    assert!(self.connections.contains_key(id), "closed, but not there");
                    given.closed.push(*id);
                }
                Event::Locate { query, .. } => {
                    self.locates.push(*query);
                    given.is_asking = true;
                }
                Event::Request(incoming) => {
                    given.requests.push(incoming.request().as_bytes().clone());
                }
                Event::Unanswered(_) => given.unanswered += 1,
                Event::Response { response, .. }
                | Event::Session {
                    event:
                        SessionEvent::Progress(response)
                        | SessionEvent::Answered(response)
                        | SessionEvent::Refused(response),
                    ..
                } => given.responses.push(response.as_bytes().clone()),
                _ => {}
            }
            self.user.handle(event);
        }
        given
    }

    fn count(&self) {
        let (least, most) = self.model.bounds();
        let count = self.transactions;
        assert!(
            count >= least,
            "{count} transactions, of {least}: {:?}",
            self.model
        );
        // A request that waits for its connection was not seen yet.
        let is_seen = count <= most || self.is_opening();
        assert!(is_seen, "{count} transactions, of {most}: {:?}", self.model);
        let limit = self.config.limits.max_transactions as usize;
        assert!(count <= limit, "more transactions than there may be");
        assert_eq!(self.endpoint.connections(), self.connections.len());
    }

    fn is_opening(&self) -> bool {
        let mut connections = self.connections.values();
        connections.any(|connection| connection.opening.is_some())
    }

    /// Writes something into the transcript.
    fn note(&mut self, line: impl Fn() -> String) {
        trace(&line);
        if let Some(transcript) = &mut self.transcript {
            transcript.push(line());
        }
    }
}

/// Something is refused that came in so many bytes: with an answer to whoever sent it that is not much
/// larger, unless there is an excuse.
fn refused(
    headers: Headers<'_>,
    flow: Flow,
    len: usize,
    given: &mut Given,
    outputs: &mut VecDeque<Output>,
) -> Option<StatusCode> {
    let Some((to, answer)) = take_refusal(headers, outputs) else {
        given.excuses = given.excuses.checked_sub(1).expect("no answer");
        return None;
    };
    assert_eq!(to, flow, "an answer to somebody else");
    if let Flow::Datagrams { .. } = to {
        assert!(answer.len() <= len + 200, "an answer that is too large");
    }
    super::parts::response_of(&answer).map(|response| response.status())
}

/// How many requests were not answered, for any reason.
fn excuses(counters: Counters) -> u64 {
    counters.withheld + counters.oversized + counters.malformed + counters.unwanted + counters.lost
}
