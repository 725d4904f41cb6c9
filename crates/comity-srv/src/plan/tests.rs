mod direct_tls;
mod dnssec;
mod given;
mod groups;
mod limits;
mod next_hop;
mod sip;

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::address::Forbidden;
use crate::cache::Known;
use crate::candidate::{Basis, BlockedAddress, Candidate, Identity};
use crate::message::Ending;
use crate::message::{RecordName, SrvData};
use crate::trace::{AddressDropReason, DropReason};

fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn record_name(text: &str) -> RecordName {
    match text.split_once("._tcp.") {
        Some((service, rest)) => RecordName::below(&[service, "_tcp"], &domain(rest)).unwrap(),
        None => RecordName::from(&domain(text)),
    }
}

fn plan_with(limits: Limits) -> Plan {
    plan_for(Service::XmppServer, limits)
}

fn plan_for(service: Service, limits: Limits) -> Plan {
    Plan::new(&domain("b.example"), service, rules(limits)).unwrap()
}

fn rules(limits: Limits) -> Rules {
    Rules {
        limits,
        policy: AddressPolicy::default(),
        next_hop_policy: AddressPolicy::for_next_hops(),
        next_hop_name_policy: AddressPolicy::default(),
        seed: Seed {
            selection: Selection::Proportional,
            bytes: [7; 32],
        },
    }
}

fn srv(priority: u16, weight: u16, port: u16, target: &str) -> SrvData {
    let target = match target {
        "." => RecordName::root(),
        name => RecordName::from_labels(name.trim_end_matches('.').split('.')),
    };
    SrvData {
        priority,
        weight,
        port,
        target,
    }
}

fn answer(aliases: &[&str], ending: Ending) -> Known {
    Ok(Arc::new(Answer {
        aliases: aliases.iter().map(|alias| record_name(alias)).collect(),
        ending,
        ttl: Some(Duration::from_secs(60)),
        dnssec: Dnssec::Unchecked,
    }))
}

fn services(records: &[SrvData]) -> Known {
    answer(&[], Ending::Services(records.to_vec()))
}

fn addresses(list: &[&str]) -> Known {
    let list = list.iter().map(|text| text.parse().unwrap()).collect();
    answer(&[], Ending::Addresses(list))
}

fn no_data() -> Known {
    answer(&[], Ending::NoData)
}

/// Answers every question of the plan by `oracle`.
fn run(mut plan: Plan, mut oracle: impl FnMut(&str) -> Known) -> (Outcome, Trace) {
    let limits = plan.rules.limits.clone();
    let mut all = Vec::new();
    let mut steps = Trace::default();
    loop {
        while let Some(question) = plan.next_question() {
            let answer = oracle(&question.to_string());
            plan.handle_answer(&question, answer.as_ref());
        }
        let (outcome, rest, trace) = resolved(plan);
        steps.append(trace);
        let is_first = all.is_empty();
        if let Outcome::Candidates(found) = outcome {
            all.extend(found);
        } else if is_first {
            return (outcome, steps);
        }
        let Some(rest) = rest else {
            return (Outcome::Candidates(all), steps);
        };
        plan = Plan::resume(rest, rules(limits.clone()));
    }
}

fn resolved(plan: Plan) -> (Outcome, Option<Remainder>, Trace) {
    let (domain, conclusion, trace) = plan.conclude();
    assert_eq!(domain.as_str(), "b.example");
    let Conclusion::Resolved(outcome, rest) = conclusion else {
        panic!("{conclusion:?}");
    };
    (outcome, rest, trace)
}

/// Answers all the questions that wait together, in their order or backwards.
fn in_rounds(mut plan: Plan, backwards: bool, oracle: impl Fn(&Question) -> Known) -> Outcome {
    loop {
        let mut waiting: Vec<_> = std::iter::from_fn(|| plan.next_question()).collect();
        if waiting.is_empty() {
            return resolved(plan).0;
        }
        if backwards {
            waiting.reverse();
        }
        for question in waiting {
            plan.handle_answer(&question, oracle(&question).as_ref());
        }
    }
}

fn resolve(oracle: impl FnMut(&str) -> Known) -> (Outcome, Trace) {
    run(plan_with(Limits::default()), oracle)
}

fn shown(outcome: &Outcome) -> Vec<String> {
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    list.iter().map(ToString::to_string).collect()
}

