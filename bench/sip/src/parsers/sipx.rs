//! sipx-sip.

use std::hint::black_box;

use bytes::Bytes;
use sipx_sip::headers::{ContentLength, MaxForwards};
use sipx_sip::{Address, CSeq, CallId, Limits, Message, Uri, Via, headers, parse_datagram};

use crate::seen::Seen;

pub(super) fn lazy(message: &Bytes) -> Option<Seen> {
    Some(Seen::body(black_box(&parse(message)?).body()))
}

pub(super) fn full(message: &Bytes) -> Option<Seen> {
    let message = parse(message)?;
    let headers = message.headers();
    let mut seen = Seen::body(message.body());
    if let Message::Request(request) = &message {
        see_uri(&mut seen, &request.uri);
    }
    for via in headers.typed_all::<Via>() {
        see_via(&mut seen, &via.ok()?);
    }
    see_address(&mut seen, &headers.typed::<headers::From>()?.ok()?.0);
    see_address(&mut seen, &headers.typed::<headers::To>()?.ok()?.0);
    for contact in headers.typed_all::<headers::Contact>() {
        seen.values += 1;
        see_address(&mut seen, &contact.ok()?.0);
    }
    for route in headers.typed_all::<headers::Route>() {
        seen.values += 1;
        see_address(&mut seen, &route.ok()?.0);
    }
    seen.see_text(&black_box(headers.typed::<CallId>()?.ok()?).0);
    seen.see_number(black_box(headers.typed::<CSeq>()?.ok()?).sequence);
    if let Some(max_forwards) = headers.typed::<MaxForwards>() {
        seen.see_number(max_forwards.ok()?.0);
    }
    seen.see_number(headers.typed::<ContentLength>()?.ok()?.0);
    Some(seen)
}

fn parse(message: &Bytes) -> Option<Message> {
    parse_datagram(message.clone(), &Limits::datagram()).ok()
}

fn see_via(seen: &mut Seen, via: &Via) {
    let via = black_box(via);
    seen.values += 1;
    seen.see_text(via.branch().unwrap_or_default());
    seen.see_port(via.port);
}

/// A contact or route may have no tag, and then adds none.
fn see_address(seen: &mut Seen, address: &Address) {
    see_uri(seen, &black_box(address).uri);
    seen.see_text(address.tag().unwrap_or_default());
}

fn see_uri(seen: &mut Seen, uri: &Uri) {
    black_box((uri.scheme(), uri.user(), uri.host()));
    seen.see_port(uri.port());
}
