//! Each limit, one below it, at it and one above it.
#![cfg(test)]

use comity_sip::header::{Contact, RecordRoute, Route, Supported, To, Via};
use comity_sip::{
    Fault, Framer, FramerEvent, HeaderName, Limits, Message, Multipart, ParseError, Place, Uri,
    Values,
};

const REQUEST: &str = "OPTIONS sip:b.example SIP/2.0\r\n";

/// Reads a request with these header lines as a datagram.
fn read(lines: &str, limits: &Limits) -> Result<Message, ParseError> {
    let bytes = format!("{REQUEST}{lines}\r\n");
    Message::from_datagram(bytes.into(), limits).map_err(|rejected| rejected.error())
}

/// Reads the same as a stream, cut into single bytes.
fn read_stream(bytes: &str, limits: &Limits) -> Result<Message, ParseError> {
    let mut framer = Framer::new(*limits);
    for byte in bytes.as_bytes() {
        framer.handle_input(&[*byte]);
        if let Some(event) = framer.poll_event() {
            return match event {
                FramerEvent::Message(message) => Ok(message),
                FramerEvent::Rejected(rejected) | FramerEvent::Failed(rejected) => {
                    Err(rejected.error())
                }
                FramerEvent::KeepAlive => panic!("an empty line"),
            };
        }
    }
    panic!("neither a message nor an error")
}

/// What is wrong with the message that `make` makes of a size, for the sizes around the limit.
fn around<T>(limit: u32, mut make: impl FnMut(u32) -> Result<T, ParseError>) -> [Option<Fault>; 3] {
    [limit - 1, limit, limit + 1].map(|size| make(size).err().map(|error| error.fault()))
}

#[test]
fn the_head_has_a_limit() {
    let mut limits = Limits::default();
    limits.max_head_bytes = 100;
    let empty = format!("{REQUEST}l:0\r\nX: \r\n\r\n").len();
    let request = |size: u32| {
        let fill = "x".repeat(size as usize - empty);
        format!("{REQUEST}l:0\r\nX: {fill}\r\n\r\n")
    };
    let expected = [None, None, Some(Fault::HeadTooLong { limit: 100 })];
    let whole = around(100, |size| {
        let read = Message::from_datagram(request(size).into(), &limits);
        read.map_err(|rejected| rejected.error())
    });
    assert_eq!(whole, expected);
    assert_eq!(
        around(100, |size| read_stream(&request(size), &limits)),
        expected
    );
    let error = read_stream(&request(101), &limits).unwrap_err();
    assert_eq!((error.offset(), error.status().code()), (100, 513));
}

#[test]
fn a_header_line_has_a_limit() {
    let mut limits = Limits::default();
    limits.max_header_bytes = 40;
    let line = |size: u32| format!("X: {}\r\n", "x".repeat(size as usize - 3));
    let fault = Fault::HeaderTooLong { limit: 40 };
    assert_eq!(
        around(40, |size| read(&line(size), &limits)),
        [None, None, Some(fault)]
    );
    let error = read(&line(41), &limits).unwrap_err();
    assert_eq!(
        (error.offset(), error.status().code()),
        (REQUEST.len() + 40, 513)
    );
    let folded = |size: u32| format!("X:\r\n {}\r\n", "x".repeat(size as usize - 5));
    assert_eq!(
        around(40, |size| read(&folded(size), &limits)),
        [None, None, Some(fault)]
    );
}

#[test]
fn a_start_line_has_the_limit_of_a_header_line() {
    let mut limits = Limits::default();
    limits.max_header_bytes = 40;
    let fault = Some(Fault::HeaderTooLong { limit: 40 });
    let read = |size: u32| {
        let user = "u".repeat(size as usize - "OPTIONS sip:@b SIP/2.0".len());
        let bytes = format!("OPTIONS sip:{user}@b SIP/2.0\r\nl:0\r\n\r\n");
        Message::from_datagram(bytes.into(), &limits).map_err(|rejected| rejected.error())
    };
    assert_eq!(around(40, read), [None, None, fault]);
    let error = read(41).unwrap_err();
    assert_eq!(
        (error.place(), error.status().code()),
        (Place::StartLine, 414)
    );
}