/// 7 for `h7.example A`.
fn host_number(question: &str) -> u16 {
    let label = question.split('.').next().unwrap();
    label.strip_prefix('h').unwrap().parse().unwrap()
}

const SRV: &str = "_xmpp-server._tcp.b.example SRV";

#[test]
fn targets_come_in_priority_order_with_both_families_in_turn() {
    let (outcome, trace) = resolve(|question| match question {
        SRV => services(&[
            srv(20, 0, 5270, "y.example."),
            srv(10, 5, 5269, "x.example."),
        ]),
        "x.example A" => addresses(&["192.0.2.1", "192.0.2.2"]),
        "x.example AAAA" => addresses(&["2001:db8::1"]),
        "y.example A" => addresses(&["192.0.2.3"]),
        "y.example AAAA" => no_data(),
        other => panic!("{other}"),
    });
    let expected = [
        "x.example at [2001:db8::1]:5269, priority 10, weight 5",
        "x.example at 192.0.2.1:5269, priority 10, weight 5",
        "x.example at 192.0.2.2:5269, priority 10, weight 5",
        "y.example at 192.0.2.3:5270, priority 20, weight 0",
    ];
    assert_eq!(shown(&outcome), expected);
    assert_eq!(
        trace.to_string(),
        "_xmpp-server._tcp.b.example SRV: 2 records\n\
         x.example AAAA: 1 records\n\
         x.example A: 2 records\n\
         chose x.example at [2001:db8::1]:5269, priority 10, weight 5\n\
         chose x.example at 192.0.2.1:5269, priority 10, weight 5\n\
         chose x.example at 192.0.2.2:5269, priority 10, weight 5\n\
         y.example AAAA: no such record\n\
         y.example A: 1 records\n\
         chose y.example at 192.0.2.3:5270, priority 20, weight 0\n"
    );
}

#[test]
fn without_srv_records_the_domain_itself_is_tried() {
    let (outcome, _) = resolve(|question| match question {
        SRV | "b.example AAAA" => no_data(),
        "b.example A" => addresses(&["192.0.2.1"]),
        other => panic!("{other}"),
    });
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].address, "192.0.2.1:5269".parse().unwrap());
    assert_eq!(list[0].provenance, Provenance::Fallback);
    assert_eq!(list[0].transport, Transport::StartTls);
}

#[test]
fn a_domain_without_any_record_is_absent() {
    let (outcome, _) = resolve(|_| answer(&[], Ending::NoName));
    assert_eq!(outcome, Outcome::Absent);
}

#[test]
fn an_error_is_not_an_absence() {
    for failure in [
        Failure::Timeout,
        Failure::Server { code: 2 },
        Failure::Malformed,
    ] {
        let mut asked = 0;
        let (outcome, _) = resolve(|_| {
            asked += 1;
            Err(failure.clone())
        });
        assert_eq!(
            (outcome, asked),
            (Outcome::Failed(failure), 1),
            "no fallback"
        );
    }
    let (outcome, _) = resolve(|question| match question {
        SRV => no_data(),
        "b.example AAAA" => Err(Failure::Timeout),
        _ => no_data(),
    });
    assert_eq!(outcome, Outcome::Failed(Failure::Timeout));
}

#[test]
fn a_family_that_fails_does_not_spoil_the_other() {
    let (outcome, _) = resolve(|question| match question {
        SRV => services(&[srv(1, 1, 1, "x.example.")]),
        "x.example AAAA" => Err(Failure::Server { code: 2 }),
        _ => addresses(&["192.0.2.1"]),
    });
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:1, priority 1, weight 1"]
    );
}

#[test]
fn a_root_target_refuses_the_service() {
    let mut asked = 0;
    let (outcome, _) = resolve(|_| {
        asked += 1;
        services(&[srv(0, 0, 9090, ".")])
    });
    assert_eq!((outcome, asked), (Outcome::Refused, 1));
}

