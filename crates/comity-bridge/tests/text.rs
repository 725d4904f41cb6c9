//! Bodies as texts, and texts as bodies.
#![cfg(test)]

use bytes::Bytes;
use comity_bridge::text::{
    ChatState, Content, Limits, MSGR, Reading, Unreadable, chat_state, msgr, read, read_invite,
    read_request, receipt, receipt_request, received, state, subject, wants_receipt, write,
    write_typing,
};
use comity_policy::PeerKind;
use comity_sip::header::ContentType;
use comity_sip::{Field, Message, Method, Request, RequestBuilder, Uri};
use comity_xmpp::MessageType;

fn request(bytes: &[u8]) -> Request {
    let message = Message::from_datagram(bytes.to_vec().into(), &comity_sip::Limits::default());
    match message {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn reading(content_type: &str, body: &[u8]) -> Result<Reading, Unreadable> {
    let limits = comity_sip::Limits::default();
    let (content_type, len) = ContentType::read(content_type.as_bytes(), &limits).unwrap();
    assert!(len > 0);
    read(
        Some(content_type),
        None,
        &Bytes::copy_from_slice(body),
        &Limits::default(),
    )
}

fn text(content_type: &str, body: impl AsRef<[u8]>) -> Result<String, Unreadable> {
    let Content::Text(body) = reading(content_type, body.as_ref())?.content else {
        panic!("no text");
    };
    Ok(body.text.into())
}

fn text_of(request: &Request) -> String {
    match read_request(request) {
        Ok(Content::Text(body)) => body.text.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn recorded_requests_are_read() {
    let linphone = request(include_bytes!("data/linphone-message.sip"));
    assert_eq!(text_of(&linphone), "hello-from-linphone ěšč <b>&");
    let lync = request(include_bytes!("data/lync-message.sip"));
    assert_eq!(text_of(&lync), "hello ěšč\nsecond line");
    let typing = request(include_bytes!("data/lync-info-typing.sip"));
    assert_eq!(
        read_request(&typing),
        Ok(Content::Typing(ChatState::Composing))
    );
    let deflated = request(include_bytes!("data/linphone-imdn-deflate.sip"));
    assert_eq!(read_request(&deflated), Err(Unreadable::Encoding));
}

#[test]
fn the_text_inside_an_invite_is_found() {
    let invite = request(include_bytes!("data/lync-invite.sip"));
    let Some(Ok(Content::Text(body))) = read_invite(&invite) else {
        panic!("no text");
    };
    assert_eq!(&*body.text, "hello ěšč");
    let without = request(include_bytes!("data/lync-invite-x-ms-message.sip"));
    assert_eq!(read_invite(&without), None);
    for (value, result) in [
        ("text/plain;ms-body=!", Some(Err(Unreadable::Malformed))),
        ("text/plain;charset=UTF-8", None),
        ("text/plain;ms-body=A", Some(Err(Unreadable::Malformed))),
        (
            "text/x-msmsgsinvite;ms-body=QQ==",
            Some(Err(Unreadable::FileTransfer)),
        ),
    ] {
        let text = format!("INVITE sip:b.example SIP/2.0\r\nms-text-format: {value}\r\n\r\n");
        assert_eq!(read_invite(&request(text.as_bytes())), result, "{value}");
    }
}

#[test]
fn plain_text_is_read_in_its_charset() {
    for (content_type, body, result) in [
        ("text/plain", "ě".as_bytes(), Ok("ě")),
        ("Text/Plain;charset=\"UTF-8\"", b"\xef\xbb\xbfa", Ok("a")),
        ("text/plain;charset=us-ascii", "ě".as_bytes(), Ok("ě")),
        ("text/plain;charset=utf-8", b"\xff", Err(Unreadable::Coding)),
        (
            "text/plain;charset=iso-8859-1",
            b"\xe9\x80",
            Ok("\u{e9}\u{20ac}"),
        ),
        (
            "text/plain;charset=windows-1252",
            b"\x81\x9f",
            Ok("\u{fffd}\u{178}"),
        ),
        ("text/plain;charset=utf-16", b"\xff\xfea\0", Ok("a")),
        ("text/plain;charset=utf-16", b"\xfe\xff\0a", Ok("a")),
        (
            "text/plain;charset=utf-16",
            b"\0a\xd8\x3d\xde\x00",
            Ok("a\u{1f600}"),
        ),
        ("text/plain;charset=UTF-16LE", b"a\0", Ok("a")),
        ("text/plain;charset=utf-16be", b"a", Err(Unreadable::Coding)),
        (
            "text/plain;charset=utf-16be",
            b"\xd8\x00\0a",
            Err(Unreadable::Coding),
        ),
        ("text/plain;charset=koi8-r", b"a", Err(Unreadable::Charset)),
        (
            "text/plain",
            b"a\r\nb\rc\nd\x0be\x0cf",
            Ok("a\nb\nc\nd\ne\nf"),
        ),
        ("text/plain", b"a\0b\x1b\0\0", Ok("a\u{fffd}b\u{fffd}")),
        (
            "text/plain",
            "a\u{ffff}\u{7f}\t".as_bytes(),
            Ok("a\u{fffd}\u{7f}\t"),
        ),
        ("text/plain", b"", Ok("")),
    ] {
        let result = result.map(str::to_owned);
        assert_eq!(text(content_type, body), result, "{content_type}");
    }
}

#[test]
fn html_becomes_what_a_reader_sees() {
    for (html, plain) in [
        ("a <b>bold</b>\r\n  text", "a bold text"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        (
            "<DIV>one<br>two<BR/>three</DIV>four",
            "one\ntwo\nthree\nfour",
        ),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        (
            "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
            "a b\nc",
        ),
        (
            "&lt;b&gt; &amp;amp; &#x41;&#66; &nbsp;&eacute;&Scaron;&hellip;",
            "<b> &amp; AB  \u{e9}\u{160}\u{2026}"
                .replace("  ", " ")
                .as_str(),
        ),
        (
            "AT&T &unknown; &#xFFFFFFFF; &#1114112; & &",
            "AT&T &unknown; \u{fffd} \u{fffd} & &",
        ),
        (
            "<script>if (a </b && b) {</script>x<style>p{}</STYLE >y",
            "xy",
        ),
        (
            "a<title>no</title>b<!-- <b>no</b> -->c<!doctype html>d<?php no?>e",
            "abcde",
        ),
        ("x<script>never ends </scrip", "x"),
        ("x<!-- never ends", "x"),
        ("x<a href='>'>y</a><img alt=\">\">z", "xyz"),
        ("x<a href='never", "x"),
        ("1 < 2 <3 <", "1 < 2 <3 <"),
        ("<pre>a\r\n  b</pre>c", "a\n  b\nc"),
        (
            "<html><head><title>t</title></head><body>\r\n<p>hi</p>\r\n</body></html>",
            "hi",
        ),
        ("&#1;&#13;&#10;a", "\u{fffd} a"),
        ("", ""),
    ] {
        assert_eq!(text("text/html", html).as_deref(), Ok(plain), "{html}");
    }
    assert_eq!(
        text("text/html;charset=iso-8859-1", b"<i>\xe9</i>").as_deref(),
        Ok("\u{e9}")
    );
    assert_eq!(
        text("application/xhtml+xml", "<p>a</p>").as_deref(),
        Ok("a")
    );
}

#[test]
fn rtf_becomes_its_text() {
    for (rtf, plain) in [
        (r"{\rtf1 hi}", Ok("hi")),
        (
            "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fnil MS Shell;}}\r\n{\\colortbl ;\\red0;}\r\n\\viewkind4\\uc1\\pard\\f0\\fs20 hello\\par\r\nworld\\par\r\n}\r\n\0",
            Ok("hello\nworld"),
        ),
        (
            r"{\rtf1 \'e9\'80 \{\\\}\~x\_y\-z}",
            Ok("\u{e9}\u{20ac} {\\} x-yz"),
        ),
        (
            r"{\rtf1 \u283?x\u-10179\'3f\u-8704?y}",
            Ok("\u{11b}x\u{1f600}y"),
        ),
        (
            r"{\rtf1\uc0 \u283 x{\uc2\u283 ab}\u353 y}",
            Ok("\u{11b}x\u{11b}\u{161}y"),
        ),
        (r"{\rtf1\u55357?z}", Ok("z")),
        (r"{\rtf1\u56832?z}", Ok("\u{fffd}z")),
        (
            r"{\rtf1 a{\*\generator no;}b{\info{\title no}}c{\b d}}",
            Ok("abcd"),
        ),
        (r"{\rtf1\ansicpg1250 \'ec\u283\'ec}", Ok("\u{fffd}\u{11b}")),
        (
            "{\\rtf1 a\\bin3 }}}b\\tab c\\line d\\\ne}",
            Ok("ab\tc\nd\ne"),
        ),
        (r"{\rtf1 a} tail", Ok("a")),
        (r"{\rtf1 a{b", Ok("ab")),
        (r"{\rtf1 a\", Ok("a")),
        (r"{\rtf1 \'zzq\u99999999999 x\bin99999 x}", Ok("q")),
        ("plain", Err(Unreadable::Malformed)),
    ] {
        let rtf = rtf.trim_end_matches('\0');
        assert_eq!(
            text("text/rtf", rtf).as_deref(),
            plain.as_ref().map(|text| *text),
            "{rtf}"
        );
    }
    let deep = |groups: usize| format!("{{\\rtf1 {}x", "{".repeat(groups));
    assert_eq!(text("text/rtf", deep(63)).as_deref(), Ok("x"));
    assert_eq!(
        text("application/rtf", deep(64)),
        Err(Unreadable::TooDeep { limit: 64 })
    );
}

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

#[test]
fn texts_are_written_as_each_dialect_has_them() {
    let (content_type, body) = write("a\r\nb\nc\u{1}", PeerKind::Standard);
    assert_eq!(content_type, "text/plain; charset=UTF-8");
    assert_eq!(body, "a\r\nb\r\nc\u{fffd}");
    let (content_type, _) = write("a", PeerKind::Microsoft);
    let lync = request(include_bytes!("data/lync-message.sip"));
    let theirs = lync.headers().one::<ContentType<'_>>().unwrap();
    let (ours, _) =
        ContentType::read(content_type.as_bytes(), &comity_sip::Limits::default()).unwrap();
    assert_eq!(ours.to_string(), theirs.to_string());
    assert_eq!(
        theirs
            .param("msgr")
            .and_then(|value| msgr(&value))
            .as_deref(),
        Some(MSGR)
    );
    assert_eq!(msgr("!"), None);
}

#[test]
fn typing_is_written_as_it_is_read() {
    for state in ChatState::ALL {
        let seen = match state == ChatState::Composing {
            true => ChatState::Composing,
            false => ChatState::Active,
        };
        for kind in [PeerKind::Standard, PeerKind::Microsoft] {
            let (content_type, body) = write_typing(state, kind);
            let read = reading(content_type, &body).unwrap().content;
            assert_eq!(read, Content::Typing(seen), "{state:?}");
        }
    }
    let (_, body) = write_typing(ChatState::Composing, PeerKind::Microsoft);
    assert_eq!(
        body,
        "<?xml version=\"1.0\"?><KeyboardActivity><status status=\"type\" /></KeyboardActivity>"
    );
}

#[test]
fn states_and_receipts_stand_beside_the_text() {
    let mut message = comity_xmpp::Message::new(MessageType::Chat);
    assert_eq!(
        (chat_state(&message), wants_receipt(&message)),
        (None, false)
    );
    message.payloads.push(receipt_request());
    message.payloads.push(state(ChatState::Paused));
    message.payloads.push(receipt("m1"));
    let stanza = message.stanza(
        "a@a.example".parse().unwrap(),
        "b@b.example".parse().unwrap(),
    );
    let message = comity_xmpp::Message::try_from(&stanza).unwrap();
    assert_eq!(chat_state(&message), Some(ChatState::Paused));
    assert!(wants_receipt(&message));
    assert_eq!(received(&message), Some("m1"));
    for state in ChatState::ALL {
        assert_eq!(ChatState::from_name(state.name()), Some(state));
    }
}

#[test]
fn the_subject_is_one_line() {
    for (line, result) in [
        ("Subject: a \r\n b", Some("a b")),
        ("s: x", Some("x")),
        ("Subject:", None),
        ("X: y", None),
    ] {
        let text = format!("MESSAGE sip:b.example SIP/2.0\r\n{line}\r\n\r\n");
        assert_eq!(
            subject(request(text.as_bytes()).headers()).as_deref(),
            result
        );
    }
}
