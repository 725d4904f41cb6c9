//! What comes first on a connection of TLS.

use comity_rustls::{AnswerReader, Hello, HelloReader, LegacyAnswer};

use crate::{Series, Task};

/// Hellos have 16 KiB at most.
pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "tls/extensions",
        size: 900,
        task: |count| {
            let extensions: Vec<_> = (0..count).flat_map(extension).collect();
            read(&[0x13, 0x01], &extensions, MANY_BYTES, |hello| {
                hello.cipher_suites.len() == 1
            })
        },
    },
    Series {
        name: "tls/suites",
        size: 1_800,
        task: |count| {
            read(&[0x13, 0x01].repeat(count), &[], MANY_BYTES, |hello| {
                hello.cipher_suites.len() > 1
            })
        },
    },
    Series {
        name: "tls/hello-by-byte",
        size: 900,
        task: |count| {
            let extensions: Vec<_> = (0..count).flat_map(extension).collect();
            read(&[0x13, 0x01], &extensions, 1, |hello| {
                hello.cipher_suites.len() == 1
            })
        },
    },
    Series {
        name: "tls/warnings-before-answer",
        size: 4_000,
        task: |count| {
            // unrecognized_name, and then a refusal.
            let mut records = [21, 3, 1, 0, 2, 1, 112].repeat(count);
            records.extend([21, 3, 1, 0, 2, 2, 70]);
            Box::new(move || {
                let answer = AnswerReader::new().read(&records);
                matches!(answer, Ok(Some(LegacyAnswer::Refused(_))))
            })
        },
    },
];

/// An empty extension that nobody knows.
fn extension(number: usize) -> [u8; 4] {
    let [high, low] = (0x4000 + number as u16).to_be_bytes();
    [high, low, 0, 0]
}

/// Reads a hello in pieces of a size.
fn read(
    suites: &[u8],
    extensions: &[u8],
    piece_bytes: usize,
    is_right: fn(&Hello) -> bool,
) -> Task {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(long(suites));
    body.extend([1, 0]);
    body.extend(long(extensions));
    let mut message = vec![1, 0];
    message.extend(long(&body));
    let mut records = vec![22, 3, 1];
    records.extend(long(&message));
    Box::new(move || {
        let mut reader = HelloReader::new();
        let mut pieces = records.chunks(piece_bytes);
        pieces.any(|piece| matches!(reader.read(piece), Ok(Some(hello)) if is_right(&hello)))
    })
}

/// Bytes behind their length.
fn long(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short hello");
    [&length.to_be_bytes(), bytes].concat()
}

const MANY_BYTES: usize = 4_096;
