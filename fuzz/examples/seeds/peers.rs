//! Seeds for what servers publish and answer.

use std::io;
use std::path::Path;

use super::sip;

/// Records: a mode, a quarter of a seed, and two or four bytes for each.
pub(crate) fn records() -> Vec<(&'static str, Vec<u8>)> {
    let program =
        |mode: u8, records: &[[u8; 2]]| [&[mode, 1, 2, 3, 4], &*records.concat()].concat();
    let equal = [[0x10, 4], [0x11, 4], [0x12, 4]];
    let mixed = [[0x10, 0], [0x11, 40], [0x32, 8], [0x33, 0], [0x0c, 9]];
    let two_sets = [[0x10, 4], [0x50, 4], [0x71, 0], [0x31, 80], [0x0f, 0]];
    let repeated = [[0x10, 4], [0x10, 4], [0x10, 8], [0x30, 4], [0x08, 4]];
    let beside_zero = |seed: u8| [0, seed, 7, seed ^ 85, 1, 0x10, 0, 0x11, 4, 0x12, 4].to_vec();
    vec![
        ("zero-1", beside_zero(1)),
        ("zero-2", beside_zero(20)),
        ("zero-3", beside_zero(77)),
        ("zero-4", beside_zero(130)),
        ("zero-5", beside_zero(200)),
        ("zero-6", beside_zero(250)),
        ("nothing", program(0, &[])),
        ("fallback", program(1, &[])),
        ("equal", program(0, &equal)),
        ("mixed", program(0, &mixed)),
        ("literal", program(4, &mixed)),
        ("two-sets", program(2, &two_sets)),
        ("repeated", program(6, &repeated)),
        ("refused", program(3, &[[0x07, 0], [0x4f, 0]])),
        ("unusable", program(0, &[[0x00, 1], [0x07, 0]])),
        ("gone", program(0, &[[0x15, 1]])),
        (
            "heavy",
            program(0, &[[0x10, 0xff], [0xff, 0xff], [0x11, 0xc0], [0, 1]]),
        ),
    ]
}

/// What servers answer, behind who reads it and how it is cut.
pub(crate) fn answers() -> io::Result<Vec<(String, Vec<u8>)>> {
    let seed = |name: &str, kind: u8, bytes: &[u8]| {
        (name.to_owned(), [&[kind, 1, 7, 200], bytes].concat())
    };
    let random = [9; 32];
    let hello = [
        &[2, 0, 0, 42, 3, 1][..],
        &random,
        &[4, 1, 2, 3, 4, 0, 0x2f, 0],
    ]
    .concat();
    let record = |kind: u8, content: &[u8]| {
        let len = u8::try_from(content.len()).expect("a short record");
        [&[kind, 3, 1, 0, len], content].concat()
    };
    let cut: Vec<u8> = hello.chunks(9).flat_map(|part| record(22, part)).collect();
    let header = "<stream:stream xmlns='jabber:server' \
        xmlns:stream='http://etherx.jabber.org/streams' from='b.example' id='7' version='1.0'>";
    let plain = format!(
        "{header}<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/>\
         </starttls></stream:features>"
    );
    let secure = format!(
        "{header}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>EXTERNAL</mechanism></mechanisms>\
         <dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>\
         <bidi xmlns='urn:xmpp:features:bidi'/><sm xmlns='urn:xmpp:sm:3'/>\
         <limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>9999</max-bytes>\
         <idle-seconds>60</idle-seconds></limits></stream:features>"
    );
    let success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
    let streams = format!("{plain}\0{secure}{success}{header}<stream:features/>");
    let old = header.replace(" version='1.0'", " version='&#x202e;0'");
    let response = |status: &str, lines: &str| {
        format!(
            "SIP/2.0 {status}\r\nVia: SIP/2.0/TLS a.example;branch=z9hG4bK7\r\n\
             From: <sip:a.example>;tag=1\r\nTo: <sip:b.example>;tag=2\r\nCall-ID: 1@a\r\n\
             CSeq: 1 OPTIONS\r\n{lines}Content-Length: 0\r\n\r\n"
        )
    };
    let refused = response(
        "403 Forbidden",
        "Date: Thu, 21 Feb 2002 13:02:03 GMT\r\n\
         ms-diagnostics: 1027;reason=\"Cannot\troute\";source=\"sip.b.example\"\r\n\
         Record-Route: <sip:b.example;lr>\r\n",
    );
    let notify = "NOTIFY sip:a.example SIP/2.0\r\nVia: SIP/2.0/TLS b.example;branch=z9hG4bK8\r\n\
        From: <sip:b.example>;tag=2\r\nTo: <sip:a.example>;tag=1\r\nCall-ID: 1@a\r\n\
        CSeq: 2 NOTIFY\r\nSubscription-State: terminated;reason=rejected\r\n\
        Content-Length: 0\r\n\r\n";
    let mut seeds = vec![
        seed("hello", 0, &record(22, &hello)),
        seed("hello-in-records", 0, &cut),
        seed("alert", 0, &record(21, &[2, 70])),
        seed("warnings", 0, &record(21, &[1, 112, 1, 90, 1, 0])),
        seed("no-tls", 0, b"HTTP/1.1 400 Bad Request"),
        seed("streams", 1, streams.as_bytes()),
        seed("direct", 5, secure.as_bytes()),
        seed("old-stream", 1, old.as_bytes()),
        seed("refused", 6, refused.as_bytes()),
        seed("served", 2, response("200 OK", "").as_bytes()),
        seed("unknown-user", 2, response("404 Not Found", "").as_bytes()),
        seed("notify", 6, notify.as_bytes()),
    ];
    for (name, bytes) in sip::vectors()?.into_iter().take(20) {
        seeds.push(seed(&name, 2, &bytes));
    }
    Ok(seeds)
}

