//! Values of each header.

use comity_sip::header::{
    Accept, AcceptEncoding, AcceptLanguage, Allow, AllowEvents, CSeq, CallId, Contact,
    ContentDisposition, ContentEncoding, ContentId, ContentLanguage, ContentLength, ContentType,
    Date, Diagnostics, Event, Expires, From, MaxForwards, MinExpires, PAssertedIdentity, Product,
    ProxyRequire, RAck, RSeq, Reason, RecordRoute, Require, RetryAfter, Route, Rport, Server,
    SipEtag, SipIfMatch, SubscriptionState, SubscriptionStatus, Supported, To, Unsupported,
    UserAgent, Via, Warning,
};
use comity_sip::{Fault, Method};

use super::{As, expected, message, written};

/// RFC 3261 §20.42, §25.1, RFC 3581
#[test]
fn via() {
    table! { Via:
        "SIP/2.0/UDP a.example" => "SIP/2.0/UDP a.example",
        "SIP / 2.0 / TLS  [2001:db8::1] : 5061 ; branch = z9hG4bK1 ; x = \"a;b\"" =>
            "SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1;x=\"a;b\"",
        "SIP/2.0/ UDP a" => "SIP/2.0/UDP a",
        "SIP/2.0/\r\n UDP a" => "SIP/2.0/UDP a",
        "SIP/2.0/UDP a;rport = 4000;x" => "SIP/2.0/UDP a;rport=4000;x",
        "SIP/2.0/UDP a;rport= ;x" => "SIP/2.0/UDP a;rport;x",
        "SIP/2.0/UDP a._b.c_1" => "SIP/2.0/UDP a._b.c_1",
        "SIP/2.0/UDP\r\n a;\r\n\tbranch=1" => "SIP/2.0/UDP a;branch=1",
        "SIP/2.0/UDP a;rport;received=[2001:db8::1];maddr=224.2.0.1;ttl=16" =>
            "SIP/2.0/UDP a;rport;received=[2001:db8::1];maddr=224.2.0.1;ttl=16",
        "SIP/2.0/UDP a;rport=" => "SIP/2.0/UDP a;rport",
        "SIP/2.0/UDP a;branch=1;" => "SIP/2.0/UDP a;branch=1",
        "SIP/2.0/UDP" => Fault::WhiteSpace,
        "SIP/2.0 a" => Fault::Separator { expected: '/' },
        "SIP/2.0/UDP a b" => Fault::Trailing,
        "SIP/2.0/UDP a:x" => Fault::Port,
        "SIP/2.0/UDP a;branch" => Fault::Parameter,
        "SIP/2.0/UDP a;branch=\"1\"" => Fault::Parameter,
        "SIP/2.0/UDP a;branch=1;Branch=1" => Fault::RepeatedParameter,
        "SIP/2.0/UDP a;received=b" => Fault::Parameter,
        "SIP/2.0/UDP a;rport=65536" => Fault::Parameter,
        "SIP/2.0/UDP a;ttl=256" => Fault::Parameter,
        "SIP/2.0/UDP a;maddr=" => Fault::Token,
        "SIP/2.0/UDP a;;branch=1" => Fault::Token,
    }
    let message = message(
        "Via: SIP/2.0/UDP A.example:5062;branch=z9hG4bK7;rport=4000;received=2001:db8::1;\
         maddr=b.example;ttl=1;own=\"x\\\"y\"\r\n",
    );
    let via = message.headers().one::<Via<'_>>().unwrap();
    assert_eq!(
        (via.protocol(), via.version(), via.transport()),
        ("SIP", "2.0", "UDP")
    );
    assert_eq!((via.host().as_str(), via.port()), ("A.example", Some(5062)));
    assert_eq!(
        (via.branch(), via.has_unique_branch()),
        (Some("z9hG4bK7"), true)
    );
    assert_eq!(via.rport(), Some(Rport::Port(4000)));
    assert_eq!(via.received(), Some("2001:db8::1".parse().unwrap()));
    assert_eq!(
        (via.maddr().unwrap().as_str(), via.ttl()),
        ("b.example", Some(1))
    );
    let own = via.params().value("OWN").unwrap();
    assert_eq!(
        (own.as_str(), own.decode().as_ref()),
        ("\"x\\\"y\"", "x\"y")
    );
    assert_eq!((via.params().len(), via.params().is_empty()), (6, false));
}

