//! Texts inside of envelopes and among other parts.

use comity_bridge::text::{Content, Unreadable, read_request};

use crate::{reading, request, text};

const ALTERNATIVE: &str = "multipart/alternative;boundary=\"b b\"";

fn parts(parts: &[&str]) -> String {
    let mut body = String::new();
    for part in parts {
        body += &format!("--b b\r\n{part}\r\n");
    }
    body + "--b b--\r\n"
}

#[test]
fn the_best_part_counts() {
    let html = "Content-Type: text/html\r\n\r\n<b>h</b>";
    let rtf = "Content-Type: text/rtf\r\n\r\n{\\rtf1 r}";
    let ink = "Content-Type: application/x-ms-ink\r\n\r\n0";
    let plain = "Content-Type: text/plain\r\nContent-Language: cs\r\n\r\np";
    let file = "Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nno";
    let nested = "Content-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n\r\nn\r\n--c--";
    for (list, result) in [
        (&[file, rtf, html, plain][..], Ok("p")),
        (&[ink, rtf, html], Ok("h")),
        (&[ink, rtf], Ok("r")),
        (&[html, nested], Ok("n")),
        (&["\r\nbare"], Ok("bare")),
        (
            &["Content-Transfer-Encoding: base64\r\n\r\nxJ\r\ns="],
            Ok("\u{11b}"),
        ),
        (
            &["Content-Transfer-Encoding: quoted-printable\r\n\r\n=C4=9B=\r\n=x="],
            Ok("\u{11b}=x="),
        ),
        (
            &["Content-Transfer-Encoding: x-uu\r\n\r\nx"],
            Err(Unreadable::Encoding),
        ),
        (&[ink], Err(Unreadable::Type)),
        (&[file], Err(Unreadable::Type)),
    ] {
        let result = result.map(str::to_owned);
        assert_eq!(text(ALTERNATIVE, parts(list)), result, "{list:?}");
    }
    let Content::Text(body) = reading(ALTERNATIVE, parts(&[plain]).as_bytes())
        .unwrap()
        .content
    else {
        panic!("no text");
    };
    assert_eq!(body.lang.as_deref(), Some("cs"));
    assert_eq!(text(ALTERNATIVE, "--b b\r\n"), Err(Unreadable::Malformed));
    assert_eq!(
        text("multipart/mixed", parts(&[plain])),
        Err(Unreadable::Malformed)
    );
    assert_eq!(
        text(ALTERNATIVE, parts(&[html; 17])),
        Err(Unreadable::Malformed)
    );
}

fn cpim(from: &str, inside: &str) -> String {
    format!(
        "From: {from}\r\nTo: \"Bob \\\"<B>\" <im:bob@b.example>\r\nNS: X <urn:x>\r\n\
         DateTime: 2000-12-13T13:40:00-08:00\r\nSubject:;lang=en hi \\u011b\r\n\r\n{inside}"
    )
}

#[test]
fn an_envelope_must_be_of_the_sender() {
    let inside = "Content-type: text/plain; charset=utf-8\r\n\r\nhello";
    let own = reading(
        "Message/CPIM",
        cpim("A <im:alice@a.example>", inside).as_bytes(),
    )
    .unwrap();
    let envelope = own.envelope.unwrap();
    assert_eq!(&*envelope.from, "im:alice@a.example");
    assert_eq!(envelope.to, ["im:bob@b.example".into()]);
    assert_eq!(envelope.subject.as_deref(), Some("hi \u{11b}"));
    for (from, to, result) in [
        ("<im:alice@a.example>", "bob@b.example", Ok("hello")),
        ("<sip:Alice@A.example>", "bob@b.example", Ok("hello")),
        (
            "<im:eve@a.example>",
            "bob@b.example",
            Err(Unreadable::Identity),
        ),
        (
            "<im:alice@a.example>",
            "carol@b.example",
            Err(Unreadable::Identity),
        ),
        ("<tel:+1>", "bob@b.example", Err(Unreadable::Identity)),
    ] {
        let request = request(
            format!(
                "MESSAGE sip:bob@b.example SIP/2.0\r\nFrom: <sip:alice@a.example;gr=x>;tag=1\r\n\
                 To: <sip:{to}>\r\nContent-Type: message/cpim\r\n\r\n{}",
                cpim(from, inside)
            )
            .as_bytes(),
        );
        let read = read_request(&request).map(|content| {
            let Content::Text(body) = content else {
                panic!("no text");
            };
            body.text.into_string()
        });
        assert_eq!(read, result.map(str::to_owned), "{from} {to}");
    }
}

#[test]
fn envelopes_are_strict() {
    for (body, error) in [
        ("From: <im:a@a.example>\r\n", Unreadable::Malformed),
        ("To: <im:a@a.example>\r\n\r\n\r\nx", Unreadable::Malformed),
        (
            "From: <im:a@a.example>\r\nFrom: <im:b@a.example>\r\n\r\n\r\nx",
            Unreadable::Malformed,
        ),
        ("From:<im:a@a.example>\r\n\r\n\r\nx", Unreadable::Malformed),
        (
            "From : <im:a@a.example>\r\n\r\n\r\nx",
            Unreadable::Malformed,
        ),
        (
            "From: <im:a@a.example>\n\r\n\r\n\r\nx",
            Unreadable::Malformed,
        ),
        ("From: im:a@a.example\r\n\r\n\r\nx", Unreadable::Malformed),
        (
            "From: <im:a\\x@a.example>\r\n\r\n\r\nx",
            Unreadable::Malformed,
        ),
        (
            "From: <im:a\\ud800@a.example>\r\n\r\n\r\nx",
            Unreadable::Malformed,
        ),
        (
            "From: <im:a@a.example>\r\nRequire: X.y\r\n\r\n\r\nx",
            Unreadable::Required,
        ),
        (
            "From: <im:a@a.example>\r\n\r\nbroken\r\n\r\nx",
            Unreadable::Malformed,
        ),
    ] {
        let read = reading("message/cpim", body.as_bytes()).map(|_| ());
        assert_eq!(read, Err(error), "{body}");
    }
    let mut nested = "Content-Type: text/plain\r\n\r\nx".to_owned();
    for level in 0..5 {
        let read = reading("message/cpim", cpim("<im:a@a.example>", &nested).as_bytes());
        match level {
            0..4 => assert!(matches!(read.unwrap().content, Content::Text(_))),
            _ => assert_eq!(read, Err(Unreadable::TooDeep { limit: 4 })),
        }
        nested = format!(
            "Content-Type: message/cpim\r\n\r\n{}",
            cpim("<im:a@a.example>", &nested)
        );
    }
}
