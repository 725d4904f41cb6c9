//! The echo domain against Prosody and ejabberd, on loopback addresses with a real name server.
//!
//! The tests need prosody, lua-unbound, ejabberd and dnsmasq, so they run on request only:
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
mod conversation;
mod dns;
mod echo;
mod ejabberd;
mod extensions;
mod markup;
mod mode;
mod peer;
mod process;
mod prosody;
mod scene;

use conversation::{STANZAS, ask, assert_bounce, assert_echo, assert_greeting, greet, write};
use echo::Echo;
use ejabberd::Ejabberd;
use mode::{Mode, Refusal, Whose};
use peer::Peer;
use prosody::Prosody;
use scene::Scene;

/// Makes four tests of each mode: two servers, and two who may write first.
macro_rules! matrix {
    (
        $peer_writes_first:ident, $echo_writes_first:ident;
        $($test:ident: $mode:expr;)*
    ) => { $(
        mod $test {
            use super::*;

            #[test]
            #[ignore = "needs prosody, lua-unbound and dnsmasq"]
            fn prosody_writes_first() {
                $peer_writes_first::<Prosody>(&$mode);
            }

            #[test]
            #[ignore = "needs prosody, lua-unbound and dnsmasq"]
            fn echo_writes_first_to_prosody() {
                $echo_writes_first::<Prosody>(&$mode);
            }

            #[test]
            #[ignore = "needs ejabberd and dnsmasq"]
            fn ejabberd_writes_first() {
                $peer_writes_first::<Ejabberd>(&$mode);
            }

            #[test]
            #[ignore = "needs ejabberd and dnsmasq"]
            fn echo_writes_first_to_ejabberd() {
                $echo_writes_first::<Ejabberd>(&$mode);
            }
        }
    )* };
}

/// Makes two tests of each function: one for each server.
macro_rules! with_each_server {
    ($($test:ident: $function:ident;)*) => { $(
        mod $test {
            use super::*;

            #[test]
            #[ignore = "needs prosody, lua-unbound and dnsmasq"]
            fn prosody() {
                $function::<Prosody>();
            }

            #[test]
            #[ignore = "needs ejabberd and dnsmasq"]
            fn ejabberd() {
                $function::<Ejabberd>();
            }
        }
    )* };
}

matrix! {
    federation_when_peer_writes_first, federation_when_echo_writes_first;
    certificates_that_both_trust_prove_both: Mode::CERTIFICATES;
    dialback_proves_us_where_our_certificate_is_not_trusted: Mode::OURS_UNTRUSTED;
    dialback_proves_a_peer_whose_certificate_we_do_not_trust: Mode::THEIRS_UNTRUSTED;
    dialback_inside_tls_proves_both_where_no_certificate_is_trusted: Mode::NEITHER_TRUSTED;
    optional_tls_is_used: Mode::TLS_OPTIONAL;
    optional_tls_is_used_where_no_certificate_is_trusted: Mode::TLS_OPTIONAL_NEITHER_TRUSTED;
    direct_tls_is_used: Mode::DIRECT_TLS;
    direct_tls_is_used_where_no_certificate_is_trusted: Mode::DIRECT_TLS_NEITHER_TRUSTED;
    direct_tls_is_used_in_one_direction: Mode::DIRECT_TLS_TO_US;
    plain_dialback_proves_both_where_the_peer_has_no_tls: Mode::TLS_NOT_THEIRS;
    plain_dialback_proves_both_where_we_have_no_tls: Mode::TLS_NOT_OURS;
    plain_dialback_proves_both_where_neither_has_tls: Mode::NO_TLS;
}

matrix! {
    refusal_when_peer_writes_first, refusal_when_echo_writes_first;
    a_peer_without_a_trusted_certificate_is_refused_where_we_demand_one:
        Refusal::THEIRS_UNTRUSTED;
    we_are_refused_without_a_trusted_certificate_where_the_peer_demands_one:
        Refusal::OURS_UNTRUSTED;
    a_peer_without_tls_is_refused_where_we_demand_it: Refusal::TLS_NOT_THEIRS;
    we_are_refused_without_tls_where_the_peer_demands_it: Refusal::TLS_NOT_OURS;
}

with_each_server! {
    requests_are_answered_or_refused: requests;
    sigterm_stops_the_echo_domain: sigterm;
}

