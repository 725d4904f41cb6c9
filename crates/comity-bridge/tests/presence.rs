//! Presence one way and back.
#![cfg(test)]

use bytes::Bytes;
use comity_bridge::address;
use comity_bridge::presence::{
    Activity, Device, Document, Limits, PresenceProfile, ReadError, Seen, SipState, Tables,
    XmppState, read, to_xmpp, write,
};
use comity_sip::header::ContentType;
use comity_sip::{Field, Message};
use comity_xmpp::xml::Element;
use comity_xmpp::{Jid, Presence, PresenceType, Show, Text};
use serde_json::Value;

const CISCO: PresenceProfile = PresenceProfile::Cisco;
const FAITHFUL: PresenceProfile = PresenceProfile::Faithful;

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

fn parse(body: &str) -> Result<Document, ReadError> {
    read(
        None,
        &Bytes::copy_from_slice(body.as_bytes()),
        &Limits::default(),
    )
}

fn recorded(bytes: &[u8]) -> Document {
    let limits = comity_sip::Limits::default();
    let message = Message::from_datagram(bytes.to_vec().into(), &limits).unwrap();
    let kind = message.headers().one::<ContentType<'_>>().unwrap();
    read(Some(kind), &message.body(), &Limits::default()).unwrap()
}

/// Resource, show, first status and priority of each device.
type Row = (String, Option<Option<Show>>, Option<String>, i8);

fn rows(document: &Document, profile: &PresenceProfile) -> Vec<Row> {
    let row = |device: &Device| {
        let status = device.statuses.first();
        (
            device.resource.clone().into_string(),
            device.is_available().then_some(device.show),
            status.map(|status| status.text.clone().into_string()),
            device.priority,
        )
    };
    to_xmpp(document, profile, &Limits::default())
        .iter()
        .map(row)
        .collect()
}

fn row(resource: &str, show: Option<Option<Show>>, status: Option<&str>, priority: i8) -> Row {
    (
        resource.to_owned(),
        show,
        status.map(str::to_owned),
        priority,
    )
}

fn device(resource: &str, show: Option<Show>, status: Option<&str>) -> Device {
    let mut presence = Presence::new(PresenceType::Available);
    presence.show = show;
    let text = |status: &str| Text {
        lang: None,
        text: status.into(),
    };
    presence.statuses = status.map(text).into_iter().collect();
    let from = format!("juliet@x.example/{resource}");
    Device::from_presence(&jid(&from), &presence, 100)
}

