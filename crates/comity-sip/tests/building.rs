//! Messages that are built: what is copied, what is computed, and what no value can do.
#![cfg(test)]

use bytes::Bytes;
use comity_identity::Host;
use comity_sip::header::{CSeq, CallId, From, To, Via};
use comity_sip::{
    Acceptance, AddressBuilder, BuildError, HeaderName, Limits, Message, Method, Refusal, Request,
    RequestBuilder, ResponseBuilder, Role, Standing, StatusCode, Uri, ViaBuilder,
};

fn read(bytes: Bytes) -> Message {
    Message::from_datagram(bytes, &Limits::default()).unwrap()
}

fn request(lines: &str) -> Request {
    let Message::Request(request) = read(format!("INVITE sip:b SIP/2.0\r\n{lines}\r\n").into())
    else {
        panic!("a response");
    };
    request
}

/// What a response copies, written in odd but legal ways.
const COPIED: &str = "v:  SIP/2.0/TLS a ;branch=1 ,SIP/2.0/TLS b\r\n\
    VIA: SIP/2.0/TLS c\r\n\
    f: \"A\"\r\n <sip:a>;tag=1\r\n\
    TO : <sip:b>;x=\"y\" \r\n\
    i: 1\r\n\
    CSeq:1  INVITE\r\n";

