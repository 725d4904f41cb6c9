//! URIs: their parts, what is refused, when two are the same, and building them.
#![cfg(test)]

use comity_identity::Host;
use comity_sip::{Fault, Gruu, Limits, Scheme, Uri, UriBuf, UriBuilder, UriError};

/// Scheme, user, password, host and port.
type Parts<'a> = (
    Scheme,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<u16>,
);

#[test]
fn a_uri_has_its_parts() {
    use Scheme::{Im, Other, Pres, Sip, Sips, Tel};
    let table: [(&str, Parts<'_>); 22] = [
        (
            "sip:alice@a.example",
            (Sip, Some("alice"), None, Some("a.example"), None),
        ),
        (
            "SIPS:alice:secret@a.example:5061",
            (
                Sips,
                Some("alice"),
                Some("secret"),
                Some("a.example"),
                Some(5061),
            ),
        ),
        ("sip:a.example", (Sip, None, None, Some("a.example"), None)),
        (
            "sip:[2001:db8::1]:5060",
            (Sip, None, None, Some("[2001:db8::1]"), Some(5060)),
        ),
        (
            "sip:192.0.2.1;lr",
            (Sip, None, None, Some("192.0.2.1"), None),
        ),
        (
            "sip:a;b=c,d?e/f@a.example",
            (Sip, Some("a;b=c,d?e/f"), None, Some("a.example"), None),
        ),
        (
            "sip:+1-555;ext=1@a.example;user=phone",
            (Sip, Some("+1-555;ext=1"), None, Some("a.example"), None),
        ),
        (
            "sip:%20%00%C3%A9@a.example",
            (Sip, Some(" \0é"), None, Some("a.example"), None),
        ),
        (
            "sip:%FF@a.example",
            (Sip, Some("\u{fffd}"), None, Some("a.example"), None),
        ),
        (
            "sip:*31#@a.example",
            (Sip, Some("*31#"), None, Some("a.example"), None),
        ),
        (
            "sip:a:@a.example",
            (Sip, Some("a"), Some(""), Some("a.example"), None),
        ),
        ("sip:my_host", (Sip, None, None, Some("my_host"), None)),
        (
            "sip:3f2a9c1b7d8e:5060",
            (Sip, None, None, Some("3f2a9c1b7d8e"), Some(5060)),
        ),
        (
            "tel:+1-(555).01",
            (Tel, Some("+1-(555).01"), None, None, None),
        ),
        (
            "tel:7042;phone-context=example.com",
            (Tel, Some("7042"), None, None, None),
        ),
        ("tel:911", (Tel, Some("911"), None, None, None)),
        ("tel:a*1#", (Tel, Some("a*1#"), None, None, None)),
        (
            "im:alice@a.example",
            (Im, Some("alice"), None, Some("a.example"), None),
        ),
        (
            "pres:alice@a.example?x=y",
            (Pres, Some("alice"), None, Some("a.example"), None),
        ),
        ("urn:uuid:f81d4fae", (Other, None, None, None, None)),
        (
            "http://user@a.example:80/x?y;z",
            (Other, None, None, None, None),
        ),
        (
            "soap.beep://192.0.2.103:3002",
            (Other, None, None, None, None),
        ),
    ];
    for (text, parts) in table {
        let uri = Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let user = uri.user();
        let host = uri.host().map(|host| host.as_str());
        let read = (
            uri.scheme(),
            user.as_deref(),
            uri.password(),
            host,
            uri.port(),
        );
        assert_eq!(read, parts, "{text}");
        assert_eq!(uri.as_str(), text);
        assert_eq!(uri.to_buf().as_uri().as_str(), text);
    }
}

#[test]
fn what_is_no_uri_is_refused_where_it_goes_wrong() {
    for (text, fault, offset) in [
        ("", Fault::Scheme, 0),
        ("alice@a.example", Fault::Scheme, 0),
        ("1sip:a.example", Fault::Scheme, 0),
        ("sip:", Fault::Host, 4),
        ("sip:@a.example", Fault::User, 4),
        ("sip::pw@a.example", Fault::User, 4),
        ("sip:alice@", Fault::Host, 10),
        ("sip:alice@a..example", Fault::Trailing, 12),
        ("sip:alice@a.example:", Fault::Port, 20),
        ("sip:alice@a.example:65536", Fault::Port, 20),
        ("sip:2001:db8::1", Fault::Host, 4),
        ("sip:[2001:db8::1", Fault::Host, 4),
        ("sip:al ice@a.example", Fault::Trailing, 6),
        ("sip:al%2@a.example", Fault::Escape, 6),
        ("sip:a.example;p=%4", Fault::Escape, 16),
        ("sip:a.example;", Fault::UriParameter, 14),
        ("sip:a.example;=1", Fault::UriParameter, 14),
        ("sip:a.example;p=", Fault::UriParameter, 16),
        ("sip:a.example;a;b;A", Fault::RepeatedParameter, 0),
        (
            "sip:a.example;transport=tcp;%74ransport=udp",
            Fault::RepeatedParameter,
            0,
        ),
        ("sip:a.example?", Fault::UriHeader, 14),
        ("sip:a.example?a", Fault::UriHeader, 14),
        ("sip:a.example?a=1&", Fault::UriHeader, 18),
        ("sip:a.example?a=1&b", Fault::UriHeader, 18),
        ("tel:", Fault::TelephoneNumber, 4),
        ("tel:+", Fault::TelephoneNumber, 4),
        ("tel:+1a", Fault::Trailing, 6),
        ("tel:+1?a=b", Fault::UriHeader, 4),
        ("im:a.example", Fault::User, 3),
        ("im:a:b@a.example", Fault::User, 3),
        ("im:a@a.example:5060", Fault::Mailbox, 5),
        ("pres:a@a.example;x=y", Fault::Mailbox, 7),
        ("urn:", Fault::UriByte, 4),
        ("urn:a b", Fault::Trailing, 5),
        ("urn:<a>", Fault::UriByte, 4),
        ("sip:a.example\r\n", Fault::Trailing, 13),
    ] {
        let error = Uri::parse(text).map(drop).unwrap_err();
        assert_eq!((error.fault(), error.offset()), (fault, offset), "{text}");
    }
}

#[test]
fn parameters_and_headers_are_read_with_escapes_resolved() {
    let uri = Uri::parse("sip:a;Transport=tcp;lr;n%61me=v%41%253B?To=sip:b%40c&x=").unwrap();
    let params: Vec<_> = uri
        .params()
        .map(|param| (param.name(), param.value()))
        .collect();
    assert_eq!(
        params,
        [
            ("Transport".into(), Some("tcp".into())),
            ("lr".into(), None),
            ("name".into(), Some("vA%3B".into()))
        ]
    );
    assert_eq!(uri.param("TRANSPORT").as_deref(), Some("tcp"));
    assert_eq!(uri.param("name").as_deref(), Some("vA%3B"));
    assert_eq!(uri.param("lr").as_deref(), Some(""));
    assert_eq!((uri.param("x"), uri.has_param("x")), (None, false));
    let headers: Vec<_> = uri
        .headers()
        .map(|header| (header.name(), header.value()))
        .collect();
    assert_eq!(
        headers,
        [("To".into(), "sip:b@c".into()), ("x".into(), "".into())]
    );
    assert!(uri.has_headers());
}

/// RFC 3261 §19.1.4 with its examples, RFC 3966 §4.
#[test]
fn uris_are_the_same_by_the_rules_of_their_scheme() {
    for (a, b) in [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtLanTa.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:carol@chicago.com;newparam=5",
            "sip:carol@chicago.com;security=on",
        ),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a;p=%5B", "sip:a;p=["),
        ("sip:%3b@a", "sip:%3B@a"),
        ("sip:[2001:db8::1]", "sip:[2001:DB8:0::1]"),
        ("sips:A.example", "SIPS:a.EXAMPLE"),
        ("im:a@A.example", "IM:a@a.example"),
        ("tel:+1-555-0100", "tel:+1(555)0100"),
        ("tel:+1;ext=1-2;isub=3", "tel:+1;ISUB=3;ext=12"),
        (
            "tel:7042;phone-context=+1-555",
            "tel:70-42;phone-context=+1555",
        ),
        (
            "tel:7042;phone-context=Example.com",
            "tel:7042;phone-context=example.com",
        ),
        ("URN:a", "urn:a"),
    ] {
        let (uri, other) = (Uri::parse(a).unwrap(), Uri::parse(b).unwrap());
        assert!(
            uri.is_equivalent(&other) && other.is_equivalent(&uri),
            "{a} {b}"
        );
    }
    for (a, b) in [
        (
            "sip:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        (
            "sip:bob@biloxi.com",
            "sip:bob@biloxi.com:6000;transport=tcp",
        ),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
        ),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
        ),
        ("sip:a", "sips:a"),
        ("sip:a", "sip:x@a"),
        ("sip:x@a", "sip:x:y@a"),
        ("sip:x;y@a", "sip:x%3By@a"),
        ("sip:a", "sip:a;maddr=b"),
        ("sip:a", "sip:a;ttl=1"),
        ("sip:a", "sip:a;user=ip"),
        ("sip:a", "sip:a;method=INVITE"),
        ("sip:a;lr", "sip:a;lr=on"),
        ("sip:a?x=1&x=2", "sip:a?x=1&x=1"),
        ("sip:a?x=a", "sip:a?x=A"),
        ("sip:a@b", "im:a@b"),
        ("tel:+1", "tel:1"),
        ("tel:+1", "tel:+1;ext=1"),
        ("urn:a", "urn:A"),
    ] {
        let (uri, other) = (Uri::parse(a).unwrap(), Uri::parse(b).unwrap());
        assert!(
            !uri.is_equivalent(&other) && !other.is_equivalent(&uri),
            "{a} {b}"
        );
    }
}

