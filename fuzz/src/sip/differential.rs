use bytes::Bytes;
use comity_sip::header::{CSeq, CallId, From, To, Via};
use comity_sip::{Limits, Message};
use sipx_sip::{Message as TheirMessage, parser};

use super::framing::trimmed;

/// Gives a datagram and a frame to our parser and to sipx-sip.
///
/// What both take they take for the same message. What one of them refuses is not compared: each has
/// its own idea of what RFC 4475 leaves open.
pub fn sip_differential(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    let mut limits = parser::Limits::datagram();
    limits.max_header_bytes = usize::MAX;
    let ours = Message::from_datagram(data.clone(), &Limits::default());
    let theirs = parser::parse_datagram(data.clone(), &limits);
    if let (Ok(ours), Ok(theirs)) = (&ours, &theirs) {
        compare(ours, theirs);
    }
    let ours = Message::from_frame(data.clone(), &Limits::default());
    let theirs = parser::parse_frame(data.clone(), &limits);
    if let (Ok(ours), Ok(theirs)) = (&ours, &theirs) {
        compare(ours, theirs);
    }
    stream(&data, limits);
}

/// The messages that both find at the beginning of a stream are the same.
fn stream(data: &[u8], limits: parser::Limits) {
    let Ok(theirs) = parser::StreamParser::new(limits).push(data) else {
        return;
    };
    let mut framer = comity_sip::Framer::new(Limits::default());
    framer.handle_input(data);
    let mut theirs = theirs.iter();
    while let Some(event) = framer.poll_event() {
        match event {
            comity_sip::FramerEvent::KeepAlive => {}
            comity_sip::FramerEvent::Message(ours) => {
                let theirs = theirs.next().expect("a message that they do not find");
                compare(&ours, theirs);
            }
            comity_sip::FramerEvent::Rejected(_) => {
                theirs.next().expect("a message that they do not find");
            }
            comity_sip::FramerEvent::Failed(_) => return,
        }
    }
    assert_eq!(theirs.len(), 0, "messages that we do not find");
}

fn compare(ours: &Message, theirs: &TheirMessage) {
    match (ours, theirs) {
        (Message::Request(ours), TheirMessage::Request(theirs)) => {
            assert_eq!(ours.method().as_str().as_bytes(), theirs.method.as_bytes());
        }
        (Message::Response(ours), TheirMessage::Response(theirs)) => {
            assert_eq!(ours.status().code(), theirs.status.code());
            assert_eq!(ours.reason(), String::from_utf8_lossy(&theirs.reason));
        }
        (Message::Request(_), _) | (Message::Response(_), _) => panic!("of another kind"),
    }
    assert_eq!(&ours.body(), theirs.body());
    let names = theirs.headers().iter();
    assert_eq!(ours.headers().len(), names.count());
    for (own, other) in ours.headers().iter().zip(theirs.headers().iter()) {
        let other_name =
            sipx_sip::HeaderName::parse(&Bytes::copy_from_slice(own.name().as_bytes()));
        assert_eq!(other.name(), &other_name);
        assert_eq!(unfolded(own.value()), unfolded(other.raw_value()));
    }
    typed(ours, theirs);
}

/// Without white space around it, each fold as one space.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let mut unfolded = Vec::new();
    for (index, line) in trimmed(value).split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if index > 0 {
            unfolded.push(b' ');
            let blanks = line.iter().take_while(|byte| b" \t".contains(byte));
            unfolded.extend(&line[blanks.count()..]);
        } else {
            unfolded.extend(line);
        }
    }
    unfolded
}

/// What a transaction and a dialog are known by.
fn typed(ours: &Message, theirs: &TheirMessage) {
    let (own, other) = (ours.headers(), theirs.headers());
    if let (Ok(Some(own)), Some(Ok(other))) = (own.first::<Via<'_>>(), other.typed_all().next()) {
        let other: sipx_sip::headers::Via = other;
        assert_eq!(own.branch().map(str::as_bytes), other.branch());
    }
    if let (Ok(own), Some(Ok(other))) = (own.one::<CallId<'_>>(), other.typed()) {
        let other: sipx_sip::headers::CallId = other;
        assert_eq!(own.as_str().as_bytes(), &other.0[..]);
    }
    if let (Ok(own), Some(Ok(other))) = (own.one::<CSeq<'_>>(), other.typed()) {
        let other: sipx_sip::headers::CSeq = other;
        assert_eq!(own.number, other.sequence);
        assert_eq!(own.method.as_str().as_bytes(), other.method.as_bytes());
    }
    if let (Ok(own), Some(Ok(other))) = (own.one::<From<'_>>(), other.typed()) {
        let other: sipx_sip::headers::From = other;
        assert_eq!(own.tag().map(str::as_bytes), other.0.tag());
    }
    if let (Ok(own), Some(Ok(other))) = (own.one::<To<'_>>(), other.typed()) {
        let other: sipx_sip::headers::To = other;
        assert_eq!(own.tag().map(str::as_bytes), other.0.tag());
    }
}