/// RFC 3261 §20.10, §20.20, §20.39
#[test]
fn addresses() {
    table! { From:
        "sip:a@b" => "<sip:a@b>",
        "sip:a@b;tag=1" => "<sip:a@b>;tag=1",
        "<sip:a@b;x=1>;tag=1" => "<sip:a@b;x=1>;tag=1",
        "A  B <sip:a@b>" => "\"A  B\" <sip:a@b>",
        "A\r\n B<sip:a@b>" => "\"A B\" <sip:a@b>",
        "\"A, \\\"B\\\" ;\" <sip:a@b> ; tag = 1" => "\"A, \\\"B\\\" ;\" <sip:a@b>;tag=1",
        "\"\"<sip:a@b>" => "<sip:a@b>",
        "\"ěščů\" <sip:a@b>" => "\"ěščů\" <sip:a@b>",
        "<tel:+1>;tag=1;epid=\"\"" => "<tel:+1>;tag=1;epid=\"\"",
        "tel:911" => "<tel:911>",
        "<sip:a@b" => Fault::Separator { expected: '>' },
        "<sip:a@b >" => Fault::Separator { expected: '>' },
        "< sip:a@b>" => Fault::Scheme,
        "\"A\" sip:a@b" => Fault::Separator { expected: '<' },
        "\"A <sip:a@b>" => Fault::QuotedString,
        "A, B <sip:a@b>" => Fault::Scheme,
        "sip:a@b?x=y" => Fault::Trailing,
        "sip:a,b@c" => Fault::Trailing,
        "<sip:a@b>;tag" => Fault::Parameter,
        "<sip:a@b>;tag=1;TAG=2" => Fault::RepeatedParameter,
        "<sip:a@b>;x=y z" => Fault::Trailing,
        "" => Fault::Scheme,
    }
    table! { To:
        "<sip:a@b>;tag=X" => "<sip:a@b>;tag=X",
        "isbn:2983792873;tag=1" => "<isbn:2983792873>;tag=1",
    }
    table! { PAssertedIdentity:
        "\"A\" <sip:a@b>" => "\"A\" <sip:a@b>",
        "sip:a@b" => "<sip:a@b>",
        "<sip:a@b>;x=1" => Fault::Trailing,
    }
    table! { Route:
        "<sip:a;lr>" => "<sip:a;lr>",
        "\"A\" <sip:a;lr>;x=1" => "\"A\" <sip:a;lr>;x=1",
        "sip:a;lr" => Fault::Separator { expected: '<' },
    }
    table! { RecordRoute:
        "<sip:a;lr;transport=tls>" => "<sip:a;lr;transport=tls>",
    }
    let message = message(
        "To: \"A\" <sip:a@b>;tag=T\r\nRoute: <sip:a;lr>,<sip:b>\r\n\
         Contact: <sip:a>;q=0.25;expires=60, <sip:b>;q=2;expires=99999999999\r\n",
    );
    let to = message.headers().one::<To<'_>>().unwrap();
    assert_eq!(
        (to.tag(), to.display_name().as_deref()),
        (Some("T"), Some("A"))
    );
    let loose: Vec<_> = message
        .headers()
        .all::<Route<'_>>()
        .map(|route| route.unwrap().is_loose())
        .collect();
    assert_eq!(loose, [true, false]);
    let contacts: Vec<_> = message
        .headers()
        .all::<Contact<'_>>()
        .map(|contact| {
            contact
                .map(|contact| (contact.q(), contact.expires()))
                .unwrap()
        })
        .collect();
    assert_eq!(contacts, [(Some(250), Some(60)), (None, None)]);
}

/// RFC 3261 §20.10, §10.3
#[test]
fn a_star_is_the_only_contact() {
    table! { Contact:
        "*" => "*",
        "<sip:a>;x" => "<sip:a>;x",
        "*;expires=0" => Fault::Scheme,
        "**" => Fault::Scheme,
    }
    for lines in [
        "Contact: *, <sip:a>\r\n",
        "Contact: <sip:a>, *\r\n",
        "Contact: *\r\nm: <sip:a>\r\n",
        "Contact: <sip:a>\r\nm: *\r\n",
        "Contact: *, *\r\n",
    ] {
        let message = message(lines);
        let read: Result<Vec<_>, _> = message.headers().all::<Contact<'_>>().collect();
        assert_eq!(read.map(drop).unwrap_err().fault(), Fault::Star, "{lines}");
    }
}

