//! Documents as they are written, and what comes back of them.

use comity_bridge::presence::Device;
use comity_xmpp::{PresenceType, Show, Text};

use crate::{CISCO, FAITHFUL, device, jid, parse, row, rows, written};

#[test]
fn a_plain_document_has_what_rfc_8048_shows() {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:juliet@x.example\">";
    assert_eq!(
        written(&[device("yn0cl4bnw0yr3vym", None, None)], &FAITHFUL),
        format!(
            "{head}<tuple id=\"ID-yn0cl4bnw0yr3vym\"><status><basic>open</basic></status></tuple>\
             </presence>"
        )
    );
    let closed = format!(
        "{head}<tuple id=\"ID-\"><status><basic>closed</basic></status></tuple></presence>"
    );
    let mut gone = Device::unavailable("r");
    gone.statuses = vec![Text {
        lang: None,
        text: "bye".into(),
    }];
    for profile in [&CISCO, &FAITHFUL] {
        assert_eq!(written(&[], profile), closed);
        assert_eq!(written(std::slice::from_ref(&gone), profile), closed);
    }
    assert_eq!(
        rows(&parse(&closed).unwrap(), &CISCO),
        [row("", None, None, 0)]
    );
}

#[test]
fn a_rich_document_says_it_in_every_way() {
    let mut busy = device("desk 1", Some(Show::Dnd), Some("a <b> & \u{1}"));
    busy.statuses.first_mut().unwrap().lang = Some("en".into());
    busy.priority = 1;
    let mut there = device("phone", None, None);
    there.priority = -1;
    assert_eq!(
        written(&[busy, there], &CISCO),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" \
         xmlns:ep=\"urn:ietf:params:xml:ns:pidf:status:rpid-status\" entity=\"sip:juliet@x.example\">\
         <tuple id=\"ID-phone\"><status><basic>open</basic></status></tuple>\
         <tuple id=\"ID-desk_20_1\"><status><basic>open</basic>\
         <show xmlns=\"jabber:client\">dnd</show>\
         <ep:activities><ep:activity>busy</ep:activity></ep:activities></status>\
         <contact priority=\"0.007\">sip:juliet@x.example;gr=desk%201</contact>\
         <note xml:lang=\"en\">a &lt;b&gt; &amp; \u{fffd}</note></tuple></presence>"
    );
}

#[test]
fn priorities_cross_and_come_back() {
    for (priority, written_as) in [(1, "0.007"), (2, "0.015"), (126, "0.992"), (127, "1")] {
        let mut own = device("r", None, None);
        own.priority = priority;
        let body = written(&[own], &FAITHFUL);
        assert!(
            body.contains(&format!("<contact priority=\"{written_as}\">")),
            "{body}"
        );
    }
    for priority in i8::MIN..=i8::MAX {
        let mut own = device("r", None, None);
        own.priority = priority;
        let document = parse(&written(&[own], &FAITHFUL)).unwrap();
        let back = priority.max(0);
        assert_eq!(
            rows(&document, &FAITHFUL),
            [row("r", Some(None), None, back)]
        );
    }
    for (number, priority) in [
        ("0.8", 102),
        ("1.000", 127),
        ("0", 0),
        (".5", 64),
        ("0.0001", 0),
        ("1.5", 0),
        ("-1", 0),
        ("x", 0),
        (".", 0),
        ("", 0),
        ("99999", 0),
        ("+1", 0),
    ] {
        let body = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='a'><status><basic>open</basic>\
             </status><contact priority='{number}'>sip:a@x.example</contact></tuple></presence>"
        );
        assert_eq!(
            rows(&parse(&body).unwrap(), &CISCO),
            [row("a", Some(None), None, priority)],
            "{number}"
        );
    }
}

#[test]
fn resources_come_back_from_their_tuples() {
    for (resource, id) in [
        ("Psi", "ID-Psi"),
        ("9-a.b", "ID-9-a.b"),
        ("a b_c/\u{11b}", "ID-a_20_b_5f_c_2f__11b_"),
        ("\u{1f600}", "ID-_1f600_"),
    ] {
        let body = written(&[device(resource, None, None)], &FAITHFUL);
        assert!(body.contains(&format!("<tuple id=\"{id}\">")), "{body}");
        assert_eq!(
            rows(&parse(&body).unwrap(), &CISCO),
            [row(resource, Some(None), None, 0)]
        );
    }
    for (id, resource) in [
        ("ID-a_b", "a_b"),
        ("ID-_zz_", "_zz_"),
        ("ID-a_", "a_"),
        ("x_20_y", "x_20_y"),
        ("ID-_1234567_", "_1234567_"),
    ] {
        let body = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='{id}'><status><basic>open</basic>\
             </status></tuple></presence>"
        );
        assert_eq!(
            rows(&parse(&body).unwrap(), &CISCO),
            [row(resource, Some(None), None, 0)]
        );
    }
}

#[test]
fn the_most_available_device_comes_first_and_speaks_for_the_user() {
    let devices = [
        device("x", Some(Show::Xa), None),
        device("d", Some(Show::Dnd), None),
        device("a", Some(Show::Away), None),
        Device::unavailable("gone"),
    ];
    let body = written(&devices, &FAITHFUL);
    let order: Vec<_> = body
        .match_indices("tuple id=")
        .map(|(at, _)| body.get(at + 13..at + 14).unwrap())
        .collect();
    assert_eq!(order, ["d", "a", "x"]);
    assert!(body.ends_with("<dm:person id=\"person\"><rpid:activities><rpid:busy/></rpid:activities></dm:person></presence>"));
    let open = "<status><basic>open</basic></status>";
    let document = parse(&format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='a'><status><basic>closed</basic></status></tuple>\
         <tuple id='b'>{open}</tuple><tuple id='a'>{open}</tuple><tuple>{open}</tuple></presence>"
    ));
    let rows = rows(&document.unwrap(), &CISCO);
    assert_eq!(rows, ["", "a", "b"].map(|id| row(id, Some(None), None, 0)));
}

#[test]
fn devices_become_presence_and_addresses() {
    let mut own = device("desk", Some(Show::Chat), Some("a long status"));
    own.priority = 5;
    let user = jid("juliet@x.example");
    assert_eq!(own.address(&user), jid("juliet@x.example/desk"));
    assert_eq!(Device::unavailable("").address(&user), user);
    assert_eq!(Device::unavailable("\u{1}").address(&user), user);
    let presence = own.to_presence();
    assert_eq!((presence.show, presence.priority), (Some(Show::Chat), 5));
    assert_eq!(
        Device::from_presence(&own.address(&user), &presence, 100),
        own
    );
    let short = Device::from_presence(&own.address(&user), &presence, 6);
    assert_eq!(&*short.statuses[0].text, "a long");
    let gone = Device::unavailable("desk").to_presence();
    assert_eq!(
        (gone.presence_type, gone.show, gone.priority),
        (PresenceType::Unavailable, None, 0)
    );
}
