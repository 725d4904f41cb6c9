use comity_identity::DomainName;
use comity_identity::Severity::{self, Error, Note, Warning};
use comity_rustls::{ClientAuth, TlsContext, default_provider};
use comity_testkit::mint::{Leaf, Purpose};
use comity_tokio::probe::{Report, Subscription};
use comity_trust::{PeerSubject, Protocols};

use crate::world::{Server, authority, check, config, identity, leaf, serve_sip, short, sip_zone};

fn context(leaf: &Leaf) -> TlsContext {
    let mut context = TlsContext::observing(default_provider());
    context.identity = Some(identity(&authority(), leaf));
    context
}

/// The response with that status, and these lines.
fn respond(request: &str, status: &str, extra: &str) -> String {
    let copied = request.lines().filter(|line| {
        let names = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        names.iter().any(|name| line.starts_with(name))
    });
    let copied: Vec<_> = copied
        .map(|line| match line.strip_prefix("To: ") {
            Some(to) => format!("To: {to};tag=theirs"),
            None => line.to_owned(),
        })
        .collect();
    format!(
        "SIP/2.0 {status}\r\n{}\r\n{extra}Content-Length: 0\r\n\r\n",
        copied.join("\r\n")
    )
}

/// Checks a server that answers all with one status.
async fn answered(status: &'static str, extra: &'static str) -> Report {
    let answer = move |request: &str| vec![respond(request, status, extra)];
    let address = serve_sip(&context(&leaf("b.example")), answer).await;
    check(sip_zone(address.port()), &config(Protocols::Sip)).await
}

fn subscribing() -> comity_tokio::probe::Config {
    let mut config = config(Protocols::Sip);
    config.subscribe = Some(Subscription {
        watcher: "sip:user@a.example".parse().unwrap(),
        presentity: "sip:user@b.example".parse().unwrap(),
    });
    config
}

#[tokio::test]
async fn a_healthy_peer_has_no_findings() {
    let report = answered("200 OK", "").await;
    assert_eq!(short(&report), []);
    assert_eq!(report.targets[0].answer.as_deref(), Some("200 OK"));
    assert_eq!(&*report.targets[0].tls.as_ref().unwrap().version, "TLS 1.3");
}

#[tokio::test]
async fn refusals_are_decoded() {
    for (status, extra, id, severity) in [
        ("403 Forbidden", "", "sip-forbidden", Error),
        (
            "403 Forbidden",
            "ms-diagnostics: 1027;reason=\"Cannot route\"\r\n",
            "ms-diagnostics-1027",
            Error,
        ),
        (
            "504 Server time-out",
            "ms-diagnostics: 1009;reason=\"Conflict\"\r\n",
            "ms-diagnostics-1009",
            Error,
        ),
        ("405 Method Not Allowed", "", "sip-options-refused", Note),
        (
            "200 OK",
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            "clock-skew",
            Error,
        ),
    ] {
        assert_eq!(short(&answered(status, extra).await), [(id, severity)]);
    }
}

#[tokio::test]
async fn what_a_peer_has_against_nobody_is_a_note() {
    for (extra, id) in [
        ("ms-diagnostics: 1027\r\n", "ms-diagnostics-1027"),
        ("ms-diagnostics: 65000\r\n", "ms-diagnostics"),
    ] {
        let answer = move |request: &str| vec![respond(request, "403 Forbidden", extra)];
        let address = serve_sip(&context(&leaf("b.example")), answer).await;
        let mut config = config(Protocols::Sip);
        config.local = None;
        let report = check(sip_zone(address.port()), &config).await;
        assert_eq!(short(&report), [(id, Note)]);
    }
}

#[tokio::test]
async fn a_peer_that_asks_for_no_certificate_is_noted() {
    let mut context = context(&leaf("b.example"));
    context.client_auth = ClientAuth::None;
    let answer = |request: &str| vec![respond(request, "200 OK", "")];
    let address = serve_sip(&context, answer).await;
    let report = check(sip_zone(address.port()), &config(Protocols::Sip)).await;
    assert_eq!(short(&report), [("tls-client-certificate-not-asked", Note)]);
}

#[tokio::test]
async fn a_certificate_for_one_role_warns() {
    let found = async |purposes: &[Purpose]| {
        let leaf = Leaf::new([2; 32]).dns("b.example").purposes(purposes);
        let answer = |request: &str| vec![respond(request, "200 OK", "")];
        let address = serve_sip(&context(&leaf), answer).await;
        short(&check(sip_zone(address.port()), &config(Protocols::Sip)).await)
    };
    assert_eq!(
        found(&[Purpose::ServerAuth]).await,
        [("certificate-no-client-auth", Warning)]
    );
    assert_eq!(
        found(&[Purpose::ClientAuth]).await,
        [("certificate-no-server-auth", Warning)]
    );
}

#[tokio::test]
async fn an_edge_of_the_domain_may_show_its_own_name() {
    let answer = |request: &str| vec![respond(request, "200 OK", "")];
    let address = serve_sip(&context(&leaf("sip.b.example")), answer).await;
    let report = check(sip_zone(address.port()), &config(Protocols::Sip)).await;
    assert_eq!(short(&report), []);
}

