//! Writes the seeds of every target that are made and not found: `cargo run --example seeds`.

mod bridge;
mod bridge_programs;
mod pairs;
mod peers;
mod responses;
mod sip;
mod sip_endpoint;
mod sip_rare;

use std::fs;
use std::path::Path;

use comity_fuzz::script::FRAGMENTS;
use comity_fuzz::{seed_chains, seed_hellos, seed_lists};

fn main() -> std::io::Result<()> {
    write("bridge_address", bridge::addresses())?;
    write("bridge_bodies", bridge::bodies()?)?;
    write("bridge_stanza", bridge_programs::programs())?;
    write("certificate_names", seed_chains())?;
    write("client_hello", seed_hellos())?;
    write("dns_answer", dns_answer())?;
    write("doctor_answers", peers::answers()?)?;
    write("gateway_config", peers::configurations()?)?;
    write("jid_domain", jid_domain())?;
    write("revocation_list", seed_lists())?;
    write("secure_conversation_response", responses::refused())?;
    write("sip_build", sip::build()?)?;
    write("sip_differential", sip::vectors()?)?;
    write("sip_edit", sip::edit()?)?;
    write("sip_edit", sip_rare::edits())?;
    write("sip_endpoint", sip_endpoint::programs())?;
    write("sip_message", sip::vectors()?)?;
    write("sip_message", sip_rare::messages())?;
    write("sip_multipart", sip::multipart()?)?;
    write("sip_pair", pairs::endpoints())?;
    write("sip_stream", sip::stream()?)?;
    write("sip_uri", sip::uri())?;
    write("srv_select", peers::records())?;
    write("stanza_forward", stanza_forward())?;
    write("xml_cuts", xml(&[0, 1, 7, 200]))?;
    write("xml_differential", xml(&[]))?;
    write("xmpp_pair", pairs::routers())?;
    write("xmpp_router", xmpp_router())?;
    write("xmpp_stream", xmpp_stream())
}

fn write<N: AsRef<Path>>(target: &str, seeds: Vec<(N, Vec<u8>)>) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    for (name, bytes) in seeds {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn dns_answer() -> Vec<(&'static str, Vec<u8>)> {
    let true_answers = [0_u8, 0].repeat(8);
    // Answers with a changed header, and one cut short.
    let bent = [&[0_u8][..], &[1, 0, 1, 0, 2, 0x87], &[0, 0].repeat(8)].concat();
    let servfail = [1_u8, 0, 1, 0, 3, 0x82].repeat(4);
    let made_up = [
        &[1_u8, 2, 0, 0x81, 0x80, 1, 0, 0, 30][..],
        b"\xC0\x0C\x00\x21\x00\x01\x00\x00\x00\x3C\x00\x0F\x00\x0A\x00\x05\x14\x95\x01x\x01b\x07example",
        &[0, 0, 0],
    ]
    .concat();
    let domains = [&[8_u8, 1, 0, 0, 0, 0, 8, 2], &true_answers[..]].concat();
    let dead = [5_u8, 0].repeat(6);
    // Each domain, and answers of which the flags, the counts and the first record are changed.
    let published: Vec<u8> = (0..8).flat_map(|domain| [255, domain, 0]).collect();
    let bends = [
        [2, 0x82],
        [3, 2],
        [3, 3],
        [4, 2],
        [5, 2],
        [5, 0],
        [7, 0],
        [7, 200],
        [9, 9],
        [6, 9],
    ];
    let bends = bends
        .iter()
        .flat_map(|[at, byte]| [255, 0, 1, 0, *at, *byte]);
    let published_bent = [&[0][..], &bends.collect::<Vec<_>>()].concat();
    let published = [&[0][..], &published].concat();
    // A name that is an alias of itself.
    let alias = b"\xC0\x0C\x00\x05\x00\x01\x00\x00\x00\x3C\x00\x02\xC0\x0C";
    let loop_of_aliases = [&[0_u8, 2, 0, 0x81, 0x80, 1, 0, 0, 14][..], alias].concat();
    // A name server, and nothing else.
    let server = b"\xC0\x0C\x00\x02\x00\x01\x00\x00\x00\x3C\x00\x02\xC0\x0C";
    let referral = [&[0_u8, 2, 0, 0x81, 0x80, 0, 1, 0, 14][..], server].concat();
    vec![
        ("true", [&[0], &true_answers[..]].concat()),
        ("loopback", [&[2], &true_answers[..]].concat()),
        ("truncated", [&[1], &bent[..]].concat()),
        ("servfail", [&[1], &servfail[..]].concat()),
        ("made-up", [&[0], &made_up[..]].concat()),
        ("small", [&[9], &domains[..]].concat()),
        ("dead", [&[1], &dead[..]].concat()),
        ("edge", [&[0x80], &true_answers[..]].concat()),
        ("sips", [&[0xa0], &true_answers[..]].concat()),
        ("sip", [&[0xc0], &true_answers[..], &domains[..]].concat()),
        ("silent", vec![0, 6, 6, 6, 7, 255, 255]),
        ("insecure", [&[0x20], &true_answers[..]].concat()),
        ("secure", [&[0x90], &true_answers[..]].concat()),
        ("secure-sip", [&[0xd0], &true_answers[..]].concat()),
        ("one-case", [&[0xe0], &true_answers[..]].concat()),
        (
            "one-case-changed",
            [&[0xe0][..], &[1, 0, 1, 0, 14, b'X'].repeat(4)].concat(),
        ),
        ("published", published),
        ("published-bent", published_bent),
        ("loop", loop_of_aliases),
        (
            "headless",
            [&[1][..], &[1, 0, 2, 0, 5, 0, 0, 3, 0x81], &[0, 0].repeat(8)].concat(),
        ),
        ("referral", referral),
    ]
}

fn jid_domain() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("full", text("Juliet@Example.COM/Balcony r\u{e4}um")),
        ("idn", text("b\u{fc}cher.example.")),
        ("a-label", text("XN--BCHER-KVA.example")),
        ("dots", text("ex\u{3002}ample\u{ff0e}org")),
        ("sigma", text("\u{3a3}\u{df}\u{130}@fa\u{df}.example")),
        ("wide", text("\u{ff21}\u{ff20}b.example")),
        ("rtl", text("\u{5d0}\u{5d1}@\u{5d2}.example")),
        ("joiner", text("a\u{200d}b.example")),
        ("address", text("[2001:db8::1]")),
        ("number", text("a@192.0.2.1/r")),
    ]
}