/// Configurations of the gateway: the one that shows all, its parts, and some that are wrong.
pub(crate) fn configurations() -> io::Result<Vec<(String, Vec<u8>)>> {
    let example = "../examples/gateway/gateway.example.toml";
    let all = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(example))?;
    let least = "domains = { xmpp = [\"capulet.example\"], sip = [] }\npolicy.file = \"p\"\n";
    let parts = [
        ("least", ""),
        (
            "secret",
            "xmpp.dialback-secret = \"0123456789abcdef\"\nxmpp.mode = 1\n",
        ),
        (
            "both",
            "domains.sip = [\"capulet.example\", \"capulet.example\"]\n",
        ),
        (
            "metrics",
            "metrics.listen = \"192.0.2.1:9469\"\nlog.filter = \"warn,sip=debug\"\n",
        ),
        ("validating", "dns.validating = true\nstore.path = \"s\"\n"),
        (
            "private",
            "dns.danger-allow-private = true\nlog.redact = false\n",
        ),
        (
            "loopback",
            "dns.danger-allow-loopback = true\nemail.file = \"e\"\n",
        ),
        (
            "unknown",
            "tap = { file = \"t\", bodies = 1 }\nstores.\"\\u202e\" = 2\n",
        ),
        (
            "no-identity",
            "[[xmpp.listeners]]\naddress = \"[::]:5269\"\nhost = \"x.example\"\n",
        ),
        (
            "component",
            "[xmpp]\nmode = \"component\"\n[xmpp.component]\nserver = \"localhost\"\n\
            port = 0\n[[xmpp.component.domains]]\nname = \"m.example\"\nsecret = \"\"\n",
        ),
        ("syntax", "[dns\nservers = [\"1\"\n"),
    ];
    let parts = parts.iter().map(|(name, text)| {
        let bytes = format!("{least}{text}").into_bytes();
        ((*name).to_owned(), bytes)
    });
    let mut seeds: Vec<_> = parts.collect();
    seeds.push(("all".to_owned(), all.into_bytes()));
    Ok(seeds)
}
