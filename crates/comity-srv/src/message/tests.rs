mod query;
mod wire;

use std::time::Duration;

use comity_identity::DomainName;
use comity_machine::Random;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NAPTR, NS, SOA, SRV};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::*;
use crate::candidate::Dnssec;

const RULES: Rules = Rules {
    max_message_bytes: 1232,
    max_answers: 20,
    max_records: 20,
    max_aliases: 8,
    believes_validation: false,
    min_ttl: Duration::from_secs(5),
    max_ttl: Duration::from_secs(86_400),
    max_negative_ttl: Duration::from_secs(300),
};

const PLAIN: Form = Form {
    edns: Edns::Offered {
        payload_bytes: 1232,
    },
    validation: Validation::Unasked,
};

/// An interpreter needs minutes for as many as are tried otherwise.
const fn rounds(otherwise: usize) -> usize {
    if cfg!(miri) {
        otherwise / 100
    } else {
        otherwise
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn record_name(text: &str) -> RecordName {
    RecordName::from_labels(text.split('.'))
}

fn question(text: &str, kind: RecordKind) -> Question {
    let name = record_name(text);
    Question { name, kind }
}

fn sent(question: &Question, mixed_case: bool) -> Sent {
    Sent::new(question, PLAIN, mixed_case, &mut Random::from_seed([1; 32]))
}

/// A reply to `b.example A`, before the test bends it.
fn reply(sent: &Sent) -> Message {
    let query = Message::from_vec(&sent.to_bytes()).unwrap();
    let mut message = Message::new(sent.id, MessageType::Response, OpCode::Query);
    message.queries = query.queries;
    message
}

fn a(owner: &str, ttl: u32, last: u8) -> Record {
    Record::from_rdata(name(owner), ttl, RData::A(A::new(192, 0, 2, last)))
}

fn cname(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(target))))
}

fn soa(owner: &str, ttl: u32, minimum: u32) -> Record {
    let data = SOA::new(name("ns"), name("admin"), 1, 2, 3, 4, minimum);
    Record::from_rdata(name(owner), ttl, RData::SOA(data))
}

/// Reads the reply to `b.example A` that `bend` makes.
fn read_bent(bend: impl FnOnce(&mut Message)) -> Result<Reply, Unusable> {
    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, true);
    let mut message = reply(&sent);
    bend(&mut message);
    read(&message.to_vec().unwrap(), &sent, &asked, &RULES)
}

fn answer(aliases: &[&str], ending: Ending, ttl: Option<u64>) -> Result<Reply, Unusable> {
    Ok(Reply::Answer(Answer {
        aliases: aliases.iter().map(|alias| record_name(alias)).collect(),
        ending,
        ttl: ttl.map(Duration::from_secs),
        dnssec: Dnssec::Unchecked,
    }))
}

fn addresses(lasts: &[u8]) -> Ending {
    Ending::Addresses(lasts.iter().map(|&last| [192, 0, 2, last].into()).collect())
}

#[test]
fn the_word_of_the_server_about_validation_counts_if_it_is_believed() {
    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, true);
    let state = |believes_validation, authentic_data| {
        let rules = Rules {
            believes_validation,
            ..RULES
        };
        let mut message = reply(&sent);
        message.metadata.authentic_data = authentic_data;
        message.answers = vec![a("b.example", 60, 1)];
        match read(&message.to_vec().unwrap(), &sent, &asked, &rules) {
            Ok(Reply::Answer(answer)) => answer.dnssec,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(state(false, false), Dnssec::Unchecked);
    assert_eq!(state(false, true), Dnssec::Unchecked);
    assert_eq!(state(true, false), Dnssec::Insecure);
    assert_eq!(state(true, true), Dnssec::Secure);
}

#[test]
fn a_code_of_edns_is_an_error_and_no_absence() {
    let result = read_bent(|message| {
        message.metadata.response_code = ResponseCode::BADVERS;
        message.set_edns(hickory_proto::op::Edns::new());
    });
    assert_eq!(result, Ok(Reply::Error { code: 16 }));
}

#[test]
fn naptr_data_are_read_with_their_texts() {
    let asked = question("b.example", RecordKind::Naptr);
    let sent = sent(&asked, true);
    let mut message = reply(&sent);
    let data = NAPTR::new(
        50,
        9,
        b"s"[..].into(),
        b"SIPS+D2T"[..].into(),
        b"!^.*$!x!"[..].into(),
        name("_sips._tcp.b.example"),
    );
    message.answers = vec![Record::from_rdata(
        name("b.example"),
        60,
        RData::NAPTR(data),
    )];
    let expected = NaptrData {
        order: 50,
        preference: 9,
        flags: b"s"[..].into(),
        service: b"SIPS+D2T"[..].into(),
        has_regexp: true,
        replacement: record_name("_sips._tcp.b.example"),
    };
    assert_eq!(
        read(&message.to_vec().unwrap(), &sent, &asked, &RULES),
        answer(&[], Ending::Pointers(vec![expected]), Some(60))
    );
}

#[test]
fn names_compare_without_case_and_show_without_the_last_dot() {
    assert_eq!(record_name("B.Example"), record_name("b.example"));
    assert_eq!(
        record_name("_sip._tls.B.example").to_string(),
        "_sip._tls.b.example"
    );
    assert_eq!(RecordName::root().to_string(), ".");
    let odd = RecordName::from_labels([&b"a b\x1b[0m.c"[..], b"example"]);
    assert_eq!(odd.to_string(), "a\\032b\\027\\[0m\\.c.example");
    assert!(odd.to_domain().is_err());
}

#[test]
fn the_longest_domain_has_a_name_but_no_room_for_a_service() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    let domain = DomainName::parse(&longest).unwrap();
    assert_eq!(RecordName::from(&domain).to_domain(), Ok(domain.clone()));
    assert_eq!(RecordName::below(&["_xmpp-server", "_tcp"], &domain), None);
}

