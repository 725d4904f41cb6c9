mod plain_params;

use bytes::Bytes;
use comity_sip::{
    Acceptance, HeaderName, Limits, Message, Multipart, Place, Rejected, ResponseBuilder, Role,
    Standing, Uri, Version, check_response,
};

use super::framing::{self, Head, is_status_line, is_token, request_line};
use super::{check_offset, lines_tile, place_in, reread, tight, typed, unlimited};

/// Reads a datagram and a frame, every header in it, and what is written of them again.
pub fn sip_message(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    for limits in [Limits::default(), tight(), narrow(), unlimited()] {
        let datagram = Message::from_datagram(data.clone(), &limits);
        framed_alike(&data, &datagram, &limits);
        same_behind_an_empty_line(&data, &datagram, &limits);
        let frame = Message::from_frame(data.clone(), &limits);
        match (&datagram, &frame) {
            (Ok(datagram), Ok(frame)) => {
                assert_eq!(frame.as_bytes(), &data);
                assert_eq!(datagram.as_bytes(), &data);
            }
            (Ok(datagram), Err(_)) => assert_ne!(datagram.as_bytes(), &data),
            (Err(_), Ok(_)) => panic!("only a frame"),
            (Err(_), Err(_)) => {}
        }
        match datagram {
            Ok(message) => check(&data, &message, &limits),
            Err(rejected) => check_rejected(&data, &rejected),
        }
        if let Err(rejected) = frame {
            check_rejected(&data, &rejected);
        }
    }
    match Message::from_datagram(data, &unlimited()) {
        Ok(message) => typed::write(message.headers()),
        Err(rejected) => typed::write(rejected.headers()),
    }
}

/// Limits of which that of whole messages is reached first.
fn narrow() -> Limits {
    let mut limits = tight();
    limits.max_message_bytes = limits.max_head_bytes - 20;
    limits
}

/// A datagram is a message if the plain framer frames it and its start line is one.
fn framed_alike(data: &[u8], read: &Result<Message, Box<Rejected>>, limits: &Limits) {
    let mut start = 0;
    while data[start..].starts_with(b"\r\n") {
        start += 2;
    }
    let data = &data[start..];
    let framed = framing::datagram(data, limits);
    let Some(len) = framed else {
        assert!(read.is_err(), "not framed");
        return;
    };
    let head = Head::read(data, limits).expect("framed");
    let uri = request_line(&head.start_line);
    let is_uri = uri.is_some_and(|uri| Uri::parse_within(uri, limits).is_ok());
    match read {
        Ok(Message::Request(request)) => {
            assert!(is_uri, "no request line");
            assert_eq!(Some(request.uri().as_bytes()), uri);
            let version = head.start_line.ends_with(b"/2.0");
            assert_eq!(request.version() == Version::V2, version);
        }
        Ok(Message::Response(response)) => {
            assert!(is_status_line(&head.start_line), "no status line");
            let code = response.status().to_string();
            assert!(String::from_utf8_lossy(&head.start_line).contains(&code));
            assert!(!response.reason().contains('\r'));
        }
        Err(rejected) => {
            assert!(!is_uri && !is_status_line(&head.start_line), "{rejected}");
            assert_eq!(rejected.error().place(), Place::StartLine);
            return;
        }
    }
    let message = read.as_ref().expect("a message");
    assert_eq!(message.as_bytes(), &data[..len]);
    let lines: Vec<_> = message.headers().iter().collect();
    assert_eq!(lines.len(), head.lines.len());
    for (found, expected) in lines.iter().zip(&head.lines) {
        assert_eq!(found.line(), expected.raw);
        assert_eq!(found.name().as_bytes(), expected.name);
        assert_eq!(found.value(), expected.value);
        assert_eq!(found.known(), HeaderName::parse(&expected.name));
    }
}