#[test]
fn a_root_target_beside_others_is_left_out() {
    let (outcome, trace) = resolve(|question| match question {
        SRV => services(&[srv(0, 0, 1, "."), srv(1, 1, 2, "x.example.")]),
        "x.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    });
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:2, priority 1, weight 1"]
    );
    assert_eq!(
        trace.entries()[1],
        TraceEntry::RecordDropped {
            target: srv(0, 0, 1, ".").target,
            port: 1,
            priority: 0,
            transport: Transport::StartTls,
            reason: DropReason::NotOffered,
        }
    );
}

#[test]
fn unusable_records_never_bring_the_fallback_back() {
    let (outcome, trace) = resolve(|question| match question {
        SRV => services(&[
            srv(1, 1, 0, "x.example."),
            srv(1, 1, 5269, "192.0.2.1."),
            srv(1, 1, 5269, "a_b.example."),
            srv(1, 1, 5269, "."),
        ]),
        other => panic!("{other}"),
    });
    assert_eq!(outcome, Outcome::Failed(Failure::NoUsableRecord));
    assert_eq!(
        trace.to_string(),
        "_xmpp-server._tcp.b.example SRV: 4 records\n\
         left out target x.example port 0 priority 1 by STARTTLS: port 0\n\
         left out target . port 5269 priority 1 by STARTTLS: the service is not offered there\n\
         left out target 192.0.2.1 port 5269 priority 1 by STARTTLS: the domain name ends in a number\n\
         left out target a_b.example port 5269 priority 1 by STARTTLS: '_' is not allowed in a domain name\n"
    );
}

#[test]
fn targets_without_addresses_never_bring_the_fallback_back() {
    let (outcome, trace) = resolve(|question| match question {
        SRV => services(&[srv(1, 1, 1, "x.example.")]),
        "x.example A" | "x.example AAAA" => no_data(),
        other => panic!("{other}"),
    });
    assert_eq!(outcome, Outcome::Failed(Failure::NoAddress));
    let target = domain("x.example");
    assert_eq!(
        trace.entries().last(),
        Some(&TraceEntry::Unreachable { target })
    );
}

#[test]
fn forbidden_addresses_are_left_out_and_alone_they_block() {
    let inner = |question: &str| match question {
        SRV => services(&[srv(1, 1, 1, "x.example.")]),
        "x.example A" => addresses(&["127.0.0.1", "10.0.0.1"]),
        _ => no_data(),
    };
    let (outcome, trace) = resolve(inner);
    let blocked = |text: &str, reason| BlockedAddress {
        target: domain("x.example"),
        address: text.parse().unwrap(),
        reason,
    };
    let expected = vec![
        blocked("10.0.0.1", Forbidden::Private),
        blocked("127.0.0.1", Forbidden::Loopback),
    ];
    assert_eq!(outcome, Outcome::Blocked(expected));
    assert_eq!(
        trace.entries()[4],
        TraceEntry::AddressDropped {
            target: domain("x.example"),
            address: "127.0.0.1".parse().unwrap(),
            reason: AddressDropReason::Forbidden(Forbidden::Loopback),
        }
    );
    let (outcome, _) = resolve(|question| match question {
        "x.example AAAA" => addresses(&["2001:db8::1"]),
        other => inner(other),
    });
    assert_eq!(
        shown(&outcome),
        ["x.example at [2001:db8::1]:1, priority 1, weight 1"]
    );
    let (outcome, _) = resolve(|question| match question {
        "x.example AAAA" => Err(Failure::Timeout),
        other => inner(other),
    });
    assert_eq!(
        outcome,
        Outcome::Failed(Failure::Timeout),
        "another try may bring more"
    );
}

#[test]
fn no_address_is_tried_twice() {
    let (outcome, _) = resolve(|question| match question {
        SRV => services(&[
            srv(1, 0, 1, "x.example."),
            srv(2, 0, 1, "y.example."),
            srv(3, 0, 2, "x.example."),
            srv(1, 0, 1, "x.example."),
        ]),
        "x.example A" | "y.example A" => addresses(&["192.0.2.1", "192.0.2.1"]),
        _ => no_data(),
    });
    let expected = [
        "x.example at 192.0.2.1:1, priority 1, weight 0",
        "x.example at 192.0.2.1:2, priority 3, weight 0",
    ];
    assert_eq!(shown(&outcome), expected);
}

#[test]
fn each_host_is_looked_up_once() {
    let mut asked = Vec::new();
    resolve(|question| {
        asked.push(question.to_owned());
        match question {
            SRV => services(&[srv(1, 0, 1, "x.example."), srv(1, 0, 2, "X.example.")]),
            _ => no_data(),
        }
    });
    assert_eq!(asked, [SRV, "x.example AAAA", "x.example A"]);
}

#[test]
fn aliases_are_followed_from_message_to_message() {
    let (outcome, trace) = resolve(|question| match question {
        SRV => answer(&["_xmpp-server._tcp.host.test"], Ending::Alias),
        "_xmpp-server._tcp.host.test SRV" => services(&[srv(1, 1, 1, "x.example.")]),
        "x.example A" => answer(&["y.example"], Ending::Alias),
        "y.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    });
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:1, priority 1, weight 1"]
    );
    let aliased = TraceEntry::Aliased {
        from: record_name("x.example"),
        to: record_name("y.example"),
    };
    assert!(trace.entries().contains(&aliased));
}

#[test]
fn a_loop_over_messages_ends() {
    let mut asked = 0;
    let (outcome, _) = resolve(|question| {
        asked += 1;
        match question {
            SRV => no_data(),
            "b.example A" | "b.example AAAA" => answer(&["c.example"], Ending::Alias),
            _ => answer(&["b.example"], Ending::Alias),
        }
    });
    assert_eq!((outcome, asked), (Outcome::Failed(Failure::AliasLoop), 5));
}

#[test]
fn what_is_known_when_time_is_up_is_used() {
    let mut plan = plan_with(Limits::default());
    let question = plan.next_question().unwrap();
    plan.handle_answer(&question, services(&[srv(1, 1, 1, "x.example.")]).as_ref());
    plan.next_question().unwrap();
    let v4 = plan.next_question().unwrap();
    plan.handle_answer(&v4, addresses(&["192.0.2.1"]).as_ref());
    assert!(!plan.has_ended());
    plan.expire();
    let outcome = resolved(plan).0;
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:1, priority 1, weight 1"]
    );

    let mut plan = plan_with(Limits::default());
    plan.expire();
    assert_eq!(resolved(plan).0, Outcome::Failed(Failure::Timeout));
}

#[test]
fn the_order_of_answers_does_not_change_the_outcome() {
    let oracle = |question: &Question| match question.to_string().as_str() {
        SRV => services(&[srv(1, 1, 1, "x.example."), srv(1, 1, 1, "y.example.")]),
        "x.example A" => addresses(&["192.0.2.1"]),
        "y.example A" => addresses(&["192.0.2.2"]),
        _ => no_data(),
    };
    let outcome = |backwards| in_rounds(plan_with(Limits::default()), backwards, oracle);
    assert_eq!(outcome(true), outcome(false));
    assert_eq!(shown(&outcome(true)).len(), 2);
}

#[test]
fn a_record_that_comes_twice_counts_once() {
    let twice = [srv(1, 1, 1, "x.example."), srv(1, 1, 1, "X.example.")];
    let (_, trace) = resolve(|question| match question {
        SRV => services(&twice),
        _ => no_data(),
    });
    assert_eq!(
        trace.entries()[1],
        TraceEntry::RecordDropped {
            target: record_name("x.example"),
            port: 1,
            priority: 1,
            transport: Transport::StartTls,
            reason: DropReason::Duplicate,
        }
    );
}

#[test]
fn one_answer_serves_all_targets_that_are_aliases_of_one_host() {
    let mut plan = plan_with(Limits::default());
    let question = plan.next_question().unwrap();
    let hosts = [srv(1, 0, 1, "x.example."), srv(1, 0, 2, "y.example.")];
    plan.handle_answer(&question, services(&hosts).as_ref());
    let waiting: Vec<_> = std::iter::from_fn(|| plan.next_question()).collect();
    for question in waiting {
        let alias = answer(&["host.test"], Ending::Alias);
        plan.handle_answer(&question, alias.as_ref());
    }
    let waiting: Vec<_> = std::iter::from_fn(|| plan.next_question()).collect();
    let shown_questions: Vec<_> = waiting.iter().map(ToString::to_string).collect();
    let both = ["host.test AAAA", "host.test A"];
    assert_eq!(shown_questions, [both, both].concat());
    plan.handle_answer(&waiting[0], no_data().as_ref());
    plan.handle_answer(&waiting[1], addresses(&["192.0.2.1"]).as_ref());
    let outcome = resolved(plan).0;
    assert_eq!(
        shown(&outcome),
        [
            "x.example at 192.0.2.1:1, priority 1, weight 0",
            "y.example at 192.0.2.1:2, priority 1, weight 0",
        ]
    );
}
