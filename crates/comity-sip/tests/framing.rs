//! Where messages begin and end, on each kind of transport.
#![cfg(test)]

use bytes::Bytes;
use comity_machine::Random;
use comity_sip::{Fault, Framer, FramerEvent, HeaderName, Limits, Message, ParseError, Place};
use comity_testkit::cut;

const LENGTH: Place = Place::Header(HeaderName::ContentLength);

/// A request with these header lines and this body.
fn request(lines: &str, body: &str) -> String {
    format!("MESSAGE sip:b.example SIP/2.0\r\n{lines}\r\n{body}")
}

/// What came on a stream, for comparison.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    KeepAlive,
    Body(Bytes),
    Rejected(ParseError),
    Failed(ParseError),
}

fn drain(framer: &mut Framer, seen: &mut Vec<Seen>) {
    while let Some(event) = framer.poll_event() {
        seen.push(match event {
            FramerEvent::KeepAlive => Seen::KeepAlive,
            FramerEvent::Message(message) => Seen::Body(message.body()),
            FramerEvent::Rejected(rejected) => Seen::Rejected(rejected.error()),
            FramerEvent::Failed(rejected) => Seen::Failed(rejected.error()),
        });
    }
}

fn stream<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut framer = Framer::new(Limits::default());
    let mut seen = Vec::new();
    for piece in pieces {
        framer.handle_input(piece);
        drain(&mut framer, &mut seen);
    }
    seen
}

/// A body, or what is wrong.
type Framed = Result<Bytes, (Place, Fault)>;

fn datagram(bytes: &str) -> Framed {
    framed(Message::from_datagram(
        bytes.to_owned().into(),
        &Limits::default(),
    ))
}

fn frame(bytes: &str) -> Framed {
    framed(Message::from_frame(
        bytes.to_owned().into(),
        &Limits::default(),
    ))
}

fn framed(read: Result<Message, Box<comity_sip::Rejected>>) -> Framed {
    read.map(|message| message.body())
        .map_err(|rejected| (rejected.error().place(), rejected.error().fault()))
}

fn on_stream(bytes: &str) -> Option<Framed> {
    match stream([bytes.as_bytes()]).into_iter().next()? {
        Seen::Body(body) => Some(Ok(body)),
        Seen::Failed(error) => Some(Err((error.place(), error.fault()))),
        Seen::KeepAlive | Seen::Rejected(_) => panic!("{bytes:?}"),
    }
}

#[test]
fn a_body_without_length_is_the_rest_or_fatal() {
    let bytes = request("", "rest");
    assert_eq!(datagram(&bytes), Ok("rest".into()));
    assert_eq!(frame(&bytes), Ok("rest".into()));
    assert_eq!(on_stream(&bytes), Some(Err((LENGTH, Fault::LengthMissing))));
}

#[test]
fn a_body_shorter_than_declared_is_an_error_or_waited_for() {
    let bytes = request("l: 5\r\n", "rest");
    let fault = Fault::BodyTruncated {
        declared: 5,
        present: 4,
    };
    assert_eq!(datagram(&bytes), Err((Place::Body, fault)));
    assert_eq!(frame(&bytes), Err((Place::Body, fault)));
    assert_eq!(on_stream(&bytes), None);
}

#[test]
fn bytes_behind_the_body_are_ignored_an_error_or_the_next_message() {
    let bytes = request("l: 3\r\n", "rest");
    assert_eq!(datagram(&bytes), Ok("res".into()));
    assert_eq!(frame(&bytes), Err((Place::Body, Fault::Trailing)));
    assert_eq!(on_stream(&bytes), Some(Ok("res".into())));
    let next = request("l: 0\r\n", "");
    let seen = stream([format!("{}{next}", request("l: 4\r\n", "rest")).as_bytes()]);
    assert_eq!(seen, [Seen::Body("rest".into()), Seen::Body(Bytes::new())]);
}

