use bytes::Bytes;
use comity_bridge::failure::{Recipient, refusal, stanza_error};
use comity_bridge::presence::{self, Device, Document, PresenceProfile, ReadError};
use comity_bridge::text::{
    self, Content, Cpim, Limits, Reading, Unreadable, read, write, write_typing,
};
use comity_policy::PeerKind;
use comity_sip::header::ContentType;
use comity_sip::{Field, Message, Request, Response};
use comity_xmpp::Jid;
use comity_xmpp::xml::Element;

/// Reads bytes as a body of a type that the first byte chooses, as a presence document, and as a
/// message; and writes again what was read.
///
/// What comes out is what XML allows and within the limits; a text and a presence that are written
/// read as the same; and every document is well-formed.
pub fn bridge_bodies(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let body = Bytes::copy_from_slice(rest);
    let kind = TYPES[usize::from(*first) % TYPES.len()];
    let reading = read(Some(typed(kind)), None, &body, &Limits::default());
    let tight = read(Some(typed(kind)), None, &body, &tight());
    assert!(tight == reading || is_too_much(&tight), "{tight:?}");
    if let Ok(reading) = reading {
        check_content(&reading.content);
        if let (Some(envelope), "message/cpim") = (&reading.envelope, kind) {
            check_envelope(rest, envelope);
        }
    }
    check_presence(typed(kind), &body);
    match Message::from_datagram(body, &comity_sip::Limits::default()) {
        Ok(Message::Request(request)) => check_request(&request),
        Ok(Message::Response(response)) => check_response(&response),
        Err(_) => {}
    }
}

/// Limits that are reached by small bodies.
fn tight() -> Limits {
    let mut limits = Limits::default();
    limits.max_body_bytes = 300;
    limits.max_text_bytes = 40;
    limits.max_groups = 3;
    limits.max_wrappers = 1;
    limits.max_parts = 2;
    limits
}

/// Whether a limit is why nothing was read. Too many parts make a body malformed.
fn is_too_much(reading: &Result<Reading, Unreadable>) -> bool {
    matches!(
        reading,
        Err(Unreadable::TooLong { .. } | Unreadable::TooDeep { .. } | Unreadable::Malformed)
    )
}

/// An envelope says what its lines say (RFC 3862 §2).
fn check_envelope(body: &[u8], envelope: &Cpim) {
    let text = String::from_utf8_lossy(body);
    let (head, _) = text.split_once("\r\n\r\n").expect("a head");
    let named = |wanted: &str| {
        let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        let own = lines.filter(|(name, _)| *name == wanted);
        let values = own.filter_map(|(_, value)| value.split_once(' '));
        values
            .map(|(_, value)| value.to_owned())
            .collect::<Vec<_>>()
    };
    let uris = |wanted: &str| {
        let values = named(wanted).into_iter();
        let uri = |value: String| meant(value.trim_end().strip_suffix('>')?.rsplit('<').next()?);
        values.filter_map(uri).collect::<Vec<_>>()
    };
    assert_eq!(uris("From"), [&*envelope.from]);
    let to: Vec<_> = envelope.to.iter().map(|uri| &**uri).collect();
    assert_eq!(uris("To"), to);
    let subject = named("Subject").into_iter().next();
    let subject = subject.and_then(|subject| meant(&subject));
    assert_eq!(subject.as_deref(), envelope.subject.as_deref());
}

/// The text with what its escapes stand for.
fn meant(text: &str) -> Option<String> {
    let mut meant = String::new();
    let mut pieces = text.split('\\');
    meant.push_str(pieces.next()?);
    while let Some(piece) = pieces.next() {
        let Some(sign) = piece.chars().next() else {
            // A backslash escapes the one behind it.
            meant.push('\\');
            meant.push_str(pieces.next()?);
            continue;
        };
        let (sign, rest) = match sign {
            'u' => (
                char::from_u32(u32::from_str_radix(&piece[1..5], 16).ok()?)?,
                &piece[5..],
            ),
            'b' => ('\u{8}', &piece[1..]),
            't' => ('\t', &piece[1..]),
            'n' => ('\n', &piece[1..]),
            'r' => ('\r', &piece[1..]),
            same => (same, &piece[1..]),
        };
        meant.push(sign);
        meant.push_str(rest);
    }
    Some(meant)
}

/// A document is the same within limits that it does not reach, and of any type of XML.
fn check_presence(kind: ContentType<'_>, body: &Bytes) {
    let document = presence::read(None, body, &presence::Limits::default());
    let mut limits = presence::Limits::default();
    limits.max_document_bytes = 200;
    limits.max_depth = 3;
    limits.max_elements = 5;
    limits.max_attributes = 2;
    let tight = presence::read(None, body, &limits);
    let is_too_much = matches!(tight, Err(ReadError::TooLong { .. } | ReadError::TooLarge));
    assert!(tight == document || is_too_much, "{tight:?}");
    let is_xml = kind.subtype().ends_with("xml");
    match presence::read(Some(kind), body, &presence::Limits::default()) {
        Err(ReadError::Type) => assert!(!is_xml || document == Err(ReadError::Type)),
        typed => assert!(is_xml && typed == document, "{kind}"),
    }
    match document {
        Ok(document) => check_document(&document),
        Err(error) => check_refusal(error),
    }
}

