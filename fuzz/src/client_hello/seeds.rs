//! What the search starts from.

use super::builder::Built;
use crate::program::Program;

/// The hellos and lists that this target starts from.
#[must_use]
pub fn seed_hellos() -> Vec<(&'static str, Vec<u8>)> {
    let tls13 = program(&[0x1301, 0x1302, 0x0A0A], &[0x0304, 0x0303], true);
    let tls12 = program(&[0xC02B, 0xC02F, 0x00FF], &[0x0303], false);
    let old = program(&[0x002F, 0x000A], &[0x0301, 0x0302], false);
    let anonymous = program(&[0x0034, 0xC018], &[0x0303], false);
    let built = |program: &[u8]| [&[2], program].concat();
    let record = |program: &[u8]| {
        let mut program = Program::new(program);
        let records = Built::read(&mut program).records(&mut program);
        [&[0, 3, 1, 7, 200], &*records].concat()
    };
    let first = |bytes: &[u8]| [&[0, 1, 1], bytes].concat();
    let list = |text: &str| [&[3], text.as_bytes()].concat();
    vec![
        ("built-tls13", built(&tls13)),
        ("built-tls12", built(&tls12)),
        ("built-old", built(&old)),
        ("built-anonymous", built(&anonymous)),
        (
            "built-small-records",
            [&built(&tls12), &[40; 9][..]].concat(),
        ),
        ("tls13", record(&tls13)),
        ("tls12", record(&tls12)),
        ("old", record(&old)),
        ("sslv2", first(b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10")),
        ("xmpp", first(b"\r\n<?xml version='1.0'?>")),
        ("sip", first(b"OPTIONS sip:b.example SIP/2.0\r\n")),
        ("keep-alive", first(b"\r\n\r\n")),
        ("stun", first(b"\0\x01\0\0\x21\x12\xa4\x42")),
        (
            "list",
            list("TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256, DES-CBC3-SHA"),
        ),
        (
            "list-words",
            list("HIGH:!aNULL:@STRENGTH;disable-empty-fragments TLS_FALLBACK_SCSV"),
        ),
        (
            "list-java",
            list("SSL_RSA_WITH_RC4_128_MD5\nTLS_DHE_DSS_EXPORT1024_WITH_DES_CBC_SHA"),
        ),
    ]
}

/// A hello as the program that [`Built::read`] takes: for `b.example`, of a client that knows
/// secp256r1 and x25519, ECDSA and RSA, and XMPP.
fn program(suites: &[u16], versions: &[u16], has_key_share: bool) -> Vec<u8> {
    let words = |words: &[u16]| {
        let count = u8::try_from(words.len()).expect("a short list") - 1;
        let words = words.iter().flat_map(|word| word.to_be_bytes());
        std::iter::once(count).chain(words).collect::<Vec<_>>()
    };
    let counted = |bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("a short text");
        [&[length], bytes].concat()
    };
    let others = if has_key_share { 1 } else { 0 };
    let mut program = vec![0x1F | others << 5, 3];
    program.extend(words(suites));
    program.extend(counted(b"b.example"));
    program.extend(words(&[0x001D, 0x0017]));
    program.extend(words(&[0x0403, 0x0804]));
    program.extend([&[0], &*counted(b"xmpp-server")].concat());
    program.extend(words(versions));
    if has_key_share {
        // For x25519 its base point will do.
        let share = [&[0, 36, 0, 0x1D, 0, 32, 9][..], &[0; 31]].concat();
        program.extend([&[0, 51], &*counted(&share)].concat());
    }
    program
}
