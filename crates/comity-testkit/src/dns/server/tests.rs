use hickory_proto::op::{Edns, ResponseCode};

use super::*;
use crate::dns::{query, unframe};

const SRV_NAME: &str = "_xmpp-server._tcp.b.example";

fn server() -> FakeDns {
    FakeDns::new()
        .srv(SRV_NAME, 10, 5, 5269, "xmpp.b.example")
        .a("xmpp.b.example", [192, 0, 2, 1])
        .cname("alias.b.example", "Hop.b.example")
        .cname("hop.b.example", "xmpp.b.example")
        .cname("lost.b.example", "gone.c.example")
        .cname("left.b.example", "right.b.example")
        .cname("right.b.example", "left.b.example")
}

fn ask(dns: &mut FakeDns, owner: &str, record_type: RecordType) -> Message {
    let answers = dns.answer(Transport::Udp, &query(7, owner, record_type));
    let [answer] = answers.as_slice() else {
        panic!("{} answers", answers.len());
    };
    Message::from_vec(answer).unwrap()
}

fn answers(message: &Message) -> Vec<String> {
    message.answers.iter().map(ToString::to_string).collect()
}

/// The one answer of a server with one fault to the SRV question with id 7.
fn faulty(fault: Fault) -> Message {
    let mut dns = server().fault(When::always(), fault);
    ask(&mut dns, SRV_NAME, RecordType::SRV)
}

fn with_edns(payload: u16, owner: &str) -> Vec<u8> {
    let mut message = Message::from_vec(&query(7, owner, RecordType::SRV)).unwrap();
    let mut edns = Edns::new();
    edns.set_max_payload(payload);
    message.set_edns(edns);
    message.to_vec().unwrap()
}

#[test]
fn a_record_is_found_whatever_the_case_and_the_question_keeps_its_case() {
    let message = ask(&mut server(), "XMPP.b.Example", RecordType::A);
    assert_eq!(answers(&message), ["XMPP.b.Example. 300 IN A 192.0.2.1"]);
    assert_eq!(message.queries[0].name.to_ascii(), "XMPP.b.Example.");
    assert_eq!(message.metadata.id, 7);
    assert!(message.metadata.recursion_available && message.metadata.recursion_desired);
    assert!(!message.metadata.authentic_data && !message.metadata.truncation);
    assert_eq!(message.edns, None);
}

#[test]
fn an_unknown_name_is_nxdomain_with_the_soa_of_its_zone() {
    let mut dns = server().negative_ttl(90, 30);
    let message = ask(&mut dns, "no.such.b.example", RecordType::A);
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(answers(&message), [""; 0]);
    assert_eq!(
        message.authorities[0].to_string(),
        "b.example. 90 IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 30"
    );
}

#[test]
fn another_type_of_a_known_name_is_nodata() {
    let mut dns = server();
    for known in ["xmpp.b.example", "_tcp.b.example", "b.example"] {
        let message = ask(&mut dns, known, RecordType::AAAA);
        assert_eq!(message.metadata.response_code, ResponseCode::NoError);
        assert_eq!(message.answers.len(), 0, "{known}");
        assert_eq!(message.authorities.len(), 1, "{known}");
    }
}

#[test]
fn aliases_are_followed_inside_the_answer() {
    let mut dns = server();
    let message = ask(&mut dns, "alias.b.example", RecordType::A);
    assert_eq!(
        answers(&message),
        [
            "alias.b.example. 300 IN CNAME Hop.b.example.",
            "Hop.b.example. 300 IN CNAME xmpp.b.example.",
            "xmpp.b.example. 300 IN A 192.0.2.1",
        ]
    );
    let message = ask(&mut dns, "lost.b.example", RecordType::A);
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(message.answers.len(), 1);
    assert_eq!(message.authorities[0].name.to_ascii(), "c.example.");
    let message = ask(&mut dns, "left.b.example", RecordType::A);
    assert_eq!(message.metadata.response_code, ResponseCode::NoError);
    assert_eq!(message.answers.len(), 16);
}

#[test]
fn udp_answers_keep_to_the_size_that_the_query_allows() {
    let mut dns = FakeDns::new();
    for port in 0..30 {
        dns = dns.srv(SRV_NAME, 0, 0, port, "xmpp.b.example");
    }
    let plain = query(7, SRV_NAME, RecordType::SRV);
    let truncated = Message::from_vec(&dns.answer(Transport::Udp, &plain)[0]).unwrap();
    assert!(truncated.metadata.truncation);
    assert_eq!(truncated.answers.len(), 0);
    let whole = Message::from_vec(&dns.answer(Transport::Tcp, &plain)[0]).unwrap();
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 30);

    let length = dns.answer(Transport::Udp, &with_edns(4096, SRV_NAME))[0].len();
    let exact = u16::try_from(length).unwrap();
    for (payload, count) in [(exact, 30), (exact - 1, 0)] {
        let bytes = &dns.answer(Transport::Udp, &with_edns(payload, SRV_NAME))[0];
        let message = Message::from_vec(bytes).unwrap();
        assert_eq!(message.answers.len(), count);
        assert_eq!(message.edns.unwrap().max_payload(), 1232);
    }
}

