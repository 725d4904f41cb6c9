//! Programs of users on both sides of a bridge.

type Seeds = Vec<(&'static str, Vec<u8>)>;

/// Juliet and Bob, whose server takes each text by itself; Juliet and Lisa, whose server has sessions.
const BOB: u8 = 8;
const LISA: u8 = 0;
/// The peer that speaks for Bob.
const OF_BOB: u8 = 0x10;

const OK: [u8; 3] = [9, 0, 0];
const GONE: [u8; 3] = [9, 0, 10];
const REFUSED: [u8; 3] = [9, 0, 7];
const SENT: [u8; 2] = [10, 0];
const JUMP: [u8; 1] = [12];
const ACK: [u8; 3] = [7, 5, 0];

pub(crate) fn programs() -> Seeds {
    [texts_to_sip(), texts_from_sip(), others()].concat()
}

/// Texts of XMPP, one by one and in sessions.
fn texts_to_sip() -> Seeds {
    let leave = [&[0_u8, LISA, 0, 16][..], &[2]].concat();
    vec![
        ("page", program(&[&chat(BOB, 1, &["hi"]), &OK])),
        (
            "page-refused",
            program(&[&chat(BOB, 9, &["hi"]), &chat(BOB, 1, &["2"]), &REFUSED, &OK]),
        ),
        (
            "all-of-a-text",
            program(&[
                &chat(
                    BOB,
                    15,
                    &["a\r\nB\u{fc}r: x\r\n\r\n", "s\r\nRoute: <sip:x>", "thread1"],
                ),
                &OK,
            ]),
        ),
        (
            "session",
            program(&[
                &chat(LISA, 1, &["one"]),
                &chat(LISA, 1, &["two"]),
                &OK,
                &OK,
                &OK,
                &say("yes"),
                &SENT,
                &leave,
                &OK,
            ]),
        ),
        (
            "session-forgotten",
            program(&[&chat(LISA, 1, &["one"]), &OK, &GONE, &OK, &OK]),
        ),
        (
            "session-refused",
            program(&[&chat(LISA, 1, &["one"]), &REFUSED]),
        ),
        (
            "loop",
            program(&[
                &[0, BOB, 0, 33],
                &said("hi"),
                &[0],
                &[0, BOB, 0, 33],
                &said("hi"),
                &[21],
            ]),
        ),
        (
            "outsiders",
            program(&[&chat(12, 1, &["a"]), &chat(11, 1, &["b"])]),
        ),
        (
            "lost",
            program(&[
                &chat(BOB, 1, &["hi"]),
                &[15, 0],
                &OK,
                &chat(BOB, 1, &["ho"]),
                &OK,
            ]),
        ),
        ("unreachable", [&[1], &*chat(BOB, 1, &["hi"])].concat()),
    ]
}

/// Texts of SIP, from whom they may be and from others.
fn texts_from_sip() -> Seeds {
    let bounce = [&[0_u8, BOB, 4, 0][..], &[0]].concat();
    vec![
        (
            "invited",
            program(&[
                &[6, LISA, 0],
                &ACK,
                &say("hello"),
                &SENT,
                &chat(LISA, 1, &["hi"]),
                &OK,
            ]),
        ),
        (
            "from-sip",
            program(&[&page(BOB | OF_BOB, 0, &["hi"]), &SENT]),
        ),
        (
            "from-sip-with-all",
            program(&[
                &page(BOB | OF_BOB, 7, &["A <b>", "to & fro", "<body/>&amp;\r\n."]),
                &SENT,
            ]),
        ),
        (
            "from-sip-late",
            program(&[&page(BOB | OF_BOB, 0, &["hi"]), &JUMP, &JUMP, &SENT]),
        ),
        (
            "from-sip-unsent",
            program(&[&page(BOB | OF_BOB, 0, &["hi"]), &[10, 1, 3], b"why"]),
        ),
        (
            "bounced-later",
            program(&[&page(BOB | OF_BOB, 0, &["hi"]), &SENT, &bounce, &OK]),
        ),
        (
            "html",
            program(&[&page(BOB | OF_BOB, 0x20, &["<p>1 &lt; 2</p>"]), &SENT]),
        ),
        (
            "stranger-vouched",
            program(&[&page(LISA | OF_BOB, 0, &["hi"]), &[11, 1], &SENT]),
        ),
        (
            "stranger",
            program(&[&page(LISA | OF_BOB, 0, &["hi"]), &[11, 0]]),
        ),
        (
            "nobody-asked",
            program(&[&page(LISA | OF_BOB, 0, &["hi"]), &JUMP]),
        ),
        (
            "typing",
            program(&[
                &page(BOB | OF_BOB, 0x60, &[TYPING]),
                &[0, BOB, 0, 16, 1],
                &OK,
            ]),
        ),
    ]
}

/// Presence, questions, and what is none of all that.
fn others() -> Seeds {
    let pidf = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:bob@sip.test'>\
        <tuple id='a'><status><basic>open</basic></status><note>in</note></tuple></presence>";
    let subscribe = [2_u8, BOB, 2];
    let notify = [&[7_u8, 4, 0][..], &said(pidf)].concat();
    vec![
        (
            "watched",
            program(&[
                &[5, BOB | OF_BOB, 0],
                &[2, BOB, 0x10],
                &said("here"),
                &OK,
                &JUMP,
                &OK,
            ]),
        ),
        (
            "watches",
            program(&[&subscribe, &OK, &notify, &[2, BOB, 4], &OK]),
        ),
        ("asks-once", program(&[&[5, BOB | OF_BOB, 8], &JUMP, &OK])),
        (
            "questions",
            program(&[&[3, BOB, 0], &[3, BOB, 4], &[3, BOB, 1], &[3, BOB, 2]]),
        ),
        (
            "muttering",
            program(&[&[14, 0], &said("GET / HTTP/1.1\r\n\r\n")]),
        ),
    ]
}

/// A program of steps, in a world where connections are made.
fn program(steps: &[&[u8]]) -> Vec<u8> {
    [&[0], &*steps.concat()].concat()
}

const TYPING: &str = "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>\
    <state>active</state></isComposing>";

/// A message of XMPP, with the texts that the flags say.
fn chat(users: u8, flags: u8, texts: &[&str]) -> Vec<u8> {
    let texts: Vec<u8> = texts.iter().flat_map(|text| said(text)).collect();
    [&[0, users, 0, flags], &*texts].concat()
}

/// A MESSAGE outside of sessions, the same.
fn page(users: u8, flags: u8, texts: &[&str]) -> Vec<u8> {
    let texts: Vec<u8> = texts.iter().flat_map(|text| said(text)).collect();
    [&[4, users, flags], &*texts].concat()
}

/// A MESSAGE in the last dialog.
fn say(text: &str) -> Vec<u8> {
    [&[7, 0, 0], &*said(text)].concat()
}

fn said(text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).expect("a short text");
    [&[len], text.as_bytes()].concat()
}