/// RFC 5627 §3.1, and what Microsoft had before.
#[test]
fn a_uri_may_name_one_device() {
    for (text, gruu) in [
        (
            "sip:a@b;gr=urn:uuid:1",
            Some(Gruu::Public("urn:uuid:1".into())),
        ),
        ("sip:x@b;gr", Some(Gruu::Temporary)),
        (
            "sip:a@b;opaque=user:epid:X;gruu",
            Some(Gruu::Microsoft(Some("user:epid:X".into()))),
        ),
        ("sip:a@b;gruu", Some(Gruu::Microsoft(None))),
        ("sip:a@b;opaque=user:epid:X", None),
    ] {
        assert_eq!(Uri::parse(text).unwrap().gruu(), gruu, "{text}");
    }
}

#[test]
fn built_uris_hold_any_text_in_its_place() {
    let host: Host = "b.example".parse().unwrap();
    for (builder, text) in [
        (UriBuilder::sip(&host), "sip:b.example"),
        (
            UriBuilder::sips(&host).user("alice").port(5061),
            "sips:alice@b.example:5061",
        ),
        (
            UriBuilder::sip(&host).user("a;b?c#d@e:f%\r\n\0é"),
            "sip:a%3Bb%3Fc%23d%40e%3Af%25%0D%0A%00%C3%A9@b.example",
        ),
        (
            UriBuilder::sip(&host).user("+1-555&=$,/"),
            "sip:+1-555&=$,/@b.example",
        ),
        (
            UriBuilder::sip(&host).param("x y", "a;b=c").flag("lr"),
            "sip:b.example;x%20y=a%3Bb%3Dc;lr",
        ),
        (
            UriBuilder::sip(&host).header("To", "<a&b>").header("X", ""),
            "sip:b.example?To=%3Ca%26b%3E&X=",
        ),
        (
            UriBuilder::im(&host).user("a?b=c+d"),
            "im:a%3Fb%3Dc%2Bd@b.example",
        ),
        (UriBuilder::pres(&host).user("a"), "pres:a@b.example"),
        (
            UriBuilder::sip(&"2001:db8::1".parse().unwrap()),
            "sip:[2001:db8::1]",
        ),
    ] {
        assert_eq!(builder.build().unwrap().to_string(), text);
    }
    for (builder, fault) in [
        (UriBuilder::sip(&host).user(""), Fault::User),
        (UriBuilder::sip(&host).param("x", ""), Fault::UriParameter),
        (UriBuilder::sip(&host).flag(""), Fault::UriParameter),
        (
            UriBuilder::sip(&host).flag("a").param("A", "b"),
            Fault::RepeatedParameter,
        ),
        (UriBuilder::sip(&host).header("", "b"), Fault::UriHeader),
        (UriBuilder::im(&host), Fault::User),
    ] {
        let UriError::Rule(error) = builder.build().unwrap_err() else {
            panic!("another error");
        };
        assert_eq!(error.fault(), fault);
    }
    let mailbox = UriBuilder::pres(&host).user("a").port(1).build();
    assert_eq!(mailbox.map(drop), Err(UriError::NotInMailbox));
}