#[test]
fn what_is_no_query_is_refused_and_not_recorded() {
    let mut dns = server();
    let mut response = query(7, SRV_NAME, RecordType::SRV);
    response[2] |= 0x80;
    for bytes in [&b"\x01\x02\x03"[..], &response] {
        let answer = Message::from_vec(&dns.answer(Transport::Udp, bytes)[0]).unwrap();
        assert_eq!(answer.metadata.response_code, ResponseCode::FormErr);
        assert_eq!(answer.metadata.id.to_be_bytes(), bytes[..2]);
    }
    assert_eq!(dns.questions(), []);
}

#[test]
fn questions_are_recorded_in_order() {
    let mut dns = server();
    dns.answer(Transport::Udp, &query(1, "B.example", RecordType::AAAA));
    dns.answer(Transport::Tcp, &with_edns(1400, SRV_NAME));
    let [first, second] = dns.questions() else {
        panic!("{:?}", dns.questions());
    };
    assert_eq!(first.to_string(), "b.example AAAA over UDP");
    assert_eq!((first.name.as_str(), first.id), ("B.example", 1));
    assert_eq!(first.edns_payload, None);
    assert_eq!(second.to_string(), format!("{SRV_NAME} SRV over TCP"));
    assert_eq!(second.edns_payload, Some(1400));
}

#[test]
fn a_script_acts_only_when_all_its_conditions_hold() {
    let when = When::asked(SRV_NAME, RecordType::SRV)
        .over(Transport::Udp)
        .times(2);
    let mut dns = server()
        .fault(When::nth(1), Fault::Drop)
        .fault(when, Fault::Drop);
    let mut count = |transport, owner: &str, record_type| {
        dns.answer(transport, &query(1, owner, record_type)).len()
    };
    assert_eq!(count(Transport::Tcp, "b.example", RecordType::A), 0);
    assert_eq!(count(Transport::Tcp, SRV_NAME, RecordType::SRV), 1);
    assert_eq!(count(Transport::Udp, SRV_NAME, RecordType::A), 1);
    assert_eq!(count(Transport::Udp, SRV_NAME, RecordType::SRV), 0);
    assert_eq!(count(Transport::Udp, SRV_NAME, RecordType::SRV), 0);
    assert_eq!(count(Transport::Udp, SRV_NAME, RecordType::SRV), 1);
}

#[test]
fn healing_forgets_the_faults() {
    let mut dns = server().fault(When::always(), Fault::Drop);
    let asked = query(1, SRV_NAME, RecordType::SRV);
    assert_eq!(dns.answer(Transport::Udp, &asked).len(), 0);
    dns.heal();
    assert_eq!(dns.answer(Transport::Udp, &asked).len(), 1);
}

#[test]
fn each_fault_about_one_field_leaves_the_rest_true() {
    let truth = ask(&mut server(), SRV_NAME, RecordType::SRV);
    assert_eq!(
        answers(&truth),
        [format!("{SRV_NAME}. 300 IN SRV 10 5 5269 xmpp.b.example.")]
    );

    let mut expected = truth.clone();
    expected.metadata.id = 7 ^ 0x5555;
    assert_eq!(faulty(Fault::WrongId), expected);

    let message = faulty(Fault::WrongQuestion);
    assert_eq!(message.queries[0].name.to_ascii(), "other.invalid.");
    assert_eq!(message.queries[0].query_type, RecordType::SRV);
    assert_eq!(message.answers, truth.answers);

    let message = faulty(Fault::OtherName);
    assert_eq!(message.queries, truth.queries);
    assert_eq!(message.answers[0].name.to_ascii(), "other.invalid.");
    assert_eq!(message.answers[0].data, truth.answers[0].data);

    let extra = Record::from_rdata(name("xmpp.b.example"), 9, truth.answers[0].data.clone());
    let message = faulty(Fault::Additional(vec![extra.clone()]));
    assert_eq!(message.additionals, [extra]);
    assert_eq!(message.answers, truth.answers);

    let message = faulty(Fault::Truncated);
    assert!(message.metadata.truncation);
    assert_eq!(message.answers, []);
    assert_eq!(message.queries, truth.queries);

    let message = faulty(Fault::Code(ResponseCode::ServFail));
    assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
    assert_eq!((message.answers, message.authorities), (vec![], vec![]));
}

#[test]
fn the_case_of_the_question_is_lost_when_scripted() {
    let mut dns = server().fault(When::always(), Fault::LowerCase);
    let message = ask(&mut dns, "XMPP.B.example", RecordType::A);
    assert_eq!(message.queries[0].name.to_ascii(), "xmpp.b.example.");
}

