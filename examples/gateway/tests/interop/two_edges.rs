//! The edge against another edge: what it asks of the gateway, it does itself.

use comity_testkit::site::{Site, free_address};

use crate::certificates::Root;
use crate::edge::{Edge, Look, Setup};

#[test]
#[ignore = "needs python3"]
fn two_edges_federate_with_each_other() {
    let site = Site::new("gateway-interop");
    let (root, hosts) = (Root::new(), ["edge.a.test", "edge.b.test"]);
    let addresses = [free_address(), free_address()];
    let [mut ours, mut theirs] = [(0, 1), (1, 0)].map(|(own, other)| {
        let setup = Setup {
            listen: addresses[own],
            host: hosts[own],
            identity: &root.issue(&site, &[hosts[own]]),
            next_hop: addresses[other],
            peer_name: hosts[other],
        };
        Edge::start(&site, &setup)
    });
    let (a, b) = ("a@a.test", "b@b.test");
    ours.subscribe(a, b);
    assert_eq!(theirs.take_of("SUBSCRIBE", b, a)["expires"], "3600");
    ours.assert_answered("SUBSCRIBE", a, 200);
    ours.wait_until_seen(a, b, Look::Unknown, Look::Available);
    theirs.presence(b, "busy");
    ours.wait_until_seen(a, b, Look::Available, Look::Busy);
    theirs.presence(b, "offline");
    ours.wait_until_seen(a, b, Look::Busy, Look::Offline);

    ours.text(a, b, "one");
    theirs.take_of("INVITE", b, a);
    theirs.take_of("ACK", b, a);
    assert_eq!(theirs.take_of("MESSAGE", b, a)["body"], "one");
    ours.assert_answered("MESSAGE", a, 200);
    theirs.text(b, a, "two");
    assert_eq!(ours.take_of("MESSAGE", a, b)["body"], "two");
    theirs.tell("close", b, a, &[]);
    ours.take_of("BYE", a, b);
    theirs.assert_answered("BYE", b, 200);

    theirs.answer("INVITE", b, 486);
    ours.text(a, b, "three");
    let unsent = ours.take("unsent", |_| true);
    assert_eq!(
        (&unsent["text"], &unsent["status"]),
        (&"three".into(), &486.into())
    );
    ours.assert_no_faults();
    theirs.assert_no_faults();
}