/// RFC 3261 §20.8, §20.16, RFC 3262 §7, RFC 3903 §11.3
#[test]
fn words_and_numbers() {
    table! { CallId:
        "a84b4c76e66710@pc33.atlanta.example" => "a84b4c76e66710@pc33.atlanta.example",
        "()<>:\\\"/[]?{}" => "()<>:\\\"/[]?{}",
        "b64==@a@b" => "b64==@a@b",
        "a b" => Fault::Trailing,
        "" => Fault::Word,
    }
    table! { CSeq:
        "0009 \r\n INVITE" => "9 INVITE",
        "4294967295 X" => "4294967295 X",
        "4294967296 X" => Fault::NumberTooLarge { max: 4_294_967_295 },
        "1" => Fault::WhiteSpace,
        "1 " => Fault::WhiteSpace,
        "-1 X" => Fault::Number,
        "1 X Y" => Fault::Trailing,
    }
    table! { RAck:
        "776656 1 INVITE" => "776656 1 INVITE",
        "0 1 INVITE" => Fault::Number,
        "1 1" => Fault::WhiteSpace,
    }
    table! { SipEtag: "12345" => "12345", "a b" => Fault::Trailing }
    table! { SipIfMatch: "12345" => "12345", "" => Fault::Token }
    let message = message(
        "Max-Forwards: 256\r\nl: 00\r\nRSeq: 1\r\nExpires: 4294967296\r\nMin-Expires: 60\r\n",
    );
    let headers = message.headers();
    let hops = headers.one::<MaxForwards>().unwrap();
    assert_eq!((hops, hops.hops()), (MaxForwards(256), None));
    assert_eq!(headers.one::<ContentLength>().unwrap(), ContentLength(0));
    assert_eq!(headers.one::<RSeq>().unwrap(), RSeq(1));
    let expires = headers.one::<Expires>().unwrap();
    assert_eq!((expires, expires.seconds()), (Expires(4_294_967_296), None));
    assert_eq!(headers.one::<MinExpires>().unwrap().seconds(), Some(60));
    assert_eq!(MaxForwards(0).hops(), Some(0));
    let cseq = CSeq::new(7, Method::Ack);
    assert_eq!(RAck::new(1, cseq).to_string(), "1 7 ACK");
}

/// RFC 3261 §20.11 to §20.15, RFC 8262
#[test]
fn bodies() {
    table! { ContentType:
        "application/sdp" => "application/sdp",
        "text / plain ; charset = UTF-8" => "text/plain;charset=UTF-8",
        "multipart/mixed;boundary=\"a b\"" => "multipart/mixed;boundary=\"a b\"",
        "text/plain;msgr=WAAt/A==" => "text/plain;msgr=WAAt/A==",
        "application/sdp;" => "application/sdp",
        "text" => Fault::Separator { expected: '/' },
        "text/" => Fault::Token,
        "" => Fault::Token,
    }
    table! { ContentEncoding: "gzip" => "gzip" }
    table! { ContentLanguage: "en-GB" => "en-GB" }
    table! { ContentDisposition:
        "session;handling=optional" => "session;handling=optional",
    }
    table! { ContentId:
        "<a@b>" => "<a@b>",
        "a@b" => Fault::Separator { expected: '<' },
        "<ab>" => Fault::Separator { expected: '@' },
        "<a@b" => Fault::Separator { expected: '>' },
    }
    let message = message(
        "Content-Type: Text/Plain;charset=\"utf-8\"\r\nContent-Disposition: render;HANDLING=Optional\r\n",
    );
    let content_type = message.headers().one::<ContentType<'_>>().unwrap();
    assert_eq!(
        (content_type.kind(), content_type.subtype()),
        ("Text", "Plain")
    );
    assert!(content_type.is("text", "plain"));
    assert_eq!(content_type.param("Charset").as_deref(), Some("utf-8"));
    let disposition = message.headers().one::<ContentDisposition<'_>>().unwrap();
    assert_eq!(
        (disposition.kind(), disposition.is_required()),
        ("render", false)
    );
}