#[test]
fn negative_answers_lose_their_soa_when_scripted() {
    let mut dns = server().fault(When::always(), Fault::NoSoa);
    let message = ask(&mut dns, "nowhere.example", RecordType::A);
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(message.authorities, []);
}

#[test]
fn edns_is_refused_but_a_plain_query_answered() {
    let mut dns = server().fault(When::always(), Fault::FormErrOnEdns);
    let refused = Message::from_vec(&dns.answer(Transport::Udp, &with_edns(1232, SRV_NAME))[0]);
    let refused = refused.unwrap();
    assert_eq!(refused.metadata.response_code, ResponseCode::FormErr);
    assert_eq!(refused.edns, None);
    assert_eq!(ask(&mut dns, SRV_NAME, RecordType::SRV).answers.len(), 1);
}

#[test]
fn forged_answers_come_before_the_true_one_and_never_under_its_id() {
    let mut dns = server().fault(When::always(), Fault::Spoofed { count: u16::MAX });
    let burst = dns.answer(Transport::Udp, &query(9, "xmpp.b.example", RecordType::A));
    assert_eq!(burst.len(), 65_536);
    assert!(burst[..65_535].iter().all(|bytes| bytes[..2] != [0, 9]));
    let forged = Message::from_vec(&burst[0]).unwrap();
    assert_eq!(
        answers(&forged),
        ["xmpp.b.example. 86400 IN A 203.0.113.66"]
    );
    let truth = Message::from_vec(&burst[65_535]).unwrap();
    assert_eq!(truth.metadata.id, 9);
    assert_eq!(answers(&truth), ["xmpp.b.example. 300 IN A 192.0.2.1"]);
}

#[test]
fn alias_faults_never_end() {
    assert_eq!(
        answers(&faulty(Fault::CnameLoop)),
        [
            format!("{SRV_NAME}. 300 IN CNAME loop.invalid."),
            format!("loop.invalid. 300 IN CNAME {SRV_NAME}."),
        ]
    );
    let mut dns = server().fault(When::always(), Fault::EndlessCname);
    let mut next = SRV_NAME.to_owned();
    for hop in 1..=20 {
        let message = ask(&mut dns, &next, RecordType::SRV);
        assert_eq!(
            answers(&message),
            [format!("{next}. 300 IN CNAME hop{hop}.invalid.")]
        );
        next = format!("hop{hop}.invalid");
    }
}

#[test]
fn malformed_answers_carry_the_id_but_do_not_parse() {
    let mut dns = server()
        .fault(When::nth(1), Fault::Garbage)
        .fault(When::nth(2), Fault::HugeCounts)
        .fault(When::nth(3), Fault::Bytes(b"xxyz".to_vec()));
    let asked = query(0x0102, SRV_NAME, RecordType::SRV);
    let [garbage] = &dns.answer(Transport::Udp, &with_edns(1232, SRV_NAME))[..] else {
        panic!("one answer");
    };
    assert_eq!(garbage[..2], [0, 7]);
    assert!(garbage[2] & 0x80 != 0);
    assert_eq!(garbage[4..12], [0, 1, 0, 1, 0, 0, 0, 0]);
    Message::from_vec(garbage).unwrap_err();
    assert_eq!(
        dns.answer(Transport::Udp, &asked),
        [[1, 2, 0x81, 0x80, 255, 255, 255, 255, 255, 255, 255, 255]]
    );
    assert_eq!(dns.answer(Transport::Udp, &asked), [b"\x01\x02yz"]);
}

#[test]
fn many_records_fill_a_tcp_message_and_are_truncated_over_udp() {
    let mut dns = server().fault(When::always(), Fault::ManySrv { count: 10_000 });
    let asked = query(7, SRV_NAME, RecordType::SRV);
    let over_udp = Message::from_vec(&dns.answer(Transport::Udp, &asked)[0]).unwrap();
    assert!(over_udp.metadata.truncation);
    let bytes = dns.answer(Transport::Tcp, &asked).remove(0);
    let message = Message::from_vec(&bytes).unwrap();
    assert!(!message.metadata.truncation);
    assert_eq!(message.answers.len(), 2_258);
    let mut stream = crate::dns::frame(&bytes);
    assert_eq!(unframe(&mut stream), Some(bytes));
}

#[test]
fn remaining_faults_do_what_they_say() {
    assert_eq!(
        answers(&faulty(Fault::NullTarget)),
        [format!("{SRV_NAME}. 300 IN SRV 0 0 0 .")]
    );
    let mut dns = server().fault(When::always(), Fault::Twice);
    let twice = dns.answer(Transport::Udp, &query(7, SRV_NAME, RecordType::SRV));
    assert_eq!(twice.len(), 2);
    assert_eq!(twice[0], twice[1]);
    let message = ask(&mut server().authentic(), SRV_NAME, RecordType::SRV);
    assert!(message.metadata.authentic_data);
}
