//! Errors one way and back.
#![cfg(test)]

use std::time::Duration;

use comity_bridge::failure::{
    MsDiagnostics, Recipient, condition, line, new_address, refusal, stanza_error, status,
    unanswered,
};
use comity_sip::endpoint::Failure;
use comity_sip::{Limits, Message, Response, StatusCode};
use comity_xmpp::{ErrorType, StanzaCondition, StanzaError};
use serde_json::Value;

fn tables() -> Value {
    serde_json::from_str(include_str!("data/rfc7247-errors.json")).unwrap()
}

fn response(bytes: &[u8]) -> Response {
    match Message::from_datagram(bytes.to_vec().into(), &Limits::default()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn both(error: &StanzaError) -> (u16, u16) {
    let full = status(error, Recipient::Full).code();
    (full, status(error, Recipient::Bare).code())
}

/// The full and the bare code of a cell.
fn cell(text: &str) -> Vec<u16> {
    let words = text.split_whitespace();
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn each_row_from_xmpp_to_sip_holds() {
    let tables = tables();
    let rows = tables["xmpp_to_sip"].as_array().unwrap();
    assert_eq!(rows.len(), StanzaCondition::ALL.len());
    for row in rows {
        let name = row[0].as_str().unwrap();
        let written = row[1].as_str().unwrap();
        let error = StanzaError::new(StanzaCondition::from_name(name).unwrap());
        let got = both(&error);
        match (cell(written).as_slice(), name) {
            ([], "service-unavailable") => assert_eq!(got, (405, 403)),
            ([moved, code], "gone") => {
                assert_eq!(got, (*code, *code));
                let mut error = error;
                error.uri = Some("xmpp:a@x.example".into());
                assert_eq!(both(&error), (*moved, *moved));
            }
            ([lasting, transient], "remote-server-not-found") => {
                assert_eq!(got, (*lasting, *lasting));
                let mut error = error;
                error.error_type = ErrorType::Wait;
                assert_eq!(both(&error), (*transient, *transient));
            }
            ([pending, other], "unexpected-request") => {
                assert_eq!(got, (*pending, *pending));
                let mut error = error;
                error.error_type = ErrorType::Modify;
                assert_eq!(both(&error), (*other, *other));
            }
            ([code], _) => assert_eq!(got, (*code, *code), "{name}"),
            ([full, bare], _) => assert_eq!(got, (*full, *bare), "{name}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn no_error_becomes_503() {
    let types = [
        ErrorType::Auth,
        ErrorType::Cancel,
        ErrorType::Continue,
        ErrorType::Modify,
        ErrorType::Wait,
    ];
    for &condition in StanzaCondition::ALL {
        for error_type in types {
            let mut error = StanzaError::new(condition);
            error.error_type = error_type;
            let (full, bare) = both(&error);
            assert!((300..700).contains(&full) && full != 503, "{condition}");
            assert!((300..700).contains(&bare) && bare != 503, "{condition}");
        }
    }
}

#[test]
fn each_row_from_sip_to_xmpp_holds() {
    let tables = tables();
    let rows = tables["sip_to_xmpp"].as_array().unwrap();
    let mut codes = Vec::new();
    for row in rows {
        let code = row[0].as_str().unwrap();
        let name = row[1].as_str().unwrap();
        if let Ok(code) = code.parse() {
            codes.push(code);
            assert_eq!(
                condition(StatusCode::new(code).unwrap()).name(),
                name,
                "{code}"
            );
        }
    }
    assert_eq!(codes.len(), 48);
    for code in (300..700).filter(|code| !codes.contains(code)) {
        let class = format!("{}xx", code / 100);
        let name = tables["default_by_class"][&class].as_str().unwrap();
        assert_eq!(
            condition(StatusCode::new(code).unwrap()).name(),
            name,
            "{code}"
        );
    }
    assert_eq!(
        condition(StatusCode::OK),
        StanzaCondition::UndefinedCondition
    );
}

#[test]
fn what_a_microsoft_server_says_reaches_the_user() {
    let error = stanza_error(&response(include_bytes!("data/lync-403-diagnostics.sip")));
    assert_eq!(error.condition, StanzaCondition::Forbidden);
    assert_eq!(error.error_type, ErrorType::Auth);
    assert_eq!(
        error.text.as_deref(),
        Some(
            "403 Forbidden; ms-diagnostics 1027 Cannot route this type of SIP request to or from federated partners"
        )
    );
    let error = stanza_error(&response(include_bytes!("data/lync-504-dns.sip")));
    assert_eq!(error.condition, StanzaCondition::RemoteServerTimeout);
    assert_eq!(error.error_type, ErrorType::Wait);
    assert_eq!(
        error.text.as_deref(),
        Some("504 Server time-out; ms-diagnostics 1008 Unable to resolve DNS SRV record")
    );
}

#[test]
fn the_text_is_one_line_that_xml_allows_and_the_time_to_wait_is_in_it() {
    let response = response(
        "SIP/2.0 480 Gone\tfishing \u{202e}\u{ffff} now\r\nretry-after: 90\r\n\
         ms-diagnostics: nonsense\r\nMS-DIAGNOSTICS: 1007;source=\"s\"\r\n\r\n"
            .as_bytes(),
    );
    let error = stanza_error(&response);
    assert_eq!(error.error_type, ErrorType::Wait);
    assert_eq!(
        error.text.as_deref(),
        Some("480 Gone fishing now; ms-diagnostics 1007; try again after 90 s")
    );
}

#[test]
fn a_new_address_crosses_both_ways() {
    let moved = response(
        b"SIP/2.0 301 Moved Permanently\r\n\
          Contact: <sip:o'neil@new.example;gr=a%20b>\r\n\r\n",
    );
    let error = stanza_error(&moved);
    assert_eq!(error.condition, StanzaCondition::Gone);
    assert_eq!(
        error.uri.as_deref(),
        Some("xmpp:o%5C27neil@new.example/a%20b")
    );
    let back = refusal(&error, Recipient::Bare);
    let moved = StatusCode::MOVED_PERMANENTLY;
    assert_eq!(back, (moved, "301 Moved Permanently".to_owned()));
    assert_eq!(
        new_address(&error).unwrap().to_string(),
        "sip:o'neil@new.example;gr=a%20b"
    );

    let gone = response(b"SIP/2.0 410 Gone\r\nContact: <sip:a@new.example>\r\n\r\n");
    assert_eq!(stanza_error(&gone).uri, None);
    let mut elsewhere = StanzaError::new(StanzaCondition::Redirect);
    elsewhere.uri = Some("https://x.example".into());
    let (status, _) = refusal(&elsewhere, Recipient::Full);
    let contact = new_address(&elsewhere);
    assert_eq!((status.code(), contact.is_none()), (302, true));
}

#[test]
fn the_reason_phrase_is_one_bounded_line() {
    let mut error = StanzaError::new(StanzaCondition::NotAcceptable);
    assert_eq!(refusal(&error, Recipient::Bare).1, "Not Acceptable");
    error.text = Some("no\r\nVia: evil\0 text".into());
    let (status, words) = refusal(&error, Recipient::Full);
    assert_eq!((status.code(), &*words), (406, "no Via: evil text"));
    error.text = Some("\u{fc}".repeat(1000).into());
    assert_eq!(refusal(&error, Recipient::Full).1, "\u{fc}".repeat(128));
}

#[test]
fn lines_are_cut_between_characters() {
    for (text, max, cut) in [
        ("", 10, ""),
        (" \t\r\n", 10, ""),
        (" a  b ", 10, "a b"),
        ("ab cd", 3, "ab"),
        ("ab cd", 4, "ab c"),
        ("a\u{fc}", 2, "a"),
        ("a\u{0}\u{2028}b", 9, "a b"),
    ] {
        assert_eq!(line(text, max), cut, "{text:?}");
    }
}

#[test]
fn requests_without_answer_have_a_condition() {
    let wait = Duration::from_secs(30);
    for (failure, condition, error_type) in [
        (
            Failure::NoTarget,
            "remote-server-not-found",
            ErrorType::Cancel,
        ),
        (
            Failure::NoListener,
            "remote-server-not-found",
            ErrorType::Cancel,
        ),
        (Failure::TimedOut, "remote-server-timeout", ErrorType::Wait),
        (Failure::Transport, "remote-server-timeout", ErrorType::Wait),
        (
            Failure::Unavailable { wait },
            "internal-server-error",
            ErrorType::Wait,
        ),
        (Failure::Overloaded, "resource-constraint", ErrorType::Wait),
        (Failure::Cancelled, "recipient-unavailable", ErrorType::Wait),
    ] {
        let error = unanswered(&failure);
        assert_eq!(
            (error.condition.name(), error.error_type),
            (condition, error_type)
        );
        assert_eq!(error.text.as_deref(), Some(&*failure.to_string()));
    }
}

#[test]
fn diagnostics_are_read_from_either_header() {
    let known = MsDiagnostics::read("1027").unwrap().diagnosis().unwrap();
    assert_eq!(known.id, "ms-diagnostics-1027");
    assert_eq!(MsDiagnostics::read("9999").unwrap().diagnosis(), None);
    assert_eq!(MsDiagnostics::read("x"), None);
    let diagnostics = response(include_bytes!("data/lync-403-diagnostics.sip"));
    let diagnostics = MsDiagnostics::parse(diagnostics.headers()).unwrap();
    assert_eq!(diagnostics.source.as_deref(), Some("sip.lync.test"));
    let public = response(b"SIP/2.0 404 N\r\nms-diagnostics-public: 4005;reason=\"gone\"\r\n\r\n");
    let public = MsDiagnostics::parse(public.headers()).unwrap();
    assert_eq!((public.id, public.reason.as_deref()), (4005, Some("gone")));
}
