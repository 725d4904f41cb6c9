use comity_rustls::{Hello, HelloError, HelloField, HelloReader};
use comity_testkit::cut;
use rustls::{CipherSuite, NamedGroup, SignatureScheme};

use super::offered::{AES_GCM, Offered, hello, long, message, read, record, sni, words};
use super::*;

fn malformed(field: HelloField) -> Result<Option<Hello>, HelloError> {
    Err(HelloError::Malformed { field })
}

#[test]
fn everything_that_counts_is_read() {
    let offered = Offered::new(&[0x0A0A, AES_GCM, 0x1301, 0x00FF, 0x5600, 0xFAFA])
        .with(0, &sni(b"IM.example"))
        .with(16, &long(b"\x0bxmpp-server\x02h2"))
        .with(43, b"\x06\x1A\x1A\x03\x04\x03\x03")
        .with(0x1234, b"?");
    let hello = hello(&offered);
    assert_eq!(
        hello.cipher_suites,
        [
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS13_AES_128_GCM_SHA256
        ]
    );
    assert_eq!(hello.server_name, Some("im.example".parse().unwrap()));
    let alpn: Vec<_> = hello.alpn().collect();
    assert_eq!(alpn, [&b"xmpp-server"[..], b"h2"]);
    assert_eq!(
        hello.versions,
        [ProtocolVersion::TLSv1_3, ProtocolVersion::TLSv1_2]
    );
    assert_eq!(hello.newest_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(
        hello.groups,
        Some(vec![NamedGroup::X25519, NamedGroup::secp256r1])
    );
    assert_eq!(
        hello.signature_schemes,
        Some(vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PKCS1_SHA256
        ])
    );
}

#[test]
fn a_hello_of_the_nineties_is_read() {
    let mut offered = Offered::new(&[0x000A]).version(0x0300);
    offered.extensions.clear();
    let hello = hello(&offered);
    assert_eq!(hello.versions, [ProtocolVersion::SSLv3]);
    assert_eq!(hello.alpn().count(), 0);
    assert_eq!(hello.server_name, None);
    assert_eq!((hello.groups, hello.signature_schemes), (None, None));
}

#[test]
fn without_the_list_of_versions_nothing_newer_than_tls_1_2_is_meant() {
    let hello = hello(&Offered::new(&[AES_GCM]).version(0x0304));
    assert_eq!(hello.versions, [ProtocolVersion::TLSv1_2]);
}

#[test]
fn the_hello_of_rustls_is_read_however_it_is_cut() {
    let mut context = observing(None);
    context.alpn = vec![b"xmpp-server".to_vec()];
    let server = observing(Some(&leaf(3, "b.example").self_signed()));
    let mut pair = Pair::new(&context, &server, "b.example");
    let bytes = drain(&mut pair.client);
    let whole = read(&bytes).unwrap().unwrap();
    assert_eq!(whole.server_name, Some("b.example".parse().unwrap()));
    let pairs = cut::at_each_point(&bytes).map(|(head, tail)| vec![head, tail]);
    for pieces in pairs.chain([cut::bytewise(&bytes).collect()]) {
        let mut reader = HelloReader::new();
        let mut found = Vec::new();
        for piece in pieces {
            found.extend(reader.read(piece).unwrap());
        }
        assert_eq!(found.as_slice(), std::slice::from_ref(&whole));
    }
    for length in 0..bytes.len() {
        assert_eq!(read(&bytes[..length]), Ok(None), "{length}");
    }
}

#[test]
fn a_hello_may_be_spread_over_many_records() {
    let offered = Offered::new(&[AES_GCM]).with(0, &sni(b"b.example"));
    let message = message(&offered.body());
    for size in [1, 2, 3, 4, 5, 50] {
        let bytes: Vec<_> = message.chunks(size).flat_map(record).collect();
        assert_eq!(read(&bytes), Ok(Some(hello(&offered))), "{size}");
    }
}

#[test]
fn what_follows_the_hello_is_left_alone() {
    let offered = Offered::new(&[AES_GCM]);
    let mut reader = HelloReader::new();
    let bytes = [offered.bytes(), b"anything".to_vec()].concat();
    assert_eq!(reader.read(&bytes), Ok(Some(hello(&offered))));
    assert_eq!(reader.read(&offered.bytes()), Ok(None));
}

#[test]
fn other_bytes_are_no_hello_as_soon_as_that_is_clear() {
    for (bytes, decides, error) in [
        (
            &b"<stream"[..],
            1,
            HelloError::NotHandshake { content_type: b'<' },
        ),
        (
            b"\x15\x03\x01\x00\x02\x02\x28",
            1,
            HelloError::NotHandshake { content_type: 0x15 },
        ),
        (
            b"\x16\x02\x00",
            2,
            HelloError::RecordVersion {
                major: 2,
                minor: None,
            },
        ),
        (
            b"\x16\x03\x05",
            3,
            HelloError::RecordVersion {
                major: 3,
                minor: Some(5),
            },
        ),
        (
            b"\x16\x03\x01\x00\x00",
            5,
            HelloError::RecordLength { length: 0 },
        ),
        (
            b"\x16\x03\x01\x40\x01",
            5,
            HelloError::RecordLength { length: 0x4001 },
        ),
        (
            b"\x16\x03\x01\x00\x05\x02",
            6,
            HelloError::NotClientHello { message_type: 2 },
        ),
        (
            b"\x16\x03\x01\x40\x00\x01\x00\x40\x01",
            9,
            HelloError::TooLong {
                length: 0x4001,
                limit: HelloReader::MAX_BYTES,
            },
        ),
        (
            b"\x16\x03\x01\x00\x01\x01\x17",
            7,
            HelloError::NotHandshake { content_type: 0x17 },
        ),
    ] {
        let mut reader = HelloReader::new();
        for (index, byte) in bytes.iter().enumerate() {
            let expected = if index + 1 < decides {
                Ok(None)
            } else {
                Err(error)
            };
            assert_eq!(reader.read(&[*byte]), expected, "{bytes:02x?} {index}");
        }
    }
}

