//! Answers for those who have a resolver of their own.

use std::collections::BTreeSet;

use comity_identity::DomainName;
use comity_srv::{MessageError, Published, RecordName, service_records};
use comity_testkit::dns::{FakeDns, RecordType, Transport, query};

use super::truth;
use crate::program::Program;

/// Reads what the server says about the records of a domain. What is true is what it knows; with
/// bytes changed it is read or not, but names no host without a name or port. Cut, it is the same or no answer.
pub(super) fn step(dns: &mut FakeDns, program: &mut Program<'_>) {
    let choice = usize::from(program.byte());
    let domain = truth::DOMAINS[choice % truth::DOMAINS.len()];
    let text = format!("{LABELS}.{domain}");
    let domain_name: DomainName = domain.parse().expect("a domain name");
    let labels: Vec<_> = LABELS.split('.').collect();
    let owner = RecordName::below(&labels, &domain_name).expect("a short name");
    let query = query(7, &text, RecordType::SRV);
    let response = dns.answer(Transport::Tcp, &query).remove(0);

    let truth = truth::published(domain);
    let read = |bytes: &[u8]| service_records(bytes, &owner);
    check_truth(read(&response).expect("the truth"), &truth);
    if !truth.is_empty() {
        check_truth(read(&written(&text, &truth)).expect("the truth"), &truth);
    }
    for cut in 0..response.len() {
        if let Ok(published) = read(&response[..cut]) {
            check_truth(published, &truth);
        }
    }
    let mut bent = response;
    for _ in 0..program.byte() % 8 {
        let at = usize::from(program.word()) % bent.len();
        bent[at] = program.byte();
    }
    check_made_up(read(&bent));
}

/// An answer without a question, whose names are all written in full.
fn written(owner: &str, truth: &BTreeSet<Known>) -> Vec<u8> {
    let count = u8::try_from(truth.len()).expect("a few");
    let mut message = vec![0, 7, 0x80, 0, 0, 0, 0, count, 0, 0, 0, 0];
    for (priority, port, target) in truth {
        let numbers = [*priority, 0, *port].map(u16::to_be_bytes).concat();
        let data = [numbers, wire_name(target)].concat();
        let length = u16::try_from(data.len()).expect("a short name");
        // SRV, IN, and a minute.
        let fixed = [0, 33, 0, 1, 0, 0, 0, 60];
        message.extend([&wire_name(owner)[..], &fixed, &length.to_be_bytes(), &data].concat());
    }
    message
}

fn wire_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        let length = u8::try_from(label.len()).expect("a short label");
        [&[length], label.as_bytes()].concat()
    });
    [labels.collect::<Vec<_>>().concat(), vec![0]].concat()
}

/// Priority, port and target.
type Known = (u16, u16, &'static str);

fn check_truth(published: Published, truth: &BTreeSet<Known>) {
    match published {
        Published::Absent => assert!(truth.is_empty()),
        Published::Refused => {
            assert!(!truth.is_empty() && truth.iter().all(|known| known.2 == "."));
        }
        Published::Records(records) => {
            let records = records.iter();
            let records = records.map(|one| (one.priority, one.port, one.target.as_str()));
            assert_eq!(&records.collect::<BTreeSet<_>>(), truth);
        }
    }
}

fn check_made_up(read: Result<Published, MessageError>) {
    if let Ok(Published::Records(records)) = read {
        assert!(!records.is_empty());
        assert!(records.iter().all(|record| record.port != 0));
    }
}

const LABELS: &str = "_xmpp-server._tcp";
