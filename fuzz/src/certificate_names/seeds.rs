//! What the search starts from.

use comity_testkit::mint::tlv;

use super::anchors;
use super::model::{Form, Names};
use super::world;

/// The certificates and names that this target starts from, behind the two bytes that choose what
/// they are and what is asked.
#[must_use]
pub fn seed_chains() -> Vec<(String, Vec<u8>)> {
    let world = world();
    let input = |mode: u8, question: u8, bytes: &[u8]| [&[mode, question], bytes].concat();
    let leaves = ["dns", "srv", "wildcard", "mixed"];
    let mut seeds: Vec<_> = leaves
        .into_iter()
        .zip(&world.leaves)
        .map(|(name, leaf)| (name, input(0, 0, leaf)))
        .collect();
    seeds.push(("issuer", input(1, 0, &world.issuer)));
    seeds.push(("root", input(0, 0, world.root.certificate())));
    let der = Names {
        alternatives: all(),
        common_name: None,
    }
    .der();
    let pem = world.root.certificate_pem();
    seeds.extend([
        ("der", input(2, 13, &der)),
        ("signed-der", input(5, 15, &der)),
        ("signed-name", input(5, 1, &tlv(0x82, b"b.example"))),
        ("pem", input(7, 0, pem.as_bytes())),
    ]);
    for (name, question) in REFERENCES {
        let names = program(&all(), None);
        seeds.push((name, input(3 | 0x80, question, &names)));
    }
    let partner = [
        (Form::Srv, &b"_xmpp-server.x.partner.example"[..]),
        (Form::Uri, b"sip:x.partner.example"),
        (Form::Uri, b"sip:b.example"),
    ]
    .map(|(form, name)| (form, name.to_vec()));
    let first = [
        (Form::Dns, b"b.example".to_vec()),
        (Form::Uri, b"sip:c.example".to_vec()),
    ];
    let uris = [(Form::Uri, b"SIP:b.example:5061;lr?x".to_vec())];
    seeds.extend([
        ("uris", input(3, 14, &program(&uris, None))),
        ("uri-first", input(3, 2, &program(&first, None))),
        (
            "common-name",
            input(3, 0xA0 | 2, &program(&[], Some(b"B.example"))),
        ),
        (
            "common-address",
            input(3, 0xC0 | 6, &program(&[], Some(b"2001:db8::1"))),
        ),
        ("constrained", input(4, 5, &program(&partner, None))),
        ("constrained-sip", input(4, 11, &program(&partner, None))),
        ("constrained-anyone", input(4, 13, &program(&partner, None))),
        (
            "constrained-name",
            input(4, 0xE0 | 5, &program(&[], Some(b"b.example"))),
        ),
        (
            "permitted",
            input(6, 13, b"\0\x09b.example\x04\x08\xC0\0\x02\0\xFF\xFF\xFF\0"),
        ),
        ("excluded", input(6, 13, b"\x01\x09b.example")),
        (
            "many-names",
            input(3, 13, &program(&vec![(Form::Srv, Vec::new()); 4], None)),
        ),
    ]);
    let seeds = seeds.into_iter();
    let seeds = seeds.map(|(name, bytes)| (name.to_owned(), bytes));
    let anchors = anchors::seeds().into_iter();
    let anchors = anchors.map(|(name, bytes)| (name, input(15, 0, &bytes)));
    seeds.chain(anchors).collect()
}

/// A name of each form.
fn all() -> Vec<(Form, Vec<u8>)> {
    [
        (Form::Dns, &b"b.example"[..]),
        (Form::Dns, b"*.b.example"),
        (Form::Dns, b"edge.b.example"),
        (Form::Srv, b"_xmpp-server.b.example"),
        (Form::Srv, b"_Xmpp-Client.B.example"),
        (Form::Xmpp, "b\u{fc}cher.example".as_bytes()),
        (Form::Xmpp, b"x.partner.example"),
        (Form::Ip, &[192, 0, 2, 1]),
        (Form::Ip, b"\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"),
        (Form::Other, b"a@b.example"),
        (Form::SrvInUtf8, b"_xmpp-server.c.example"),
    ]
    .map(|(form, name)| (form, name.to_vec()))
    .to_vec()
}

/// Names as the program that [`Names::read`] takes.
fn program(names: &[(Form, Vec<u8>)], common_name: Option<&[u8]>) -> Vec<u8> {
    let counted = |bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("a short name");
        [&[length], bytes].concat()
    };
    let mut program: Vec<u8> = common_name.map(counted).unwrap_or_default();
    for (form, name) in names {
        program.push(match form {
            Form::Dns => 0,
            Form::Srv => 2,
            Form::Xmpp => 3,
            Form::Uri => 4,
            Form::Ip => 5,
            Form::Other => 6,
            Form::SrvInUtf8 => 7,
        });
        program.extend(counted(name));
    }
    program
}

/// What each reference finds in all names.
const REFERENCES: [(&str, u8); 16] = [
    ("server", 0),
    ("host", 1),
    ("sip", 2),
    ("client", 3),
    ("address", 4),
    ("peers", 5),
    ("peers-by-common-name", 6),
    ("sip-target", 7),
    ("server-target", 8),
    ("international", 9),
    ("below", 10),
    ("sip-partner", 11),
    ("any-host", 12),
    ("any-peer", 13),
    ("any-sip", 14),
    ("any-server", 15),
];
