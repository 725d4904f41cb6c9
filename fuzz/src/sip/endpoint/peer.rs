//! What peers say.

use bytes::Bytes;
use comity_sip::header::{CSeq, CallId, From, To};
use comity_sip::{Flow, HeaderName, Limits, Message, Method, Request, ResponseBuilder, StatusCode};

use crate::program::Program;

/// What peers have heard from the endpoint, to refer to it.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Requests of the endpoint, each once, and the way that they went.
    pub(super) requests: Vec<(Flow, Bytes)>,
    dialogs: Vec<Known>,
}

/// A dialog as a peer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    call_id: String,
    number: u32,
    ours: String,
    theirs: String,
}

impl Heard {
    /// Notes what the endpoint said.
    pub(super) fn note(&mut self, flow: Flow, message: &Message, bytes: &Bytes) {
        let headers = message.headers();
        let (Ok(from), Ok(to)) = (headers.one::<From<'_>>(), headers.one::<To<'_>>()) else {
            return;
        };
        let (Ok(call_id), Ok(cseq)) = (headers.one::<CallId<'_>>(), headers.one::<CSeq<'_>>())
        else {
            return;
        };
        let (from, to) = (from.tag().unwrap_or(""), to.tag().unwrap_or(PEER_TAG));
        let (ours, theirs) = match message {
            Message::Request(request) => {
                // Nobody answers an ACK.
                if request.method() != Method::Ack {
                    self.requests.retain(|(_, known)| known != bytes);
                    self.requests.push((flow, bytes.clone()));
                }
                (from, to)
            }
            Message::Response(_) => (to, from),
        };
        let known = Known {
            call_id: call_id.as_str().to_owned(),
            number: cseq.number,
            ours: ours.to_owned(),
            theirs: theirs.to_owned(),
        };
        self.dialogs.retain(|dialog| *dialog != known);
        self.dialogs.push(known);
    }

    /// A request of a peer.
    pub(super) fn request(&self, program: &mut Program<'_>, transport: &str) -> Vec<u8> {
        let method = METHODS[usize::from(program.byte()) % METHODS.len()];
        let (who, dialog, extra) = (program.byte(), program.byte(), program.byte());
        let known = self.dialogs.iter().rev().nth(usize::from(dialog & 7));
        match known.filter(|_| dialog & 0x80 != 0) {
            Some(known) => {
                let number = match (method, dialog >> 3 & 3) {
                    ("ACK" | "CANCEL", 0..3) => known.number,
                    (_, later) => known.number + u32::from(later),
                };
                let parts = Known {
                    number,
                    ..known.clone()
                };
                write(method, who, extra, transport, &parts)
            }
            None => {
                let parts = Known {
                    call_id: format!("c{}", dialog & 3),
                    number: 1 + u32::from(dialog >> 3 & 3),
                    ours: String::new(),
                    theirs: format!("t{}", dialog >> 2 & 1),
                };
                write(method, who, extra, transport, &parts)
            }
        }
    }

    /// A response to a request of the endpoint, and the way that the request went.
    pub(super) fn response(&self, program: &mut Program<'_>) -> Option<(Flow, Vec<u8>)> {
        let (flow, request) = program.recent(&self.requests)?.clone();
        let status = STATUSES[usize::from(program.byte()) % STATUSES.len()];
        let extra = program.byte();
        let message = Message::from_datagram(request, &Limits::default()).ok()?;
        let Message::Request(request) = message else {
            return None;
        };
        let response = respond(&request, StatusCode::new(status)?, extra)?;
        Some((flow, changed(response, extra)))
    }
}