#[test]
fn a_length_is_a_number_of_any_size_and_nothing_else() {
    for length in [
        "4",
        "04",
        "000000000000000000000000000000004",
        "\r\n 4",
        " \t4 \t",
        "4\r\n ",
    ] {
        let bytes = request(&format!("Content-Length:{length}\r\n"), "rest");
        assert_eq!(datagram(&bytes), Ok("rest".into()), "{length:?}");
        assert_eq!(frame(&bytes), Ok("rest".into()), "{length:?}");
        assert_eq!(on_stream(&bytes), Some(Ok("rest".into())), "{length:?}");
    }
    for length in [
        "", "-1", "+4", "4,4", "4;x", "0x4", "4 4", "4.0", "\"4\"", "four", "٤",
    ] {
        let bytes = request(&format!("Content-Length: {length}\r\n"), "rest");
        let expected = Err((LENGTH, Fault::LengthMalformed));
        assert_eq!(datagram(&bytes), expected, "{length:?}");
        assert_eq!(frame(&bytes), expected, "{length:?}");
        assert_eq!(on_stream(&bytes), Some(expected), "{length:?}");
    }
    for length in [
        "18446744073709551610",
        "18446744073709551616",
        &"9".repeat(200),
    ] {
        let bytes = request(&format!("l: {length}\r\n"), "rest");
        let declared = length.parse().unwrap_or(u64::MAX);
        let expected = Err((
            Place::Body,
            Fault::BodyTooLong {
                declared,
                limit: 48 * 1024,
            },
        ));
        assert_eq!(datagram(&bytes), expected, "{length:?}");
        assert_eq!(on_stream(&bytes), Some(expected), "{length:?}");
    }
}

#[test]
fn a_repeated_length_is_an_error_even_if_it_is_the_same() {
    for lines in [
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "l: 4\r\nContent-Length: 5\r\n",
        "CONTENT-LENGTH : 4\r\nX: y\r\nL:\r\n 4\r\n",
    ] {
        let bytes = request(lines, "rest");
        let expected = Err((LENGTH, Fault::LengthRepeated));
        assert_eq!(datagram(&bytes), expected, "{lines:?}");
        assert_eq!(frame(&bytes), expected, "{lines:?}");
        assert_eq!(on_stream(&bytes), Some(expected), "{lines:?}");
    }
}

#[test]
fn a_continuation_that_looks_like_a_length_is_none() {
    for lines in [
        "X: y\r\n Content-Length: 9\r\nl: 4\r\n",
        "X:\r\n\tl: 9\r\nContent-Length : 4\r\n",
        "X-Content-Length: 9\r\nContent-Length: 4\r\n",
        "Content-Lengt: 9\r\nl: 4\r\n",
    ] {
        let bytes = request(lines, "rest");
        assert_eq!(on_stream(&bytes), Some(Ok("rest".into())), "{lines:?}");
        assert_eq!(datagram(&bytes), Ok("rest".into()), "{lines:?}");
    }
}

#[test]
fn a_header_without_name_or_colon_puts_the_end_in_doubt() {
    for (line, fault) in [
        ("Content Length: 4", Fault::HeaderName),
        ("Content-Length\0: 4", Fault::HeaderName),
        ("Content-Length\u{b}: 4", Fault::HeaderName),
        ("Content-Length\u{a0}: 4", Fault::HeaderName),
        ("Content-Length", Fault::HeaderName),
        (": 4", Fault::HeaderName),
        ("Content-Länge: 4", Fault::HeaderName),
    ] {
        let bytes = request(&format!("l: 4\r\n{line}\r\n"), "rest");
        let expected = Err((Place::HeaderLine, fault));
        assert_eq!(datagram(&bytes), expected, "{line:?}");
        assert_eq!(on_stream(&bytes), Some(expected), "{line:?}");
    }
    let bytes = request(" l: 4\r\n", "rest");
    let expected = Err((Place::HeaderLine, Fault::NothingToContinue));
    assert_eq!(datagram(&bytes), expected);
}

#[test]
fn lines_end_with_crlf_and_nothing_else() {
    for (bytes, offset) in [
        ("OPTIONS sip:b SIP/2.0\nl: 0\r\n\r\n", 21),
        ("OPTIONS sip:b SIP/2.0\r\nl: 0\n\n", 27),
        ("OPTIONS sip:b SIP/2.0\r\nl: 0\r\r\n", 27),
        ("OPTIONS sip:b SIP/2.0\r\nX: a\rb\r\nl: 0\r\n\r\n", 27),
        ("OPTIONS sip:b SIP/2.0\r\nX: a\n b\r\nl: 0\r\n\r\n", 27),
        ("OPTIONS sip:b SIP/2.0\r\nX: a\0\nl: 0\r\n\r\n", 28),
    ] {
        let read = Message::from_datagram(bytes.into(), &Limits::default());
        let error = read.unwrap_err().error();
        assert_eq!(
            (error.fault(), error.offset()),
            (Fault::BareLineEnd, offset),
            "{bytes:?}"
        );
        assert_eq!(
            stream([bytes.as_bytes()]),
            [Seen::Failed(error)],
            "{bytes:?}"
        );
    }
}

