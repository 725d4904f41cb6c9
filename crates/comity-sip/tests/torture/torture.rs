//! RFC 4475: each message, the layer at which its fault is found, and the answer.

use std::collections::BTreeSet;

use comity_sip::header::{
    CSeq, Contact, ContentType, Date, Expires, From, MaxForwards, RetryAfter, To, Via, Warning,
};
use comity_sip::{
    Fault, Framer, FramerEvent, HeaderName, Limits, Message, Method, Multipart, ParseError, Place,
    Refusal, ResponseBuilder, Role, Scheme, StatusCode,
};

use super::{acceptance, judge, message, read, read_headers, vector};

/// What happens to a message.
enum Outcome {
    /// It is taken by a user agent and by a proxy.
    Taken,
    /// It is no message: framing or its start line is broken. 0 stands for no answer.
    Framing(Place, Fault, u16),
    /// It is a message, and a header in it is malformed.
    Header(HeaderName, Fault, u16),
    /// It is a message that the role does not accept. 0 stands for no answer.
    Refused(Role, u16),
    /// It is a message whose Date is malformed, which concerns only who reads it.
    Elsewhere,
}

use Outcome::{Elsewhere, Framing, Header, Refused, Taken};

#[rustfmt::skip]
const MESSAGES: [(&str, Outcome); 50] = [
    ("wsinv", Taken),
    ("intmeth", Refused(Role::UserAgent, 501)),
    ("esc01", Taken),
    ("escnull", Taken),
    ("esc02", Refused(Role::UserAgent, 501)),
    ("lwsdisp", Taken),
    ("longreq", Taken),
    ("dblreq", Taken),
    ("semiuri", Taken),
    ("transports", Taken),
    ("mpart01", Taken),
    ("unreason", Taken),
    ("noreason", Taken),
    ("badinv01", Header(HeaderName::Via, Fault::Token, 400)),
    ("clerr", Framing(Place::Body, Fault::BodyTruncated { declared: 9999, present: 154 }, 400)),
    ("ncl", Framing(Place::Header(HeaderName::ContentLength), Fault::LengthMalformed, 400)),
    ("scalar02", Header(HeaderName::CSeq, Fault::NumberTooLarge { max: u32::MAX as u64 }, 400)),
    ("scalarlg", Refused(Role::UserAgent, 0)),
    ("quotbal", Header(HeaderName::To, Fault::QuotedString, 400)),
    ("ltgtruri", Framing(Place::StartLine, Fault::Scheme, 400)),
    ("lwsruri", Framing(Place::StartLine, Fault::UriParameter, 400)),
    ("lwsstart", Framing(Place::StartLine, Fault::Scheme, 400)),
    ("trws", Framing(Place::StartLine, Fault::RequestLine, 400)),
    ("escruri", Refused(Role::Proxy, 400)),
    ("baddate", Elsewhere),
    ("regbadct", Header(HeaderName::Contact, Fault::Trailing, 400)),
    ("badaspec", Header(HeaderName::To, Fault::Scheme, 400)),
    ("baddn-terminated", Header(HeaderName::From, Fault::Scheme, 400)),
    ("baddn", Framing(Place::Message, Fault::HeadTruncated, 400)),
    ("badvers", Refused(Role::Proxy, 505)),
    ("mismatch01", Refused(Role::Proxy, 400)),
    ("mismatch02", Refused(Role::UserAgent, 501)),
    ("bigcode", Framing(Place::StartLine, Fault::StatusCode, 0)),
    ("badbranch", Taken),
    ("insuf", Header(HeaderName::From, Fault::Missing, 400)),
    ("unkscm", Refused(Role::Proxy, 416)),
    ("novelsc", Refused(Role::Proxy, 416)),
    ("unksm2", Refused(Role::UserAgent, 400)),
    ("bext01", Refused(Role::UserAgent, 420)),
    ("invut", Refused(Role::UserAgent, 415)),
    ("regaut01", Taken),
    ("multi01", Header(HeaderName::From, Fault::Repeated, 400)),
    ("mcl01", Framing(Place::Header(HeaderName::ContentLength), Fault::LengthRepeated, 400)),
    ("bcast", Refused(Role::Proxy, 0)),
    ("zeromf", Refused(Role::Proxy, 483)),
    ("cparam01", Taken),
    ("cparam02", Taken),
    ("regescrt", Taken),
    ("sdp01", Refused(Role::UserAgent, 406)),
    ("inv2543", Taken),
];

