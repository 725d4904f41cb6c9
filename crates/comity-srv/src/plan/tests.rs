mod direct_tls;
mod dnssec;
mod given;
mod groups;
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
fn the_limit_on_aliases_holds_over_messages() {
    let chain = |length: usize| {
        let (outcome, _) = resolve(|question| match question {
            SRV => no_data(),
            "b.example A" if length == 0 => addresses(&["192.0.2.1"]),
            "b.example A" => answer(&["h1.example"], Ending::Alias),
            other if other.ends_with(" A") => {
                let step = usize::from(host_number(other));
                match step == length {
                    true => addresses(&["192.0.2.1"]),
                    false => answer(&[&format!("h{}.example", step + 1)], Ending::Alias),
                }
            }
            _ => no_data(),
        });
        outcome
    };
    assert!(matches!(chain(7), Outcome::Candidates(_)));
    assert!(matches!(chain(8), Outcome::Candidates(_)));
    assert_eq!(
        chain(9),
        Outcome::Failed(Failure::TooManyAliases { limit: 8 })
    );
}

#[test]
fn as_many_lookups_as_allowed_are_asked_and_no_more() {
    for (limit, found) in [(4, 1), (5, 2), (6, 2)] {
        let limits = Limits {
            max_lookups: limit,
            ..Limits::default()
        };
        let mut asked = 0;
        let (outcome, trace) = run(plan_with(limits), |question| {
            asked += 1;
            match question {
                SRV => services(&[srv(1, 0, 1, "x.example."), srv(1, 0, 2, "y.example.")]),
                "x.example A" => addresses(&["192.0.2.1"]),
                "y.example A" => addresses(&["192.0.2.2"]),
                _ => no_data(),
            }
        });
        assert_eq!((shown(&outcome).len(), asked), (found, limit.min(5)));
        let refused = Failure::TooManyLookups { limit };
        let named = trace.entries().iter().any(
            |entry| matches!(entry, TraceEntry::Failed { failure, .. } if *failure == refused),
        );
        assert_eq!(named, limit < 5);
    }
}

#[test]
fn only_so_many_questions_wait_at_a_time() {
    let limits = Limits {
        max_parallel_lookups: 3,
        ..Limits::default()
    };
    let mut plan = plan_with(limits);
    let question = plan.next_question().unwrap();
    assert_eq!(plan.next_question(), None, "nothing more is known to ask");
    let hosts = [srv(1, 0, 1, "x.example."), srv(1, 0, 2, "y.example.")];
    plan.handle_answer(&question, services(&hosts).as_ref());
    let waiting: Vec<_> = std::iter::from_fn(|| plan.next_question()).collect();
    assert_eq!(waiting.len(), 3);
    plan.handle_answer(&waiting[0], no_data().as_ref());
    assert_eq!(plan.next_question().unwrap().to_string(), "y.example A");
    assert_eq!(plan.next_question(), None);
}

#[test]
fn the_first_records_of_the_chosen_order_are_used() {
    for (count, used) in [(31, 31), (32, 32), (33, 32), (600, 32)] {
        let limits = Limits {
            max_lookups: 1000,
            ..Limits::default()
        };
        let records: Vec<_> = (0..count)
            .map(|host: u16| srv(count - host, 0, 1, &format!("h{host}.example.")))
            .collect();
        let (outcome, trace) = run(plan_with(limits), |question| match question {
            SRV => services(&records),
            other if other.ends_with(" A") => {
                let host = host_number(other);
                let [high, low] = host.to_be_bytes();
                answer(
                    &[],
                    Ending::Addresses(vec![IpAddr::from([11, 0, high, low])]),
                )
            }
            _ => no_data(),
        });
        let Outcome::Candidates(list) = outcome else {
            panic!("{outcome:?}");
        };
        let priorities: Vec<_> = list.iter().map(|candidate| candidate.priority).collect();
        assert_eq!(priorities, (1..=used).collect::<Vec<_>>());
        let left_out = trace.entries().iter().find_map(|entry| {
            let TraceEntry::RecordsLeftOut { left_out } = entry else {
                return None;
            };
            Some(*left_out)
        });
        let expected = usize::from(count - used);
        assert_eq!(left_out.unwrap_or(0), expected);
    }
}

#[test]
fn addresses_are_limited_by_target_and_in_all() {
    let many = |start: u8, count: u8| {
        let list = (0..count)
            .map(|host| IpAddr::from([11, 0, start, host]))
            .collect();
        answer(&[], Ending::Addresses(list))
    };
    for (count, used) in [(7, 7), (8, 8), (9, 8)] {
        let (outcome, _) = resolve(|question| match question {
            SRV => services(&[srv(1, 1, 1, "x.example.")]),
            "x.example A" => many(0, count),
            _ => no_data(),
        });
        assert_eq!(shown(&outcome).len(), used);
    }
    for (hosts, used) in [(3, 24), (4, 32), (5, 32)] {
        let (outcome, trace) = resolve(|question| match question {
            SRV => services(
                &(0..hosts)
                    .map(|h| srv(h, 0, 1, &format!("h{h}.example.")))
                    .collect::<Vec<_>>(),
            ),
            other if other.ends_with(" A") => many(other.as_bytes()[1], 8),
            _ => no_data(),
        });
        assert_eq!(shown(&outcome).len(), used);
        assert!(trace.entries().len() <= Trace::MAX_ENTRIES);
    }
}

#[test]
fn both_families_share_the_room_of_a_target() {
    let (outcome, _) = resolve(|question| match question {
        SRV => services(&[srv(1, 1, 1, "x.example.")]),
        "x.example A" => addresses(&["192.0.2.1"]),
        _ => answer(
            &[],
            Ending::Addresses(
                (1..=20)
                    .map(|n| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n]))
                    .collect(),
            ),
        ),
    });
    let shown = shown(&outcome);
    assert_eq!(shown.len(), 8);
    assert_eq!(shown[1], "x.example at 192.0.2.1:1, priority 1, weight 1");
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
fn addresses_beyond_the_room_of_a_target_are_left_out() {
    let (outcome, trace) = resolve(|question| match question {
        SRV => services(&[srv(1, 1, 1, "x.example.")]),
        "x.example A" => {
            let list = (0..100)
                .map(|host| IpAddr::from([11, 0, 0, host]))
                .collect();
            answer(&[], Ending::Addresses(list))
        }
        _ => no_data(),
    });
    assert_eq!(shown(&outcome).len(), 8);
    let dropped = trace
        .entries()
        .iter()
        .filter(|entry| matches!(entry, TraceEntry::AddressDropped { .. }));
    // 16 are looked at, and 8 of them used.
    assert_eq!(dropped.count(), 8);
    assert!(
        trace.to_string().ends_with("84 more were left out\n"),
        "{trace}"
    );
}

#[test]
fn questions_on_their_way_are_not_given_up_at_the_limit() {
    let limits = Limits {
        max_lookups: 3,
        ..Limits::default()
    };
    let mut plan = plan_with(limits);
    let question = plan.next_question().unwrap();
    let hosts = [srv(1, 0, 1, "x.example."), srv(1, 0, 2, "y.example.")];
    plan.handle_answer(&question, services(&hosts).as_ref());
    let waiting: Vec<_> = std::iter::from_fn(|| plan.next_question()).collect();
    assert_eq!(waiting.len(), 2);
    assert!(!plan.has_ended());
    plan.handle_answer(&waiting[0], no_data().as_ref());
    plan.handle_answer(&waiting[1], addresses(&["192.0.2.1"]).as_ref());
    let outcome = resolved(plan).0;
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:1, priority 1, weight 0"]
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