#[test]
fn a_repeated_parameter_is_found_among_few_and_many() {
    let mut limits = Limits::default();
    limits.max_parameters = 1_000;
    limits.max_uri_bytes = 10_000;
    // 32 are compared each with each, and more are sorted.
    for count in [2, 31, 32, 33, 1_000] {
        let names: String = (1..count).map(|number| format!(";p{number}")).collect();
        for (last, repeats) in [("q", false), ("P1", true), ("%501", true), ("p%2F1", false)] {
            let uri = format!("sip:a.example{names};{last}");
            let read = Uri::parse_within(uri.as_bytes(), &limits);
            let fault = read.err().map(|error| error.fault());
            let expected = repeats.then_some(Fault::RepeatedParameter);
            assert_eq!(fault, expected, "{count} {last}");
        }
    }
}

#[test]
fn a_uri_that_owns_its_bytes_is_the_same_uri() {
    let owned: UriBuf = "sip:alice@b.example:5061;lr".parse().unwrap();
    let uri = owned.as_uri();
    assert_eq!((uri.port(), uri.has_param("lr")), (Some(5061), true));
    assert_eq!(owned.to_string(), "sip:alice@b.example:5061;lr");
    let error = "b.example".parse::<UriBuf>().map(drop).unwrap_err();
    assert_eq!(error.to_string(), "no URI scheme in a URI at byte 0");
}