#[test]
fn each_message_meets_its_fate_at_its_layer() {
    for (name, outcome) in &MESSAGES {
        check(name, outcome);
    }
    let names: BTreeSet<_> = MESSAGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), MESSAGES.len());
}

fn check(name: &str, outcome: &Outcome) {
    let read = read(&format!("rfc4475/{name}.dat"));
    if let Framing(place, fault, status) = outcome {
        let rejected = read.unwrap_err();
        assert_eq!(
            (rejected.error().place(), rejected.error().fault()),
            (*place, *fault),
            "{name}"
        );
        assert_eq!(
            rejected.status().map_or(0, StatusCode::code),
            *status,
            "{name}"
        );
        return;
    }
    let message = read.unwrap();
    let is_response = matches!(message, Message::Response(_));
    let answer = |refusal: &Refusal| {
        if is_response {
            0
        } else {
            refusal.status().code()
        }
    };
    match outcome {
        Taken | Elsewhere => {
            assert_eq!(read_headers(&message), Ok(()), "{name}");
            for role in [Role::UserAgent, Role::Proxy] {
                assert_eq!(judge(&message, role), Ok(()), "{name}");
            }
            let date = message.headers().optional::<Date>();
            assert_eq!(date.is_err(), matches!(outcome, Elsewhere), "{name}");
        }
        Header(header, fault, status) => {
            let error = read_headers(&message).unwrap_err();
            assert_eq!(
                (error.place(), error.fault()),
                (Place::Header(*header), *fault),
                "{name}"
            );
            let refusal = judge(&message, Role::UserAgent).unwrap_err();
            assert_eq!(refusal, Refusal::Malformed(error), "{name}");
            assert_eq!(answer(&refusal), *status, "{name}");
        }
        Refused(role, status) => {
            assert_eq!(
                answer(&judge(&message, *role).unwrap_err()),
                *status,
                "{name}"
            );
        }
        Framing(..) => panic!("{name} is a message"),
    }
}

/// §3.1.2.2, §3.1.2.3, §3.3.9: on a stream, what does not say where it ends ends the stream.
#[test]
fn a_stream_waits_for_the_declared_length_and_ends_without_one() {
    let place = Place::Header(HeaderName::ContentLength);
    for (name, failure) in [
        ("clerr", None),
        ("ncl", Some((place, Fault::LengthMalformed))),
        ("mcl01", Some((place, Fault::LengthRepeated))),
        ("inv2543", Some((place, Fault::LengthMissing))),
    ] {
        let mut framer = Framer::new(Limits::default());
        framer.handle_input(&vector(&format!("rfc4475/{name}.dat")));
        let failed = framer.poll_event().map(|event| match event {
            FramerEvent::Failed(rejected) => (rejected.error().place(), rejected.error().fault()),
            FramerEvent::KeepAlive | FramerEvent::Message(_) | FramerEvent::Rejected(_) => {
                panic!("{name}")
            }
        });
        assert_eq!(failed, failure, "{name}");
        assert!(framer.poll_event().is_none());
    }
}

