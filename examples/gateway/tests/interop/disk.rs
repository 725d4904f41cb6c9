//! The disk of the gateway is full for a while.

use crate::gateway::Hardship;
use crate::restart::Traffic;
use crate::scene::Scene;

#[test]
#[ignore = "needs python3, prosody and dnsmasq"]
fn while_the_disk_is_full_texts_flow_and_what_was_to_be_kept_is_kept_afterwards() {
    let mut scene = Scene::in_hardship(Hardship::Disk);
    let mut u = scene.server.login("u");
    let contacts: Vec<_> = (0..CONTACTS).map(|n| format!("c{n}@lync.test")).collect();
    let (before, meanwhile) = contacts.split_at(CONTACTS / 2);
    let subscribe = |u: &mut crate::client::Client, contacts: &[String]| {
        for contact in contacts {
            u.presence("subscribe", contact);
        }
        for contact in contacts {
            u.take_presence("subscribed", contact);
        }
    };
    subscribe(&mut u, before);
    scene.gateway.fill_disk();
    subscribe(&mut u, meanwhile);
    scene
        .gateway
        .wait_for(&["facts are not kept", "check the path", "space of the disk"]);
    let mut traffic = Traffic::default();
    traffic.write(&mut scene.edge, &mut u, TEXTS);
    traffic.wait_until_flowing(&mut scene.edge, &mut u);

    scene.gateway.clear_disk();
    scene.gateway.wait_for(&["facts are kept again"]);
    scene.edge.drain("SUBSCRIBE");
    scene.crash();
    for contact in &contacts {
        let asked = scene
            .edge
            .take("SUBSCRIBE", |event| event["user"] == **contact);
        assert_eq!(asked["peer"], U);
    }
    traffic.wait_until_flowing(&mut scene.edge, &mut u);
    traffic.assert_nothing_lost(&scene.edge, &u);
    let again = scene.edge.drain("SUBSCRIBE");
    assert!(again.is_empty(), "{again:?}");
    scene.edge.assert_no_faults();
    assert!(scene.gateway.terminate().success());
}

const U: &str = "u@xmpp.test";
const CONTACTS: usize = 200;
const TEXTS: usize = 100;