fn respond(request: &Request, status: StatusCode, extra: u8) -> Option<Vec<u8>> {
    let mut response = ResponseBuilder::new(request, status);
    if status != StatusCode::TRYING {
        let tag = if extra & 1 == 0 { PEER_TAG } else { "p2" };
        response.to_tag(tag).ok()?;
    }
    if extra & 2 == 0 {
        let contact = "<sip:peer@198.51.100.1:5060>";
        response.header(HeaderName::Contact, contact).ok()?;
    }
    if extra & 4 == 0 {
        let seconds = [0, 1, 60, 3600][usize::from(extra >> 3 & 3)];
        let name = match status {
            StatusCode::SERVICE_UNAVAILABLE => HeaderName::RetryAfter,
            StatusCode::INTERVAL_TOO_BRIEF => HeaderName::MinExpires,
            _ => HeaderName::Expires,
        };
        response.header(name, seconds).ok()?;
        response.header(HeaderName::SipEtag, "e1").ok()?;
    }
    Some(response.finish().to_vec())
}

/// The response as it is, or with another branch or sender in the topmost Via.
fn changed(mut response: Vec<u8>, extra: u8) -> Vec<u8> {
    let (text, place) = match extra >> 5 {
        7 => ("z9hG4bK", 10),
        6 => ("192.0.2.1:", 8),
        5 => ("192.0.2.1:", 12),
        _ => return response,
    };
    let mut places = response.windows(text.len());
    if let Some(at) = places.position(|place| place == text.as_bytes()) {
        response[at + place] ^= 1;
    }
    response
}

fn write(method: &str, who: u8, extra: u8, transport: &str, known: &Known) -> Vec<u8> {
    let Known {
        call_id,
        number,
        ours,
        theirs,
    } = known;
    let sent_by = ["198.51.100.1:5060", "peer.example:5070", "198.51.100.2"];
    let sent_by = sent_by[usize::from(who >> 4) % sent_by.len()];
    let branch = match who & 7 {
        unique @ 0..6 => format!(";branch=z9hG4bKb{unique}"),
        6 => ";branch=1".to_owned(),
        _ => String::new(),
    };
    let rport = if who & 8 == 0 { "" } else { ";rport" };
    let to = match ours.as_str() {
        "" => String::new(),
        tag => format!(";tag={tag}"),
    };
    let (more, body) = further(method, extra);
    format!(
        "{method} sip:us@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {sent_by}{branch}{rport}\r\n\
         From: <sip:peer@peer.example>;tag={theirs}\r\n\
         To: <sip:us@ours.example>{to}\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: {number} {method}\r\n\
         {more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Further headers, and a body.
fn further(method: &str, extra: u8) -> (String, String) {
    let mut more = String::from("Max-Forwards: 70\r\n");
    if extra & 1 == 0 {
        more += "Contact: <sip:peer@198.51.100.1:5060>\r\n";
    }
    if extra & 2 != 0 {
        more += "Record-Route: <sip:proxy.example;lr>\r\n";
    }
    if extra & 4 == 0 {
        more += "Event: presence\r\n";
    }
    more +=
        ["", "Expires: 0\r\n", "Expires: 30\r\n", "Expires: 600\r\n"][usize::from(extra >> 3 & 3)];
    if extra & 0x40 != 0 {
        more += "Require: foo\r\n";
    }
    if method == "NOTIFY" {
        let states = [
            "active;expires=60",
            "terminated;reason=probation",
            "pending",
        ];
        let state = states[usize::from(extra >> 5) % 3];
        more += &format!("Subscription-State: {state}\r\n");
    }
    let body = match extra & 0x20 {
        0 => String::new(),
        _ => {
            more += "Content-Type: text/plain\r\n";
            "hello".repeat(1 + usize::from(extra & 0x80) * 3)
        }
    };
    (more, body)
}

/// The tag of the peer in dialogs that the endpoint begins.
const PEER_TAG: &str = "p1";

const METHODS: [&str; 16] = [
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "OPTIONS",
    "INVITE",
    "ACK",
    "CANCEL",
    "INFO",
    "FOO",
    "INVITE",
    "MESSAGE",
    "BYE",
];

const STATUSES: [u16; 22] = [
    200, 100, 180, 183, 202, 204, 302, 404, 408, 412, 423, 481, 486, 487, 489, 491, 500, 503, 504,
    600, 200, 180,
];