/// §3.1.1.1
#[test]
fn white_space_and_folding_change_no_value() {
    let message = message("rfc4475/wsinv.dat");
    let headers = message.headers();
    assert_eq!(headers.one::<MaxForwards>().unwrap().hops(), Some(68));
    let cseq = headers.one::<CSeq<'_>>().unwrap();
    assert_eq!(cseq, CSeq::new(9, Method::Invite));
    let vias: Vec<_> = headers
        .all::<Via<'_>>()
        .map(|via| via.unwrap().to_string())
        .collect();
    assert_eq!(
        vias,
        [
            "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
            "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
            "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
        ]
    );
    assert!(
        !headers
            .first::<Via<'_>>()
            .unwrap()
            .unwrap()
            .has_unique_branch()
    );
    assert_eq!(headers.one::<To<'_>>().unwrap().tag(), Some("1918181833n"));
    let from = headers.one::<From<'_>>().unwrap();
    assert_eq!(from.display_name().as_deref(), Some("J Rosenberg \\\""));
    let contact = headers.first::<Contact<'_>>().unwrap().unwrap();
    let address = contact.address().unwrap();
    assert_eq!(
        address.display_name().as_deref(),
        Some("Quoted string \"\"")
    );
    assert_eq!(
        address.params().value("newparam").unwrap().as_str(),
        "newvalue"
    );
    assert_eq!(contact.q(), Some(330));
    let unusual = headers
        .find("UnknownHeaderWithUnusualValue")
        .next()
        .unwrap();
    assert_eq!(unusual.value(), b";;,,;;,;");
    let subject = headers.named(HeaderName::Subject).next().unwrap();
    assert_eq!((subject.name(), subject.value()), ("s", &b""[..]));
    assert_eq!(message.body().len(), 150);
}

/// §3.1.1.2
#[test]
fn a_percent_sign_is_no_escape_outside_uris() {
    let Message::Request(request) = message("rfc4475/intmeth.dat") else {
        panic!("a response");
    };
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    assert_eq!(request.method().as_str(), method);
    assert!(matches!(request.method(), Method::Extension(_)));
    let user = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*";
    assert_eq!(
        request.uri().user().as_deref(),
        Some(
            format!("{user}:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
                .split(':')
                .next()
                .unwrap()
        )
    );
    assert_eq!(
        request.uri().password(),
        Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
    );
    let headers = request.headers();
    let to = headers.one::<To<'_>>().unwrap();
    assert_eq!(
        to.display_name().as_deref(),
        Some("BEL:\u{7} NUL:\0 DEL:\u{7f}")
    );
    let from = headers.one::<From<'_>>().unwrap();
    assert_eq!(
        from.display_name().as_deref(),
        Some("token1~` token2'+_ token3*%!.-")
    );
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    let param = from.params().value("fromParam''~+*_!.-%").unwrap();
    assert_eq!(param.decode(), "работающий");
    assert_eq!(headers.one::<CSeq<'_>>().unwrap().method.as_str(), method);
    let via = headers.first::<Via<'_>>().unwrap().unwrap();
    assert_eq!(via.branch(), Some("z9hG4bK-.!%66*_+`'~"));
}

/// §3.1.1.3
#[test]
fn an_escape_is_resolved_once() {
    let message = message("rfc4475/esc01.dat");
    let Message::Request(request) = &message else {
        panic!("a response");
    };
    assert_eq!(
        request.uri().user().as_deref(),
        Some("sips:user@example.com")
    );
    let contact = message.headers().first::<Contact<'_>>().unwrap().unwrap();
    assert_eq!(
        contact.uri().unwrap().param("name").as_deref(),
        Some("value%41")
    );
    assert!(contact.uri().unwrap().has_param("lr"));
}

/// §3.1.1.4
#[test]
fn an_escaped_nul_does_not_end_a_name() {
    let message = message("rfc4475/escnull.dat");
    let users: Vec<_> = message
        .headers()
        .all::<Contact<'_>>()
        .map(|contact| contact.unwrap().uri().unwrap().user().unwrap().into_owned())
        .collect();
    assert_eq!(users, ["\0", "\0\0"].map(String::from));
}

/// §3.1.1.5
#[test]
fn a_percent_sign_in_a_header_name_is_itself() {
    let message = message("rfc4475/esc02.dat");
    let Message::Request(request) = &message else {
        panic!("a response");
    };
    assert_eq!(request.method().as_str(), "RE%47IST%45R");
    let from = message.headers().one::<From<'_>>().unwrap();
    assert_eq!(from.display_name().as_deref(), Some("%Z%45"));
    assert_eq!(message.headers().named(HeaderName::Contact).count(), 2);
    assert_eq!(message.headers().find("C%6Fntact").count(), 1);
}

/// §3.1.1.7
#[test]
fn long_values_are_read_whole() {
    let message = message("rfc4475/longreq.dat");
    assert_eq!(message.headers().all::<Via<'_>>().count(), 34);
    let from = message.headers().one::<From<'_>>().unwrap();
    assert_eq!(from.tag().unwrap().len(), 155);
    assert_eq!(
        message.as_bytes().len(),
        vector("rfc4475/longreq.dat").len()
    );
}

/// §3.1.1.8
#[test]
fn what_is_behind_the_declared_body_is_not_part_of_the_message() {
    let message = message("rfc4475/dblreq.dat");
    assert_eq!(message.body().len(), 0);
    assert!(message.as_bytes().ends_with(b"Content-Length: 0\r\n\r\n"));
    let mut framer = Framer::new(Limits::default());
    framer.handle_input(&vector("rfc4475/dblreq.dat"));
    let events: Vec<_> = std::iter::from_fn(|| framer.poll_event())
        .map(|event| match event {
            FramerEvent::Message(Message::Request(request)) => request.method().to_string(),
            FramerEvent::KeepAlive => "an empty line".to_owned(),
            FramerEvent::Failed(rejected) => rejected.error().to_string(),
            FramerEvent::Message(_) | FramerEvent::Rejected(_) => "something else".to_owned(),
        })
        .collect();
    // The second message is two bytes longer than it says.
    assert_eq!(
        events,
        [
            "REGISTER",
            "an empty line",
            "INVITE",
            "missing on a stream in Content-Length at byte 3"
        ]
    );
}

/// §3.1.1.9, §3.1.1.10
#[test]
fn users_with_semicolons_and_unknown_transports_are_read() {
    let Message::Request(request) = message("rfc4475/semiuri.dat") else {
        panic!("a response");
    };
    assert_eq!(
        request.uri().user().as_deref(),
        Some("user;par=u@example.net")
    );
    let message = message("rfc4475/transports.dat");
    let transports: Vec<_> = message
        .headers()
        .all::<Via<'_>>()
        .map(|via| via.unwrap().transport().to_owned())
        .collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

/// §3.1.1.11
#[test]
fn a_binary_body_of_parts_is_kept() {
    let message = message("rfc4475/mpart01.dat");
    assert_eq!(message.body().len(), 553);
    let body = Multipart::of(&message).unwrap().unwrap();
    let types: Vec<_> = body
        .parts()
        .iter()
        .map(|part| part.headers().one::<ContentType<'_>>().unwrap().to_string())
        .collect();
    assert_eq!(types, ["text/plain", "application/octet-stream"]);
    assert_eq!(body.parts()[0].body(), "Hello");
    assert_eq!(body.parts()[1].body().len(), 342);
}

/// §3.1.1.12, §3.1.1.13
#[test]
fn a_reason_is_any_text_or_none() {
    for (name, status, reason) in [
        (
            "unreason",
            200,
            "= 2**3 * 5**2 но сто девяносто девять - простое",
        ),
        ("noreason", 100, ""),
    ] {
        let Message::Response(response) = message(&format!("rfc4475/{name}.dat")) else {
            panic!("a request");
        };
        assert_eq!(response.status().code(), status);
        assert_eq!(response.reason(), reason);
    }
}

/// §3.1.2.4, §3.1.2.5
#[test]
fn numbers_that_are_too_large_are_noticed_where_they_matter() {
    let request = message("rfc4475/scalar02.dat");
    let headers = request.headers();
    assert_eq!(headers.one::<MaxForwards>().unwrap().hops(), None);
    assert_eq!(headers.one::<Expires>().unwrap().seconds(), None);
    let contact = headers.first::<Contact<'_>>().unwrap().unwrap();
    assert_eq!(contact.expires(), None);
    let response = message("rfc4475/scalarlg.dat");
    let headers = response.headers();
    assert_eq!(headers.one::<RetryAfter<'_>>().unwrap().seconds(), u32::MAX);
    let warning = headers.first::<Warning<'_>>().unwrap_err();
    assert_eq!(warning.fault(), Fault::NumberTooLarge { max: 999 });
}

/// §3.1.2.12
#[test]
fn a_date_in_another_zone_matters_to_who_reads_it() {
    let message = message("rfc4475/baddate.dat");
    let error: ParseError = message.headers().one::<Date>().unwrap_err();
    assert_eq!(
        (error.place(), error.fault()),
        (Place::Header(HeaderName::Date), Fault::Date)
    );
}

/// §3.2.1, §3.4.1
#[test]
fn a_branch_without_more_than_the_cookie_is_not_unique() {
    for name in ["badbranch", "inv2543", "wsinv"] {
        let message = message(&format!("rfc4475/{name}.dat"));
        let via = message.headers().first::<Via<'_>>().unwrap().unwrap();
        assert!(!via.has_unique_branch(), "{name}");
    }
}

/// §3.3.2 to §3.3.4
#[test]
fn uris_of_any_scheme_are_read() {
    let uri = |name: &str| match message(&format!("rfc4475/{name}.dat")) {
        Message::Request(request) => request.uri().to_buf(),
        Message::Response(_) => panic!("a response"),
    };
    assert_eq!(uri("unkscm").as_uri().scheme(), Scheme::Other);
    assert_eq!(uri("novelsc").as_uri().scheme_name(), "soap.beep");
    let message = message("rfc4475/unksm2.dat");
    let from = message.headers().one::<From<'_>>().unwrap();
    assert_eq!(from.uri().as_str(), "http://www.example.com");
    assert_eq!(from.tag(), Some("3234233"));
}

/// §3.3.5, §3.3.6, §3.3.15: answers carry the headers that their status calls for.
#[test]
fn an_answer_says_what_would_be_taken() {
    for (name, role, lines) in [
        (
            "bext01",
            Role::UserAgent,
            &["Unsupported: nothingSupportsThis, nothingSupportsThisEither"][..],
        ),
        (
            "bext01",
            Role::Proxy,
            &["Unsupported: noProxiesSupportThis, norDoAnyProxiesSupportThis"],
        ),
        (
            "invut",
            Role::UserAgent,
            &["Accept: application/sdp, text/plain, multipart/mixed"],
        ),
        (
            "mismatch02",
            Role::UserAgent,
            &["Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, MESSAGE"],
        ),
        ("sdp01", Role::UserAgent, &[]),
    ] {
        let Message::Request(request) = message(&format!("rfc4475/{name}.dat")) else {
            panic!("a response");
        };
        let acceptance = acceptance(role);
        let refusal = acceptance
            .check(&request, super::Standing::default())
            .unwrap_err();
        let answer = acceptance.refuse(&request, &refusal).unwrap().finish();
        let answer = Message::from_datagram(answer, &Limits::default()).unwrap();
        let own: Vec<_> = answer
            .headers()
            .iter()
            .filter(|header| {
                !request
                    .headers()
                    .iter()
                    .any(|own| own.line() == header.line())
            })
            .filter(|header| header.known() != Some(HeaderName::ContentLength))
            .map(|header| String::from_utf8_lossy(header.line()).trim_end().to_owned())
            .collect();
        assert_eq!(own, lines, "{name}");
    }
}

/// §3.3.1: what can be read is copied.
#[test]
fn an_answer_to_a_request_without_needed_headers_copies_what_is_there() {
    let Message::Request(request) = message("rfc4475/insuf.dat") else {
        panic!("a response");
    };
    let answer = ResponseBuilder::new(&request, StatusCode::BAD_REQUEST).finish();
    assert_eq!(
        answer,
        "SIP/2.0 400 Bad Request\r\n\
         Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\n\
         CSeq: 193942 INVITE\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

/// §3.3.12 to §3.3.14
#[test]
fn parameters_belong_to_the_contact_or_to_its_uri() {
    let contact = |name: &str| {
        let message = message(&format!("rfc4475/{name}.dat"));
        let contact = message.headers().first::<Contact<'_>>().unwrap().unwrap();
        let address = contact.address().unwrap();
        (address.uri().to_string(), address.params().to_string())
    };
    assert_eq!(
        contact("cparam01"),
        (
            "sip:+19725552222@gw1.example.net".to_owned(),
            ";unknownparam".to_owned()
        )
    );
    assert_eq!(
        contact("cparam02"),
        (
            "sip:+19725552222@gw1.example.net;unknownparam".to_owned(),
            String::new()
        )
    );
    assert_eq!(
        contact("regescrt"),
        (
            "sip:user@example.com?Route=%3Csip:sip.example.com%3E".to_owned(),
            String::new()
        )
    );
    let message = message("rfc4475/regescrt.dat");
    let contact = message.headers().first::<Contact<'_>>().unwrap().unwrap();
    let header = contact.uri().unwrap().headers().next().unwrap();
    assert_eq!(
        (header.name(), header.value()),
        ("Route".into(), "<sip:sip.example.com>".into())
    );
}

#[test]
fn a_proxy_forwards_what_only_a_user_agent_refuses() {
    for name in ["intmeth", "esc02", "unksm2", "invut", "sdp01"] {
        let message = message(&format!("rfc4475/{name}.dat"));
        assert_eq!(judge(&message, Role::Proxy), Ok(()), "{name}");
    }
    let last_hop = message("rfc4475/zeromf.dat");
    assert_eq!(judge(&last_hop, Role::UserAgent), Ok(()));
}
