//! The echo domain against a Prosody server, over TLS on loopback addresses with a real name server.
//!
//! The tests need prosody, lua-unbound and dnsmasq, so they run on request only:
//! `cargo test -p comity-xmpp-echo --test interop -- --ignored`.
#![cfg(test)]
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and shows what the servers said"
)]

mod certificates;
mod client;
mod dns;
mod echo;
mod process;
mod prosody;
mod site;

use std::net::SocketAddr;

use certificates::Identity;
use client::{Client, Stanza, escape};
use comity_testkit::mint::Authority;
use dns::Dns;
use echo::Echo;
use prosody::{Peers, Prosody};
use site::{Site, free_address};

const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Every character that XML escapes, and some that are longer than a byte.
const BODY: &str = "one < two & 'three' > \"four\" ]]> gr\u{fc}\u{df}e \u{1f980}";
const SECRET: &str = "s3cr3tf0rd14lb4ck";
const GREETING: &str = "hello from the echo domain";

#[test]
#[ignore = "needs prosody and dnsmasq"]
fn a_message_is_echoed_over_sasl_external_in_both_directions() {
    let scene = Scene::with_common_authority();
    let prosody = scene.prosody(Peers::Certified);
    let _echo = scene.echo(&["--require-certificate"]);
    assert_echo(&mut prosody.login());
    assert_certificates_authenticate(&prosody);
}

#[test]
#[ignore = "needs prosody and dnsmasq"]
fn the_echo_domain_writes_first_over_sasl_external() {
    let scene = Scene::with_common_authority();
    let prosody = scene.prosody(Peers::Certified);
    let mut user = prosody.login();
    let _echo = scene.echo(&["--greet", &greeting()]);
    assert_greeting(&user.next());
    assert_echo(&mut user);
    assert_certificates_authenticate(&prosody);
}

#[test]
#[ignore = "needs prosody and dnsmasq"]
fn a_message_is_echoed_over_dialback_inside_tls() {
    let scene = Scene::with_unrelated_authorities();
    let prosody = scene.prosody(Peers::DialedBack);
    let _echo = scene.echo(&["--dialback-secret", SECRET]);
    assert_echo(&mut prosody.login());
    assert_dialback_authenticates(&prosody);
}

#[test]
#[ignore = "needs prosody and dnsmasq"]
fn the_echo_domain_writes_first_over_dialback_inside_tls() {
    let scene = Scene::with_unrelated_authorities();
    let prosody = scene.prosody(Peers::DialedBack);
    let mut user = prosody.login();
    let _echo = scene.echo(&["--dialback-secret", SECRET, "--greet", &greeting()]);
    assert_greeting(&user.next());
    assert_echo(&mut user);
    assert_dialback_authenticates(&prosody);
}

#[test]
#[ignore = "needs prosody and dnsmasq"]
fn an_untrusted_peer_is_refused_with_the_reason_where_a_certificate_is_required() {
    let scene = Scene::with_unrelated_authorities();
    let prosody = scene.prosody(Peers::DialedBack);
    let _echo = scene.echo(&["--require-certificate"]);
    let mut user = prosody.login();
    user.send(&message());

    let bounce = user.next();
    assert_eq!(bounce.name(), "message", "{bounce:?}");
    assert_eq!(bounce.attribute("type").as_deref(), Some("error"));
    assert_eq!(bounce.attribute("id").as_deref(), Some("m1"));
    assert_eq!(
        bounce.attribute("from").as_deref(),
        Some("anyone@echo.test")
    );
    assert_eq!(bounce.attribute("to").as_deref(), Some(user.jid()));

    let closed = prosody
        .log()
        .wait_for(&["s2sout", "Session closed by remote with error: "]);
    let (_, reason) = closed.split_once("error: ").unwrap();
    assert!(
        ["not-authorized (", "policy-violation ("]
            .iter()
            .any(|condition| reason.starts_with(condition)),
        "{reason}"
    );
    assert!(reason.contains("certificate"), "{reason}");
    prosody
        .log()
        .assert_never(&["Outgoing s2s connection", "complete"]);
}

#[test]
#[ignore = "needs prosody and dnsmasq"]
fn nothing_is_sent_to_an_untrusted_peer_where_a_certificate_is_required() {
    let scene = Scene::with_unrelated_authorities();
    let prosody = scene.prosody(Peers::DialedBack);
    let _echo = scene.echo(&["--require-certificate", "--greet", &greeting()]);
    prosody.log().wait_for(&["s2sin", "s2s disconnected"]);
    prosody.log().assert_never(&["Received[s2sin]"]);
    prosody
        .log()
        .assert_never(&["Received[s2sin_unauthed]: <result"]);
}

#[test]
#[ignore = "needs prosody and dnsmasq"]
fn queries_are_answered_or_refused() {
    let scene = Scene::with_common_authority();
    let prosody = scene.prosody(Peers::Certified);
    let _echo = scene.echo(&[]);
    let mut user = prosody.login();

    let pong = ask(&mut user, "ping", "<ping xmlns='urn:xmpp:ping'/>");
    assert_eq!(pong.attribute("type").as_deref(), Some("result"));

    let version = ask(&mut user, "version", "<query xmlns='jabber:iq:version'/>");
    assert_eq!(version.attribute("type").as_deref(), Some("result"));
    assert!(version.has("query", "jabber:iq:version"), "{version:?}");
    let name = version.text_of("name");
    assert!(name.is_some_and(|name| !name.is_empty()), "{version:?}");
    let number = version.text_of("version");
    assert!(
        number.is_some_and(|number| !number.is_empty()),
        "{version:?}"
    );

    let refusal = ask(&mut user, "other", "<query xmlns='urn:example:unknown'/>");
    assert_eq!(refusal.attribute("type").as_deref(), Some("error"));
    assert!(refusal.has("service-unavailable", STANZAS), "{refusal:?}");
}

