//! Lines, lists and errors.

use comity_sip::header::{CSeq, Event, From, Require, Server, Via};
use comity_sip::{Fault, Field, HeaderName, Limits, ListField, Message, Place};

use super::message;

#[test]
fn errors_say_where_they_are() {
    let message = message(
        "To: <sip:a>\r\nVia: SIP/2.0/UDP a,\r\n SIP/2.0/UDP b;;\r\nCSeq: 1 X\r\nCSeq: 2 X\r\n",
    );
    let headers = message.headers();
    let text = std::str::from_utf8(message.as_bytes()).unwrap();
    let mut vias = headers.all::<Via<'_>>();
    assert_eq!(vias.next().unwrap().unwrap().to_string(), "SIP/2.0/UDP a");
    let error = vias.next().unwrap().unwrap_err();
    assert_eq!(
        (error.place(), error.fault()),
        (Place::Header(HeaderName::Via), Fault::Token)
    );
    assert_eq!(Some(error.offset()), text.find(";;").map(|at| at + 1));
    assert!(vias.next().is_none());
    let repeated = headers.one::<CSeq<'_>>().unwrap_err();
    assert_eq!(repeated.fault(), Fault::Repeated);
    assert_eq!(Some(repeated.offset()), text.rfind("CSeq"));
    let missing = headers.one::<From<'_>>().unwrap_err();
    assert_eq!(
        (missing.fault(), missing.offset()),
        (Fault::Missing, text.len() - 2)
    );
    assert_eq!(
        missing.to_string(),
        format!("missing in From at byte {}", text.len() - 2)
    );
    assert!(headers.optional::<Event<'_>>().unwrap().is_none());
}

#[test]
fn a_comma_has_a_value_behind_it() {
    for (line, fault) in [
        ("Require: a,", Fault::EmptyValue),
        ("Require: ,a", Fault::Token),
        ("Require: a,,b", Fault::Token),
        ("Require: a b", Fault::Trailing),
        ("Require:", Fault::EmptyValue),
    ] {
        let message = message(&format!("{line}\r\n"));
        let read: Result<Vec<_>, _> = message.headers().all::<Require<'_>>().collect();
        assert_eq!(read.map(drop).unwrap_err().fault(), fault, "{line}");
    }
}

#[test]
fn text_that_is_not_utf8_survives_and_is_not_read() {
    let bytes =
        b"OPTIONS sip:b SIP/2.0\r\nFrom: \"\xff\" <sip:a>\r\nX: \xfe\r\nServer: a\xfd\r\n\r\n";
    let message = Message::from_datagram(bytes.as_slice().into(), &Limits::default()).unwrap();
    let headers = message.headers();
    assert_eq!(
        headers.one::<From<'_>>().unwrap_err().fault(),
        Fault::NotUtf8
    );
    let error = headers.one::<Server<'_>>().unwrap_err();
    assert_eq!(
        (error.fault(), error.offset()),
        (Fault::NotUtf8, bytes.len() - 5)
    );
    let unknown = headers.find("x").next().unwrap();
    assert_eq!(
        (unknown.value(), unknown.text().is_err()),
        (&b"\xfe"[..], true)
    );
    assert_eq!(message.as_bytes(), bytes.as_slice());
}

#[test]
fn lines_are_found_in_their_order_as_they_are_written() {
    let message = message("v : a\r\nX-Own:\r\n b \r\nVIA:c\r\nx-own: d\r\n");
    let headers = message.headers();
    let lines: Vec<_> = headers
        .iter()
        .map(|header| (header.name(), header.known(), header.value(), header.line()))
        .collect();
    assert_eq!(
        lines,
        [
            ("v", Some(HeaderName::Via), &b"a"[..], &b"v : a\r\n"[..]),
            ("X-Own", None, b"b", b"X-Own:\r\n b \r\n"),
            ("VIA", Some(HeaderName::Via), b"c", b"VIA:c\r\n"),
            ("x-own", None, b"d", b"x-own: d\r\n"),
        ]
    );
    assert_eq!((headers.len(), headers.is_empty()), (4, false));
    assert_eq!(headers.find("X-OWN").count(), 2);
    assert_eq!(headers.find("via").count(), 2);
    assert_eq!(
        headers
            .named(HeaderName::Via)
            .map(|header| header.offset())
            .sum::<usize>(),
        31 + 51
    );
    assert!(headers.has(HeaderName::Via) && !headers.has(HeaderName::To));
}

/// A header that is not one of the crate's own types.
struct Own<'a>(&'a [u8]);

impl<'a> Field<'a> for Own<'a> {
    const NAME: HeaderName = HeaderName::Subject;

    fn read(value: &'a [u8], _: &Limits) -> Result<(Self, usize), comity_sip::ValueError> {
        let len = value
            .iter()
            .position(|&byte| byte == b',')
            .unwrap_or(value.len());
        match value.split_at(len) {
            (b"", _) => Err(comity_sip::ValueError::new(Fault::EmptyValue, 0)),
            (own, _) => Ok((Self(own), len)),
        }
    }
}

impl<'a> ListField<'a> for Own<'a> {}

#[test]
fn a_type_of_the_users_own_is_read_like_the_others() {
    let message = message("s: a,b\r\nSubject: c,,\r\n");
    let values: Vec<_> = message
        .headers()
        .all::<Own<'_>>()
        .map(|own| own.map(|Own(value)| value).map_err(|error| error.fault()))
        .collect();
    assert_eq!(
        values,
        [Ok(&b"a"[..]), Ok(b"b"), Ok(b"c"), Err(Fault::EmptyValue)]
    );
}
