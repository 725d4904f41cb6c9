use super::*;
use crate::Message;

/// 1994-11-06T08:49:37Z
const NOW: u64 = 784_111_777;
const ON_TIME: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT";

fn read(start: &str, cseq: &str, extra: &[&str]) -> Message {
    let mut text = format!(
        "{start}\r\nVia: SIP/2.0/TLS a.example;branch=z9hG4bK7\r\nFrom: <sip:a.example>;tag=1\r\n\
         To: <sip:b.example>;tag=2\r\nCall-ID: 1@a.example\r\nCSeq: 1 {cseq}\r\n\
         Max-Forwards: 70\r\n"
    );
    for line in extra {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    Message::from_datagram(text.into_bytes().into(), &Limits::default()).unwrap()
}

fn over(transport: Transport) -> Circumstances {
    let now = Duration::from_secs(NOW);
    Circumstances { transport, now }
}

fn answered(status: &str, method: &str, extra: &[&str]) -> Vec<(&'static str, Severity, String)> {
    let start = format!("SIP/2.0 {status}");
    let Message::Response(it) = read(&start, method, extra) else {
        panic!("no response");
    };
    let findings = response("b", &it, over(Transport::Tls)).into_iter();
    findings
        .map(|one| (one.id, one.severity, one.seen.into_owned()))
        .collect()
}

fn ids(status: &str, method: &str, extra: &[&str]) -> Vec<&'static str> {
    let found = answered(status, method, extra).into_iter();
    found.map(|(id, ..)| id).collect()
}

#[test]
fn ids_are_words_that_no_other_diagnosis_has() {
    assert_eq!(Diagnosis::misnamed(DIAGNOSES.iter().copied()), None);
}

#[test]
fn a_peer_that_answers_has_no_findings() {
    let routes = [
        ON_TIME,
        "Record-Route: <sip:p.b.example;transport=tls;lr>",
        "Record-Route: <sips:q.b.example;lr>",
    ];
    assert_eq!(answered("200 OK", "OPTIONS", &routes), []);
    assert_eq!(answered("180 Ringing", "INVITE", &[]), []);
    assert_eq!(answered("200 OK", "OPTIONS", &["Date: yesterday"]), []);
}

#[test]
fn each_status_has_its_diagnosis() {
    for (status, options, subscribe) in [
        (
            "401 Unauthorized",
            "sip-authentication-required",
            "sip-authentication-required",
        ),
        ("403 Forbidden", "sip-forbidden", "sip-forbidden"),
        ("404 Not Found", "sip-options-refused", "sip-user-unknown"),
        (
            "405 Method Not Allowed",
            "sip-options-refused",
            "sip-refused",
        ),
        (
            "480 Temporarily Unavailable",
            "sip-options-refused",
            "sip-user-unavailable",
        ),
        ("482 Loop Detected", "sip-loop", "sip-loop"),
        (
            "486 Busy Here",
            "sip-options-refused",
            "sip-user-unavailable",
        ),
        (
            "489 Bad Event",
            "sip-options-refused",
            "sip-event-unsupported",
        ),
        (
            "503 Service Unavailable",
            "sip-server-error",
            "sip-server-error",
        ),
        (
            "504 Server Time-out",
            "sip-next-hop-unreachable",
            "sip-next-hop-unreachable",
        ),
        ("603 Decline", "sip-options-refused", "sip-declined"),
    ] {
        assert_eq!(ids(status, "OPTIONS", &[]), [options]);
        assert_eq!(ids(status, "SUBSCRIBE", &[]), [subscribe]);
    }
}

#[test]
fn diagnostics_say_more_than_the_status() {
    let header = |code| format!("ms-diagnostics: {code};reason=\"Why\";source=\"sip.b.example\"");
    for code in [
        1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
        1027, 1034, 4003, 4005,
    ] {
        let id = format!("ms-diagnostics-{code}");
        assert_eq!(ids("403 Forbidden", "SUBSCRIBE", &[&header(code)]), [id]);
    }
    assert_eq!(
        answered("504 Server time-out", "SUBSCRIBE", &[&header(9999)]),
        [(
            "ms-diagnostics",
            Severity::Error,
            "504 Server time-out; ms-diagnostics 9999: Why (from sip.b.example)".to_owned()
        )]
    );
    let public = ["ms-diagnostics: soon", "ms-diagnostics-public: 1008"];
    assert_eq!(
        answered("504 Server time-out", "SUBSCRIBE", &public),
        [(
            "ms-diagnostics-1008",
            Severity::Error,
            "504 Server time-out; ms-diagnostics 1008".to_owned()
        )]
    );
}

#[test]
fn clocks_are_compared() {
    let found = |date: &str| answered("200 OK", "OPTIONS", &[&format!("Date: {date}")]);
    assert_eq!(found("Sun, 06 Nov 1994 08:50:06 GMT"), []);
    assert_eq!(
        found("Sun, 06 Nov 1994 08:50:07 GMT"),
        [(
            "clock-skew",
            Severity::Warning,
            "its clock is 30 s ahead of ours (Sun, 06 Nov 1994 08:50:07 GMT)".to_owned()
        )]
    );
    assert_eq!(
        found("Sun, 06 Nov 1994 07:49:37 GMT"),
        [(
            "clock-skew",
            Severity::Error,
            "its clock is 3600 s behind ours (Sun, 06 Nov 1994 07:49:37 GMT)".to_owned()
        )]
    );
}

#[test]
fn a_route_without_its_transport_is_found_on_tls_alone() {
    let bare = ["Record-Route: <sip:p.b.example;transport=tls;lr>, <sip:q.b.example;lr>"];
    assert_eq!(
        answered("200 OK", "SUBSCRIBE", &bare),
        [(
            "sip-record-route-without-transport",
            Severity::Warning,
            "it records the route sip:q.b.example;lr".to_owned()
        )]
    );
    let Message::Response(it) = read("SIP/2.0 200 OK", "SUBSCRIBE", &bare) else {
        panic!("no response");
    };
    assert_eq!(response("b", &it, over(Transport::Tcp)), []);
}

#[test]
fn what_a_notify_says_of_its_subscription_is_told() {
    let notified = |state: &str| {
        let state = format!("Subscription-State: {state}");
        let extra = [&*state, "Event: presence", ON_TIME];
        let Message::Request(it) = read("NOTIFY sip:a.example SIP/2.0", "NOTIFY", &extra) else {
            panic!("no request");
        };
        let findings = notification("b", &it, over(Transport::Tls)).into_iter();
        findings
            .map(|one| (one.id, one.seen.into_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(notified("active;expires=60"), []);
    assert_eq!(notified("terminated;reason=timeout"), []);
    assert_eq!(
        notified("Pending"),
        [(
            "sip-subscription-pending",
            "the subscription is Pending".to_owned()
        )]
    );
    assert_eq!(
        notified("terminated;reason=rejected"),
        [(
            "sip-subscription-rejected",
            "the subscription is terminated;reason=rejected".to_owned()
        )]
    );
}
