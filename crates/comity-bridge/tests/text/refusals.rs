//! Bodies that are no texts, or too long.

use bytes::Bytes;
use comity_bridge::text::{ChatState, Content, Limits, Unreadable, read};
use comity_sip::{Method, RequestBuilder, Uri};

use crate::{reading, request, text};

#[test]
fn what_is_no_text_is_told_apart() {
    let composing = |state: &str| {
        format!(
            "<?xml version='1.0'?><i:isComposing xmlns:i='urn:ietf:params:xml:ns:im-iscomposing'>\
             <i:state> {state}\n</i:state><x/></i:isComposing>"
        )
    };
    let is_composing = "application/im-iscomposing+xml";
    let keyboard =
        |status: &str| format!("<KeyboardActivity><status status='{status}'/></KeyboardActivity>");
    for (content_type, body, result) in [
        (
            is_composing,
            composing("active"),
            Ok(Content::Typing(ChatState::Composing)),
        ),
        (
            is_composing,
            composing("idle"),
            Ok(Content::Typing(ChatState::Active)),
        ),
        (
            is_composing,
            composing("new"),
            Ok(Content::Typing(ChatState::Active)),
        ),
        (
            is_composing,
            "<isComposing/>".to_owned(),
            Err(Unreadable::Malformed),
        ),
        (
            is_composing,
            format!("<!DOCTYPE x>{}", composing("idle")),
            Err(Unreadable::Malformed),
        ),
        (
            "image/iscomposing",
            composing("active"),
            Ok(Content::Typing(ChatState::Composing)),
        ),
        (
            "application/xml",
            keyboard("type"),
            Ok(Content::Typing(ChatState::Composing)),
        ),
        (
            "application/xml",
            keyboard("idle"),
            Ok(Content::Typing(ChatState::Active)),
        ),
        (
            "application/xml",
            "<KeyboardActivity/>".to_owned(),
            Err(Unreadable::Malformed),
        ),
        (
            "application/xml",
            "<other/>".to_owned(),
            Err(Unreadable::Type),
        ),
        (
            "message/imdn+xml",
            "<imdn/>".to_owned(),
            Ok(Content::Receipt),
        ),
        (
            "application/ms-imdn+xml",
            String::new(),
            Ok(Content::Receipt),
        ),
        (
            "text/x-msmsgsinvite",
            "x".to_owned(),
            Err(Unreadable::FileTransfer),
        ),
        ("application/sdp", "v=0".to_owned(), Err(Unreadable::Type)),
        ("text/enriched", "x".to_owned(), Err(Unreadable::Type)),
    ] {
        let read = reading(content_type, body.as_bytes()).map(|reading| reading.content);
        assert_eq!(read, result, "{content_type} {body}");
    }
}

#[test]
fn bodies_are_bounded_and_long_texts_pass() {
    let limits = Limits::default();
    let long = "\u{11b}".repeat(limits.max_text_bytes / 2);
    assert_eq!(text("text/plain", &long).as_deref(), Ok(&*long));
    let limit = limits.max_text_bytes;
    assert_eq!(
        text("text/plain", long + "x"),
        Err(Unreadable::TooLong { limit })
    );
    let limit = limits.max_body_bytes;
    let markup = format!("<p>{}x", " ".repeat(limit - 4));
    assert_eq!(text("text/html", &markup).as_deref(), Ok("x"));
    assert_eq!(
        text("text/html", markup + "x"),
        Err(Unreadable::TooLong { limit })
    );
    assert_eq!(
        read(None, None, &Bytes::from_static(b"x"), &limits),
        Err(Unreadable::NoType)
    );
    let nothing = read(None, None, &Bytes::new(), &limits).unwrap().content;
    assert!(matches!(nothing, Content::Text(body) if body.text.is_empty()));
}

#[test]
fn each_refusal_says_what_would_be_taken() {
    let uri = Uri::parse("sip:b.example").unwrap();
    let mut asked = RequestBuilder::new(Method::Message, uri).unwrap();
    asked.body("text/plain", "x".into()).unwrap();
    for (why, status, line) in [
        (Unreadable::Type, 415, "Accept: text/plain, "),
        (Unreadable::FileTransfer, 415, "Accept: text/plain, "),
        (Unreadable::Charset, 415, "Accept: text/plain, "),
        (Unreadable::Encoding, 415, "Accept-Encoding: identity\r\n"),
        (
            Unreadable::Coding,
            400,
            "SIP/2.0 400 the text is malformed in its charset\r\n",
        ),
        (
            Unreadable::TooLong { limit: 9 },
            413,
            "SIP/2.0 413 the body is longer than 9 bytes\r\n",
        ),
        (
            Unreadable::Identity,
            403,
            "SIP/2.0 403 the addresses of the envelope",
        ),
        (
            Unreadable::Required,
            488,
            "SIP/2.0 488 the envelope requires",
        ),
    ] {
        assert_eq!(why.status().code(), status);
        let request = request(
            b"MESSAGE sip:b.example SIP/2.0\r\nVia: SIP/2.0/TLS a.example;branch=z9hG4bK1\r\n\
              From: <sip:a.example>;tag=1\r\nTo: <sip:b.example>\r\nCall-ID: 1\r\n\
              CSeq: 1 MESSAGE\r\n\r\n",
        );
        let mut response = comity_sip::ResponseBuilder::new(&request, why.status());
        why.explain(&mut response).unwrap();
        let bytes = response.finish();
        let written = std::str::from_utf8(&bytes).unwrap();
        assert!(written.contains(line), "{written}");
    }
}