#[test]
fn records_of_the_question_are_the_answer() {
    let result = read_bent(|message| {
        message.answers = vec![a("b.example", 60, 1), a("B.EXAMPLE", 30, 2)];
    });
    assert_eq!(result, answer(&[], addresses(&[1, 2]), Some(30)));
}

#[test]
fn srv_and_aaaa_data_are_read() {
    let asked = question("b.example", RecordKind::Srv);
    let sent = sent(&asked, true);
    let mut message = reply(&sent);
    let data = SRV::new(1, 2, 5269, name("XMPP.b.example"));
    message.answers = vec![Record::from_rdata(name("b.example"), 60, RData::SRV(data))];
    let service = SrvData {
        priority: 1,
        weight: 2,
        port: 5269,
        target: record_name("xmpp.b.example"),
    };
    assert_eq!(
        read(&message.to_vec().unwrap(), &sent, &asked, &RULES),
        answer(&[], Ending::Services(vec![service]), Some(60))
    );
    let asked = question("b.example", RecordKind::Aaaa);
    let sent = self::sent(&asked, true);
    let mut message = reply(&sent);
    let data = AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    message.answers = vec![Record::from_rdata(name("b.example"), 60, RData::AAAA(data))];
    assert_eq!(
        read(&message.to_vec().unwrap(), &sent, &asked, &RULES),
        answer(
            &[],
            Ending::Addresses(vec!["2001:db8::1".parse().unwrap()]),
            Some(60)
        )
    );
}

#[test]
fn what_is_off_the_path_counts_for_nothing() {
    let result = read_bent(|message| {
        let mut chaos = a("b.example", 60, 9);
        chaos.dns_class = DNSClass::CH;
        message.answers = vec![
            a("c.example", 60, 1),
            chaos,
            cname("d.example", "b.example"),
        ];
        message.additionals = vec![a("b.example", 60, 2)];
        message.authorities = vec![a("b.example", 60, 3), soa("example", 60, 60)];
    });
    assert_eq!(result, answer(&[], Ending::NoData, Some(60)));
}

#[test]
fn aliases_are_followed_in_any_order_of_records() {
    let result = read_bent(|message| {
        message.answers = vec![
            a("d.example", 600, 1),
            cname("c.example", "d.example"),
            cname("b.example", "C.example"),
        ];
    });
    let expected = answer(&["c.example", "d.example"], addresses(&[1]), Some(60));
    assert_eq!(result, expected);
}

#[test]
fn an_alias_without_its_target_has_to_be_asked_for() {
    let result = read_bent(|message| message.answers = vec![cname("b.example", "c.example")]);
    assert_eq!(result, answer(&["c.example"], Ending::Alias, Some(60)));
}

#[test]
fn a_loop_of_aliases_ends() {
    let result = read_bent(|message| {
        message.answers = vec![
            cname("b.example", "c.example"),
            cname("c.example", "b.example"),
        ];
    });
    assert_eq!(result, answer(&["c.example"], Ending::AliasLoop, None));
}

#[test]
fn eight_aliases_are_followed_and_nine_are_not() {
    let chain = |length: u8| {
        read_bent(|message| {
            let link = |from: u8| match from {
                0 => "b.example".to_owned(),
                from => format!("h{from}.example"),
            };
            message.answers = (0..length)
                .map(|from| cname(&link(from), &link(from + 1)))
                .chain([a(&link(length), 60, 1)])
                .collect();
        })
    };
    let ending = |result| match result {
        Ok(Reply::Answer(answer)) => answer.ending,
        other => panic!("{other:?}"),
    };
    assert_eq!(ending(chain(7)), addresses(&[1]));
    assert_eq!(ending(chain(8)), addresses(&[1]));
    assert_eq!(ending(chain(9)), Ending::TooManyAliases);
}