/// A document is refused for its type, its size or its form.
fn check_refusal(error: ReadError) {
    let expected = match error {
        ReadError::Type => 415,
        ReadError::TooLong { .. } | ReadError::TooLarge => 413,
        _ => 400,
    };
    assert_eq!(error.status().code(), expected);
    check_line(&error.to_string());
}

fn typed(content_type: &str) -> ContentType<'_> {
    let read = ContentType::read(content_type.as_bytes(), &comity_sip::Limits::default());
    read.expect("a type of ours").0
}

fn check_request(request: &Request) {
    let own = text::read_request(request).ok();
    let invite = text::read_invite(request).and_then(Result::ok);
    for content in own.into_iter().chain(invite) {
        check_content(&content);
    }
    if let Some(subject) = text::subject(request.headers()) {
        check_line(&subject);
        assert!(subject.len() <= 1024);
    }
}

fn check_response(response: &Response) {
    let error = stanza_error(response);
    let text = error.text.as_deref().unwrap_or_default();
    check_line(text);
    assert!(text.len() <= 1024, "{text}");
    check_xml(&error.element());
    for recipient in [Recipient::Bare, Recipient::Full] {
        let (status, words) = refusal(&error, recipient);
        assert_ne!(status.code(), 503);
        check_line(&words);
        assert!((1..=256).contains(&words.len()), "{words}");
    }
}

fn check_content(content: &Content) {
    match content {
        Content::Text(body) => {
            check_text(&body.text);
            assert!(body.text.len() <= Limits::default().max_text_bytes);
            for kind in [PeerKind::Standard, PeerKind::Microsoft] {
                let (content_type, bytes) = write(&body.text, kind);
                let mut limits = Limits::default();
                // Line ends take twice the room.
                limits.max_body_bytes *= 2;
                let again = read(Some(typed(&content_type)), None, &bytes, &limits);
                let Ok(Content::Text(again)) = again.map(|reading| reading.content) else {
                    panic!("no text");
                };
                assert_eq!(again.text, body.text);
            }
        }
        Content::Typing(state) => {
            for kind in [PeerKind::Standard, PeerKind::Microsoft] {
                let (content_type, bytes) = write_typing(*state, kind);
                let again = read(Some(typed(content_type)), None, &bytes, &Limits::default());
                assert_eq!(again.map(|reading| reading.content).as_ref(), Ok(content));
            }
        }
        _ => {}
    }
}

fn check_document(document: &Document) {
    let limits = presence::Limits::default();
    assert!(document.tuples.len() <= limits.max_tuples);
    let user: Jid = "juliet@x.example".parse().expect("an address");
    for profile in [PresenceProfile::Cisco, PresenceProfile::Faithful] {
        let devices = presence::to_xmpp(document, &profile, &limits);
        assert!((1..=limits.max_tuples).contains(&devices.len()));
        for device in &devices {
            for status in &device.statuses {
                check_text(&status.text);
                assert!(status.text.chars().count() <= limits.max_note_chars);
            }
            let stanza = device
                .to_presence()
                .stanza(device.address(&user), user.clone());
            check_xml(&stanza.element());
        }
        let written = presence::write(&user, &devices, &profile);
        let text = std::str::from_utf8(&written).expect("UTF-8");
        let (_, root) = text.split_once("?>").expect("a declaration");
        // Longer ones are no stanzas.
        if root.len() <= 64 * 1024 {
            let tree = Element::parse(root.as_bytes(), comity_xmpp::xml::Limits::default());
            assert!(tree.is_ok(), "{tree:?} {text}");
        }
        // Many long notes make a long document.
        let mut wide = presence::Limits::default();
        wide.max_document_bytes = usize::MAX;
        let again = presence::read(None, &written, &wide).expect("what was written");
        let again = presence::to_xmpp(&again, &profile, &wide);
        assert_eq!(told(&again), told(&devices), "{text}");
    }
}

/// What of devices is told to others. Whether somebody is idle is told of the user as a whole.
fn told(devices: &[Device]) -> Vec<Device> {
    let available = devices.iter().filter(|device| device.is_available());
    let told = available.map(|device| {
        let mut device = device.clone();
        device.is_idle = false;
        device
    });
    told.collect()
}

fn check_xml(element: &Element) {
    let mut written = String::new();
    element.write("", &mut written);
    let again = Element::parse(written.as_bytes(), comity_xmpp::xml::Limits::default());
    assert_eq!(again.as_ref(), Ok(element), "{written}");
}

fn check_text(text: &str) {
    let legal = |character| {
        matches!(character, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..) && character != '\r'
    };
    assert!(text.chars().all(legal), "{text:?}");
}

fn check_line(text: &str) {
    check_text(text);
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

const TYPES: [&str; 16] = [
    "text/plain",
    "text/plain;charset=iso-8859-1",
    "text/plain;charset=utf-16",
    "text/plain;charset=utf-16le",
    "text/html",
    "text/html;charset=windows-1252",
    "text/rtf",
    "multipart/alternative;boundary=x",
    "multipart/related;boundary=\"- -\"",
    "message/cpim",
    "application/im-iscomposing+xml",
    "application/xml",
    "message/imdn+xml",
    "text/x-msmsgsinvite",
    "application/rtf",
    "text/plain;charset=koi8-r",
];
