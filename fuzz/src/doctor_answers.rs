mod tls;
mod xmpp;

use std::time::Duration;

use bytes::Bytes;
use comity_identity::{Finding, Severity};
use comity_rustls::AnswerReader;
use comity_sip::diagnose::{Circumstances, notification, response};
use comity_sip::{Framer, FramerEvent, Limits, Message, StatusCode, Transport};
use comity_xmpp::diagnose::{Observer, openings};

use crate::program::Program;
use crate::xml_cuts::cut;

/// Gives what a server answers to those who look for faults: the first byte says which of them, the
/// next three how it is cut.
///
/// However it is cut, the same is found, which is what a plain reader finds: the answer to an old
/// hello of TLS, what XMPP streams offer, and what a SIP server answers. Every finding is one line
/// that can be shown, and the worst come first.
pub fn doctor_answers(data: &[u8]) {
    let mut program = Program::new(data);
    let kind = program.byte();
    let lengths = [program.byte(), program.byte(), program.byte()];
    let answer = program.rest();
    match kind % 3 {
        0 => legacy(answer, lengths),
        1 => streams(answer, lengths, kind & 4 != 0),
        _ => sip(answer, lengths, kind & 4 != 0),
    }
}

/// The first answer of a server that speaks an old version of TLS.
fn legacy(answer: &[u8], lengths: [u8; 3]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut reader = AnswerReader::new();
        for piece in pieces {
            match reader.read(piece) {
                Ok(None) => {}
                answered => return Some(answered),
            }
        }
        None
    };
    let whole = read(&mut [answer].into_iter());
    assert_eq!(read(&mut answer.chunks(1)), whole, "byte by byte");
    assert_eq!(read(&mut cut(answer, lengths)), whole, "in pieces");
    let plain = tls::first_answer(answer).map(|answered| answered.map(Some));
    assert_eq!(whole, plain);
}

/// The streams of one connection; a zero byte, which no stream has, is a TLS handshake.
fn streams(answer: &[u8], lengths: [u8; 3], is_direct: bool) {
    let read = |in_pieces: bool| {
        let mut observer = Observer::default();
        for (number, stream) in answer.split(|byte| *byte == 0).enumerate() {
            if number > 0 {
                observer.handle_tls_established();
            }
            if in_pieces {
                cut(stream, lengths).for_each(|piece| observer.handle_input(piece));
            } else {
                observer.handle_input(stream);
            }
        }
        observer
    };
    let whole = read(false);
    assert_eq!(read(true).openings(), whole.openings(), "in pieces");
    let whole = whole.openings();
    assert!((1..=Observer::MAX_OPENINGS).contains(&whole.len()));
    xmpp::compare(answer, whole);
    let transport = match is_direct {
        true => comity_xmpp::Transport::DirectTls,
        false => comity_xmpp::Transport::Tcp,
    };
    let findings = openings("b.example", transport, whole);
    check(&findings);
    assert_eq!(ids(&findings), xmpp::wrong(whole, is_direct));
}

/// A message of a SIP server, as a datagram and on a stream.
fn sip(answer: &[u8], lengths: [u8; 3], is_secure: bool) {
    let circumstances = Circumstances {
        transport: match is_secure {
            true => Transport::Tls,
            false => Transport::Udp,
        },
        now: Duration::from_secs(1_800_000_000),
    };
    let whole = on_stream([answer], circumstances);
    assert_eq!(on_stream(cut(answer, lengths), circumstances), whole);
    let datagram = Bytes::copy_from_slice(answer);
    let Ok(message) = Message::from_datagram(datagram, &Limits::default()) else {
        return;
    };
    let findings = told(&message, circumstances);
    check(&findings);
    if let Message::Response(response) = &message {
        check_response(response.status(), &findings);
    }
    assert!(findings.is_sorted_by(|one, next| one.severity >= next.severity));
    assert!(is_secure || !ids(&findings).contains(&"sip-record-route-without-transport"));
}

fn on_stream<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    circumstances: Circumstances,
) -> Vec<Vec<Finding>> {
    let mut framer = Framer::new(Limits::default());
    let mut all = Vec::new();
    for piece in pieces {
        framer.handle_input(piece);
        while let Some(event) = framer.poll_event() {
            if let FramerEvent::Message(message) = event {
                all.push(told(&message, circumstances));
            }
        }
    }
    all
}

fn told(message: &Message, circumstances: Circumstances) -> Vec<Finding> {
    match message {
        Message::Request(notify) => notification("sip.b.example", notify, circumstances),
        Message::Response(answer) => response("sip.b.example", answer, circumstances),
    }
}

/// One finding for a refusal, with its status, and none for what is not.
fn check_response(status: StatusCode, findings: &[Finding]) {
    let beside = ["clock-skew", "sip-record-route-without-transport"];
    let about = findings.iter().filter(|one| !beside.contains(&one.id));
    let about: Vec<_> = about.collect();
    let code = status.code();
    assert_eq!(about.len(), usize::from(code >= 300), "{findings:?}");
    if let [one] = about[..] {
        assert!(one.seen.starts_with(&code.to_string()), "{one}");
    }
}

/// Whether findings can be shown.
fn check(findings: &[Finding]) {
    assert!(findings.len() <= MAX_FINDINGS);
    for finding in findings {
        let shown = finding.to_string();
        assert!(!shown.contains(is_bad), "{shown:?}");
        assert!(shown.chars().count() <= 5 * Finding::MAX_TEXT, "{shown}");
        assert!(!finding.seen.is_empty() && !finding.means.is_empty());
        assert!(finding.severity == Severity::Note || !finding.remedy.is_empty());
    }
}

/// Whether a terminal would obey a character.
fn is_bad(character: char) -> bool {
    let turns = [
        '\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2028}',
    ];
    character.is_control() || turns.contains(&character)
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|one| one.id).collect()
}

const MAX_FINDINGS: usize = 8;
