use super::*;

#[test]
fn a_query_is_a_dns_message_with_one_question_and_edns() {
    let asked = question("_xmpp-server._tcp.b.example", RecordKind::Srv);
    let sent = sent(&asked, false);
    let message = Message::from_vec(&sent.to_bytes()).unwrap();
    let mut expected = Query::query(name("_xmpp-server._tcp.b.example"), RecordType::SRV);
    expected.set_query_class(DNSClass::IN);
    assert_eq!(message.queries, [expected]);
    assert_eq!(message.metadata.id, sent.id);
    assert_eq!(message.metadata.message_type, MessageType::Query);
    assert!(message.metadata.recursion_desired);
    let edns = message.edns.unwrap();
    assert_eq!((edns.max_payload(), edns.version()), (1232, 0));
}

#[test]
fn a_query_without_edns_has_no_opt_record() {
    let asked = question("b.example", RecordKind::Aaaa);
    let form = Form {
        edns: Edns::Omitted,
        ..PLAIN
    };
    let sent = Sent::new(&asked, form, false, &mut Random::from_seed([1; 32]));
    let message = Message::from_vec(&sent.to_bytes()).unwrap();
    assert_eq!(message.edns, None);
    assert_eq!(message.queries[0].query_type, RecordType::AAAA);
}

#[test]
fn a_query_says_whether_it_wants_the_answer_validated() {
    let asked = question("b.example", RecordKind::Naptr);
    let bits = |validation| {
        let form = Form {
            validation,
            ..PLAIN
        };
        let sent = Sent::new(&asked, form, false, &mut Random::from_seed([1; 32]));
        let message = Message::from_vec(&sent.to_bytes()).unwrap();
        assert_eq!(message.queries[0].query_type, RecordType::NAPTR);
        let metadata = message.metadata;
        (metadata.authentic_data, metadata.checking_disabled)
    };
    assert_eq!(bits(Validation::Unasked), (false, false));
    assert_eq!(bits(Validation::Asked), (true, false));
    assert_eq!(bits(Validation::Disabled), (true, true));
    assert_eq!(bits(Validation::Confirming), (true, false));
}

#[test]
fn ids_and_letters_are_up_to_chance() {
    let asked = question("b.example", RecordKind::A);
    let mut random = Random::from_seed([1; 32]);
    let mut draw = || Sent::new(&asked, PLAIN, true, &mut random);
    let (first, second) = (draw(), draw());
    assert_ne!(first.id, second.id);
    assert_ne!(first.question, second.question);
    assert!(first.question.eq_ignore_ascii_case(&second.question));
}
