//! The clock on the wall is moved while the gateway runs.

use crate::edge::Edge;
use crate::gateway::Hardship;
use crate::restart::Traffic;
use crate::scene::Scene;
use crate::users::assert_bounced;

#[test]
#[ignore = "needs python3, prosody, dnsmasq and faketime"]
fn a_clock_that_jumps_ends_no_connection_and_no_subscription_and_loses_no_text() {
    let mut scene = Scene::in_hardship(Hardship::Clock);
    let mut u = scene.server.login("u");
    u.presence("subscribe", A);
    u.take_presence("subscribed", A);
    let mut traffic = Traffic::default();
    traffic.wait_until_flowing(&mut scene.edge, &mut u);
    scene.edge.take("SUBSCRIBE", |event| event["user"] == A);
    connections(&scene.edge);
    for seconds in [HOUR, 0, -HOUR, 0, YEAR, 0, EXPIRED, 0] {
        scene.gateway.shift_clock(seconds);
        traffic.write(&mut scene.edge, &mut u, TEXTS);
        traffic.wait_until_flowing(&mut scene.edge, &mut u);
        assert_eq!(connections(&scene.edge), NONE, "at {seconds} s");
    }
    traffic.assert_nothing_lost(&scene.edge, &u);
    // Nobody had to be asked again.
    assert_eq!(scene.edge.drain("SUBSCRIBE"), NONE);
    scene.edge.assert_no_faults();
    assert!(scene.gateway.terminate().success());
}

#[test]
#[ignore = "needs python3, prosody, dnsmasq and faketime"]
fn who_connects_when_the_clock_is_beyond_his_certificate_is_refused_until_it_is_back() {
    let mut scene = Scene::in_hardship(Hardship::Clock);
    let mut u = scene.server.login("u");
    let mut traffic = Traffic::default();
    traffic.wait_until_flowing(&mut scene.edge, &mut u);
    scene.gateway.shift_clock(EXPIRED);
    scene.edge.tell("drop", A, U, &[]);
    scene.edge.take("disconnected", |_| true);
    u.text(A, "too late");
    assert_bounced(&u, A, "too late", "remote-server-timeout");
    scene
        .gateway
        .wait_for(&["not connected to", "the certificate expired at 2040-01-01"]);
    scene.gateway.shift_clock(0);
    traffic.wait_until_flowing(&mut scene.edge, &mut u);
    traffic.assert_nothing_lost(&scene.edge, &u);
    assert!(scene.gateway.terminate().success());
}

/// What has become of connections since it was asked last.
fn connections(edge: &Edge) -> Vec<serde_json::Value> {
    ["connected", "accepted", "disconnected", "handshake failed"]
        .map(|got| edge.drain(got))
        .concat()
}

const A: &str = "a@lync.test";
const U: &str = "u@xmpp.test";
const TEXTS: usize = 20;
const NONE: [serde_json::Value; 0] = [];
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 86_400;
/// When no certificate of the test is valid any more.
const EXPIRED: i64 = 20 * YEAR;