#[tokio::test]
async fn a_peer_may_show_a_name_that_an_operator_has_entered() {
    let answer = |request: &str| vec![respond(request, "200 OK", "")];
    let address = serve_sip(&context(&leaf("edge.example")), answer).await;
    let mut config = config(Protocols::Sip);
    let report = check(sip_zone(address.port()), &config).await;
    assert_eq!(short(&report), [("certificate-name-mismatch", Error)]);
    let edge: DomainName = "edge.example".parse().unwrap();
    config.sip_peers.push(PeerSubject::new(edge));
    let report = check(sip_zone(address.port()), &config).await;
    assert_eq!(short(&report), []);
}

/// A NOTIFY behind the response to a SUBSCRIBE.
fn notify(request: &str, state: &str, basic: &str) -> String {
    let line = |name: &str| {
        let line = request.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once(' ').unwrap().1.to_owned()
    };
    let body = format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:user@b.example'>\
         <tuple id='1'><status><basic>{basic}</basic></status></tuple></presence>"
    );
    format!(
        "NOTIFY sip:a.example SIP/2.0\r\nVia: SIP/2.0/TLS sip.b.example;branch=z9hG4bKn\r\n\
         From: {};tag=theirs\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 NOTIFY\r\nMax-Forwards: 70\r\n\
         Event: presence\r\nSubscription-State: {state}\r\nContent-Type: application/pidf+xml\r\n\
         Content-Length: {}\r\n\r\n{body}",
        line("To:"),
        line("From:"),
        line("Call-ID:"),
        body.len()
    )
}

/// Which of the two a server sends first.
#[derive(Clone, Copy, Debug)]
enum First {
    Response,
    Notify,
}

/// Checks a server that notifies so.
async fn notified(
    state: &'static str,
    basic: &'static str,
    first: First,
) -> Vec<(&'static str, Severity)> {
    let answer = move |request: &str| {
        if request.starts_with("SIP/2.0 ") {
            return Vec::new();
        }
        let mut messages = vec![respond(request, "200 OK", "")];
        if request.starts_with("SUBSCRIBE ") {
            let place = match first {
                First::Response => 1,
                First::Notify => 0,
            };
            messages.insert(place, notify(request, state, basic));
        }
        messages
    };
    let address = serve_sip(&context(&leaf("b.example")), answer).await;
    short(&check(sip_zone(address.port()), &subscribing()).await)
}

#[tokio::test]
async fn a_user_who_is_seen_has_no_findings() {
    for first in [First::Response, First::Notify] {
        let found = notified("terminated;reason=timeout", "open", first).await;
        assert_eq!(found, [], "{first:?} first");
    }
}

#[tokio::test]
async fn a_polite_refusal_is_told_as_what_it_may_be() {
    assert_eq!(
        notified("terminated;reason=timeout", "closed", First::Response).await,
        [("sip-user-looks-offline", Note)]
    );
    assert_eq!(
        notified("terminated;reason=rejected", "open", First::Response).await,
        [("sip-subscription-rejected", Error)]
    );
}

#[tokio::test]
async fn a_notify_that_does_not_come_is_missed() {
    let answer = |request: &str| vec![respond(request, "200 OK", "")];
    let address = serve_sip(&context(&leaf("b.example")), answer).await;
    let report = check(sip_zone(address.port()), &subscribing()).await;
    assert_eq!(short(&report), [("sip-notify-missing", Warning)]);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_told_apart_from_one_that_speaks_otherwise() {
    let found = async |said: &'static str| {
        let answer = move |_: &str| vec![said.to_owned()];
        let address = serve_sip(&context(&leaf("b.example")), answer).await;
        short(&check(sip_zone(address.port()), &config(Protocols::Sip)).await)
    };
    assert_eq!(found("").await, [("sip-timed-out", Error)]);
    assert_eq!(
        found("HTTP/1.1 400 Bad Request\r\n\r\n").await,
        [("sip-not-spoken", Error)]
    );
}

#[tokio::test]
async fn a_domain_of_one_protocol_need_not_have_the_other() {
    let report = async |protocols| {
        let answer = |request: &str| vec![respond(request, "200 OK", "")];
        let address = serve_sip(&context(&leaf("b.example")), answer).await;
        check(sip_zone(address.port()), &config(protocols)).await
    };
    let both = report(Protocols::Both).await;
    assert_eq!(short(&both), [("srv-missing", Note)]);
    assert_eq!(both.findings[0].subject, "_xmpp-server._tcp.b.example");
    let missing = report(Protocols::Xmpp).await;
    assert_eq!(short(&missing), [("srv-missing", Error)]);

    let server = Server::start(identity(&authority(), &leaf("b.example")), |_| {}).await;
    let both = check(server.zone(), &config(Protocols::Both)).await;
    assert!(
        both.findings.iter().any(|one| {
            (one.id, one.severity, &*one.subject)
                == ("srv-missing", Note, "_sipfederationtls._tcp.b.example")
        }),
        "{:?}",
        both.findings
    );
}