#[test]
fn a_response_copies_lines_as_they_came() {
    let request = request(&format!(
        "X: y\r\n{COPIED}Record-Route: <sip:p>\r\nTimestamp: 5\r\n"
    ));
    let response = ResponseBuilder::new(&request, StatusCode::TRYING).finish();
    assert_eq!(
        response,
        format!("SIP/2.0 100 Trying\r\n{COPIED}Content-Length: 0\r\n\r\n")
    );
    let mut response = ResponseBuilder::new(&request, StatusCode::OK);
    response
        .reason("Fine, thanks")
        .unwrap()
        .to_tag("t1")
        .unwrap();
    assert_eq!(response.to_tag("t2").map(drop), Ok(()));
    response
        .copy(request.headers(), HeaderName::RecordRoute)
        .unwrap();
    response.copy(request.headers(), "timestamp").unwrap();
    response.header(HeaderName::Server, "comity").unwrap();
    response.body("text/plain", "x".into()).unwrap();
    response.body("text/html", "hi".into()).unwrap();
    let tagged = COPIED.replace("x=\"y\"", "x=\"y\";tag=t1");
    assert_eq!(
        response.finish(),
        format!(
            "SIP/2.0 200 Fine, thanks\r\n{tagged}Record-Route: <sip:p>\r\nTimestamp: 5\r\n\
             Server: comity\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"
        )
    );
    let read = read(response.finish());
    assert_eq!(read.headers().one::<To<'_>>().unwrap().tag(), Some("t1"));
}

#[test]
fn a_tag_of_the_request_stays() {
    for to in ["<sip:b>;tag=own", "sip:b;tag=own"] {
        let request = request(&format!("To: {to}\r\n"));
        let mut response = ResponseBuilder::new(&request, StatusCode::OK);
        response.to_tag("other").unwrap();
        assert_eq!(
            response.finish(),
            format!("SIP/2.0 200 OK\r\nTo: {to}\r\nContent-Length: 0\r\n\r\n")
        );
    }
    let request = request("To: sip:b\r\n");
    let mut response = ResponseBuilder::new(&request, StatusCode::OK);
    response.to_tag("new").unwrap();
    assert!(
        response
            .finish()
            .starts_with(b"SIP/2.0 200 OK\r\nTo: sip:b;tag=new\r\n")
    );
    let request = self::request("To: <sip:b> ;\r\n");
    let mut response = ResponseBuilder::new(&request, StatusCode::OK);
    response.to_tag("new").unwrap();
    let read = read(response.finish());
    assert_eq!(read.headers().one::<To<'_>>().unwrap().tag(), Some("new"));
}

/// RFC 3261 §8.1.3, §17.1.1.3, §18.2.2
#[test]
fn what_is_no_message_is_answered_if_it_may_be() {
    let via = "Via: SIP/2.0/TLS a\r\n";
    for (bytes, answer) in [
        (
            format!("INVITE <sip:b> SIP/2.0\r\n{via}From: <sip:a>\r\nX y\r\n\r\n"),
            Some("Via: SIP/2.0/TLS a\r\nFrom: <sip:a>\r\n"),
        ),
        (
            format!("INVITE sip:b SIP/2.0\r\n{via}l: x\r\nTo: <sip:b>\r\n\r\n"),
            Some("Via: SIP/2.0/TLS a\r\nTo: <sip:b>\r\n"),
        ),
        (
            format!("INVITE sip:b SIP/2.0\r\n{via}X: a\nY: b\r\n\r\n"),
            Some("Via: SIP/2.0/TLS a\r\n"),
        ),
        (format!("ACK <sip:b> SIP/2.0\r\n{via}\r\n"), None),
        (format!("SIP/2.0 999 X\r\n{via}\r\n"), None),
        (
            "INVITE <sip:b> SIP/2.0\r\nFrom: <sip:a>\r\n\r\n".to_owned(),
            None,
        ),
        ("INVITE <sip:b> SIP/2.0\r\nVia: x\r\n\r\n".to_owned(), None),
        (
            "INVITE <sip:b> SIP/2.0\r\nVia SIP/2.0/TLS a\r\n\r\n".to_owned(),
            None,
        ),
        ("\u{16}\u{3}\u{1}".to_owned(), None),
        (format!("INVITE sip:b SIP/2.0\r\n{via}To: \0\r\n\r\n"), None),
        (
            format!("INVITE sip:b SIP/2.0\r\n{via}X-Y: \0\r\n\r\n"),
            Some(via),
        ),
    ] {
        let rejected =
            Message::from_datagram(bytes.clone().into(), &Limits::default()).unwrap_err();
        let response = ResponseBuilder::reject(&rejected).map(|response| response.finish());
        let expected = answer.map(|lines| {
            Bytes::from(format!(
                "SIP/2.0 400 Bad Request\r\n{lines}Content-Length: 0\r\n\r\n"
            ))
        });
        assert_eq!(response, expected, "{bytes:?}");
    }
}

/// RFC 3261 §9.1, §17.1.1.3: what has to be equal is copied, whatever it looks like.
#[test]
fn a_cancel_has_the_headers_of_its_invite() {
    let invite = request(COPIED);
    let mut cancel = RequestBuilder::new(Method::Cancel, invite.uri()).unwrap();
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
        cancel.copy(invite.headers(), name).unwrap();
    }
    cancel
        .header(HeaderName::CSeq, CSeq::new(1, Method::Cancel))
        .unwrap();
    assert_eq!(
        cancel.finish(),
        "CANCEL sip:b SIP/2.0\r\n\
         f: \"A\"\r\n <sip:a>;tag=1\r\n\
         TO : <sip:b>;x=\"y\" \r\n\
         i: 1\r\n\
         CSeq: 1 CANCEL\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn no_value_becomes_a_second_header() {
    let invite = request(COPIED);
    let uri = Uri::parse("sip:b").unwrap();
    let mut request = RequestBuilder::new(Method::Invite, uri).unwrap();
    let mut response = ResponseBuilder::new(&invite, StatusCode::OK);
    for value in ["a\r\nX: y", "a\n", "\ra", "a\0b"] {
        let refused = Err(BuildError::LineEnd);
        assert_eq!(request.header("X", value).map(drop), refused);
        assert_eq!(request.body(value, Bytes::new()).map(drop), refused);
        assert_eq!(
            response.header(HeaderName::Server, value).map(drop),
            refused
        );
        assert_eq!(response.reason(value).map(drop), refused);
        let address = AddressBuilder::new(uri);
        assert_eq!(address.clone().param("x", value).map(drop), refused);
        let named = address.display_name(value).to_string();
        assert!(!named.contains(['\r', '\n', '\0']), "{named:?}");
    }
    for name in ["", "a b", "a:b", "X\r\nY", "é"] {
        let refused = Err(BuildError::Token);
        assert_eq!(request.header(name, "x").map(drop), refused);
        assert_eq!(response.copy(invite.headers(), name).map(drop), refused);
        assert_eq!(response.to_tag(name).map(drop), refused);
        assert_eq!(AddressBuilder::new(uri).flag(name).map(drop), refused);
        let host: Host = "a".parse().unwrap();
        assert_eq!(
            ViaBuilder::new(name, &host, None, "z9hG4bK1").map(drop),
            refused
        );
        assert_eq!(ViaBuilder::new("TLS", &host, None, name).map(drop), refused);
    }
    let with_headers = Uri::parse("sip:b?X=y").unwrap();
    let refused = RequestBuilder::new(Method::Invite, with_headers).map(drop);
    assert_eq!(refused, Err(BuildError::UriHeaders));
}

#[test]
fn what_the_builder_writes_itself_is_not_set() {
    let invite = request(COPIED);
    let mut request = RequestBuilder::new(Method::Invite, invite.uri()).unwrap();
    let mut response = ResponseBuilder::new(&invite, StatusCode::OK);
    for name in [HeaderName::ContentLength, HeaderName::ContentType] {
        let refused = Err(BuildError::Computed(name));
        assert_eq!(request.header(name, "1").map(drop), refused);
        assert_eq!(request.copy(invite.headers(), name).map(drop), refused);
        assert_eq!(response.header(name, "1").map(drop), refused);
    }
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ] {
        let refused = Err(BuildError::Computed(name));
        assert_eq!(response.header(name, "1").map(drop), refused);
        assert_eq!(response.copy(invite.headers(), name).map(drop), refused);
        assert_eq!(request.header(name, "1").map(drop), Ok(()));
    }
    assert_eq!(
        request.header("l", 1).map(drop),
        Err(BuildError::Computed(HeaderName::ContentLength))
    );
}

#[test]
fn built_addresses_are_read_again() {
    let uri = Uri::parse("sip:a@b;lr").unwrap();
    let address = AddressBuilder::new(uri)
        .display_name("a \"b\"\\ é\r\n")
        .param("tag", "1")
        .and_then(|address| address.param("x", "a;b, \"c\""))
        .and_then(|address| address.flag("y"))
        .unwrap();
    let text = "\"a \\\"b\\\"\\\\ é  \" <sip:a@b;lr>;tag=1;x=\"a;b, \\\"c\\\"\";y";
    assert_eq!(address.to_string(), text);
    let mut request = RequestBuilder::new(Method::Invite, Uri::parse("sip:b").unwrap()).unwrap();
    request.header(HeaderName::From, address).unwrap();
    let message = read(request.finish());
    let from = message.headers().one::<From<'_>>().unwrap();
    assert_eq!(from.display_name().as_deref(), Some("a \"b\"\\ é  "));
    assert_eq!(from.params().value("x").unwrap().decode(), "a;b, \"c\"");
    assert_eq!(from.to_string(), text);
    let address = AddressBuilder::new(uri);
    assert_eq!(
        address.clone().param("tag", "a b").map(drop),
        Err(BuildError::Token)
    );
    let twice = address
        .flag("x")
        .and_then(|address| address.param("X", "1"));
    assert_eq!(twice.map(drop), Err(BuildError::Repeated));
}

#[test]
fn built_vias_are_read_again() {
    let host: Host = "2001:db8::1".parse().unwrap();
    let via = ViaBuilder::new("TLS", &host, Some(5061), "z9hG4bKx")
        .and_then(|via| via.param("received", "2001:db8::9"))
        .and_then(|via| via.param("maddr", "[2001:db8::2]"))
        .and_then(|via| via.flag("rport"))
        .unwrap();
    let text = "SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx;received=2001:db8::9;\
                maddr=[2001:db8::2];rport";
    assert_eq!(via.to_string(), text);
    let message = read(format!("OPTIONS sip:b SIP/2.0\r\nVia: {via}\r\n\r\n").into());
    let via = message.headers().one::<Via<'_>>().unwrap();
    assert_eq!(via.received(), Some("2001:db8::9".parse().unwrap()));
    assert_eq!(via.to_string(), text);
}

#[test]
fn an_ack_is_never_answered() {
    let bytes = "ACK sip:b SIP/2.0\r\nVia: SIP/2.0/TLS a\r\n\r\n";
    let Message::Request(ack) = read(bytes.into()) else {
        panic!("a response");
    };
    let acceptance = Acceptance::new(Role::UserAgent);
    let refusal = acceptance.check(&ack, Standing::default()).unwrap_err();
    assert!(acceptance.refuse(&ack, &refusal).is_none());
}

/// RFC 3261 §16.3: what a proxy does not need, it does not look at.
#[test]
fn a_proxy_passes_on_vias_that_concern_others() {
    let lines = COPIED.replace("SIP/2.0/TLS c", "SIP/2.0/TLS c:port");
    let forwarded = request(&lines);
    let proxy = Acceptance::new(Role::Proxy);
    assert_eq!(proxy.check(&forwarded, Standing::default()), Ok(()));
    let user_agent = Acceptance::new(Role::UserAgent);
    let refusal = user_agent
        .check(&forwarded, Standing::default())
        .unwrap_err();
    assert!(matches!(refusal, Refusal::Malformed(_)));
    let bytes = format!("SIP/2.0 200 OK\r\n{lines}\r\n");
    let Message::Response(response) = read(bytes.into()) else {
        panic!("a request");
    };
    assert_eq!(comity_sip::check_response(&response, Role::Proxy), Ok(()));
    let for_others = comity_sip::check_response(&response, Role::UserAgent);
    assert_eq!(for_others, Err(Refusal::NotForUs));
}

#[test]
fn the_narrowest_range_decides_what_is_acceptable() {
    let mut acceptance = Acceptance::new(Role::UserAgent);
    acceptance.produces = vec!["application/sdp".to_owned()];
    for (accept, result) in [
        ("", Ok(())),
        ("Accept: */*\r\n", Ok(())),
        (
            "Accept: application/*;q=0, */*\r\n",
            Err(Refusal::NotAcceptable),
        ),
        (
            "Accept: application/sdp;q=0.1, application/*;q=0\r\n",
            Ok(()),
        ),
        ("Accept: text/plain\r\n", Err(Refusal::NotAcceptable)),
        ("Accept:\r\n", Err(Refusal::NotAcceptable)),
    ] {
        let request = request(&format!("{COPIED}{accept}"));
        assert_eq!(
            acceptance.check(&request, Standing::default()),
            result,
            "{accept}"
        );
    }
}

#[test]
fn a_large_body_and_an_unknown_coding_are_refused() {
    let mut acceptance = Acceptance::new(Role::UserAgent);
    acceptance.max_body_bytes = Some(2);
    acceptance.content_encodings = vec!["gzip".to_owned()];
    for (lines, body, result) in [
        ("", "ab", Ok(())),
        ("", "abc", Err(Refusal::TooLarge { limit: 2 })),
        ("e: identity, GZIP\r\n", "ab", Ok(())),
        ("e: deflate\r\n", "ab", Err(Refusal::ContentType)),
        ("e: deflate\r\n", "", Ok(())),
    ] {
        let bytes = format!("INVITE sip:b SIP/2.0\r\n{COPIED}{lines}\r\n{body}");
        let Message::Request(request) = read(bytes.into()) else {
            panic!("a response");
        };
        let answer = acceptance.check(&request, Standing::default());
        assert_eq!(answer, result, "{lines}{body}");
        if let Err(refusal) = answer {
            let status = acceptance.refuse(&request, &refusal).unwrap().finish();
            let code = refusal.status().code().to_string();
            assert_eq!(&status[8..11], code.as_bytes());
            let read = read(status);
            assert_eq!(read.headers().one::<CallId<'_>>().unwrap().as_str(), "1");
        }
    }
}

#[test]
fn a_message_can_leave_the_buffer_in_which_it_came() {
    let mut padded = "\r\n".repeat(1000);
    padded += "OPTIONS sip:b SIP/2.0\r\nTo: <sip:b>\r\n\r\nbody";
    let mut message = read(padded.into());
    let before = message.as_bytes().clone();
    message.compact();
    assert_eq!(*message.as_bytes(), before);
    assert_ne!(message.as_bytes().as_ptr(), before.as_ptr());
    assert!(message.headers().one::<To<'_>>().is_ok());
}
