//! SIP: messages, streams of them, URIs and multipart bodies.

use std::fmt::Write;

use bytes::Bytes;
use comity_sip::header::Via;
use comity_sip::{Framer, FramerEvent, Limits, Message, Multipart, Uri};

use crate::traffic::PIECE_BYTES;
use crate::{Series, Task};

pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "sip/lines",
        size: 1_000,
        task: |count| {
            let bytes = message(&"X-Note: nobody reads it\r\n".repeat(count), "");
            Box::new(move || read(bytes).headers().iter().count() == HEADERS + count)
        },
    },
    Series {
        name: "sip/values",
        size: 250,
        task: |count| {
            let more = ", SIP/2.0/TLS p.example.net;branch=z9hG4bK7".repeat(count);
            let bytes = message(&format!("Via: SIP/2.0/TLS p.example.net{more}\r\n"), "");
            Box::new(move || {
                let message = read(bytes);
                let values = message.headers().all::<Via<'_>>();
                values.filter(|via| via.is_ok()).count() == 2 + count
            })
        },
    },
    Series {
        name: "sip/stream-of-messages",
        size: 250,
        task: |count| frame(message("", "hello").repeat(count), PIECE_BYTES, count),
    },
    Series {
        name: "sip/stream-by-byte",
        size: 250,
        task: |count| {
            let lines = "X-Note: nobody reads it\r\n".repeat(count);
            frame(message(&lines, &"x".repeat(10 * count)), 1, 1)
        },
    },
    Series {
        name: "sip/uri-parameters",
        size: 1_000,
        task: |count| {
            let mut uri = "sip:bob@example.com".to_owned();
            numbered(&mut uri, count, ";p");
            Box::new(move || parse(&uri).params().count() == count)
        },
    },
    Series {
        name: "sip/uri-headers",
        size: 1_000,
        task: |count| {
            let mut uri = "sip:bob@example.com?h=v".to_owned();
            numbered(&mut uri, count, "&h");
            Box::new(move || parse(&uri).headers().count() == 1 + count)
        },
    },
    Series {
        name: "sip/uri-comparison",
        size: 250,
        task: |count| {
            let mut uri = "sip:bob@example.com".to_owned();
            numbered(&mut uri, count, ";p");
            Box::new(move || parse(&uri).is_equivalent(&parse(&uri)))
        },
    },
    Series {
        name: "sip/parts",
        size: 500,
        task: |count| {
            parts(
                count,
                "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n",
                count,
            )
        },
    },
    Series {
        name: "sip/near-boundaries",
        size: 2_000,
        task: |count| {
            parts(
                1,
                &format!("--b\r\n\r\n{}", "\r\n--c\r\n--".repeat(count)),
                1,
            )
        },
    },
];

/// The headers of every message.
const HEADERS: usize = 8;

/// A message with more header lines, and a body.
fn message(lines: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK776\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@example.net>;tag=19\r\nTo: <sip:bob@example.com>\r\n\
         Call-ID: a84b4c76e66710\r\nCSeq: 7 MESSAGE\r\nContent-Type: multipart/mixed;boundary=b\r\n\
         {lines}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn read(bytes: Vec<u8>) -> Message {
    Message::from_datagram(Bytes::from(bytes), &without_limits()).expect("a message")
}

fn parse(uri: &str) -> Uri<'_> {
    Uri::parse_within(uri.as_bytes(), &without_limits()).expect("a URI")
}

/// Reads a stream in pieces of a size, in which there are so many messages.
fn frame(stream: Vec<u8>, piece_bytes: usize, messages: usize) -> Task {
    Box::new(move || {
        let mut framer = Framer::new(without_limits());
        let mut framed = 0;
        for piece in stream.chunks(piece_bytes) {
            framer.handle_input(piece);
            while let Some(event) = framer.poll_event() {
                framed += usize::from(matches!(event, FramerEvent::Message(_)));
            }
        }
        framed == messages
    })
}

/// Reads a body of so many repetitions, in which there are so many parts.
fn parts(count: usize, repeated: &str, expected: usize) -> Task {
    let body = format!("{}\r\n--b--\r\n", repeated.repeat(count));
    let message = read(message("", &body));
    Box::new(move || match Multipart::of(&message) {
        Ok(Some(multipart)) => multipart.parts().len() == expected,
        Ok(None) | Err(_) => false,
    })
}

/// Writes so many names, each behind the same, and a value.
fn numbered(uri: &mut String, count: usize, before: &str) {
    for number in 0..count {
        write!(uri, "{before}{number:05}=v").expect("a string takes it");
    }
}

fn without_limits() -> Limits {
    let mut limits = Limits::default();
    for limit in [
        &mut limits.max_message_bytes,
        &mut limits.max_head_bytes,
        &mut limits.max_body_bytes,
        &mut limits.max_headers,
        &mut limits.max_header_bytes,
        &mut limits.max_uri_bytes,
        &mut limits.max_vias,
        &mut limits.max_parameters,
        &mut limits.max_parts,
    ] {
        *limit = u32::MAX;
    }
    limits
}