#[test]
fn a_nul_stands_only_behind_a_backslash() {
    let escaped = request("From: \"a\\\0\" <sip:a>\r\nl: 4\r\n", "re\0t");
    assert_eq!(on_stream(&escaped), Some(Ok("re\0t".into())));
    for bytes in [
        request("X: a\0b\r\nl: 4\r\n", "rest"),
        request("X: \\\0\0\r\nl: 4\r\n", "rest"),
        request("X: \0\r\nl: 4\r\n", "rest"),
        "SIP/2.0 200 O\0K\r\nl: 4\r\n\r\nrest".to_owned(),
    ] {
        let expected = Err((Place::Message, Fault::Nul));
        assert_eq!(datagram(&bytes), expected, "{bytes:?}");
        assert_eq!(on_stream(&bytes), Some(expected), "{bytes:?}");
    }
}

#[test]
fn what_begins_no_message_is_refused_at_its_first_byte() {
    for octet in [
        0x16, 0x00, 0x80, 0xff, b' ', b'\t', b'<', b'{', b':', b'"', 0x7f,
    ] {
        let expected = Fault::NotSip { octet };
        let seen = stream([[octet].as_slice()]);
        let [Seen::Failed(error)] = seen.as_slice() else {
            panic!("{octet}: {seen:?}");
        };
        assert_eq!((error.fault(), error.offset()), (expected, 0));
        let read = Message::from_datagram(vec![octet].into(), &Limits::default());
        assert_eq!(read.unwrap_err().error().fault(), expected);
    }
}

#[test]
fn empty_lines_before_a_message_are_keep_alives_ignored_or_an_error() {
    let bytes = format!("\r\n\r\n\r\n{}\r\n", request("l: 2\r\n", "hi"));
    assert_eq!(
        stream([bytes.as_bytes()]),
        [
            Seen::KeepAlive,
            Seen::KeepAlive,
            Seen::KeepAlive,
            Seen::Body("hi".into()),
            Seen::KeepAlive
        ]
    );
    assert_eq!(datagram(&bytes), Ok("hi".into()));
    assert_eq!(frame(&bytes), Err((Place::Message, Fault::LeadingLine)));
    for empty in ["", "\r\n", "\r\n\r\n\r\n"] {
        assert_eq!(datagram(empty), Err((Place::Message, Fault::Empty)));
    }
}

#[test]
fn complete_messages_come_before_the_error_behind_them() {
    let good = request("l: 2\r\n", "hi");
    let bytes = format!("{good}{good}GET / HTTP/1.1\r\nHost: b\r\n\r\n{good}");
    let seen = stream([bytes.as_bytes()]);
    let [Seen::Body(_), Seen::Body(_), Seen::Failed(error)] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (error.place(), error.fault()),
        (LENGTH, Fault::LengthMissing)
    );
}

#[test]
fn a_malformed_start_line_does_not_end_a_stream() {
    let good = request("l: 2\r\n", "hi");
    let bad = good.replace("sip:", "<sip:");
    let seen = stream([format!("{bad}{good}").as_bytes()]);
    let [Seen::Rejected(error), Seen::Body(_)] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (error.place(), error.fault(), error.offset()),
        (Place::StartLine, Fault::Scheme, 8)
    );
}

#[test]
fn the_error_of_a_start_line_says_where_it_is() {
    for (line, fault, offset) in [
        ("OPTIONS sip:b SIP/2.0 ", Fault::RequestLine, 21),
        ("OPTIONS sip:b SIP/2.0x", Fault::RequestLine, 21),
        ("OPTIONS sip:b SIP/2", Fault::Version, 14),
        ("OPTIONS sip:b  SIP/2.0", Fault::Version, 14),
        ("OPTIONS  sip:b SIP/2.0", Fault::Scheme, 8),
        ("OPTIONS sip:b", Fault::RequestLine, 13),
        ("OPTIONS", Fault::RequestLine, 7),
        ("SIP/2.0 20 OK", Fault::StatusCode, 8),
        ("SIP/2.0 700 No", Fault::StatusCode, 8),
        ("SIP/2.0 200", Fault::StatusLine, 11),
        ("SIP/2.0", Fault::StatusLine, 7),
        ("SIP/x 200 OK", Fault::Version, 0),
    ] {
        let bytes = format!("{line}\r\n\r\n");
        let read = Message::from_datagram(bytes.into(), &Limits::default());
        let error = read.unwrap_err().error();
        let seen = (error.place(), error.fault(), error.offset());
        assert_eq!(seen, (Place::StartLine, fault, offset), "{line:?}");
    }
}

