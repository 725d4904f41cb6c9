//! Messages on a stream: TCP and TLS.

use bytes::{Buf, Bytes, BytesMut};

use crate::message::{Indexer, Parts, check_size};
use crate::{Fault, HeaderName, Limits, Message, ParseError, Place, Rejected};

/// Cuts a stream of bytes into messages (RFC 3261 §18.3).
///
/// Where a message ends is decided by Content-Length alone, so that a message on a stream must have
/// one and no more. Whatever puts the end in doubt ends the stream: nothing behind it is looked at, and
/// what is complete before it is given first. The events are the same however the bytes are cut.
///
/// Time is the driver's: [`pending`](Self::pending) tells whether a message has begun, so that a peer
/// that does not finish it can be cut off.
///
/// ```
/// use comity_sip::{Framer, FramerEvent, Limits};
///
/// let mut framer = Framer::new(Limits::default());
/// framer.handle_input(b"\r\n\r\nOPTIONS sip:b.example SIP/2.0\r\nContent-");
/// assert!(matches!(framer.poll_event(), Some(FramerEvent::KeepAlive)));
/// assert!(matches!(framer.poll_event(), Some(FramerEvent::KeepAlive)));
/// assert!(framer.poll_event().is_none());
/// framer.handle_input(b"Length: 2\r\n\r\nhi");
/// let Some(FramerEvent::Message(message)) = framer.poll_event() else { panic!("no message") };
/// assert_eq!(message.body(), "hi");
/// ```
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    /// From the beginning of the unfinished message on.
    buffer: BytesMut,
    state: State,
    ended: bool,
}

/// What came on a stream.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a driver has to do something about each"
)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a message, and a box would cost an allocation for each"
)]
pub enum FramerEvent {
    /// An empty line between messages. Two ask for a sign of life, and one is the answer to that
    /// (RFC 5626 §3.5.1).
    KeepAlive,
    /// A message.
    Message(Message),
    /// A message whose start line is malformed, to be answered if
    /// [`Rejected::status`] says so. The stream goes on behind it.
    Rejected(Box<Rejected>),
    /// The stream cannot be read any further: answer if [`Rejected::status`] says so, and close it.
    /// Nothing comes behind this.
    Failed(Box<Rejected>),
}

#[derive(Debug)]
enum State {
    /// Reading start line and headers.
    Head(Box<Head>),
    /// Waiting for a body of so many bytes.
    Body(Box<Head>, usize),
    /// Nothing is read any more.
    Failed,
}

/// What was read of the head of a message.
#[derive(Debug)]
struct Head {
    indexer: Indexer,
    /// Without the bytes, which the buffer has until the message is complete.
    parts: Parts,
}

impl Head {
    fn new(limits: &Limits) -> Box<Self> {
        Box::new(Self {
            indexer: Indexer::new(),
            parts: Parts::new(Bytes::new(), limits),
        })
    }
}

impl Framer {
    /// A stream on which nothing came yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Head(Head::new(&limits)),
            limits,
            buffer: BytesMut::new(),
            ended: false,
        }
    }

    /// Takes bytes that came. They are kept until [`Self::poll_event`] has used them.
    pub fn handle_input(&mut self, input: &[u8]) {
        if !self.is_closed() {
            self.buffer.extend_from_slice(input);
        }
    }

    /// No more bytes will come. An unfinished message becomes an event.
    pub fn handle_eof(&mut self) {
        self.ended = true;
    }

    /// What came, in its order; `None` until more bytes come.
    pub fn poll_event(&mut self) -> Option<FramerEvent> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Head(head) => self.read_head(head),
            State::Body(head, body_len) => self.read_body(head, body_len),
            State::Failed => None,
        }
    }

    /// False if there are more bytes than a message may have, which are to be used first, or if nothing
    /// more is read.
    pub fn wants_input(&self) -> bool {
        let max = self.limits.max_message_bytes as usize;
        !self.is_closed() && !self.ended && self.buffer.len() <= max
    }

    /// True if the stream cannot be read any further.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Failed)
    }

    /// How many bytes are here that were not used. Once [`Self::poll_event`] has nothing, they are those
    /// of an unfinished message.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// How many more bytes the unfinished message needs, once its headers are complete.
    pub fn needed(&self) -> Option<usize> {
        match &self.state {
            State::Body(head, body_len) => {
                Some((head.indexer.head_len() + body_len).saturating_sub(self.buffer.len()))
            }
            State::Head(_) | State::Failed => None,
        }
    }

    fn read_head(&mut self, mut head: Box<Head>) -> Option<FramerEvent> {
        if head.indexer.is_new() && self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
            self.state = State::Head(head);
            return Some(FramerEvent::KeepAlive);
        }
        let Head { indexer, parts } = &mut *head;
        let lone_return = indexer.is_new() && *self.buffer == b"\r"[..];
        let complete = match lone_return {
            true => Ok(false),
            false => indexer.advance(&mut parts.entries, &self.buffer, &self.limits),
        };
        match complete {
            Ok(true) => match body_len(indexer, &self.limits) {
                Ok(body_len) => self.read_body(head, body_len),
                Err(error) => self.fail(*head, error),
            },
            Ok(false) if self.ended && !self.buffer.is_empty() => {
                let at = self.buffer.len();
                let error = ParseError::new(Place::Message, at, Fault::HeadTruncated);
                self.fail(*head, error)
            }
            Ok(false) => {
                self.state = State::Head(head);
                None
            }
            Err(error) => self.fail(*head, error),
        }
    }

    fn read_body(&mut self, head: Box<Head>, body_len: usize) -> Option<FramerEvent> {
        let head_len = head.indexer.head_len();
        let available = self.buffer.len() - head_len;
        if available >= body_len {
            let bytes = self.buffer.split_to(head_len + body_len).freeze();
            self.state = State::Head(Head::new(&self.limits));
            let Head { indexer, mut parts } = *head;
            parts.bytes = bytes;
            return Some(match Message::new(parts, &indexer) {
                Ok(message) => FramerEvent::Message(message),
                Err(rejected) => FramerEvent::Rejected(rejected),
            });
        }
        if self.ended {
            let fault = Fault::BodyTruncated {
                declared: body_len as u64,
                present: available,
            };
            let error = ParseError::new(Place::Body, head_len, fault);
            return self.fail(*head, error);
        }
        self.state = State::Body(head, body_len);
        None
    }

    /// Stops reading. The state stays as `poll_event` left it.
    fn fail(&mut self, head: Head, error: ParseError) -> Option<FramerEvent> {
        let Head { indexer, mut parts } = head;
        parts.bytes = std::mem::take(&mut self.buffer).freeze();
        Some(FramerEvent::Failed(Rejected::new(parts, &indexer, error)))
    }
}

/// How long the body is, by its header alone.
fn body_len(indexer: &Indexer, limits: &Limits) -> Result<usize, ParseError> {
    if let Some(error) = indexer.fault {
        return Err(error);
    }
    let place = Place::Header(HeaderName::ContentLength);
    let length = indexer
        .length
        .ok_or_else(|| ParseError::new(place, indexer.lines_end(), Fault::LengthMissing))?;
    check_size(indexer.head_len(), length, limits)?;
    // Within the limits, which are `u32`.
    usize::try_from(length).map_err(|_too_large| {
        let limit = limits.max_message_bytes;
        let fault = Fault::MessageTooLong { limit };
        ParseError::new(Place::Message, indexer.head_len(), fault)
    })
}