#[test]
#[ignore = "needs prosody and dnsmasq"]
fn sigterm_stops_the_echo_domain() {
    let scene = Scene::with_common_authority();
    let prosody = scene.prosody(Peers::Certified);
    let echo = scene.echo(&[]);
    assert_echo(&mut prosody.login());
    let status = echo.terminate();
    assert!(status.success(), "{status}");
}

/// Two domains, their names in DNS, and their certificates.
struct Scene {
    prosody_identity: Identity,
    echo_identity: Identity,
    prosody_address: SocketAddr,
    echo_address: SocketAddr,
    dns: Dns,
    site: Site,
}

impl Scene {
    /// Both domains have certificates of one authority, and trust it.
    fn with_common_authority() -> Self {
        let common = certificates::authority("Common Root", 1);
        Self::new(&common, &common)
    }

    /// Each domain trusts the authority of its own certificate, and not the other's.
    fn with_unrelated_authorities() -> Self {
        let theirs = certificates::authority("Root of Prosody", 1);
        let ours = certificates::authority("Root of Echo", 2);
        Self::new(&theirs, &ours)
    }

    fn new(theirs: &Authority, ours: &Authority) -> Self {
        let site = Site::new();
        let (prosody_address, echo_address) = (free_address(), free_address());
        let servers = [
            (prosody::DOMAIN, prosody_address),
            (echo::DOMAIN, echo_address),
        ];
        Self {
            prosody_identity: Identity::issue(&site, theirs, prosody::DOMAIN, 3),
            echo_identity: Identity::issue(&site, ours, echo::DOMAIN, 4),
            prosody_address,
            echo_address,
            dns: Dns::start(&site, &servers),
            site,
        }
    }

    fn prosody(&self, peers: Peers) -> Prosody {
        Prosody::start(
            &self.site,
            self.prosody_address,
            self.dns.address(),
            &self.prosody_identity,
            peers,
        )
    }

    fn echo(&self, options: &[&str]) -> Echo {
        Echo::start(
            &self.site,
            self.echo_address,
            self.dns.address(),
            &self.echo_identity,
            options,
        )
    }
}

fn message() -> String {
    format!(
        "<message type='chat' id='m1' to='anyone@echo.test'><body>{}</body></message>",
        escape(BODY)
    )
}

fn assert_echo(user: &mut Client) {
    user.send(&message());
    let echo = user.next();
    assert_eq!(echo.name(), "message", "{echo:?}");
    assert_eq!(echo.attribute("type").as_deref(), Some("chat"));
    assert_eq!(echo.attribute("from").as_deref(), Some("anyone@echo.test"));
    assert_eq!(echo.attribute("to").as_deref(), Some(user.jid()));
    assert_eq!(echo.text_of("body").as_deref(), Some(BODY));
}

fn greeting() -> String {
    format!("{}@{}={GREETING}", client::USER, prosody::DOMAIN)
}

fn assert_greeting(greeting: &Stanza) {
    assert_eq!(greeting.name(), "message", "{greeting:?}");
    let from = greeting.attribute("from").unwrap();
    let domain = from.rsplit('@').next();
    assert_eq!(domain, Some(echo::DOMAIN), "{greeting:?}");
    assert_eq!(
        greeting.attribute("to").as_deref(),
        Some("user@prosody.test")
    );
    assert_eq!(greeting.text_of("body").as_deref(), Some(GREETING));
}

fn ask(user: &mut Client, id: &str, payload: &str) -> Stanza {
    user.send(&format!(
        "<iq type='get' id='{id}' to='echo.test'>{payload}</iq>"
    ));
    let answer = user.next();
    assert_eq!(answer.name(), "iq", "{answer:?}");
    assert_eq!(answer.attribute("id").as_deref(), Some(id));
    assert_eq!(answer.attribute("from").as_deref(), Some(echo::DOMAIN));
    assert_eq!(answer.attribute("to").as_deref(), Some(user.jid()));
    answer
}

fn assert_certificates_authenticate(prosody: &Prosody) {
    let log = prosody.log();
    log.wait_for(&["SASL EXTERNAL with echo.test succeeded"]);
    log.wait_for(&["Accepting SASL EXTERNAL identity from echo.test"]);
    log.assert_never(&["s2s", "dialback key"]);
}

fn assert_dialback_authenticates(prosody: &Prosody) {
    let log = prosody.log();
    for session in ["s2sout", "s2sin"] {
        log.wait_for(&[session, "Stream encrypted"]);
    }
    log.wait_for(&[
        "s2sout",
        "Received[s2sout_unauthed]: <result",
        "type='valid'",
    ]);
    log.wait_for(&["s2sin", "Received[s2sin_unauthed]: <result"]);
    log.wait_for(&["connection echo.test->prosody.test is now authenticated"]);
    log.wait_for(&["connection prosody.test->echo.test is now authenticated"]);
    log.assert_never(&["SASL EXTERNAL"]);
}
