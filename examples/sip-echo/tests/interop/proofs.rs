//! The scenarios and the configurations, without the program under test.

use comity_sip::Transport;

use crate::conversation;
use crate::echo;
use crate::request::REQUESTS;
use crate::scene::Scene;
use crate::sipp::{self, Scenario};
use comity_testkit::site::free_address;

over_each_transport! {
    scenarios_of_both_sides_fit: scenarios;
    scenarios_pass_through_kamailio: relayed;
    linphone_talks_to_sipp: linphone;
}

fn scenarios(transport: Transport) {
    for (caller, callee) in pairs() {
        let scene = Scene::new(transport);
        let callee = scene.callee(&callee);
        scene.call(callee.address(), &caller);
        callee.finish();
    }
    let scene = Scene::new(transport);
    let callee = scene.callee(&Scenario::new("session_callee").calls(100));
    scene.call(callee.address(), &conversation::session().calls(100));
    callee.finish();
    for request in REQUESTS {
        let callee = scene.callee(&request.answer());
        scene.call(callee.address(), &request.scenario());
        callee.finish();
    }
}

fn relayed(transport: Transport) {
    for (caller, callee) in pairs() {
        let scene = Scene::new(transport);
        let callee = scene.callee(&callee);
        let kamailio = scene.kamailio(callee.address());
        let user = scene.register(&kamailio);
        scene.call_as(user, &kamailio, &caller);
        callee.finish();
    }
}

fn linphone(transport: Transport) {
    let scene = Scene::new(transport);
    let callee = scene.callee(&Scenario::new("page_callee"));
    let mut linphone = scene.linphone(callee.address());
    linphone.assert_echo("alice@echo.example", "Good day to you, ✓");
    callee.finish();
}

#[test]
#[ignore = "needs sip-tester, stunnel4, kamailio, linphone-cli and dnsmasq"]
fn presence_is_published_at_kamailio() {
    let scene = Scene::new(Transport::Udp);
    let kamailio = scene.kamailio(free_address());
    scene.call_as(free_address(), &kamailio, &Scenario::new("publish"));
    let watch = conversation::presence(sipp::DOMAIN);
    scene.call_as(free_address(), &kamailio, &watch);
}

/// What callers do, and what suits it at the other end.
fn pairs() -> [(Scenario, Scenario); 4] {
    [
        (conversation::page(), Scenario::new("page_callee")),
        (conversation::session(), Scenario::new("session_callee")),
        (
            conversation::presence(echo::DOMAIN),
            Scenario::new("presence_callee"),
        ),
        (
            Scenario::new("cancelling_caller"),
            Scenario::new("ringing_callee"),
        ),
    ]
}
