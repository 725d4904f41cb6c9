//! Bodies as texts, and texts as bodies.
#![cfg(test)]

mod dialects;
mod formats;
mod refusals;
mod wrappers;

use bytes::Bytes;
use comity_bridge::text::{Content, Limits, Reading, Unreadable, read, read_request};
use comity_sip::header::ContentType;
use comity_sip::{Field, Message, Request};

pub(crate) fn request(bytes: &[u8]) -> Request {
    let message = Message::from_datagram(bytes.to_vec().into(), &comity_sip::Limits::default());
    match message {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn reading(content_type: &str, body: &[u8]) -> Result<Reading, Unreadable> {
    let limits = comity_sip::Limits::default();
    let (content_type, len) = ContentType::read(content_type.as_bytes(), &limits).unwrap();
    assert!(len > 0);
    read(
        Some(content_type),
        None,
        &Bytes::copy_from_slice(body),
        &Limits::default(),
    )
}

pub(crate) fn text(content_type: &str, body: impl AsRef<[u8]>) -> Result<String, Unreadable> {
    let Content::Text(body) = reading(content_type, body.as_ref())?.content else {
        panic!("no text");
    };
    Ok(body.text.into())
}

pub(crate) fn text_of(request: &Request) -> String {
    match read_request(request) {
        Ok(Content::Text(body)) => body.text.into(),
        other => panic!("{other:?}"),
    }
}
