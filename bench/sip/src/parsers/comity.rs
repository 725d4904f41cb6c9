//! comity-sip.

use std::hint::black_box;

use bytes::Bytes;
use comity_sip::{Headers, Limits, Message, Uri, header};

use crate::seen::Seen;

pub(super) fn lazy(message: &Bytes) -> Option<Seen> {
    lazy_within(message, &Limits::default())
}

pub(super) fn full(message: &Bytes) -> Option<Seen> {
    full_within(message, &Limits::default())
}

/// As [`lazy`], for messages of every size.
pub(super) fn lazy_without_limits(message: &Bytes) -> Option<Seen> {
    lazy_within(message, &without_limits())
}

/// As [`full`], for messages of every size.
pub(super) fn full_without_limits(message: &Bytes) -> Option<Seen> {
    full_within(message, &without_limits())
}

fn lazy_within(message: &Bytes, limits: &Limits) -> Option<Seen> {
    let read = Message::from_datagram(message.clone(), limits);
    let message = read.as_ref().ok()?;
    Some(Seen::body(&black_box(message).body()))
}

fn full_within(message: &Bytes, limits: &Limits) -> Option<Seen> {
    let read = Message::from_datagram(message.clone(), limits);
    let message = read.as_ref().ok()?;
    let mut seen = Seen::body(&message.body());
    if let Message::Request(request) = message {
        see_uri(&mut seen, &request.uri());
    }
    see_headers(&mut seen, message.headers())?;
    Some(seen)
}

fn see_headers(seen: &mut Seen, headers: Headers<'_>) -> Option<()> {
    for via in headers.all() {
        see_via(seen, &via.ok()?);
    }
    let from: header::From<'_> = headers.one().ok()?;
    see_uri(seen, &black_box(&from).uri());
    seen.see_text(from.tag_bytes().unwrap_or_default());
    let to: header::To<'_> = headers.one().ok()?;
    see_uri(seen, &black_box(&to).uri());
    seen.see_text(to.tag_bytes().unwrap_or_default());
    for contact in headers.all::<header::Contact<'_>>() {
        seen.values += 1;
        see_uri(seen, &black_box(&contact.ok()?).uri()?);
    }
    for route in headers.all::<header::Route<'_>>() {
        seen.values += 1;
        see_uri(seen, &black_box(&route.ok()?).uri());
    }
    let call_id: header::CallId<'_> = headers.one().ok()?;
    seen.see_text(call_id.as_bytes());
    let cseq: header::CSeq<'_> = headers.one().ok()?;
    seen.see_number(black_box(cseq).number);
    if let Some(max_forwards) = headers.optional::<header::MaxForwards>().ok()? {
        seen.see_number(max_forwards.0);
    }
    seen.see_number(headers.one::<header::ContentLength>().ok()?.0);
    Some(())
}

fn see_via(seen: &mut Seen, via: &header::Via<'_>) {
    let via = black_box(via);
    seen.values += 1;
    seen.see_text(via.branch_bytes().unwrap_or_default());
    seen.see_port(via.port());
}

fn see_uri(seen: &mut Seen, uri: &Uri<'_>) {
    // Scheme, user, host and port are found when a URI is read.
    black_box(uri);
    seen.see_port(uri.port());
}

fn without_limits() -> Limits {
    let mut limits = Limits::default();
    for limit in [
        &mut limits.max_message_bytes,
        &mut limits.max_head_bytes,
        &mut limits.max_headers,
        &mut limits.max_header_bytes,
        &mut limits.max_folds,
        &mut limits.max_vias,
        &mut limits.max_routes,
        &mut limits.max_parameters,
    ] {
        *limit = u32::MAX;
    }
    limits
}