/// RFC 3261 §20.1 to §20.3
#[test]
fn what_is_accepted() {
    table! { Accept:
        "application/*;q=0.5" => "application/*;q=0.5",
        "*/*" => "*/*",
        "application" => Fault::Separator { expected: '/' },
    }
    table! { AcceptEncoding: "*;q=0" => "*;q=0" }
    table! { AcceptLanguage: "en-gb;q=0.8" => "en-gb;q=0.8" }
    let message = message("Accept: text/*;q=0.5, a/b;q=0, c/d;q=x\r\nAccept-Encoding:\r\n");
    let ranges: Vec<_> = message
        .headers()
        .all::<Accept<'_>>()
        .map(Result::unwrap)
        .collect();
    let preferences: Vec<_> = ranges.iter().map(Accept::q).collect();
    assert_eq!(preferences, [500, 0, 1000]);
    let accepts = |kind, subtype| ranges.iter().any(|range| range.accepts(kind, subtype));
    assert!(accepts("TEXT", "html") && accepts("c", "D"));
    assert!(!accepts("a", "b") && !accepts("x", "y"));
    assert_eq!(message.headers().all::<AcceptEncoding<'_>>().count(), 0);
}

/// RFC 6665 §8.2
#[test]
fn events() {
    table! { Event: "presence.winfo;id=1" => "presence.winfo;id=1", "a b" => Fault::Trailing }
    table! { AllowEvents: "presence" => "presence" }
    table! { SubscriptionState:
        "active;expires=60" => "active;expires=60",
        "terminated ; reason=noresource" => "terminated;reason=noresource",
    }
    let message = message(
        "Event: presence;id=7\r\n\
         Subscription-State: Terminated;reason=giveup;retry-after=99999999999;expires=x\r\n",
    );
    let event = message.headers().one::<Event<'_>>().unwrap();
    assert_eq!((event.package(), event.id()), ("presence", Some("7")));
    let state = message.headers().one::<SubscriptionState<'_>>().unwrap();
    assert_eq!(state.status(), SubscriptionStatus::Terminated);
    assert_eq!(state.reason(), Some("giveup"));
    assert_eq!(
        (state.retry_after(), state.expires()),
        (Some(u32::MAX), None)
    );
}

/// RFC 3261 §20.5, §20.29, §20.32, §20.37, §20.40
#[test]
fn lists_of_tokens() {
    table! { Allow: "INVITE" => "INVITE", "BENOTIFY" => "BENOTIFY", "invite" => "invite" }
    table! { Require: "100rel" => "100rel", "" => Fault::Token }
    table! { ProxyRequire: "ms-benotify" => "ms-benotify" }
    table! { Supported: "timer" => "timer" }
    table! { Unsupported: "x" => "x" }
    let message = message("k: a , b\r\n ,c\r\nSupported:\r\nSUPPORTED: d\r\nAllow: ACK,ack\r\n");
    let tags: Vec<_> = message
        .headers()
        .all::<Supported<'_>>()
        .map(|tag| tag.unwrap().as_str().to_owned())
        .collect();
    assert_eq!(tags, ["a", "b", "c", "d"]);
    let first = message.headers().first::<Supported<'_>>().unwrap().unwrap();
    assert!(first.is("A"));
    let methods: Vec<_> = message
        .headers()
        .all::<Allow<'_>>()
        .map(|allow| allow.unwrap().method())
        .collect();
    assert_eq!(methods[0], Method::Ack);
    assert!(matches!(methods[1], Method::Extension(_)));
}

/// RFC 3261 §20.35, §20.41: for people, so that any text is taken.
#[test]
fn products() {
    table! { UserAgent:
        "UCCAPI/15.0 OC/15.0 (Microsoft Lync)" => "UCCAPI/15.0 OC/15.0 (Microsoft Lync)",
        "snom@home; 1" => "snom@home; 1",
        "a\r\n b" => "a b",
        "" => Fault::EmptyValue,
    }
    table! { Server: "kamailio (5.6.3 (x86_64/linux))" => "kamailio (5.6.3 (x86_64/linux))" }
    let message = message("Server: a / 1 (b (c)\\)) d @\r\n");
    let products: Vec<_> = message
        .headers()
        .one::<Server<'_>>()
        .unwrap()
        .products()
        .collect();
    assert_eq!(
        products,
        [
            Product::Named {
                name: "a",
                version: Some("1")
            },
            Product::Comment("b (c))".into()),
            Product::Named {
                name: "d",
                version: None
            },
        ]
    );
}

/// RFC 3261 §20.33, §20.43, RFC 3326, MS-OCER
#[test]
fn explanations() {
    table! { Reason:
        "SIP;cause=200;text=\"Call completed elsewhere\"" =>
            "SIP;cause=200;text=\"Call completed elsewhere\"",
    }
    table! { Warning:
        "399 a.example:5060 \"x\"" => "399 a.example:5060 \"x\"",
        "301 pseudonym! \"x\"" => "301 pseudonym! \"x\"",
        "39 a \"x\"" => Fault::Number,
        "1812 a \"x\"" => Fault::NumberTooLarge { max: 999 },
        "399 a x" => Fault::Separator { expected: '"' },
    }
    table! { RetryAfter:
        "18000;duration=3600" => "18000;duration=3600",
        "120 (I'm (still) away)" => "120 (I'm (still) away)",
        "5 (" => Fault::Trailing,
        "soon" => Fault::Number,
    }
    table! { Diagnostics:
        "1008;reason=\"No SRV\";source=\"a\"" => "1008;reason=\"No SRV\";source=\"a\"",
        "x" => Fault::Number,
    }
    let message = message(
        "Reason: Q.850;cause=16, SIP;text=\"a\\\"b\"\r\nWarning: 399 a \"b\"\r\n\
         Retry-After: 99999999999 (later);duration=5\r\nms-diagnostics: 1;reason=x\r\n",
    );
    let headers = message.headers();
    let reasons: Vec<_> = headers
        .all::<Reason<'_>>()
        .map(Result::unwrap)
        .map(|reason| (reason.protocol().to_owned(), reason.cause(), reason.text()))
        .collect();
    assert_eq!(
        reasons,
        [
            ("Q.850".into(), Some(16), None),
            ("SIP".into(), None, Some("a\"b".into()))
        ]
    );
    let warning = headers.one::<Warning<'_>>().unwrap();
    assert_eq!((warning.code(), warning.agent()), (399, "a"));
    assert_eq!(warning.text().decode(), "b");
    let retry = headers.one::<RetryAfter<'_>>().unwrap();
    assert_eq!((retry.seconds(), retry.duration()), (u32::MAX, Some(5)));
    assert_eq!(retry.comment().unwrap().as_str(), "later");
    let diagnostics = headers.one::<Diagnostics<'_>>().unwrap();
    assert_eq!((diagnostics.code(), diagnostics.diagnosis()), (1, None));
    assert_eq!(diagnostics.reason().as_deref(), Some("x"));
}

/// RFC 3261 §20.17
#[test]
fn dates() {
    for (value, seconds) in [
        ("Sat, 13 Nov 2010 23:29:00 GMT", Some(1_289_690_940)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Tue, 29 Feb 2000 12:00:01 GMT", Some(951_825_601)),
        ("Thu, 31 Dec 2099 23:59:60 GMT", Some(4_102_444_800)),
        ("Wed, 31 Dec 1969 23:59:59 GMT", None),
    ] {
        let message = message(&format!("Date: {value}\r\n"));
        let date = message.headers().one::<Date>().unwrap();
        assert_eq!(date.unix_seconds(), seconds, "{value}");
        assert_eq!(date.to_string(), value);
    }
    for value in [
        "Fri, 01 Jan 2010 16:00:00 EST",
        "Sat, 30 Feb 2010 00:00:00 GMT",
        "Sat, 29 Feb 1900 00:00:00 GMT",
        "Sat, 13 Nov 2010 24:00:00 GMT",
        "Sat, 13 Nov 10 00:00:00 GMT",
        "2010-11-13",
        "",
    ] {
        let message = message(&format!("Date: {value}\r\n"));
        let error = message.headers().one::<Date>().unwrap_err();
        assert_eq!(error.fault(), Fault::Date, "{value}");
    }
}

#[test]
fn what_is_written_has_no_nul() {
    table! { From:
        "\"\\\0\" <sip:a>;tag=1" => "<sip:a>;tag=1",
        "\"a\\\0b\" <sip:a>" => "\"ab\" <sip:a>",
    }
    table! { RetryAfter: "1 (a\\\0)" => "1 (a)" }
    table! { Reason: "SIP;text=\"\\\0x\"" => "SIP;text=\"x\"" }
}
