//! What the servers and clients write, and what is written for them.

use comity_bridge::text::{
    ChatState, Content, MSGR, Unreadable, chat_state, msgr, read_invite, read_request, receipt,
    receipt_request, received, state, subject, wants_receipt, write, write_typing,
};
use comity_policy::PeerKind;
use comity_sip::Field;
use comity_sip::header::ContentType;
use comity_xmpp::MessageType;

use crate::{reading, request, text_of};

#[test]
fn recorded_requests_are_read() {
    let linphone = request(include_bytes!("../data/linphone-message.sip"));
    assert_eq!(text_of(&linphone), "hello-from-linphone ěšč <b>&");
    let lync = request(include_bytes!("../data/lync-message.sip"));
    assert_eq!(text_of(&lync), "hello ěšč\nsecond line");
    let typing = request(include_bytes!("../data/lync-info-typing.sip"));
    assert_eq!(
        read_request(&typing),
        Ok(Content::Typing(ChatState::Composing))
    );
    let deflated = request(include_bytes!("../data/linphone-imdn-deflate.sip"));
    assert_eq!(read_request(&deflated), Err(Unreadable::Encoding));
}

#[test]
fn the_text_inside_an_invite_is_found() {
    let invite = request(include_bytes!("../data/lync-invite.sip"));
    let Some(Ok(Content::Text(body))) = read_invite(&invite) else {
        panic!("no text");
    };
    assert_eq!(&*body.text, "hello ěšč");
    let without = request(include_bytes!("../data/lync-invite-x-ms-message.sip"));
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
fn texts_are_written_as_each_dialect_has_them() {
    let (content_type, body) = write("a\r\nb\nc\u{1}", PeerKind::Standard);
    assert_eq!(content_type, "text/plain; charset=UTF-8");
    assert_eq!(body, "a\r\nb\r\nc\u{fffd}");
    let (content_type, _) = write("a", PeerKind::Microsoft);
    let lync = request(include_bytes!("../data/lync-message.sip"));
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