#[test]
fn errors_of_a_stream_are_final() {
    let mut framer = Framer::new(Limits::default());
    framer.handle_input(b"\x16\x03\x01");
    assert!(matches!(framer.poll_event(), Some(FramerEvent::Failed(_))));
    assert!(framer.is_closed() && !framer.wants_input());
    framer.handle_input(request("l: 0\r\n", "").as_bytes());
    framer.handle_eof();
    assert!(framer.poll_event().is_none());
    assert_eq!(framer.pending(), 0);
}

#[test]
fn the_end_of_a_stream_inside_a_message_is_an_error() {
    let whole = request("l: 4\r\n", "rest");
    for (len, fault) in [
        (
            whole.len() - 1,
            Fault::BodyTruncated {
                declared: 4,
                present: 3,
            },
        ),
        (whole.len() - 5, Fault::HeadTruncated),
        (1, Fault::HeadTruncated),
    ] {
        let mut framer = Framer::new(Limits::default());
        framer.handle_input(&whole.as_bytes()[..len]);
        assert!(framer.poll_event().is_none());
        assert_eq!(framer.pending(), len);
        framer.handle_eof();
        let mut seen = Vec::new();
        drain(&mut framer, &mut seen);
        let [Seen::Failed(error)] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        assert_eq!(error.fault(), fault);
    }
    let mut framer = Framer::new(Limits::default());
    framer.handle_input(whole.as_bytes());
    framer.handle_eof();
    assert!(matches!(framer.poll_event(), Some(FramerEvent::Message(_))));
    assert!(framer.poll_event().is_none());
}

#[test]
fn what_a_stream_waits_for_is_told() {
    let whole = request("l: 4\r\n", "rest");
    let mut framer = Framer::new(Limits::default());
    framer.handle_input(&whole.as_bytes()[..10]);
    assert!(framer.poll_event().is_none());
    assert_eq!((framer.pending(), framer.needed()), (10, None));
    framer.handle_input(&whole.as_bytes()[10..whole.len() - 3]);
    assert!(framer.poll_event().is_none());
    assert_eq!(
        (framer.pending(), framer.needed()),
        (whole.len() - 3, Some(3))
    );
    framer.handle_input(&whole.as_bytes()[whole.len() - 3..]);
    assert!(matches!(framer.poll_event(), Some(FramerEvent::Message(_))));
    assert_eq!((framer.pending(), framer.needed()), (0, None));
}

/// Streams with one of each thing that a cut could change.
fn streams() -> Vec<Vec<u8>> {
    let good = request(
        "Via: SIP/2.0/TLS a\r\n ;branch=1\r\nl:\r\n 4\r\n",
        "\r\n\r\n",
    );
    let mut streams: Vec<Vec<u8>> = [
        format!("\r\n\r\n{good}\r\n{good}"),
        format!("{good}{}", good.replace("l:", "lx:")),
        format!("{good}OPTIONS sip:b SIP/2.0\r\nl: 0\n\r\n"),
        format!("{good}OPTIONS sip:b SIP/2.0\r\nl: 0\rX\r\n"),
        format!("{}{good}", good.replace("SIP/2.0\r\n", "SIP/2\r\n")),
        format!("{good}X: {}\r\n", "y".repeat(9000)),
        format!("OPTIONS sip:b SIP/2.0\r\nX: a{}", "\r\n b".repeat(20)),
        format!("OPTIONS sip:b SIP/2.0\r\n{}", "X: a\r\n".repeat(130)),
        format!(
            "OPTIONS sip:b SIP/2.0\r\n{}",
            format!("X: {}\r\n", "a".repeat(5000)).repeat(8)
        ),
        format!("{good}\u{16}"),
        format!("{good}\r\r\n"),
    ]
    .map(String::into_bytes)
    .to_vec();
    for name in [
        "dblreq", "mpart01", "wsinv", "longreq", "ncl", "mcl01", "clerr",
    ] {
        let path = format!(
            "{}/tests/vectors/rfc4475/{name}.dat",
            env!("CARGO_MANIFEST_DIR")
        );
        streams.push(std::fs::read(path).unwrap());
    }
    streams
}

#[test]
fn the_events_do_not_depend_on_how_the_bytes_are_cut() {
    let mut random = Random::from_seed([1; 32]);
    for bytes in streams() {
        let whole = stream([bytes.as_slice()]);
        assert_eq!(stream(cut::bytewise(&bytes)), whole);
        for (first, second) in cut::at_each_point(&bytes).step_by(1 + bytes.len() / 500) {
            assert_eq!(stream([first, second]), whole);
        }
        for _ in 0..50 {
            assert_eq!(stream(cut::at_random(&bytes, &mut random, 80)), whole);
        }
    }
}