#[test]
fn the_longest_hello_that_is_kept_is_read() {
    let offered = Offered::new(&[AES_GCM]);
    let rest = HelloReader::MAX_BYTES - offered.body().len() - 4;
    let longest = offered.clone().with(0x1234, &vec![0; rest]);
    assert_eq!(longest.body().len(), HelloReader::MAX_BYTES);
    let bytes: Vec<_> = message(&longest.body())
        .chunks(1 << 14)
        .flat_map(record)
        .collect();
    assert_eq!(read(&bytes), Ok(Some(hello(&offered))));
}

#[test]
fn each_malformed_part_is_named() {
    let good = || Offered::new(&[AES_GCM]);
    for (offered, field) in [
        (Offered::new(&[]), HelloField::CipherSuites),
        (good().with(0, b""), HelloField::ServerName),
        (good().with(0, b"\x00\x01\x00"), HelloField::ServerName),
        (
            good().with(0, &[sni(b"b.example"), vec![0]].concat()),
            HelloField::ServerName,
        ),
        (
            good().with(
                0,
                &long(&[&[0], &*long(b"b.example"), &[0], &long(b"c.example")].concat()),
            ),
            HelloField::ServerName,
        ),
        (good().with(10, b"\x00\x03\x00\x17\x00"), HelloField::Groups),
        (
            good().with(13, b"\x00\x04\x04\x03"),
            HelloField::SignatureSchemes,
        ),
        (good().with(16, b"\x00\x01\x00"), HelloField::Alpn),
        (good().with(16, b"\x00\x02\x02h"), HelloField::Alpn),
        (good().with(43, b"\x00"), HelloField::Version),
        (good().with(43, b"\x03\x03\x04\x03"), HelloField::Version),
    ] {
        assert_eq!(read(&offered.bytes()), malformed(field), "{field}");
    }
    let mut twice = good();
    twice.extensions.push((10, long(&words(&[0x17]))));
    assert_eq!(read(&twice.bytes()), malformed(HelloField::Extensions));
}

#[test]
fn a_session_is_at_most_32_bytes_long() {
    let body = Offered::new(&[AES_GCM]).body();
    let with_session = |length: u8| {
        let session = vec![length; usize::from(length) + 1];
        let bytes = [&body[..34], &session, &body[35..]].concat();
        read(&record(&message(&bytes))).map(|hello| hello.is_some())
    };
    assert_eq!(with_session(32), Ok(true));
    let field = HelloField::SessionId;
    assert_eq!(with_session(33), Err(HelloError::Malformed { field }));
}

#[test]
fn only_a_host_name_is_a_server_name() {
    for (name, expected) in [
        (sni(b"b.example"), Some("b.example".parse().unwrap())),
        (long(&[&[1], &*long(b"b.example")].concat()), None),
        // How long a name of another type is nobody knows.
        (
            long(&[&[0], &*long(b"b.example"), b"\x01x"].concat()),
            Some("b.example".parse().unwrap()),
        ),
        (sni(b"192.0.2.1"), None),
        (sni(b"b..example"), None),
        (sni(b"\xFF"), None),
    ] {
        let hello = hello(&Offered::new(&[AES_GCM]).with(0, &name));
        assert_eq!(hello.server_name, expected, "{name:02x?}");
    }
}

#[test]
fn a_body_that_ends_anywhere_is_malformed_there() {
    let body = Offered::new(&[AES_GCM]).body();
    let suites = 35;
    let compression = suites + 4;
    let extensions = compression + 2;
    for length in 0..body.len() {
        let field = match length {
            0..2 => HelloField::Version,
            2..34 => HelloField::Random,
            34 => HelloField::SessionId,
            35..39 => HelloField::CipherSuites,
            39..41 => HelloField::Compression,
            // Before extensions were invented the hello ended here.
            41 => continue,
            _ => HelloField::Extensions,
        };
        let bytes = record(&message(&body[..length]));
        assert_eq!(read(&bytes), malformed(field), "{length}");
    }
    assert_eq!(extensions, 41);
    let bytes = record(&message(&[&*body, &[0]].concat()));
    assert_eq!(read(&bytes), malformed(HelloField::Extensions));
}

#[test]
fn a_spoilt_hello_is_the_same_to_the_reader_however_it_is_cut() {
    let offered = Offered::new(&[AES_GCM, 0x002F])
        .with(0, &sni(b"b.example"))
        .with(16, &long(b"\x02h2"))
        .with(43, b"\x04\x03\x04\x03\x03");
    let good = offered.bytes();
    let (mut read_too, mut refused) = (0, 0);
    for place in 0..good.len() {
        for value in [0x00, 0x01, 0x7F, 0xFF] {
            let mut bytes = good.clone();
            bytes[place] = value;
            let whole = read(&bytes);
            let mut reader = HelloReader::new();
            let mut pieces = cut::bytewise(&bytes).map(|byte| reader.read(byte));
            let decided = pieces.find(|outcome| *outcome != Ok(None));
            assert_eq!(decided.unwrap_or(Ok(None)), whole, "{place} {value:#04x}");
            match whole {
                Ok(Some(_)) => read_too += 1,
                Ok(None) | Err(_) => refused += 1,
            }
        }
    }
    // The random bytes and most values of lists can be anything, lengths cannot, but for that of a name
    // behind which another type seems to follow.
    assert_eq!((read_too, refused), (321, 127));
}
