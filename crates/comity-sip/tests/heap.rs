//! What reading costs the heap.
#![cfg(test)]

use bytes::Bytes;
use comity_sip::header::{CSeq, CallId, Contact, ContentLength, From, MaxForwards, Route, To, Via};
use comity_sip::{Framer, FramerEvent, Headers, Limits, Message, ParseError};
use comity_testkit::heap::{self, Counting};

#[global_allocator]
static HEAP: Counting = Counting;

const LINE: &str = "Record-Route: <sip:p.example;lr>\r\n";

/// A request with this many headers.
fn request(headers: usize) -> Bytes {
    let own = "INVITE sip:bob@b.example SIP/2.0\r\n\
        Via: SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1;received=192.0.2.1;rport=5\r\n\
        v: SIP/2.0/UDP a.example, SIP/2.0/TCP 192.0.2.1;x=\"a;b\"\r\n\
        From: \"A B\" <sip:a%20b@a.example;x=y?z=1>;tag=1\r\n\
        To: A B <tel:+1-555;ext=1>\r\n\
        Contact: <sip:a@192.0.2.1>;q=0.5, sip:b@a.example\r\n\
        Route: <sip:p.example;lr>, <sip:q.example;lr>\r\n\
        CALL-ID: a@b\r\n\
        CSeq: 1\r\n INVITE\r\n\
        Max-Forwards: 70\r\n\
        Content-Length: 2\r\n";
    let more = LINE.repeat(headers - 10);
    Bytes::from(format!("{own}{more}\r\nhi").into_bytes().into_boxed_slice())
}

fn read_all(headers: Headers<'_>) -> Result<(), ParseError> {
    headers.all::<Via<'_>>().try_for_each(|via| via.map(drop))?;
    headers
        .all::<Contact<'_>>()
        .try_for_each(|contact| contact.map(drop))?;
    headers
        .all::<Route<'_>>()
        .try_for_each(|route| route.map(drop))?;
    headers.one::<From<'_>>()?;
    headers.one::<To<'_>>()?;
    headers.one::<CallId<'_>>()?;
    headers.one::<CSeq<'_>>()?;
    headers.one::<MaxForwards>()?;
    headers.one::<ContentLength>().map(drop)
}

/// One test, because the counters are those of the whole process.
#[test]
fn what_reading_costs_the_heap() {
    let limits = Limits::default();
    let bytes = request(32);
    // Nothing for 32 headers and what is in them.
    let (message, stats) = heap::measure(|| Message::from_datagram(bytes, &limits).unwrap());
    assert_eq!((stats.live_bytes, stats.peak_bytes), (0, 0));
    let (read, stats) = heap::measure(|| read_all(message.headers()));
    assert_eq!(read, Ok(()));
    assert_eq!((stats.live_bytes, stats.peak_bytes), (0, 0));
    // An index of 12 bytes for each of more, of which the vector may take twice as many.
    let bytes = request(128);
    let (message, stats) = heap::measure(|| Message::from_datagram(bytes, &limits).unwrap());
    assert_eq!(message.headers().len(), 128);
    assert!(
        stats.live_bytes <= 128 * 12 && stats.peak_bytes <= 2 * 128 * 12,
        "{stats:?}"
    );
    // What a peer declares is not allocated before it comes.
    let (framer, stats) = heap::measure(|| {
        let mut framer = Framer::new(limits);
        framer.handle_input(b"OPTIONS sip:b SIP/2.0\r\nContent-Length: 40000\r\n\r\nx");
        assert!(framer.poll_event().is_none());
        framer
    });
    assert_eq!(framer.needed(), Some(39_999));
    assert!(stats.peak_bytes < 2048, "{stats:?}");
    // Hostile streams stay within one message and its index.
    for hostile in ["X", "X: y\r\n", "\r\n", "X: y\r\n z", "X: \u{e9}"] {
        let start = "OPTIONS sip:b SIP/2.0\r\n";
        let flood = hostile.repeat(200_000 / hostile.len());
        let ((), stats) = heap::measure(|| {
            let mut framer = Framer::new(limits);
            for piece in [start.as_bytes()]
                .into_iter()
                .chain(flood.as_bytes().chunks(1000))
            {
                if !framer.wants_input() {
                    break;
                }
                framer.handle_input(piece);
                while let Some(event) = framer.poll_event() {
                    drop::<FramerEvent>(event);
                }
            }
        });
        assert!(stats.peak_bytes < 160 * 1024, "{hostile:?}: {stats:?}");
    }
}