/// An empty line before a datagram is no part of it (RFC 3261 §7.5).
fn same_behind_an_empty_line(data: &[u8], read: &Result<Message, Box<Rejected>>, limits: &Limits) {
    let moved = [b"\r\n", data].concat();
    match (read, Message::from_datagram(moved.into(), limits)) {
        (Ok(read), Ok(moved)) => assert_eq!(read.as_bytes(), moved.as_bytes()),
        (Err(read), Err(moved)) => assert_eq!(*read, moved),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => panic!("an empty line makes a difference"),
    }
}

fn check(data: &[u8], message: &Message, limits: &Limits) {
    let bytes = message.as_bytes();
    place_in(data, bytes);
    let headers = message.headers();
    let head = bytes.len() - message.body().len();
    assert_eq!(message.body(), &bytes[head..]);
    let start = headers.iter().next().map_or(head - 2, |line| line.offset());
    assert!(is_one_line(&bytes[..start]), "a start line of many lines");
    assert_eq!(lines_tile(bytes, headers, start), head);
    assert_eq!(&bytes[head - 2..head], b"\r\n");

    for header in headers.iter() {
        let line = header.line();
        let value = place_in(line, header.value());
        assert_eq!(header.offset() + value.start, header.value_offset());
        assert!(is_token(header.name().as_bytes()));
        assert!(headers.find(header.name()).any(|found| found == header));
        if let Some(known) = header.known() {
            assert!(headers.has(known));
            assert!(headers.named(known).any(|found| found == header));
            assert!(headers.find(known.as_str()).any(|found| found == header));
        }
    }
    typed::check(headers, bytes.len(), limits);
    plain_params::check(headers);
    let mut compact = message.clone();
    compact.compact();
    assert_eq!(compact.as_bytes(), bytes);
    assert_eq!(lines_tile(bytes, compact.headers(), start), head);
    if let Err(error) = Multipart::of(message) {
        check_offset(error, bytes.len());
    }
    accept(message);
}

fn is_one_line(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r\n");
    line.is_some_and(|line| !line.iter().any(|byte| b"\r\n".contains(byte)))
}

/// Whether a message is accepted or not, its answer is a message.
fn accept(message: &Message) {
    for role in [Role::UserAgent, Role::Proxy] {
        let request = match message {
            Message::Request(request) => request,
            Message::Response(response) => {
                let _verdict = check_response(response, role);
                continue;
            }
        };
        let mut acceptance = Acceptance::new(role);
        if let Err(refusal) = acceptance.check(request, Standing::default()) {
            answer(acceptance.refuse(request, &refusal));
        }
        acceptance.methods = vec!["MESSAGE".to_owned(), "INVITE".to_owned()];
        acceptance.content_types = vec!["text/plain".to_owned()];
        acceptance.produces = vec!["text/plain".to_owned()];
        acceptance.max_body_bytes = Some(2);
        if let Err(refusal) = acceptance.check(request, Standing::default()) {
            answer(acceptance.refuse(request, &refusal));
        }
    }
}

fn answer(response: Option<ResponseBuilder>) {
    if let Some(response) = response {
        reread(&response.finish());
    }
}

/// What is no message can be looked at, and answered with a message.
fn check_rejected(data: &[u8], rejected: &Rejected) {
    if !rejected.as_bytes().is_empty() {
        place_in(data, rejected.as_bytes());
    }
    check_offset(rejected.error(), data.len());
    let len = rejected.as_bytes().len();
    for header in rejected.headers().iter() {
        place_in(rejected.as_bytes(), header.line());
        place_in(header.line(), header.value());
        assert!(header.offset() + header.line().len() <= len);
    }
    typed::check(rejected.headers(), data.len(), &unlimited());
    let is_answered = |start: &[u8]| !start.starts_with(b"ACK ") && !start.starts_with(b"SIP/");
    assert!(rejected.status().is_none() || is_answered(rejected.as_bytes()));
    if let Some(response) = ResponseBuilder::reject(rejected) {
        let Message::Response(response) = reread(&response.finish()) else {
            panic!("a request");
        };
        assert_eq!(Some(response.status()), rejected.status());
    }
}