fn federation_when_peer_writes_first<P: Peer>(mode: &Mode) {
    let scene = Scene::<P>::new(mode.ours, mode.theirs);
    let echo = scene.echo(&[]);
    let mut user = scene.peer.login();
    write(&mut user);
    assert_echo(&mut user);
    assert_proofs(&scene, &echo, mode);
}

fn federation_when_echo_writes_first<P: Peer>(mode: &Mode) {
    let scene = Scene::<P>::new(mode.ours, mode.theirs);
    let mut user = scene.peer.login();
    let echo = scene.echo(&greet::<P>());
    assert_greeting::<P>(&user.next());
    write(&mut user);
    assert_echo(&mut user);
    assert_proofs(&scene, &echo, mode);
}

fn assert_proofs<P: Peer>(scene: &Scene<P>, echo: &Echo, mode: &Mode) {
    for (whose, proof) in [
        (Whose::Ours, mode.our_proof),
        (Whose::Theirs, mode.their_proof),
    ] {
        echo.assert_proved(whose, whose, P::DOMAIN, proof);
        scene.peer.assert_proved(whose, proof);
    }
}

fn refusal_when_peer_writes_first<P: Peer>(refusal: &Refusal) {
    let scene = Scene::<P>::new(refusal.ours, refusal.theirs);
    let echo = scene.echo(&[]);
    let mut user = scene.peer.login();
    write(&mut user);
    assert_bounce(&mut user);
    assert_refused(&scene, &echo, refusal, P::reasons(refusal).inbound);
}

fn refusal_when_echo_writes_first<P: Peer>(refusal: &Refusal) {
    let scene = Scene::<P>::new(refusal.ours, refusal.theirs);
    let mut user = scene.peer.login();
    let echo = scene.echo(&greet::<P>());
    let reason = P::reasons(refusal).outbound;
    let (ours, theirs) = (echo::DOMAIN, P::DOMAIN);
    assert_eq!(
        echo.log().wait_for(&["not delivered: "]),
        format!("not delivered: message from {ours} to {theirs}: the stream ended: {reason}")
    );
    assert_refused(&scene, &echo, refusal, reason);
    // The next stanza that the user gets is this answer, so no greeting came before.
    ask(&mut user, P::DOMAIN, "ping", PING);
}

fn assert_refused<P: Peer>(scene: &Scene<P>, echo: &Echo, refusal: &Refusal, reason: &str) {
    assert_eq!(
        echo.log().wait_for(&[": ended: "]),
        format!("connection 1: ended: {reason}")
    );
    if let Some(error) = refusal.told {
        scene.peer.log().wait_for(&[error, reason]);
    }
    echo.assert_nothing_passed();
}

fn requests<P: Peer>() {
    let scene = Scene::<P>::new(Mode::CERTIFICATES.ours, Mode::CERTIFICATES.theirs);
    let _echo = scene.echo(&[]);
    let mut user = scene.peer.login();

    let pong = ask(&mut user, echo::DOMAIN, "ping", PING);
    assert_eq!(pong.attribute("type").as_deref(), Some("result"));

    let version = "<query xmlns='jabber:iq:version'/>";
    let version = ask(&mut user, echo::DOMAIN, "version", version);
    assert_eq!(version.attribute("type").as_deref(), Some("result"));
    assert!(version.has("query", "jabber:iq:version"), "{version:?}");
    let name = version.text_of("name");
    assert_eq!(name.as_deref(), Some("comity-xmpp-echo"), "{version:?}");
    let number = version.text_of("version");
    assert_eq!(number.as_deref(), Some(env!("CARGO_PKG_VERSION")));

    let other = "<query xmlns='urn:example:unknown'/>";
    let refusal = ask(&mut user, echo::DOMAIN, "other", other);
    assert_eq!(refusal.attribute("type").as_deref(), Some("error"));
    assert!(refusal.has("service-unavailable", STANZAS), "{refusal:?}");
}

fn sigterm<P: Peer>() {
    let scene = Scene::<P>::new(Mode::CERTIFICATES.ours, Mode::CERTIFICATES.theirs);
    let echo = scene.echo(&[]);
    let mut user = scene.peer.login();
    write(&mut user);
    assert_echo(&mut user);
    let status = echo.terminate();
    assert!(status.success(), "{status}");
}

const PING: &str = "<ping xmlns='urn:xmpp:ping'/>";
