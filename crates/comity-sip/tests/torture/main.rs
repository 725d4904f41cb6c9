//! The torture tests of RFC 4475 and RFC 5118, and shapes of messages that servers really send.
#![cfg(test)]

mod ipv6;
mod microsoft;
mod torture;

use bytes::Bytes;
use comity_sip::header::{CSeq, CallId, Contact, From, MaxForwards, RecordRoute, Route, To, Via};
use comity_sip::{
    Acceptance, Limits, Message, ParseError, Passage, Refusal, Rejected, Role, Standing,
    StatusCode, check_response,
};

/// The bytes of a vector.
fn vector(name: &str) -> Bytes {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap().into()
}

/// Reads a vector as a datagram.
fn read(name: &str) -> Result<Message, Box<Rejected>> {
    Message::from_datagram(vector(name), &Limits::default())
}

/// Reads a vector that is a message.
fn message(name: &str) -> Message {
    read(name).unwrap()
}

/// Reads each header that decides what happens to a message.
fn read_headers(message: &Message) -> Result<(), ParseError> {
    let headers = message.headers();
    headers.all::<Via<'_>>().try_for_each(|via| via.map(drop))?;
    headers.one::<From<'_>>()?;
    headers.one::<To<'_>>()?;
    headers.one::<CallId<'_>>()?;
    headers.one::<CSeq<'_>>()?;
    headers.optional::<MaxForwards>()?;
    headers
        .all::<Contact<'_>>()
        .try_for_each(|value| value.map(drop))?;
    headers
        .all::<Route<'_>>()
        .try_for_each(|value| value.map(drop))?;
    headers
        .all::<RecordRoute<'_>>()
        .try_for_each(|value| value.map(drop))
}

/// What a user agent or a proxy does with a message that understands what most do.
fn judge(message: &Message, role: Role) -> Result<(), Refusal> {
    match message {
        Message::Request(request) => acceptance(role).check(request, Standing::default()),
        Message::Response(response) => check_response(response, role),
    }
}

fn acceptance(role: Role) -> Acceptance {
    let mut acceptance = Acceptance::new(role);
    acceptance.methods = [
        "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "MESSAGE",
    ]
    .map(str::to_owned)
    .to_vec();
    acceptance.content_types = ["application/sdp", "text/plain", "multipart/mixed"]
        .map(str::to_owned)
        .to_vec();
    acceptance.produces = vec!["application/sdp".to_owned()];
    acceptance
}

#[test]
fn a_request_that_was_here_before_is_refused() {
    let Message::Request(request) = message("rfc4475/esc01.dat") else {
        panic!("a response");
    };
    for (passage, refusal) in [
        (Passage::Looped, Refusal::Loop),
        (Passage::Merged, Refusal::Merged),
    ] {
        let standing = Standing {
            passage,
            ..Standing::default()
        };
        let refused = acceptance(Role::Proxy)
            .check(&request, standing)
            .unwrap_err();
        assert_eq!(refused, refusal);
        assert_eq!(refused.status(), StatusCode::LOOP_DETECTED);
    }
    let orphan = Standing {
        is_orphan: true,
        ..Standing::default()
    };
    let refused = acceptance(Role::UserAgent)
        .check(&request, orphan)
        .unwrap_err();
    assert_eq!(refused, Refusal::Orphan);
    assert_eq!(refused.status().code(), 481);
}