fn stanza_forward() -> Vec<(&'static str, Vec<u8>)> {
    let input = |declarations: &str, stanzas: &str| {
        let len = u8::try_from(declarations.len()).expect("a short text");
        [&[len], declarations.as_bytes(), stanzas.as_bytes()].concat()
    };
    let start = "<message from='u@c.example' to='v@a.example'";
    let simple =
        format!("{start}><body>1</body></message><presence from='c.example' to='a.example'/>");
    vec![
        ("simple", input("", &simple)),
        (
            "prefix",
            input(
                "xmlns:p='urn:p' xmlns:db='urn:&lt;'",
                &format!("{start}><p:x/><db:y p:z=''/></message>"),
            ),
        ),
        (
            "language",
            input(
                "xml:lang='de'",
                &format!("{start}/>{start} xml:lang='fr'/>"),
            ),
        ),
        (
            "shadowed",
            input(
                "xmlns:p='urn:p'",
                &format!("{start} xmlns:p='urn:q' p:a=''><p:x/></message>"),
            ),
        ),
        (
            "declared-again",
            input(
                "xmlns:s='jabber:server'",
                &format!("{start} xmlns='jabber:server'><s:x/></message>"),
            ),
        ),
        (
            "prefixed-stanza",
            input(
                "xmlns:s='jabber:server'",
                "<s:message from='c.example' to='a.example'/>",
            ),
        ),
        (
            "bad-address",
            input(
                "",
                &format!("<message from='\"@c.example' to='a.example'/>{start}/>"),
            ),
        ),
        (
            "cdata",
            input(
                "",
                &format!("{start}><![CDATA[<?xml ]]>&#13;<a xml:lang='de'/></message >"),
            ),
        ),
    ]
}

