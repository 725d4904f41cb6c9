//! What a state of the one side is on the other.

use comity_bridge::presence::{
    Activity, Device, PresenceProfile, Seen, SipState, Tables, XmppState,
};
use comity_xmpp::xml::Element;
use comity_xmpp::{Presence, PresenceType, Show};
use serde_json::Value;

use crate::{CISCO, FAITHFUL, device, jid, parse, row, rows, written};

/// The state that a Microsoft client calls so.
fn state(name: &str) -> SipState {
    match name {
        "Available" => SipState::Available,
        "Busy" => SipState::Busy,
        "Do Not Disturb" => SipState::DoNotDisturb,
        "Be Right Back" => SipState::BeRightBack,
        "Away" => SipState::Away,
        "Offline" => SipState::Offline,
        other => panic!("{other}"),
    }
}

/// The presence that an XMPP client of the tables sends.
fn sent(name: &str) -> Device {
    match name {
        "Available" => device("r", None, None),
        "Away" => device("r", Some(Show::Away), None),
        "Extended Away" => device("r", Some(Show::Xa), None),
        "Do Not Disturb" => device("r", Some(Show::Dnd), None),
        "Busy" => device("r", Some(Show::Away), Some("Busy")),
        "Offline" => Device::unavailable("r"),
        other => panic!("{other}"),
    }
}

#[test]
fn the_tables_of_cisco_hold_cell_by_cell() {
    let tables: Value =
        serde_json::from_str(include_str!("../data/cisco-presence-tables.json")).unwrap();
    let from_lync = tables["table1"]["rows"].as_array().unwrap();
    assert_eq!(from_lync.len(), 6);
    for cells in from_lync {
        let [lync, client, jabber] = [0, 1, 2].map(|at| cells[at].as_str().unwrap());
        let available = |show, status: Option<&'static str>| Seen::Available {
            show,
            status: status.map(Into::into),
        };
        let seen = match (client, jabber) {
            ("Available", "Available") => available(None, None),
            ("Away", "Away") => available(Some(Show::Away), None),
            // What Jabber shows as busy is away with that status.
            ("Away", "Busy") => available(Some(Show::Away), Some("Busy")),
            ("Offline", "Offline") => Seen::Offline,
            other => panic!("{other:?}"),
        };
        assert_eq!(CISCO.seen(state(lync)), seen, "{lync}");
    }
    for (table, count) in [("table2", 4), ("table3", 5)] {
        let rows = tables[table]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), count);
        for cells in rows {
            let [own, lync] = [0, 1].map(|at| cells[at].as_str().unwrap());
            let shown = CISCO.shown(XmppState::of(&sent(own)));
            assert_eq!(shown, state(lync), "{table} {own}");
        }
    }
}

#[test]
fn idle_is_away_with_a_status() {
    let idle = device("r", Some(Show::Away), Some("Idle"));
    assert_eq!(XmppState::of(&idle), XmppState::Idle);
    let mut presence = Presence::new(PresenceType::Available);
    presence.show = Some(Show::Away);
    presence.payloads = vec![Element::new("urn:xmpp:idle:1", "idle")];
    let since = Device::from_presence(&jid("a@x.example/r"), &presence, 9);
    assert_eq!(XmppState::of(&since), XmppState::Idle);
    for profile in [&CISCO, &FAITHFUL] {
        let body = written(std::slice::from_ref(&idle), profile);
        assert!(body.contains("<rpid:away/></rpid:activities><rpid:user-input>idle<"));
        let document = parse(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='a'><status><basic>open</basic>\
             </status></tuple><dm:person xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model'>\
             <r:user-input xmlns:r='urn:ietf:params:xml:ns:pidf:rpid'>idle</r:user-input>\
             </dm:person></presence>",
        );
        let away = Some(Some(Show::Away));
        assert_eq!(
            rows(&document.unwrap(), profile),
            [row("a", away, Some("Idle"), 0)]
        );
    }
}

#[test]
fn the_faithful_profile_keeps_what_both_sides_can_say() {
    for (show, shown) in [
        (None, SipState::Available),
        (Some(Show::Chat), SipState::Available),
        (Some(Show::Away), SipState::Away),
        (Some(Show::Xa), SipState::ExtendedAway),
        (Some(Show::Dnd), SipState::DoNotDisturb),
    ] {
        let own = device("r", show, None);
        assert_eq!(FAITHFUL.shown(XmppState::of(&own)), shown);
        let document = parse(&written(&[own], &FAITHFUL)).unwrap();
        assert_eq!(rows(&document, &FAITHFUL), [row("r", Some(show), None, 0)]);
    }
    let away = |status: &'static str| Seen::Available {
        show: Some(Show::Away),
        status: Some(status.into()),
    };
    assert_eq!(FAITHFUL.seen(SipState::BeRightBack), away("Be right back"));
    assert_eq!(FAITHFUL.seen(SipState::Idle), away("Idle"));
}

#[test]
fn a_profile_of_ones_own_decides_row_by_row() {
    let seen = Seen::Available {
        show: Some(Show::Xa),
        status: Some("Shh".to_owned().into()),
    };
    let profile = PresenceProfile::Custom(Box::new(Tables {
        to_xmpp: vec![(SipState::Busy, seen.clone())],
        to_sip: vec![(XmppState::Dnd, SipState::Offline)],
    }));
    assert_eq!(profile.seen(SipState::Busy), seen);
    assert_eq!(profile.seen(SipState::Away), CISCO.seen(SipState::Away));
    assert_eq!(profile.shown(XmppState::Chat), SipState::Available);
    let hidden = written(&[device("r", Some(Show::Dnd), None)], &profile);
    assert_eq!(hidden, written(&[], &profile));
}

#[test]
fn activities_that_do_not_bear_on_availability_leave_somebody_available() {
    for name in [
        "other",
        "working",
        "playing",
        "tv",
        "spectator",
        "looking-for-work",
        "unknown",
        "x",
    ] {
        assert_eq!(Activity::named(name).state, SipState::Available, "{name}");
    }
    for (name, state) in [
        ("steering", SipState::Busy),
        ("WORSHIP", SipState::Busy),
        ("sleeping", SipState::Away),
        ("holiday", SipState::ExtendedAway),
        ("permanent-absence", SipState::ExtendedAway),
    ] {
        assert_eq!(Activity::named(name).state, state, "{name}");
    }
}
