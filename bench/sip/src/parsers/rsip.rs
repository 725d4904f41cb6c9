//! rsip.

use std::hint::black_box;

use ::rsip::headers::{Header, Headers, ToTypedHeader, UntypedHeader};
use ::rsip::param::Tag;
use ::rsip::typed;
use ::rsip::{SipMessage, Uri};
use bytes::Bytes;

use crate::seen::Seen;

pub(super) fn lazy(message: &Bytes) -> Option<Seen> {
    let message = SipMessage::try_from(message.as_ref()).ok()?;
    Some(Seen::body(black_box(&message).body()))
}

pub(super) fn full(message: &Bytes) -> Option<Seen> {
    let message = SipMessage::try_from(message.as_ref()).ok()?;
    let mut seen = Seen::body(message.body());
    let headers: Headers = match message {
        SipMessage::Request(request) => {
            see_uri(&mut seen, &request.uri);
            request.headers
        }
        SipMessage::Response(response) => response.headers,
    };
    for header in headers {
        see_header(&mut seen, header)?;
    }
    Some(seen)
}

fn see_header(seen: &mut Seen, header: Header) -> Option<()> {
    match header {
        Header::Via(via) => see_via(seen, &via.into_typed().ok()?),
        Header::From(from) => {
            let from = from.into_typed().ok()?;
            see_party(seen, &from.uri, from.tag());
            black_box(&from);
        }
        Header::To(to) => {
            let to = to.into_typed().ok()?;
            see_party(seen, &to.uri, to.tag());
            black_box(&to);
        }
        Header::Contact(contact) => {
            seen.values += 1;
            see_uri(seen, &black_box(contact.into_typed().ok()?).uri);
        }
        Header::Route(route) => {
            for route in black_box(route.into_typed().ok()?).uris() {
                seen.values += 1;
                see_uri(seen, &route.uri);
            }
        }
        Header::CallId(call_id) => seen.see_text(call_id.value().as_bytes()),
        Header::CSeq(cseq) => seen.see_number(black_box(cseq.into_typed().ok()?).seq),
        Header::MaxForwards(number) => seen.see_number(number.num().ok()?),
        Header::ContentLength(number) => seen.see_number(number.length().ok()?),
        _ => {}
    }
    Some(())
}

fn see_via(seen: &mut Seen, via: &typed::Via) {
    let via = black_box(via);
    seen.values += 1;
    seen.see_text(via.branch().map_or("", |branch| branch.value()).as_bytes());
    seen.see_port(via.sent_by().port().map(|port| *port.value()));
}

fn see_party(seen: &mut Seen, uri: &Uri, tag: Option<&Tag>) {
    see_uri(seen, uri);
    seen.see_text(tag.map_or("", |tag| tag.value()).as_bytes());
}

fn see_uri(seen: &mut Seen, uri: &Uri) {
    black_box((&uri.scheme, uri.user(), uri.host()));
    seen.see_port(uri.port().map(|port| *port.value()));
}