#[test]
fn absence_is_kept_as_its_zone_says() {
    for (code, zone, ttl, minimum, ending, kept) in [
        (
            ResponseCode::NoError,
            "example",
            60,
            90,
            Ending::NoData,
            Some(60),
        ),
        (
            ResponseCode::NoError,
            "example",
            90,
            60,
            Ending::NoData,
            Some(60),
        ),
        (
            ResponseCode::NXDomain,
            "b.example",
            9000,
            9000,
            Ending::NoName,
            Some(300),
        ),
        (
            ResponseCode::NXDomain,
            "example",
            0,
            60,
            Ending::NoName,
            Some(5),
        ),
        (
            ResponseCode::NXDomain,
            "c.example",
            60,
            60,
            Ending::NoName,
            None,
        ),
        (
            ResponseCode::NoError,
            "a.b.example",
            60,
            60,
            Ending::NoData,
            None,
        ),
    ] {
        let result = read_bent(|message| {
            message.metadata.response_code = code;
            message.authorities = vec![soa(zone, ttl, minimum)];
        });
        assert_eq!(result, answer(&[], ending, kept), "{zone} {ttl} {minimum}");
    }
}

#[test]
fn absence_behind_an_alias_is_about_the_target() {
    let bent = |zone: &'static str| {
        move |message: &mut Message| {
            message.answers = vec![cname("b.example", "c.test")];
            message.authorities = vec![soa(zone, 90, 90)];
        }
    };
    assert_eq!(
        read_bent(bent("test")),
        answer(&["c.test"], Ending::NoData, Some(60))
    );
    assert_eq!(
        read_bent(bent("example")),
        answer(&["c.test"], Ending::Alias, Some(60))
    );
    let result = read_bent(|message| {
        bent("example")(message);
        message.metadata.response_code = ResponseCode::NXDomain;
    });
    assert_eq!(result, answer(&["c.test"], Ending::NoName, None));
}

#[test]
fn times_to_live_are_clamped() {
    for (ttl, kept) in [
        (0, 5),
        (4, 5),
        (6, 6),
        (86_400, 86_400),
        (86_401, 86_400),
        (i32::MAX.unsigned_abs(), 86_400),
        (1 << 31, 5),
        (u32::MAX, 5),
    ] {
        let result = read_bent(|message| message.answers = vec![a("b.example", ttl, 1)]);
        assert_eq!(result, answer(&[], addresses(&[1]), Some(kept)), "{ttl}");
    }
}

#[test]
fn errors_and_referrals_are_no_absence() {
    for (code, number) in [
        (ResponseCode::FormErr, 1),
        (ResponseCode::ServFail, 2),
        (ResponseCode::NotImp, 4),
        (ResponseCode::Refused, 5),
    ] {
        let result = read_bent(|message| message.metadata.response_code = code);
        assert_eq!(result, Ok(Reply::Error { code: number }));
    }
    let result = read_bent(|message| {
        let data = RData::NS(NS(name("ns.example")));
        message.authorities = vec![Record::from_rdata(name("example"), 60, data)];
    });
    assert_eq!(result, Ok(Reply::Referral));
    assert_eq!(read_bent(|_| {}), answer(&[], Ending::NoData, None));
    let result = read_bent(|message| message.answers = vec![a("c.example", 60, 1)]);
    assert_eq!(result, Err(Unusable::Malformed));
    let result = read_bent(|message| {
        let mut chaos = a("b.example", 60, 9);
        chaos.dns_class = DNSClass::CH;
        message.answers = vec![chaos];
    });
    assert_eq!(result, answer(&[], Ending::NoData, None));
}

#[test]
fn a_name_with_records_that_does_not_exist_is_malformed() {
    let result = read_bent(|message| {
        message.metadata.response_code = ResponseCode::NXDomain;
        message.answers = vec![a("b.example", 60, 1)];
    });
    assert_eq!(result, Err(Unusable::Malformed));
}

#[test]
fn a_reply_that_was_cut_inside_a_record_is_known_as_cut() {
    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, true);
    let mut message = reply(&sent);
    message.metadata.truncation = true;
    message.answers = vec![a("b.example", 60, 1)];
    let bytes = message.to_vec().unwrap();
    let cut = &bytes[..bytes.len() - 3];
    assert_eq!(read(cut, &sent, &asked, &RULES), Ok(Reply::Truncated));
}

