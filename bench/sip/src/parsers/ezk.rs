//! ezk-sip-types, put together as ezk-sip-core does.

use std::hint::black_box;

use bytes::Bytes;
use ezk_sip_types::header::typed::{
    CSeq, CallID, Contact, ContentLength, FromTo, MaxForwards, Routing, Via,
};
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::parse::Parse;
use ezk_sip_types::uri::SipUri;
use ezk_sip_types::{Headers, Name};

use crate::seen::Seen;

pub(super) fn lazy(message: &Bytes) -> Option<Seen> {
    Some(Seen::body(&black_box(Message::parse(message)?).body))
}

pub(super) fn full(message: &Bytes) -> Option<Seen> {
    let Message {
        line,
        headers,
        body,
    } = Message::parse(message)?;
    let mut seen = Seen::body(&body);
    if let MessageLine::Request(line) = &line {
        see_uri(&mut seen, &line.uri);
    }
    for via in headers.get_named::<Vec<Via>>().ok()? {
        see_via(&mut seen, &via);
    }
    see_party(&mut seen, &headers.get(Name::FROM).ok()?);
    see_party(&mut seen, &headers.get(Name::TO).ok()?);
    if let Some(contacts) = headers.try_get_named::<Vec<Contact>>() {
        for contact in contacts.ok()? {
            seen.values += 1;
            see_uri(&mut seen, &black_box(&contact).uri.uri);
        }
    }
    if let Some(routes) = headers.try_get::<Vec<Routing>>(Name::ROUTE) {
        for route in routes.ok()? {
            seen.values += 1;
            see_uri(&mut seen, &black_box(&route).uri.uri);
        }
    }
    seen.see_text(headers.get_named::<CallID>().ok()?.0.as_ref());
    seen.see_number(black_box(headers.get_named::<CSeq>().ok()?).cseq);
    if let Some(max_forwards) = headers.try_get_named::<MaxForwards>() {
        seen.see_number(max_forwards.ok()?.0);
    }
    seen.see_number(headers.get_named::<ContentLength>().ok()?.0 as u64);
    Some(seen)
}

struct Message {
    line: MessageLine,
    headers: Headers,
    body: Bytes,
}

impl Message {
    fn parse(message: &Bytes) -> Option<Self> {
        let mut lines = PullParser::new(message, 0);
        let line = str::from_utf8(lines.next()?.ok()?).ok()?;
        let (_, line) = MessageLine::parse(message)(line).ok()?;
        let mut headers = Headers::new();
        for line in &mut lines {
            let line = str::from_utf8(line.ok()?).ok()?;
            let (_, Line { name, value }) = Line::parse(message, line).ok()?;
            headers.insert(name, value);
        }
        let body = message.slice(lines.head_end()..);
        Some(Self {
            line,
            headers,
            body,
        })
    }
}

fn see_via(seen: &mut Seen, via: &Via) {
    let via = black_box(via);
    seen.values += 1;
    if let Some(branch) = via.params.get_val("branch") {
        seen.see_text(branch.as_ref());
    }
    seen.see_port(via.sent_by.port);
}

fn see_party(seen: &mut Seen, party: &FromTo) {
    see_uri(seen, &black_box(party).uri.uri);
    if let Some(tag) = &party.tag {
        seen.see_text(tag.as_ref());
    }
}

/// The parts of the user have no public names.
fn see_uri(seen: &mut Seen, uri: &SipUri) {
    black_box((uri.sips, &uri.user_part, &uri.host_port.host));
    seen.see_port(uri.host_port.port);
}