#[test]
fn headers_are_counted() {
    let limits = Limits::default();
    let lines = |count: u32| "X: y\r\n".repeat(count as usize);
    let fault = Fault::TooManyHeaders { limit: 128 };
    assert_eq!(
        around(128, |count| read(&lines(count), &limits)),
        [None, None, Some(fault)]
    );
    assert_eq!(read(&lines(129), &limits).unwrap_err().status().code(), 513);
}

#[test]
fn continuation_lines_are_counted() {
    let limits = Limits::default();
    let line = |count: u32| format!("X: y{}\r\n", "\r\n z".repeat(count as usize));
    let fault = Fault::TooManyFolds { limit: 16 };
    assert_eq!(
        around(16, |count| read(&line(count), &limits)),
        [None, None, Some(fault)]
    );
}

#[test]
fn the_body_has_a_limit_that_is_checked_before_it_comes() {
    let mut limits = Limits::default();
    limits.max_body_bytes = 20;
    let request = |size: u32| {
        let body = "b".repeat(size as usize);
        format!("{REQUEST}Content-Length: {size}\r\n\r\n{body}")
    };
    let fault = Fault::BodyTooLong {
        declared: 21,
        limit: 20,
    };
    let expected = [None, None, Some(fault)];
    assert_eq!(
        around(20, |size| read_stream(&request(size), &limits)),
        expected
    );
    let whole = around(20, |size| {
        let read = Message::from_datagram(request(size).into(), &limits);
        read.map_err(|rejected| rejected.error())
    });
    assert_eq!(whole, expected);
    let head = format!("{REQUEST}Content-Length: 99999999999999999999999\r\n\r\n");
    let error = read_stream(&head, &limits).unwrap_err();
    let fault = Fault::BodyTooLong {
        declared: u64::MAX,
        limit: 20,
    };
    assert_eq!((error.fault(), error.status().code()), (fault, 513));
}

#[test]
fn head_and_body_together_have_a_limit() {
    let mut limits = Limits::default();
    limits.max_message_bytes = 100;
    let request = |size: u32| {
        let head = format!("{REQUEST}Content-Length: 00\r\n\r\n").len();
        let body = size as usize - head;
        format!(
            "{REQUEST}Content-Length: {body:02}\r\n\r\n{}",
            "b".repeat(body)
        )
    };
    let expected = [None, None, Some(Fault::MessageTooLong { limit: 100 })];
    assert_eq!(
        around(100, |size| read_stream(&request(size), &limits)),
        expected
    );
}

#[test]
fn a_head_that_is_longer_than_a_message_may_be_is_not_waited_for() {
    let mut limits = Limits::default();
    limits.max_message_bytes = 100;
    let flood = format!("{REQUEST}X: {}", "x".repeat(100));
    let mut framer = Framer::new(limits);
    framer.handle_input(&flood.as_bytes()[..100]);
    assert!(framer.poll_event().is_none() && framer.wants_input());
    framer.handle_input(&flood.as_bytes()[100..101]);
    let Some(FramerEvent::Failed(rejected)) = framer.poll_event() else {
        panic!("no failure");
    };
    assert_eq!(
        rejected.error().fault(),
        Fault::MessageTooLong { limit: 100 }
    );
}

#[test]
fn uris_have_a_limit_wherever_they_stand() {
    let mut limits = Limits::default();
    limits.max_uri_bytes = 30;
    let uri = |size: u32| format!("sip:{}@b.example", "u".repeat(size as usize - 14));
    let fault = Some(Fault::UriTooLong { limit: 30 });
    let alone = around(30, |size| {
        Uri::parse_within(uri(size).as_bytes(), &limits).map(drop)
    });
    assert_eq!(alone, [None, None, fault]);
    let in_request = |size: u32| {
        let bytes = format!("OPTIONS {} SIP/2.0\r\n\r\n", uri(size));
        Message::from_datagram(bytes.into(), &limits).map_err(|rejected| rejected.error())
    };
    assert_eq!(around(30, in_request), [None, None, fault]);
    assert_eq!(in_request(31).unwrap_err().status().code(), 414);
    let in_header = |size: u32| {
        let message = read(&format!("To: <{}>\r\n", uri(size)), &limits)?;
        message.headers().one::<To<'_>>().map(drop)
    };
    assert_eq!(around(30, in_header), [None, None, fault]);
    assert_eq!(in_header(31).unwrap_err().status().code(), 400);
}

