use std::sync::Arc;

use comity_testkit::origin;

use super::*;
use crate::stream::{Rejection, Stage};

const HEADER: &str = "<stream:stream xmlns='jabber:client' to='a.example' version='1.0' \
     xmlns:stream='http://etherx.jabber.org/streams'>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const OFFER: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
     </stream:features>";

fn sessions() -> Sessions {
    let config = Config {
        domains: Arc::new(["a.example".parse().unwrap()].into()),
        max_sessions: 2,
        ..Config::default()
    };
    Sessions::new(origin(), config, [1; 32])
}

fn sent(sessions: &mut Sessions) -> String {
    let mut buf = Vec::new();
    while sessions.poll_transmit(&mut buf).is_some() {}
    String::from_utf8(buf).unwrap()
}

fn feed(sessions: &mut Sessions, id: &SessionId, input: &str) -> String {
    sessions.handle_input(origin(), id, input.as_bytes());
    sent(sessions)
}

fn to_client(client_auth: ClientAuth) -> StartTls {
    StartTls::ToClient {
        key: Some("a.example".into()),
        client_auth,
    }
}

/// A session whose client has asked for TLS.
fn requested(sessions: &mut Sessions) -> SessionId {
    let id = sessions.accept(origin()).unwrap();
    let answer = feed(sessions, &id, HEADER);
    assert_eq!(
        answer,
        format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' from='a.example' id='{id}' \
             version='1.0' xml:lang='en'><stream:features><starttls \
             xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
        )
    );
    assert_eq!(feed(sessions, &id, STARTTLS), "");
    let session = id.clone();
    assert_eq!(sessions.poll_event(), Some(Event::Requested { session }));
    id
}

/// A session whose server has offered TLS.
fn offered(sessions: &mut Sessions) -> SessionId {
    let id = sessions
        .connect(origin(), &"b.example".parse().unwrap())
        .unwrap();
    assert_eq!(
        sent(sessions),
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams' to='b.example' version='1.0' \
         xml:lang='en'>"
    );
    feed(sessions, &id, &HEADER.replace("to='a.example'", "id='1'"));
    feed(sessions, &id, OFFER);
    let session = id.clone();
    assert_eq!(sessions.poll_event(), Some(Event::Offered { session }));
    id
}

fn closed(sessions: &mut Sessions) -> CloseReason {
    match sessions.poll_event() {
        Some(Event::Closed { reason, .. }) => reason,
        other => panic!("not closed: {other:?}"),
    }
}

#[test]
fn towards_a_client_the_last_clear_text_leaves_before_tls_begins() {
    let mut sessions = sessions();
    let id = requested(&mut sessions);
    let parameters = to_client(ClientAuth::Optional);
    let started = sessions.start_tls(origin(), &id, parameters.clone());
    assert_eq!(started, Ok(()));
    assert_eq!(sessions.poll_event(), None, "bytes are not on their way");
    assert_eq!(sent(&mut sessions), PROCEED);
    let session = id.clone();
    assert_eq!(
        sessions.poll_event(),
        Some(Event::StartTls {
            session,
            parameters
        })
    );
    assert!(!sessions.wants_input(&id));
    let certificate = PeerCertificate::Absent;
    sessions.handle_tls_established(origin(), &id, certificate);
    assert!(sessions.is_closed(&id));
    assert_eq!(
        sessions.poll_event(),
        Some(Event::Secured {
            session: id,
            certificate
        })
    );
    assert_eq!(sessions.poll_timeout(), None);
}

#[test]
fn towards_a_server_tls_begins_when_it_agrees_and_no_key_is_needed() {
    let mut sessions = sessions();
    let id = offered(&mut sessions);
    let parameters = StartTls::ToServer { key: None };
    let started = sessions.start_tls(origin(), &id, parameters.clone());
    assert_eq!(started, Ok(()));
    assert_eq!(sent(&mut sessions), STARTTLS);
    assert_eq!(sessions.poll_event(), None);
    feed(&mut sessions, &id, PROCEED);
    let session = id.clone();
    assert_eq!(
        sessions.poll_event(),
        Some(Event::StartTls {
            session,
            parameters
        })
    );
    sessions.handle_tls_failed(origin(), &id, "no common version");
    assert_eq!(
        closed(&mut sessions),
        CloseReason::TlsFailed("no common version".into())
    );
    sent(&mut sessions);
    assert!(sessions.is_closed(&id));
}

#[test]
fn what_cannot_be_started_is_a_typed_error() {
    let mut sessions = sessions();
    let start = |sessions: &mut Sessions, id: &SessionId, parameters| {
        sessions.start_tls(origin(), id, parameters)
    };
    let client = to_client(ClientAuth::None);
    let server = StartTls::ToServer { key: None };
    let without_key = StartTls::ToClient {
        key: None,
        client_auth: ClientAuth::None,
    };
    let unknown = SessionId::new("unknown");
    assert_eq!(
        start(&mut sessions, &unknown, client.clone()),
        Err(StartTlsError::UnknownSession)
    );
    let early = sessions.accept(origin()).unwrap();
    assert_eq!(
        start(&mut sessions, &early, client.clone()),
        Err(StartTlsError::NotReady)
    );
    let id = requested(&mut sessions);
    assert_eq!(sessions.accept(origin()), Err(TooManySessions));
    assert_eq!(
        start(&mut sessions, &id, server.clone()),
        Err(StartTlsError::WrongDirection)
    );
    assert_eq!(
        start(&mut sessions, &id, without_key),
        Err(StartTlsError::MissingPrivateKey)
    );
    assert_eq!(start(&mut sessions, &id, client.clone()), Ok(()));
    assert_eq!(
        start(&mut sessions, &id, client.clone()),
        Err(StartTlsError::AlreadyStarted)
    );
    sessions.close(origin(), &early);
    sent(&mut sessions);
    let dialled = offered_again(&mut sessions);
    assert_eq!(
        start(&mut sessions, &dialled, client),
        Err(StartTlsError::WrongDirection)
    );
    assert_eq!(start(&mut sessions, &dialled, server), Ok(()));
}

