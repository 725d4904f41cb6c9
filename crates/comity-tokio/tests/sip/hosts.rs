use comity_sip::StatusCode;
use comity_sip::Transport::{Tcp, Udp};
use comity_testkit::dns::FakeDns;
use comity_tokio::sip::Notice;

use crate::dns;
use crate::party::{Party, Seen, config};

#[tokio::test]
async fn an_address_in_a_uri_is_a_target_if_it_may_be_dialled() {
    let mut b = Party::start(config(&[Udp])).await;
    let mut wanted = config(&[Udp]);
    wanted.discovery.address_policy.danger_allow_loopback = true;
    let mut a = Party::start(wanted).await;
    let uri = format!("sip:b@{}", b.address(Udp));
    a.send(&uri, "hello", Vec::new()).await;
    let expected = Seen::Request("hello".into(), a.address(Udp));
    assert_eq!(b.next().await, expected);
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));

    let mut a = Party::start(config(&[Udp])).await;
    a.send(&uri, "hello", Vec::new()).await;
    let notice = a.notice().await;
    assert_eq!(
        notice.to_string(),
        "127.0.0.1 was not found: 127.0.0.1 is a loopback address"
    );
    let expected = Seen::Failed("no address is known for it".into());
    assert_eq!(a.next().await, expected);
}

#[tokio::test]
async fn a_name_is_looked_up() {
    let mut b = Party::start(config(&[Udp, Tcp])).await;
    let zone = FakeDns::new().a("b.example", [127, 0, 0, 1]);
    let mut wanted = config(&[Udp, Tcp]);
    wanted.discovery.servers = vec![dns::serve(zone).await];
    wanted.discovery.address_policy.danger_allow_loopback = true;
    let mut a = Party::start(wanted).await;

    let port = b.address(Udp).port();
    let uri = format!("sip:b@b.example:{port}");
    a.send(&uri, "by UDP", Vec::new()).await;
    let expected = Seen::Request("by UDP".into(), a.address(Udp));
    assert_eq!(b.next().await, expected);
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));

    let port = b.address(Tcp).port();
    let uri = format!("sip:b@b.example:{port};transport=tcp");
    a.send(&uri, "by TCP", Vec::new()).await;
    assert!(matches!(a.notice().await, Notice::Connected { .. }));
    assert_eq!(a.next().await, Seen::Response(StatusCode::OK));
    assert!(matches!(b.notice().await, Notice::Accepted { .. }));
    assert!(matches!(b.next().await, Seen::Request(body, _) if body == "by TCP"));

    a.send("sip:c@c.example", "to nobody", Vec::new()).await;
    assert_eq!(
        a.notice().await.to_string(),
        "c.example was not found: no target has an address"
    );
    let expected = Seen::Failed("no address is known for it".into());
    assert_eq!(a.next().await, expected);
}

#[tokio::test]
async fn without_name_servers_no_name_is_found() {
    let mut a = Party::start(config(&[Udp])).await;
    a.send("sip:b@b.example", "hello", Vec::new()).await;
    assert_eq!(
        a.notice().await.to_string(),
        "b.example was not found: no name server is configured"
    );
    let expected = Seen::Failed("no address is known for it".into());
    assert_eq!(a.next().await, expected);
}
