//! Addresses one way and back.
#![cfg(test)]

use comity_bridge::address::{
    AddressError, Collisions, Telephone, entity, escape, from_header, to_bare_uri, to_im, to_jid,
    to_pres, to_uri, unescape,
};
use comity_identity::ParseError;
use comity_machine::Random;
use comity_sip::{Limits, Message, StatusCode, Uri, header};
use comity_xmpp::{Jid, JidError};
use serde_json::Value;

fn jid_of(uri: &str) -> Result<String, AddressError> {
    to_jid(Uri::parse(uri).unwrap()).map(|jid| jid.to_string())
}

fn uri_of(jid: &str) -> Result<String, AddressError> {
    to_uri(&jid.parse().unwrap()).map(|uri| uri.to_string())
}

fn pairs<'a>(vectors: &'a Value, name: &str) -> Vec<(&'a str, &'a str)> {
    let pairs = vectors[name].as_array().unwrap();
    pairs
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect()
}

#[test]
fn the_published_examples_hold_both_ways() {
    let vectors = include_str!("data/address-vectors.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let to_xmpp = pairs(&vectors, "sip_to_jid");
    assert_eq!(to_xmpp.len(), 4);
    for (uri, jid) in to_xmpp {
        assert_eq!(jid_of(uri), Ok(jid.to_owned()), "{uri}");
        assert_eq!(jid_of(&uri_of(jid).unwrap()), Ok(jid.to_owned()), "{uri}");
    }
    let to_sip = pairs(&vectors, "jid_to_sip");
    assert_eq!(to_sip.len(), 3);
    for (jid, uri) in to_sip {
        assert_eq!(uri_of(jid), Ok(uri.to_owned()), "{jid}");
        assert_eq!(jid_of(uri), Ok(jid.to_owned()), "{jid}");
    }
    let escapes = pairs(&vectors, "xep0106_escape");
    assert_eq!(escapes.len(), 12);
    for (text, escaped) in escapes {
        assert_eq!(escape(text), escaped);
        assert_eq!(unescape(escaped), text);
    }
    for text in vectors["must_not_change"].as_array().unwrap() {
        let text = text.as_str().unwrap();
        assert_eq!(escape(text), text);
        assert_eq!(unescape(text), text);
    }
}

#[test]
fn every_character_that_a_sip_user_can_escape_has_its_place() {
    for (uri, jid) in [
        ("sip:alice%40corp@gw.example", r"alice\40corp@gw.example"),
        ("sip:a%20b@x.example", r"a\20b@x.example"),
        ("sip:a%3Ab@x.example", r"a\3ab@x.example"),
        ("sip:%3Ca%3E@x.example", r"\3ca\3e@x.example"),
        ("sip:a%22b@x.example", r"a\22b@x.example"),
        ("sip:a%5C20b@x.example", r"a\5c20b@x.example"),
        ("sip:a%5Cb@x.example", r"a\b@x.example"),
        ("sip:a;b=c?d@x.example", "a;b=c?d@x.example"),
        (
            "sip:a%23%25%5B%5D%5E%60%7B%7C%7D@x.example",
            "a#%[]^`{|}@x.example",
        ),
    ] {
        assert_eq!(jid_of(uri), Ok(jid.to_owned()), "{uri}");
        assert_eq!(uri_of(jid), Ok(uri.to_owned()), "{uri}");
    }
}

#[test]
fn what_is_not_the_name_does_not_cross() {
    for (uri, jid) in [
        (
            "sip:Alice@Example.COM:5061;transport=tls",
            "alice@example.com",
        ),
        (
            "sip:a@x.example;maddr=192.0.2.1;lr;ttl=1?subject=hi",
            "a@x.example",
        ),
        ("sip:a@x.example;user=ip", "a@x.example"),
        ("sip:a@x.example;opaque=user:epid:Xh;gruu", "a@x.example"),
        ("sip:a@x.example;gr", "a@x.example"),
        ("sip:x.example;transport=tcp", "x.example"),
        ("sip:x.example;gr=y", "x.example/y"),
        ("pres:a@x.example", "a@x.example"),
        ("im:a%28b@x.example", "a(b@x.example"),
        ("sip:a@xn--bcher-kva.example", "a@b\u{fc}cher.example"),
    ] {
        assert_eq!(jid_of(uri), Ok(jid.to_owned()), "{uri}");
    }
}

#[test]
fn refused_addresses_say_why_and_with_which_status() {
    let long = format!("sip:{}@x.example", "%61".repeat(330));
    assert_eq!(jid_of(&long), Ok(format!("{}@x.example", "a".repeat(330))));
    for (uri, error, status) in [
        ("sips:a@x.example", AddressError::Secure, 480),
        (
            "tel:+15551234567",
            AddressError::Telephone(Telephone::Scheme),
            416,
        ),
        ("mailto:a@x.example", AddressError::Scheme, 416),
        (
            "sip:+1555@x.example;user=phone",
            AddressError::Telephone(Telephone::User),
            484,
        ),
        (
            "sip:1;phone-context=+1@x.example",
            AddressError::Telephone(Telephone::User),
            484,
        ),
        ("sip:a@192.0.2.1", AddressError::IpAddress, 404),
        ("sip:a@[2001:db8::1]:5061", AddressError::IpAddress, 404),
        (
            "sip:a_b@c_d.example",
            AddressError::Domain(ParseError::Character('_')),
            404,
        ),
        ("sip:a:secret@x.example", AddressError::Password, 404),
        ("sip:%20a@x.example", AddressError::EdgeSpace, 404),
        ("sip:a%20@x.example", AddressError::EdgeSpace, 404),
        ("sip:a%00b@x.example", AddressError::Control, 404),
        ("sip:a%0D%0Ab@x.example", AddressError::Control, 404),
        ("sip:a%C2%85b@x.example", AddressError::Control, 404),
        ("sip:a%FFb@x.example", AddressError::NotUtf8, 400),
        ("sip:a@x.example;gr=%FF", AddressError::NotUtf8, 400),
        (
            "sip:a@x.example;gr=%01",
            AddressError::Jid(JidError::Resource),
            404,
        ),
        (
            "sip:%E2%99%9A@x.example",
            AddressError::Jid(JidError::Local),
            404,
        ),
        // A cedilla would join the last digit of the escape before it.
        (
            "sip:a%3C%CC%A7@x.example",
            AddressError::Jid(JidError::Local),
            404,
        ),
    ] {
        assert_eq!(jid_of(uri), Err(error), "{uri}");
        assert_eq!(error.status(), StatusCode::new(status).unwrap(), "{uri}");
    }
}

#[test]
fn a_localpart_that_shares_its_sip_user_with_another_is_refused() {
    for (jid, error) in [
        (r"a\5cb@x.example", AddressError::NotCanonical),
        (
            "1;phone-context=+1@x.example",
            AddressError::Telephone(Telephone::User),
        ),
        (r"\20a@x.example", AddressError::EdgeSpace),
        (r"a\20@x.example", AddressError::EdgeSpace),
        ("a@x.example/\u{fffd}", AddressError::NotUtf8),
    ] {
        assert_eq!(uri_of(jid), Err(error), "{jid}");
    }
    let long = format!("{}@x.example", "a".repeat(1023));
    assert_eq!(uri_of(&long), Err(AddressError::TooLong));
    assert_eq!(
        to_pres(&long.parse().unwrap()).map(|_| ()),
        Err(AddressError::TooLong)
    );
}

#[test]
fn wide_forms_and_upper_case_escapes_fold_before_they_are_escaped() {
    for (uri, jid, back) in [
        (
            "sip:a%5C2Fb@x.example",
            r"a\5c2fb@x.example",
            "sip:a%5C2fb@x.example",
        ),
        // A wide backslash in front of digits.
        (
            "sip:a%EF%BC%BC20b@x.example",
            r"a\5c20b@x.example",
            "sip:a%5C20b@x.example",
        ),
        (
            "sip:%C3%9C%26b@x.example",
            "\u{fc}\\26b@x.example",
            "sip:%C3%BC&b@x.example",
        ),
    ] {
        assert_eq!(jid_of(uri), Ok(jid.to_owned()), "{uri}");
        assert_eq!(uri_of(jid), Ok(back.to_owned()), "{uri}");
    }
}

#[test]
fn resources_cross_as_the_device() {
    for (jid, uri) in [
        ("a@x.example/b c;d>e", "sip:a@x.example;gr=b%20c%3Bd%3Ee"),
        ("a@x.example/B@/\u{fc}", "sip:a@x.example;gr=B%40/%C3%BC"),
        ("x.example/r", "sip:x.example;gr=r"),
    ] {
        assert_eq!(uri_of(jid), Ok(uri.to_owned()));
        assert_eq!(jid_of(uri), Ok(jid.to_owned()));
        let bare = to_bare_uri(&jid.parse().unwrap()).unwrap().to_string();
        assert_eq!(bare, uri.split_once(";gr=").unwrap().0);
    }
}

#[test]
fn a_device_behind_the_uri_counts_if_there_is_none_inside() {
    for (from, jid) in [
        ("<sip:a@x.example>;tag=1;gr=desk", "a@x.example/desk"),
        ("sip:a@x.example;gr=b%20c", "a@x.example/b c"),
        ("<sip:a@x.example;gr=in>;gr=out", "a@x.example/in"),
        ("<sip:a@x.example>;tag=1", "a@x.example"),
    ] {
        let text = format!("MESSAGE sip:b.example SIP/2.0\r\nFrom: {from}\r\n\r\n");
        let message = Message::from_datagram(text.into(), &Limits::default()).unwrap();
        let from = message.headers().one::<header::From<'_>>().unwrap();
        assert_eq!(
            from_header(&from).map(|jid| jid.to_string()),
            Ok(jid.to_owned())
        );
    }
}

#[test]
fn entities_are_read_with_and_without_scheme() {
    for (text, jid) in [
        ("pres:a@x.example", Ok("a@x.example")),
        (" sip:a@x.example\n", Ok("a@x.example")),
        ("a@x.example", Ok("a@x.example")),
        ("tel:+1555", Err(AddressError::Telephone(Telephone::Scheme))),
        ("", Err(AddressError::Uri)),
        ("a b@x.example", Err(AddressError::Uri)),
    ] {
        let read = entity(text).map(|jid| jid.to_string());
        assert_eq!(read, jid.map(str::to_owned), "{text}");
    }
    let jid: Jid = r"a\40b(c)@x.example/r".parse().unwrap();
    assert_eq!(
        to_pres(&jid).unwrap().to_string(),
        "pres:a%40b(c)@x.example"
    );
    assert_eq!(to_im(&jid).unwrap().to_string(), "im:a%40b(c)@x.example");
    let domain: Jid = "x.example".parse().unwrap();
    assert_eq!(to_pres(&domain).map(|_| ()), Err(AddressError::Uri));
}

#[test]
fn spellings_of_one_user_are_reported_once_and_forgotten_in_order() {
    let mut collisions = Collisions::new(2);
    let mut note = |user: &str| {
        let text = format!("sip:{user}@x.example");
        let uri = Uri::parse(&text).unwrap();
        let collision = collisions.note(&to_jid(uri).unwrap(), uri);
        collision.map(|collision| (collision.first.into_string(), collision.other.into_string()))
    };
    assert_eq!(note("Bob"), None);
    assert_eq!(note("Bob"), None);
    assert_eq!(note("%42ob"), None);
    assert_eq!(note("BOB"), Some(("Bob".to_owned(), "BOB".to_owned())));
    assert_eq!(note("bob"), None);
    assert_eq!(note("a"), None);
    assert_eq!(note("b"), None);
    assert_eq!(note("BOB"), None, "forgotten");
    assert_eq!(note("Bob"), Some(("BOB".to_owned(), "Bob".to_owned())));
    let mut none = Collisions::new(0);
    let uri = Uri::parse("sip:A@x.example").unwrap();
    assert_eq!(none.note(&to_jid(uri).unwrap(), uri), None);
}

/// Pieces of which users, localparts and resources are made.
const PIECES: [&str; 26] = [
    "a", "B", "0", "\\", "20", "5c", "2f", "2F", " ", "\"", "&", "'", "/", ":", "<", ">", "@", "%",
    ";", "?", "\u{fc}", "\u{dc}", "\u{ff3c}", "\u{327}", "\u{5d0}", "=",
];

fn made_of_pieces(random: &mut Random) -> String {
    let count = 1 + random.below(6);
    let mut pick = |_| PIECES[usize::try_from(random.below(26)).unwrap()];
    (0..count).map(&mut pick).collect()
}

#[test]
fn each_way_undoes_the_other() {
    let mut random = Random::from_seed([7; 32]);
    let (mut mapped, mut back) = (0, 0);
    for _ in 0..4_000 {
        let user = made_of_pieces(&mut random);
        let uri: String = user.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let device = random.below(2) == 0;
        let uri = format!(
            "sip:{uri}@x.example{}",
            if device { ";gr=R%2Fr" } else { "" }
        );
        let uri = Uri::parse(&uri).unwrap();
        if let Ok(jid) = to_jid(uri) {
            let again = to_uri(&jid).unwrap();
            assert_eq!(to_jid(again.as_uri()), Ok(jid), "{uri}");
            let same = again.as_uri().user().unwrap().replace('\u{ff3c}', "\\");
            let folded = user.replace('\u{ff3c}', "\\").to_lowercase();
            let plain = folded.replace("a\u{327}", "").contains('\u{327}');
            assert!(plain || same == folded, "{user:?} came back as {same:?}");
            mapped += 1;
        }
        let text = format!(
            "{}@x.example/{}",
            escape(&user),
            made_of_pieces(&mut random)
        );
        if let Ok(jid) = Jid::parse(&text)
            && let Ok(uri) = to_uri(&jid)
        {
            assert_eq!(to_jid(uri.as_uri()), Ok(jid), "{uri}");
            back += 1;
        }
    }
    assert!(mapped > 1_000 && back > 1_000, "{mapped} {back}");
}

#[test]
fn a_uri_of_few_escapes_comes_back_as_an_equivalent_one() {
    for user in [
        "a", "a.b-c", "o'neil", "m&m", "a;b", "a?b", "a/b", "%C3%BC", "a%40b", "(a)", "~$,+=",
    ] {
        let text = format!("sip:{user}@x.example;gr=urn:uuid:f8");
        let uri = Uri::parse(&text).unwrap();
        let back = to_uri(&to_jid(uri).unwrap()).unwrap();
        assert!(back.as_uri().is_equivalent(&uri), "{uri} {back}");
    }
}