fn offered_again(sessions: &mut Sessions) -> SessionId {
    while sessions.poll_event().is_some() {}
    offered(sessions)
}

#[test]
fn a_certificate_that_is_required_and_not_shown_ends_the_session() {
    for (client_auth, certificate, secured) in [
        (ClientAuth::None, PeerCertificate::Absent, true),
        (ClientAuth::Optional, PeerCertificate::Absent, true),
        (ClientAuth::Required, PeerCertificate::Absent, false),
        (ClientAuth::Required, PeerCertificate::Presented, true),
    ] {
        let mut sessions = sessions();
        let id = requested(&mut sessions);
        let started = sessions.start_tls(origin(), &id, to_client(client_auth));
        assert_eq!(started, Ok(()));
        sent(&mut sessions);
        sessions.poll_event();
        sessions.handle_tls_established(origin(), &id, certificate);
        let expected = if secured {
            Event::Secured {
                session: id,
                certificate,
            }
        } else {
            Event::Closed {
                session: id,
                reason: CloseReason::CertificateAbsent,
            }
        };
        assert_eq!(sessions.poll_event(), Some(expected), "{client_auth:?}");
    }
}

#[test]
fn clear_text_behind_the_request_is_never_read() {
    for behind in [" ", HEADER, "\u{16}"] {
        let mut sessions = sessions();
        let id = sessions.accept(origin()).unwrap();
        feed(&mut sessions, &id, HEADER);
        feed(&mut sessions, &id, &format!("{STARTTLS}{behind}"));
        assert_eq!(
            closed(&mut sessions),
            CloseReason::Rejected(Rejection::DataBeforeTls)
        );

        let id = offered(&mut sessions);
        let server = StartTls::ToServer { key: None };
        assert_eq!(sessions.start_tls(origin(), &id, server), Ok(()));
        sent(&mut sessions);
        assert_eq!(feed(&mut sessions, &id, &format!("{PROCEED}{behind}")), "");
        assert_eq!(
            closed(&mut sessions),
            CloseReason::Rejected(Rejection::DataBeforeTls)
        );
    }
}

#[test]
fn what_is_not_a_client_s_stream_gets_its_stream_error() {
    for (input, condition) in [
        (
            HEADER.replace("jabber:client", "jabber:server"),
            "invalid-namespace",
        ),
        (HEADER.replace("a.example", "z.example"), "host-unknown"),
        (HEADER.replace("to='a.example'", ""), "improper-addressing"),
        (HEADER.replace("1.0", "2.0"), "unsupported-version"),
        (
            format!("{HEADER}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
            "policy-violation",
        ),
        (
            format!("{HEADER}<message to='x@a.example'/>"),
            "policy-violation",
        ),
        (format!("{HEADER}<!-- -->"), "restricted-xml"),
    ] {
        let mut sessions = sessions();
        let id = sessions.accept(origin()).unwrap();
        let answer = feed(&mut sessions, &id, &input);
        assert!(
            answer.starts_with("<?xml version='1.0'?><stream:stream xmlns='jabber:client' "),
            "{answer}"
        );
        assert!(answer.contains(&format!("<{condition} ")), "{answer}");
        assert!(matches!(closed(&mut sessions), CloseReason::Rejected(_)));
        assert!(sessions.is_closed(&id));
    }
}

#[test]
fn a_session_that_takes_too_long_or_ends_is_forgotten() {
    let mut sessions = sessions();
    let id = sessions.accept(origin()).unwrap();
    let due = sessions.poll_timeout().unwrap();
    sessions.handle_timeout(due);
    assert!(sent(&mut sessions).contains("<connection-timeout "));
    assert_eq!(
        closed(&mut sessions),
        CloseReason::TimedOut(Stage::Negotiation)
    );
    assert!(sessions.is_closed(&id));
    assert_eq!(sessions.poll_timeout(), None);

    let id = requested(&mut sessions);
    let started = sessions.start_tls(origin(), &id, to_client(ClientAuth::None));
    assert_eq!(started, Ok(()));
    sent(&mut sessions);
    sessions.poll_event();
    let due = sessions.poll_timeout().unwrap();
    sessions.handle_timeout(due);
    assert_eq!(closed(&mut sessions), CloseReason::TimedOut(Stage::Tls));
    assert_eq!(sent(&mut sessions), "");

    let id = offered(&mut sessions);
    sessions.handle_eof(origin(), &id);
    assert_eq!(closed(&mut sessions), CloseReason::ConnectionLost);
    let id = sessions
        .connect(origin(), &"b.example".parse().unwrap())
        .unwrap();
    feed(
        &mut sessions,
        &id,
        &HEADER.replace("to='a.example'", "id='1'"),
    );
    assert_eq!(
        feed(&mut sessions, &id, "<stream:features/>"),
        "</stream:stream>"
    );
    assert_eq!(closed(&mut sessions), CloseReason::NotOffered);
}