fn written(devices: &[Device], profile: &PresenceProfile) -> String {
    let body = write(&jid("juliet@x.example"), devices, profile);
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn recorded_documents_are_read() {
    let busy = Some(Some(Show::Away));
    let document = recorded(include_bytes!("data/lync-notify-pidf-rpidstatus.sip"));
    assert_eq!(&*document.entity, "sip:lisa@lync.test");
    assert_eq!(rows(&document, &CISCO), [row("0", busy, Some("Busy"), 0)]);
    assert_eq!(
        rows(&document, &FAITHFUL),
        [row("0", Some(Some(Show::Dnd)), None, 0)]
    );
    let document = recorded(include_bytes!("data/lync-notify-msrtc.sip"));
    assert_eq!(address::entity(&document.entity), Ok(jid("lisa@lync.test")));
    assert_eq!(
        rows(&document, &CISCO),
        [row("", busy, Some("in a review"), 0)]
    );
    let document = recorded(include_bytes!("data/linphone-notify-pidf.sip"));
    assert_eq!(
        rows(&document, &FAITHFUL),
        [row("zfeh.m", Some(None), None, 102)]
    );
}

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
        serde_json::from_str(include_str!("data/cisco-presence-tables.json")).unwrap();
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
fn odd_documents_are_read() {
    let pidf = "xmlns='urn:ietf:params:xml:ns:pidf'";
    let rpid = "xmlns='urn:ietf:params:xml:ns:pidf:rpid'";
    let dnd = Some(Some(Show::Dnd));
    for (body, expected) in [
        (
            format!("<presence {pidf} entity='pres:a@x.example'/>"),
            row("", None, None, 0),
        ),
        (
            "<?xml version='1.0' encoding='UTF-16'?>\n<!-- x --><p:presence xmlns:p='urn:ietf:params:xml:ns:pidf'>\
            <p:tuple id=' t '><p:status><p:basic>\n OPEN </p:basic></p:status><x xmlns='urn:x'/></p:tuple></p:presence>"
                .to_owned(),
            row("t", Some(None), None, 0),
        ),
        (
            format!("<presence {pidf}><tuple id='a'><status/></tuple></presence>"),
            row("a", None, None, 0),
        ),
        (
            format!(
                "<presence {pidf}><tuple id='a'><status><activities {rpid}><busy/></activities></status></tuple></presence>"
            ),
            row("a", dnd, None, 0),
        ),
        (
            format!(
                "<presence {pidf}><tuple id='a'><status><basic>open</basic></status></tuple>\
            <activities {rpid}><note>x</note><away/><on-the-phone/><lunch/></activities></presence>"
            ),
            row("a", dnd, Some("On the phone"), 0),
        ),
        (
            format!(
                "<presence {pidf}><tuple id='a'><status><basic>open</basic><activities {rpid}><working/></activities>\
            </status></tuple><note> all\r\nfine &#x1F600;&amp; </note></presence>"
            ),
            row("a", Some(None), Some("all\nfine \u{1f600}&"), 0),
        ),
        (
            format!(
                "<presence {pidf}><tuple id='a'><status><basic>open</basic><show xmlns='jabber:client'>xa</show></status>\
            <note>own</note></tuple><note>other</note></presence>"
            ),
            row("a", Some(Some(Show::Xa)), Some("own"), 0),
        ),
        (
            format!(
                "<presence {pidf}><tuple id='a'><status><basic>open</basic><activities {rpid}><vacation/></activities>\
            </status></tuple></presence>"
            ),
            row("a", Some(Some(Show::Xa)), Some("On vacation"), 0),
        ),
    ] {
        assert_eq!(
            rows(&parse(&body).unwrap(), &FAITHFUL),
            [expected],
            "{body}"
        );
    }
}

#[test]
fn the_formats_of_microsoft_are_read() {
    let presentity = |availability: u32, activity: u32| {
        format!(
            "<presentity uri='a@x.example' xmlns='http://schemas.microsoft.com/2002/09/sip/presence'>\
             <availability aggregate='{availability}'/><activity aggregate='{activity}'/></presentity>"
        )
    };
    let away = Some(Some(Show::Away));
    for (availability, activity, show, status) in [
        (0, 400, None, None),
        (300, 100, away, None),
        (300, 150, away, Some("Out to lunch")),
        (300, 200, away, Some("Idle")),
        (300, 300, away, None),
        (300, 400, Some(None), None),
        (300, 500, away, Some("On the phone")),
        (300, 600, away, Some("Busy")),
        (300, 700, away, None),
        (300, 800, Some(None), None),
    ] {
        let document = parse(&presentity(availability, activity)).unwrap();
        assert_eq!(
            rows(&document, &CISCO),
            [row("", show, status, 0)],
            "{availability} {activity}"
        );
    }
    let categories = |availability: u32, token: &str| {
        format!(
            "<categories xmlns='http://schemas.microsoft.com/2006/09/sip/categories' uri='sip:a@x.example'>\
             <category name='state' instance='1'><state xmlns='http://schemas.microsoft.com/2006/09/sip/state' \
             xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='machineState'>\
             <availability>18500</availability></state></category>\
             <category name='state' instance='2'><state xmlns='http://schemas.microsoft.com/2006/09/sip/state' \
             xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='aggregateState'>\
             <availability>{availability}</availability><activity token='{token}'/></state></category></categories>"
        )
    };
    for (availability, token, show, status) in [
        (0, "", None, None),
        (3_500, "", Some(None), None),
        (5_000, "", away, Some("Idle")),
        (6_500, "", away, Some("Busy")),
        (6_500, "on-the-phone", away, Some("On the phone")),
        (7_500, "", away, Some("Busy")),
        (9_500, "", away, Some("Busy")),
        (12_500, "", away, None),
        (15_500, "", away, None),
        (18_500, "out-of-office", None, None),
    ] {
        let document = parse(&categories(availability, token)).unwrap();
        assert_eq!(
            rows(&document, &CISCO),
            [row("", show, status, 0)],
            "{availability} {token}"
        );
    }
    let empty = parse(
        "<categories uri='a@x.example'><note><body xml:lang='de'>x</body></note></categories>",
    );
    assert_eq!(empty.unwrap().tuples, []);
    let noted = categories(3_500, "").replace(
        "</categories>",
        "<category><note><body xml:lang='de'>hi</body></note></category></categories>",
    );
    let devices = to_xmpp(&parse(&noted).unwrap(), &CISCO, &Limits::default());
    assert_eq!(
        devices[0].statuses,
        [Text {
            lang: Some("de".into()),
            text: "hi".into()
        }]
    );
}

#[test]
fn documents_of_msn_are_read() {
    let atom = |status: &str, substatus: &str| {
        format!(
            "<presence><presentity uri='sip:a@x.example;method=SUBSCRIBE'/><atom id='1'><address uri='sip:a@x.example'>\
             <status status='{status}'/><msnsubstatus substatus='{substatus}'/></address></atom></presence>"
        )
    };
    let away = Some(Some(Show::Away));
    for (status, substatus, show, words) in [
        ("open", "online", Some(None), None),
        ("open", "berightback", away, None),
        ("inuse", "onthephone", away, Some("On the phone")),
        ("inuse", "busy", away, Some("Busy")),
        ("inuse", "", away, Some("Busy")),
        ("inactive", "idle", away, Some("Idle")),
        ("inactive", "", away, Some("Idle")),
        ("closed", "online", None, None),
        ("", "", None, None),
    ] {
        let document = parse(&atom(status, substatus)).unwrap();
        assert_eq!(&*document.entity, "sip:a@x.example");
        assert_eq!(
            rows(&document, &CISCO),
            [row("1", show, words, 0)],
            "{status} {substatus}"
        );
    }
}

#[test]
fn hostile_documents_are_refused() {
    let pidf = "xmlns='urn:ietf:params:xml:ns:pidf'";
    let deep = |depth: usize| {
        let inner = depth - 1;
        format!(
            "<presence {pidf}>{}{}</presence>",
            "<a>".repeat(inner),
            "</a>".repeat(inner)
        )
    };
    let wide = |elements: usize| {
        format!(
            "<presence {pidf}>{}</presence>",
            "<a/>".repeat(elements - 1)
        )
    };
    assert_eq!(parse(&deep(16)).unwrap().tuples, []);
    assert_eq!(parse(&wide(2048)).unwrap().tuples, []);
    let many: String = (0..33).map(|number| format!(" a{number}=''")).collect();
    for (body, error) in [
        (
            "<!DOCTYPE presence [<!ENTITY a 'b'>]><presence/>".to_owned(),
            ReadError::DocumentType,
        ),
        (
            format!("<presence {pidf}>&a;</presence>"),
            ReadError::Malformed,
        ),
        (
            format!("<presence {pidf} entity='&a;'/>"),
            ReadError::Malformed,
        ),
        (
            format!("<presence {pidf}><a></presence>"),
            ReadError::Malformed,
        ),
        (format!("<presence {pidf}>"), ReadError::Malformed),
        (
            format!("<presence {pidf}/><presence/>"),
            ReadError::Malformed,
        ),
        (format!("<presence {pidf}/>x"), ReadError::Malformed),
        (
            format!("<presence {pidf}><x:a/></presence>"),
            ReadError::Malformed,
        ),
        (String::new(), ReadError::Malformed),
        (deep(17), ReadError::TooLarge),
        (wide(2049), ReadError::TooLarge),
        (format!("<presence {pidf}{many}/>"), ReadError::TooLarge),
        ("<other/>".to_owned(), ReadError::Type),
    ] {
        assert_eq!(parse(&body).map(|_| ()), Err(error), "{body}");
    }
    let limits = Limits::default();
    let huge = Bytes::from(vec![b' '; limits.max_document_bytes + 1]);
    let limit = limits.max_document_bytes;
    assert_eq!(
        read(None, &huge, &limits).map(|_| ()),
        Err(ReadError::TooLong { limit })
    );
    assert_eq!(
        read(None, &Bytes::from_static(b"\xff"), &limits).map(|_| ()),
        Err(ReadError::Encoding)
    );
    let (plain, _) = ContentType::read(b"text/plain", &comity_sip::Limits::default()).unwrap();
    assert_eq!(
        read(Some(plain), &huge, &limits).map(|_| ()),
        Err(ReadError::Type)
    );
    let tuples = "<tuple id='a'><status><basic>open</basic></status></tuple>".repeat(40);
    let tuples = parse(&format!("<presence {pidf}>{tuples}</presence>"))
        .unwrap()
        .tuples;
    assert_eq!(tuples.len(), limits.max_tuples);
    let note = format!(
        "<presence {pidf}><tuple><status><basic>open</basic></status><note>{}</note></tuple></presence>",
        "\u{11b}".repeat(2000)
    );
    let note = rows(&parse(&note).unwrap(), &CISCO).remove(0).2.unwrap();
    assert_eq!(note, "\u{11b}".repeat(1024));
}

#[test]
fn utf_16_is_read_by_its_mark() {
    let body = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='\u{11b}'/>";
    let units = |unit: fn(u16) -> [u8; 2]| body.encode_utf16().flat_map(unit);
    let little: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(units(u16::to_le_bytes))
        .collect();
    let big: Vec<u8> = [0xfe, 0xff]
        .into_iter()
        .chain(units(u16::to_be_bytes))
        .collect();
    for bytes in [little, big, [b"\xef\xbb\xbf", body.as_bytes()].concat()] {
        let document = read(None, &bytes.into(), &Limits::default()).unwrap();
        assert_eq!(&*document.entity, "\u{11b}");
    }
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