#[test]
fn a_cut_reply_is_not_read() {
    let result = read_bent(|message| {
        message.metadata.truncation = true;
        message.answers = vec![a("b.example", 60, 1)];
    });
    assert_eq!(result, Ok(Reply::Truncated));
}

#[test]
fn a_reply_repeats_id_flags_and_question() {
    let result = |bend: fn(&mut Message)| read_bent(bend);
    assert_eq!(
        result(|message| message.metadata.id ^= 1),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.metadata.message_type = MessageType::Query),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.metadata.op_code = OpCode::Status),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.queries.clear()),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.queries.push(message.queries[0].clone())),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.queries[0].query_type = RecordType::AAAA),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.queries[0].query_class = DNSClass::CH),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.queries[0].name = name("c.example")),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.queries[0].name = name("a.b.example")),
        Err(Unusable::Foreign)
    );
    assert_eq!(
        result(|message| message.queries[0].name = message.queries[0].name.to_lowercase()),
        Err(Unusable::CaseChanged)
    );
}

#[test]
fn the_case_does_not_matter_where_it_was_not_chosen() {
    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, false);
    let mut message = reply(&sent);
    message.queries[0].name = name("B.example");
    message.answers = vec![a("b.example", 60, 1)];
    assert_eq!(
        read(&message.to_vec().unwrap(), &sent, &asked, &RULES),
        answer(&[], addresses(&[1]), Some(60))
    );
}

#[test]
fn limits_of_size_and_number_hold_before_parsing() {
    let with = |count: u8| {
        read_bent(|message| {
            message.answers = (0..count).map(|last| a("b.example", 60, last)).collect();
        })
    };
    assert!(matches!(with(19), Ok(Reply::Answer(_))));
    assert!(matches!(with(20), Ok(Reply::Answer(_))));
    assert_eq!(with(21), Err(Unusable::TooLarge));

    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, true);
    let padded = |length: usize| {
        let mut bytes = reply(&sent).to_vec().unwrap();
        bytes.resize(length, 0);
        read(&bytes, &sent, &asked, &RULES)
    };
    assert_eq!(padded(1232), answer(&[], Ending::NoData, None));
    assert_eq!(padded(1233), Err(Unusable::TooLarge));
}

#[test]
fn headers_that_promise_everything_are_refused_unread() {
    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, true);
    let [high, low] = sent.id.to_be_bytes();
    let header = |counts: [u8; 8]| {
        let mut bytes = vec![high, low, 0x81, 0x80];
        bytes.extend(counts);
        bytes.extend(&sent.question);
        read(&bytes, &sent, &asked, &RULES)
    };
    assert_eq!(header([255; 8]), Err(Unusable::Foreign));
    assert_eq!(
        header([0, 1, 255, 255, 0, 0, 0, 0]),
        Err(Unusable::TooLarge)
    );
    assert_eq!(
        header([0, 1, 0, 0, 0, 0, 255, 255]),
        Err(Unusable::TooLarge)
    );
    assert_eq!(header([0, 1, 0, 1, 0, 0, 0, 0]), Err(Unusable::Malformed));
    assert_eq!(
        header([0, 1, 0, 0, 0, 0, 0, 0]),
        answer(&[], Ending::NoData, None)
    );
}

#[test]
fn no_prefix_of_a_reply_is_an_answer() {
    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, true);
    let mut message = reply(&sent);
    message.answers = vec![cname("b.example", "c.example"), a("c.example", 60, 1)];
    let bytes = message.to_vec().unwrap();
    for end in 0..bytes.len() {
        let result = read(&bytes[..end], &sent, &asked, &RULES);
        assert!(
            matches!(result, Err(Unusable::Foreign | Unusable::Malformed)),
            "{end}: {result:?}"
        );
    }
}

#[test]
fn changed_bytes_never_panic_nor_add_addresses() {
    let asked = question("b.example", RecordKind::A);
    let sent = sent(&asked, true);
    let mut message = reply(&sent);
    message.answers = vec![cname("b.example", "c.example"), a("c.example", 60, 1)];
    let bytes = message.to_vec().unwrap();
    let mut random = Random::from_seed([9; 32]);
    for _ in 0..rounds(5_000) {
        let mut changed = bytes.clone();
        for _ in 0..=random.below(3) {
            let length = u64::try_from(changed.len()).unwrap();
            let place = usize::try_from(random.below(length)).unwrap();
            changed[place] = random.bytes::<1>()[0];
        }
        if let Ok(Reply::Answer(answer)) = read(&changed, &sent, &asked, &RULES)
            && let Ending::Addresses(found) = answer.ending
        {
            assert!(found.len() <= 2, "{found:?}");
        }
    }
}
