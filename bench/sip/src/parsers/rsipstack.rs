//! rsipstack.

use std::hint::black_box;

use bytes::Bytes;
use rsipstack::sip::headers::typed;
use rsipstack::sip::uri::Tag;
use rsipstack::sip::{HasHeaders, Header, SipMessage, Uri};

use crate::seen::Seen;

pub(super) fn lazy(message: &Bytes) -> Option<Seen> {
    let message = SipMessage::try_from(message.as_ref()).ok()?;
    Some(Seen::body(body(black_box(&message))))
}

pub(super) fn full(message: &Bytes) -> Option<Seen> {
    let message = SipMessage::try_from(message.as_ref()).ok()?;
    let mut seen = Seen::body(body(&message));
    if let SipMessage::Request(request) = &message {
        see_uri(&mut seen, &request.uri);
    }
    for header in message.headers().iter() {
        see_header(&mut seen, header)?;
    }
    Some(seen)
}

fn body(message: &SipMessage) -> &[u8] {
    match message {
        SipMessage::Request(request) => request.body(),
        SipMessage::Response(response) => response.body(),
    }
}

fn see_header(seen: &mut Seen, header: &Header) -> Option<()> {
    match header {
        Header::Via(via) => see_via(seen, &typed::Via::parse(via.value()).ok()?),
        Header::From(from) => {
            let from = typed::From::parse(from.value()).ok()?;
            see_party(seen, &from.uri, from.tag());
            black_box(&from);
        }
        Header::To(to) => {
            let to = typed::To::parse(to.value()).ok()?;
            see_party(seen, &to.uri, to.tag());
            black_box(&to);
        }
        Header::Contact(contact) => {
            for contact in typed::Contact::parse_header_list(contact.value()).ok()? {
                seen.values += 1;
                see_uri(seen, &black_box(&contact).uri);
            }
        }
        Header::Route(route) => {
            for route in typed::Route::parse_header_list(route.value()).ok()? {
                seen.values += 1;
                see_uri(seen, &black_box(&route).uri);
            }
        }
        Header::CallId(call_id) => seen.see_text(call_id.value().as_bytes()),
        Header::CSeq(cseq) => {
            seen.see_number(black_box(typed::CSeq::parse(cseq.value()).ok()?).seq);
        }
        Header::MaxForwards(number) => seen.see_number(number.value().parse::<u8>().ok()?),
        Header::ContentLength(number) => seen.see_number(number.value().parse::<u32>().ok()?),
        _ => {}
    }
    Some(())
}

fn see_via(seen: &mut Seen, via: &typed::Via) {
    let via = black_box(via);
    seen.values += 1;
    seen.see_text(via.branch().map_or("", |branch| branch.value()).as_bytes());
    seen.see_port(via.sent_by().port.map(|port| port.0));
}

fn see_party(seen: &mut Seen, uri: &Uri, tag: Option<&Tag>) {
    see_uri(seen, uri);
    seen.see_text(tag.map_or("", |tag| tag.value()).as_bytes());
}

fn see_uri(seen: &mut Seen, uri: &Uri) {
    black_box((&uri.scheme, uri.user(), uri.host()));
    seen.see_port(uri.host_with_port.port.map(|port| port.0));
}