fn xml(prefix: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let stream = |content: &str| {
        let header = FRAGMENTS[0];
        [
            prefix,
            format!("{header}{content}</stream:stream>").as_bytes(),
        ]
        .concat()
    };
    let bare = |content: &str| [prefix, format!("<r>{content}</r>").as_bytes()].concat();
    let document = |source: &str| [prefix, source.as_bytes()].concat();
    let stanzas: String = FRAGMENTS[27..30].concat();
    let many: String = (0..20).map(|number| format!(" x{number}=''")).collect();
    vec![
        ("stanzas", stream(&stanzas)),
        ("features", stream(&FRAGMENTS[5..8].concat())),
        ("dialback", stream(&FRAGMENTS[19..27].concat())),
        (
            "references",
            bare("<a x='&lt;&#9;&#x1F600;\r\n'>&amp;]]&gt;&quot;\r\n]</a>"),
        ),
        ("cdata", bare("<a>1<![CDATA[<&]]]]><![CDATA[>\r]]>2</a>")),
        (
            "prefixes",
            bare("<p:a xmlns:p='urn:p' p:x='1' x='2'><b xmlns='urn:b'/><c xml:lang='de'/></p:a>"),
        ),
        (
            "undeclared",
            bare(
                "<a xmlns='urn:a'><b xmlns=''><c xmlns:xml='http://www.w3.org/XML/1998/namespace'/></b></a>",
            ),
        ),
        (
            "declaration",
            document("<?xml version=\"1.0\" encoding='UTF-8' standalone='yes' ?>\n<a/> \n"),
        ),
        (
            "unicode",
            bare("<\u{e9}t\u{e9} \u{3b1}='\u{1f600}'>\u{fffd}</\u{e9}t\u{e9}>"),
        ),
        ("comment", bare("<a><!-- --></a>")),
        (
            "doctype",
            document("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        ),
        ("instruction", bare("<a><?b c?></a>")),
        (
            "cut-character",
            [prefix, b"<r><a>\xC3a\xA9</a></r>"].concat(),
        ),
        (
            "surrogate",
            [prefix, b"<r><a x='\xED\xA0\x80'/></r>"].concat(),
        ),
        (
            "line-ends",
            bare("<a x='1\r\n2\r3\t'>\r\n\r<![CDATA[\r]\r\n]]></a>"),
        ),
        ("mismatched", bare("<a></b>")),
        ("many-attributes", bare(&format!("<a {many}/>"))),
        ("many-repeated", bare(&format!("<a {many} x7=''/>"))),
        ("end-tag-gap", bare("<a></a b>")),
        ("end-tag-junk", bare("<a></a/>")),
        ("late-declaration", bare("<?xmx?>")),
        (
            "made-of-signs",
            document("1 <\nxmlns\n\u{1}<'\"&\r\t\u{fffe}\n\u{0}]]>\r"),
        ),
        ("made-of-words", document("a\nab\nurn:y\nc")),
        ("between-signs", [prefix, b"<r/>\xC3\xA9"].concat()),
        (
            "repeated",
            bare("<a x='1' x='2' xmlns:p='u' xmlns:q='u' p:y='' q:y=''/>"),
        ),
    ]
}

fn xmpp_router() -> Vec<(&'static str, Vec<u8>)> {
    let answer_all = [15_u8; 4];
    let send = [&[12_u8, 8][..], &answer_all].concat();
    let play_dialled = [16_u8, 0, 2];
    let accept = [0_u8, 17, 0, 2];
    let verify = [
        &answer_all[..],
        &tell(&[(0, 2), (8, 2), (24, 2)]),
        &tell(&[(24, 2)]),
    ]
    .concat();
    let program =
        |mode: u8, rules: u8, steps: &[&[u8]]| [&[mode, rules], &*steps.concat()].concat();
    vec![
        (
            "external",
            program(0, 0, &[&send, &play_dialled, &[12, 0xE8]]),
        ),
        (
            "dialback",
            program(2, 3, &[&send, &tell(&[(0, 2), (8, 2), (20, 2)]), &[12, 8]]),
        ),
        ("inbound-certificate", program(0, 0, &[&accept])),
        (
            "inbound-dialback",
            program(0, 3, &[&[0], &tell(&[(0, 2), (19, 2)]), &verify]),
        ),
        (
            "denied",
            program(0, 0, &[&[12, 8, 4, 0, 0x80, 12, 9, 4, 0, 0, 6, 0, 0]]),
        ),
        (
            "unreachable",
            program(8, 0, &[&[12, 8, 15, 15, 7, 0, 1, 12, 0xE8, 10, 10, 10]]),
        ),
        (
            "blocked",
            program(
                4,
                0,
                &[&send, &play_dialled, &[9, 0, 0, 12, 0xE8, 14, 9, 0, 1]],
            ),
        ),
        (
            "closed",
            program(0, 0, &[&send, &accept, &[14], &play_dialled]),
        ),
        (
            "lost-while-blocked",
            program(
                12,
                0,
                &[&send, &play_dialled, &[9, 0, 0, 12, 0xE8, 13, 0, 15, 15]],
            ),
        ),
        (
            "lost",
            program(8, 0, &[&send, &play_dialled, &[12, 0xE8, 13, 0, 12, 8]]),
        ),
    ]
}

fn xmpp_stream() -> Vec<(&'static str, Vec<u8>)> {
    let tls = |opened: &[(u8, u8)], asked: &[u8]| {
        [&say(0, opened)[..], &[6, 1], &say(0, &[(0, 2)]), asked].concat()
    };
    // Decided, TLS, decided again, and what the certificate proves.
    let header = [
        &say(0, &[(0, 2)])[..],
        &[3, 0, 0],
        &tls(&[(10, 2)], &[3, 0, 0]),
    ]
    .concat();
    let untrusted = [&header[..], &[4, 0, 1]].concat();
    let trusted = [&header[..], &[4, 0, 0]].concat();
    let dialback = [
        &untrusted[..],
        &say(0, &[(19, 2)]),
        &[3, 0, 0, 4, 0, 1, 5, 0, 0],
        &say(0, &[(27, 2), (23, 2), (32, 2)]),
    ];
    let external = [
        &trusted[..],
        &say(0, &[(14, 2), (0, 2), (27, 2), (28, 3), (31, 2)]),
    ];
    let connect = [
        &say(0, &[(0, 2), (5, 2), (11, 2)])[..],
        &[6, 1, 4, 0, 0],
        &say(0, &[(0, 2), (7, 2), (17, 2), (0, 2), (9, 2)]),
        &[11, 8, 9],
        &say(0, &[(32, 2)]),
    ];
    let key = [&say(0, &[(0, 2), (8, 2), (20, 2)])[..], &[11, 8, 7, 7]];
    let ask = [&[12, 0, 5][..], &say(0, &[(0, 2), (8, 2), (24, 2)]), &[10]];
    let program =
        |role: u8, config: u8, steps: &[&[u8]]| [&[role, config, 6], &*steps.concat()].concat();
    vec![
        ("inbound-dialback", program(2, 0, &dialback)),
        ("inbound-external", program(2, 4, &external)),
        (
            "inbound-plain",
            program(
                2,
                3,
                &[&say(0, &[(1, 2), (19, 2)]), &[3, 0, 3, 5, 0, 1, 13, 7]],
            ),
        ),
        ("outbound-external", program(0, 0, &connect)),
        ("outbound-dialback", program(0, 3, &key)),
        ("verification", program(1, 3, &ask)),
        ("raw", program(2, 64, &[&[2, 9], b"GET / HTTP", &[8, 6]])),
        (
            "pipelined",
            program(
                2,
                3,
                &[&say(1, &[(0, 2), (19, 2), (19, 3)]), &[3, 0, 3, 5, 0, 0]],
            ),
        ),
        (
            "proof-of-another-stream",
            program(
                2,
                3,
                &[&say(0, &[(1, 2), (19, 2)]), &[3, 0, 3, 5, 0, 2, 7, 7]],
            ),
        ),
        (
            "unwanted",
            program(2, 0, &[&[15, 0, 2, 0, 15, 10, 0, 0, 6, 2]]),
        ),
    ]
}

/// Steps of a stream in which the peer says fragments by number, from a domain by number to our
/// first one.
fn say(step: u8, fragments: &[(u8, u8)]) -> Vec<u8> {
    let steps = fragments.iter();
    steps
        .flat_map(|(fragment, from)| [step, *fragment, *from, 0])
        .collect()
}

/// The same for the peer of the last connection of a router.
fn tell(fragments: &[(u8, u8)]) -> Vec<u8> {
    let steps = fragments.iter();
    steps
        .flat_map(|(fragment, from)| [1, 0, *fragment, *from, 0])
        .collect()
}
