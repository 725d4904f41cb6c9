//! Who may be an anchor: what certificates of CAs say of themselves.

use comity_testkit::mint::tlv;
use comity_trust::{AnchorError, TrustStore};

use super::check_text;
use super::world::{Described, world};
use crate::program::Program;

/// A certificate becomes an anchor if it says in well-formed words that it is of a CA, and if it says
/// what its key is for, that it may sign certificates.
pub(crate) fn anchors(program: &mut Program<'_>) {
    let flags = program.byte();
    let has = |bit: u8| flags >> bit & 1 == 1;
    let basic = has(0).then(|| pick(&BASIC, program));
    let usage = has(1).then(|| pick(&USAGE, program));
    let end = pick(&ENDS, program);
    let mut extensions = Vec::new();
    extensions.extend(basic.map(|(der, _)| (BASIC_CONSTRAINTS, der.to_vec())));
    extensions.extend(usage.map(|(der, _)| (KEY_USAGE, der.to_vec())));
    extensions.extend(has(2).then(|| (DISTRIBUTION_POINTS, vec![0x30, 0])));
    let is_twofold = has(3) && !extensions.is_empty();
    if is_twofold {
        extensions.push(extensions[0].clone());
    }
    let ((tag, text), is_time) = end;
    let certificate = world().described(&Described {
        subject: &[],
        not_after: tlv(tag, text),
        extensions,
    });
    let means = |known: Option<Said>, absent| known.map_or(Ok(absent), |(_, meaning)| meaning);
    let is_malformed = is_twofold || is_time.is_err();
    let expected = match (means(basic, false), means(usage, true)) {
        _ if is_malformed => Err(AnchorError::Malformed),
        (Err(()), _) => Err(AnchorError::Malformed),
        (Ok(false), _) => Err(AnchorError::NotCa),
        (Ok(true), Err(())) => Err(AnchorError::Malformed),
        (Ok(true), Ok(false)) => Err(AnchorError::KeyUsage),
        (Ok(true), Ok(true)) => Ok(()),
    };
    let added = TrustStore::new().add_anchor(&certificate);
    assert_eq!(added, expected, "{basic:02x?} {usage:02x?} {end:02x?}");
    if let Err(error) = added {
        check_text(&error.to_string());
    }
}

fn pick<T: Copy>(all: &[T], program: &mut Program<'_>) -> T {
    all[usize::from(program.byte()) % all.len()]
}

/// DER, and whether it says yes, no or nothing that can be read.
type Said = (&'static [u8], Result<bool, ()>);

/// cA, and pathLenConstraint.
const BASIC: [Said; 12] = [
    (&[0x30, 3, 1, 1, 0xFF], Ok(true)),
    (&[0x30, 0], Ok(false)),
    (&[0x30, 6, 1, 1, 0xFF, 2, 1, 0], Ok(true)),
    (&[0x30, 6, 1, 1, 0xFF, 2, 1, 0x7F], Ok(true)),
    (&[0x30, 7, 1, 1, 0xFF, 2, 2, 0, 0x80], Ok(true)),
    (&[0x30, 6, 1, 1, 0xFF, 2, 1, 0x80], Err(())),
    (&[0x30, 5, 1, 1, 0xFF, 2, 0], Err(())),
    (&[0x30, 8, 1, 1, 0xFF, 2, 1, 0, 5, 0], Err(())),
    (&[0x30, 3, 1, 1, 1], Err(())),
    (&[0x30, 3, 2, 1, 0], Ok(false)),
    (&[0x31, 0], Err(())),
    (&[], Err(())),
];

/// A BIT STRING, of which the sixth bit is keyCertSign.
const USAGE: [Said; 10] = [
    (&[3, 2, 1, 0b0000_0110], Ok(true)),
    (&[3, 2, 2, 0b0000_0100], Ok(true)),
    (&[3, 3, 7, 0b0000_0100, 0x80], Ok(true)),
    (&[3, 2, 7, 0b1000_0000], Ok(false)),
    (&[3, 1, 0], Ok(false)),
    (&[3, 1, 1], Err(())),
    (&[3, 2, 8, 0b0000_0100], Err(())),
    (&[3, 2, 3, 0b0000_0100], Err(())),
    (&[3, 0], Err(())),
    (&[4, 2, 2, 0b0000_0100], Err(())),
];

/// A time by its tag and text, and whether it is one.
type Time = ((u8, &'static [u8]), Result<(), ()>);

const ENDS: [Time; 10] = [
    ((0x17, b"400101000000Z"), Ok(())),
    ((0x18, b"20520229235959Z"), Ok(())),
    ((0x18, b"99991231235959Z"), Ok(())),
    ((0x17, b"991231235959Z"), Ok(())),
    ((0x18, b"20510229235959Z"), Err(())),
    ((0x18, b"2052022923595Z"), Err(())),
    ((0x18, b"2052022923595aZ"), Err(())),
    ((0x17, b"20520229235959Z"), Err(())),
    ((0x17, b"400101000000+"), Err(())),
    ((0x16, b"400101000000Z"), Err(())),
];

const KEY_USAGE: u8 = 15;
const BASIC_CONSTRAINTS: u8 = 19;
const DISTRIBUTION_POINTS: u8 = 31;

/// One of each: what is said of a CA, of its key and of its end, and what is said twice.
pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for index in 0..12 {
        seeds.push((format!("anchor-basic-{index}"), vec![1, index, 0]));
        seeds.push((format!("anchor-usage-{index}"), vec![3, 0, index, 0]));
        seeds.push((format!("anchor-end-{index}"), vec![1, 0, index]));
    }
    seeds.push(("anchor-points".to_owned(), vec![7, 0, 0, 0]));
    seeds.push(("anchor-twofold".to_owned(), vec![9, 0, 0]));
    seeds.push(("anchor-nothing".to_owned(), vec![0, 0]));
    seeds
}
