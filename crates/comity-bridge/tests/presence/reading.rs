//! Documents as they come, in every dialect.

use bytes::Bytes;
use comity_bridge::address;
use comity_bridge::presence::{Limits, ReadError, read, to_xmpp};
use comity_sip::Field;
use comity_sip::header::ContentType;
use comity_xmpp::{Show, Text};

use crate::{CISCO, FAITHFUL, jid, parse, recorded, row, rows};

#[test]
fn recorded_documents_are_read() {
    let busy = Some(Some(Show::Away));
    let document = recorded(include_bytes!("../data/lync-notify-pidf-rpidstatus.sip"));
    assert_eq!(&*document.entity, "sip:lisa@lync.test");
    assert_eq!(rows(&document, &CISCO), [row("0", busy, Some("Busy"), 0)]);
    assert_eq!(
        rows(&document, &FAITHFUL),
        [row("0", Some(Some(Show::Dnd)), None, 0)]
    );
    let document = recorded(include_bytes!("../data/lync-notify-msrtc.sip"));
    assert_eq!(address::entity(&document.entity), Ok(jid("lisa@lync.test")));
    assert_eq!(
        rows(&document, &CISCO),
        [row("", busy, Some("in a review"), 0)]
    );
    let document = recorded(include_bytes!("../data/linphone-notify-pidf.sip"));
    assert_eq!(
        rows(&document, &FAITHFUL),
        [row("zfeh.m", Some(None), None, 102)]
    );
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