#[test]
fn values_are_counted_on_all_lines() {
    let limits = Limits::default();
    let via = "SIP/2.0/TLS a.example";
    let route = "<sip:a.example;lr>";
    for (name, value, limit, read_all) in [
        (
            "Via",
            via,
            70,
            (|message| each(message.headers().all::<Via<'_>>())) as Each,
        ),
        ("Route", route, 32, |message| {
            each(message.headers().all::<Route<'_>>())
        }),
        ("Record-Route", route, 32, |message| {
            each(message.headers().all::<RecordRoute<'_>>())
        }),
        ("Contact", route, 32, |message| {
            each(message.headers().all::<Contact<'_>>())
        }),
        ("Supported", "timer", 128, |message| {
            each(message.headers().all::<Supported<'_>>())
        }),
    ] {
        let lines = |count: u32| {
            let mut lines = format!("{name}: {value}, {value}\r\n");
            for _ in 2..count.min(60) {
                lines += &format!("{name}: {value}\r\n");
            }
            let more = format!("{value},").repeat(count.saturating_sub(61) as usize);
            if count > 60 {
                lines += &format!("{name}: {more}{value}\r\n");
            }
            lines
        };
        let result = around(limit, |size| read_all(&read(&lines(size), &limits)?));
        assert_eq!(
            result,
            [None, None, Some(Fault::TooManyValues { limit })],
            "{name}"
        );
    }
}

/// Reads all values of a header.
type Each = fn(&Message) -> Result<(), ParseError>;

fn each<'a, T: comity_sip::ListField<'a>>(mut values: Values<'a, T>) -> Result<(), ParseError> {
    values.try_for_each(|value| value.map(drop))
}

#[test]
fn parameters_of_values_and_of_uris_are_counted() {
    let limits = Limits::default();
    let fault = Some(Fault::TooManyParameters { limit: 32 });
    let params = |count: u32| (0..count).map(|n| format!(";p{n}=1")).collect::<String>();
    let of_value = |count: u32| {
        let message = read(&format!("Via: SIP/2.0/TLS a{}\r\n", params(count)), &limits)?;
        message.headers().first::<Via<'_>>().map(drop)
    };
    assert_eq!(around(32, of_value), [None, None, fault]);
    let of_uri = |count: u32| Uri::parse(&format!("sip:a{}", params(count))).map(drop);
    assert_eq!(around(32, of_uri), [None, None, fault]);
    let headers = |count: u32| vec!["a="; count as usize].join("&");
    let with_headers = |count: u32| Uri::parse(&format!("sip:a?{}", headers(count))).map(drop);
    assert_eq!(around(32, with_headers), [None, None, fault]);
    let error = of_value(33).unwrap_err();
    assert_eq!(error.place(), Place::Header(HeaderName::Via));
}

#[test]
fn parts_of_bodies_are_counted() {
    let limits = Limits::default();
    let read = |count: u32| {
        let parts = "--x\r\n\r\npart\r\n".repeat(count as usize);
        let head = format!("{REQUEST}Content-Type: multipart/mixed;boundary=x\r\n\r\n");
        let bytes = format!("{head}{parts}--x--\r\n");
        let message = Message::from_datagram(bytes.into(), &limits).unwrap();
        Multipart::of(&message)
    };
    let fault = Some(Fault::TooManyParts { limit: 16 });
    assert_eq!(around(16, read), [None, None, fault]);
    assert_eq!(read(16).unwrap().unwrap().parts().len(), 16);
}

#[test]
fn bodies_nest_as_deep_as_allowed() {
    let limits = Limits::default();
    let read = |depth: u32| {
        let mut body = "innermost".to_owned();
        let mut content_type = "text/plain".to_owned();
        for level in 0..depth {
            body =
                format!("--b{level}\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n--b{level}--");
            content_type = format!("multipart/mixed;boundary=b{level}");
        }
        let bytes = format!("{REQUEST}Content-Type: {content_type}\r\n\r\n{body}");
        let message = Message::from_datagram(bytes.into(), &limits).unwrap();
        let mut body = Multipart::of(&message)?;
        while let Some(multipart) = body {
            let [part] = multipart.parts() else {
                panic!("not one part");
            };
            body = part.multipart()?;
            if body.is_none() {
                assert_eq!(part.body(), "innermost");
            }
        }
        Ok(())
    };
    assert_eq!(
        around(3, read),
        [None, None, Some(Fault::TooDeep { limit: 3 })]
    );
}
