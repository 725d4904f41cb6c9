//! What others ask of the echo domain: SIPp, users of Kamailio, and linphonec.

use comity_sip::Transport;

use crate::conversation;
use crate::echo;
use crate::request::{REQUESTS, Request};
use crate::scene::Scene;

over_each_transport! {
    a_message_comes_back: page;
    a_message_comes_back_inside_a_session: session;
    a_hundred_sessions_are_held: sessions;
    presence_is_subscribed_to: presence;
    requests_are_answered_or_refused: requests;
    users_of_kamailio_reach_the_echo_domain: federation;
    linphone_talks_to_the_echo_domain: linphone;
    sigterm_stops_the_echo_domain: sigterm;
}

fn page(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    scene.call(echo.address(), &conversation::page());
}

fn session(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    scene.call(echo.address(), &conversation::session());
}

fn sessions(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    scene.call(echo.address(), &conversation::session().calls(100));
}

fn presence(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    scene.call(echo.address(), &conversation::presence(echo::DOMAIN));
}

fn requests(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    for request in REQUESTS {
        scene.call(echo.address(), &request.scenario());
    }
}

#[test]
#[ignore = "needs sip-tester, stunnel4, kamailio, linphone-cli and dnsmasq"]
fn a_certificate_speaks_for_its_own_domain_only() {
    let scene = Scene::new(Transport::Tls);
    let echo = scene.echo();
    scene.call(echo.address(), &Request::FROM_ANOTHER_DOMAIN.scenario());
}

fn federation(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    let kamailio = scene.kamailio(echo.address());
    let user = scene.register(&kamailio);
    scene.call_as(user, &kamailio, &conversation::page());
    scene.call_as(user, &kamailio, &conversation::relayed_session());
}

fn linphone(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    let mut linphone = scene.linphone(echo.address());
    linphone.assert_echo("alice@echo.example", "Good day to you, ✓");
    linphone.assert_online("alice@echo.example");
}

fn sigterm(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    scene.call(echo.address(), &conversation::page());
    let status = echo.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
}
