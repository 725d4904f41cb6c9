//! The format itself, byte by byte and beside another library.

use super::*;

/// A reply to `b.example A` with these bytes behind its question.
fn read_raw(counts: [u8; 6], records: &[u8]) -> Result<Reply, Unusable> {
    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, true);
    let [high, low] = sent.id.to_be_bytes();
    let mut bytes = vec![high, low, 0x81, 0x80, 0, 1];
    bytes.extend(counts);
    bytes.extend(&sent.question);
    bytes.extend(records);
    read(&bytes, &sent, &asked, &RULES)
}

#[test]
fn names_are_read_by_pointers_that_lead_backwards() {
    // The question stands at 12 and has 15 bytes, so that the records begin at 27.
    let one = |owner: &[u8]| {
        let rest = [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
        read_raw([0, 1, 0, 0, 0, 0], &[owner, &rest].concat())
    };
    let found = || answer(&[], addresses(&[1]), Some(60));
    assert_eq!(one(b"\x01B\x07eXample\0"), found());
    assert_eq!(one(&[0xc0, 12]), found());
    assert_eq!(one(&[1, b'b', 0xc0, 14]), found());
    for (owner, what) in [
        (&[0xc0, 27][..], "itself"),
        (&[1, b'b', 0xc0, 27], "its own label"),
        (&[0xc0, 29], "what follows"),
        (&[0xff, 0xff], "behind the message"),
        (&[0x40, 1], "a label type of old"),
        (&[0x80, 1], "a label type that never was"),
    ] {
        assert_eq!(one(owner), Err(Unusable::Malformed), "{what}");
    }
    // Two records whose names point to each other.
    let rest = [0, 1, 0, 1, 0, 0, 0, 60, 0, 0];
    let twisted = [&[0xc0, 39][..], &rest, &[0xc0, 27], &rest].concat();
    assert_eq!(
        read_raw([0, 2, 0, 0, 0, 0], &twisted),
        Err(Unusable::Malformed)
    );
}

#[test]
fn the_longest_name_is_read_and_a_longer_one_is_not() {
    let with = |last: u8| {
        let mut owner = Vec::new();
        for length in [63, 63, 63, last] {
            owner.push(length);
            owner.extend(std::iter::repeat_n(b'a', length.into()));
        }
        owner.push(0);
        let rest = [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
        read_raw([0, 1, 0, 0, 0, 0], &[&owner[..], &rest].concat())
    };
    // Records that answer something else, which is known only when they could be read.
    assert_eq!(with(61), Err(Unusable::Malformed));
    let soa = |last: u8| {
        let mut target = Vec::new();
        for length in [63, 63, 63, last] {
            target.push(length);
            target.extend(std::iter::repeat_n(b'a', length.into()));
        }
        target.push(0);
        let [high, low] = u16::try_from(target.len()).unwrap().to_be_bytes();
        let cname = [&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, high, low][..], &target].concat();
        read_raw([0, 1, 0, 0, 0, 0], &cname)
    };
    assert!(matches!(soa(61), Ok(Reply::Answer(_))));
    assert_eq!(soa(62), Err(Unusable::Malformed));
}

#[test]
fn data_of_another_length_than_it_says_is_malformed() {
    for (length, data) in [(4, 5), (4, 3), (5, 5), (3, 3), (0, 0)] {
        let head = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, length];
        let records = [&head[..], &[1; 5][..data]].concat();
        let result = read_raw([0, 1, 0, 0, 0, 0], &records);
        // More bytes than records behind the message do no harm.
        match (length, data) {
            (4, 5) => assert!(matches!(result, Ok(Reply::Answer(_)))),
            _ => assert_eq!(result, Err(Unusable::Malformed), "{length} of {data}"),
        }
    }
}

#[test]
fn what_is_malformed_in_the_additional_section_spoils_no_answer() {
    let good = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
    let result = read_raw([0, 1, 0, 0, 0, 1], &[&good[..], &[0xff, 0xff]].concat());
    assert_eq!(result, answer(&[], addresses(&[1]), Some(60)));
    let result = read_raw([0, 1, 0, 1, 0, 0], &[&good[..], &[0xff, 0xff]].concat());
    assert_eq!(result, Err(Unusable::Malformed));
}

/// Whatever hickory-proto reads, we read alike, and the other way round where its stricter rules for
/// sections that we do not use hold.
#[test]
fn messages_are_read_as_another_library_reads_them() {
    let mut random = Random::from_seed([3; 32]);
    let mut read_by_both = 0;
    for round in 0..rounds(4_000) {
        let asked = question("b.example", RecordKind::Srv);
        let sent = sent(&asked, true);
        let mut message = reply(&sent);
        let mut pick = |bound: u64| random.below(bound);
        for _ in 0..pick(5) {
            let target = name(
                ["b.example", "x.b.example", "a.other.test"][usize::try_from(pick(3)).unwrap()],
            );
            let owner = name(["b.example", "c.example"][usize::try_from(pick(4) / 3).unwrap()]);
            let number = |value: u64| u16::try_from(value).unwrap();
            let data = match pick(4) {
                0 => RData::A(A::new(192, 0, 2, 1)),
                1 => RData::NS(NS(target)),
                _ => RData::SRV(SRV::new(
                    number(pick(9)),
                    number(pick(9)),
                    number(pick(9)),
                    target,
                )),
            };
            message.answers.push(Record::from_rdata(owner, 60, data));
        }
        let mut bytes = message.to_vec().unwrap();
        let question_end = 12 + sent.question.len();
        if round % 2 == 1 && bytes.len() > question_end {
            let length = u64::try_from(bytes.len() - question_end).unwrap();
            let place = question_end + usize::try_from(pick(length)).unwrap();
            bytes[place] = u8::try_from(pick(256)).unwrap();
        }
        let ours = read(&bytes, &sent, &asked, &RULES);
        let Ok(theirs) = Message::from_vec(&bytes) else {
            continue;
        };
        let expected: Vec<_> = theirs
            .answers
            .iter()
            .filter(|record| record.dns_class == DNSClass::IN)
            .filter(|record| record.name.to_lowercase() == name("b.example"))
            .filter_map(|record| {
                let RData::SRV(data) = &record.data else {
                    return None;
                };
                Some(SrvData {
                    priority: data.priority,
                    weight: data.weight,
                    port: data.port,
                    target: RecordName::from_labels(data.target.iter()),
                })
            })
            .collect();
        if expected.is_empty() {
            continue;
        }
        let Ok(Reply::Answer(answer)) = ours else {
            panic!("{round}: {ours:?}, and they have {expected:?}");
        };
        assert_eq!(answer.ending, Ending::Services(expected), "{round}");
        read_by_both += 1;
    }
    assert!(read_by_both > rounds(1_500), "{read_by_both}");
}
