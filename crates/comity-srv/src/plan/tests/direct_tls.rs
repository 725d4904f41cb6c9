//! Two sets of records that count as one (XEP-0368).

use super::*;

const DIRECT: &str = "_xmpps-server._tcp.b.example SRV";

fn plan_both(limits: Limits) -> Plan {
    plan_for(Service::XmppServerWithDirectTls, limits)
}

fn resolve_both(oracle: impl FnMut(&str) -> Known) -> (Outcome, Trace) {
    run(plan_both(Limits::default()), oracle)
}

/// What a set can be answered with, and what it is called below.
fn set(name: &str, host: &str) -> Known {
    match name {
        "records" => services(&[srv(1, 1, 1, host)]),
        "useless" => services(&[srv(1, 1, 0, host)]),
        "root" => services(&[srv(0, 0, 0, ".")]),
        "absent" => no_data(),
        "servfail" => Err(Failure::Server { code: 2 }),
        "timeout" => Err(Failure::Timeout),
        other => panic!("{other}"),
    }
}

#[test]
fn both_sets_are_asked_for_at_the_same_time() {
    let mut plan = plan_both(Limits::default());
    let asked: Vec<_> = std::iter::from_fn(|| plan.next_question()).collect();
    let shown: Vec<_> = asked.iter().map(ToString::to_string).collect();
    assert_eq!(shown, [SRV, DIRECT]);
}

#[test]
fn without_direct_tls_its_set_is_not_asked_for() {
    let mut asked = Vec::new();
    resolve(|question| {
        asked.push(question.to_owned());
        no_data()
    });
    assert_eq!(asked, [SRV, "b.example AAAA", "b.example A"]);
}

#[test]
fn priorities_of_both_sets_are_mixed() {
    let (outcome, trace) = resolve_both(|question| match question {
        SRV => services(&[
            srv(10, 5, 5269, "x.example."),
            srv(30, 0, 5269, "z.example."),
        ]),
        DIRECT => services(&[srv(20, 7, 443, "y.example."), srv(5, 0, 5270, "x.example.")]),
        "x.example A" => addresses(&["192.0.2.1"]),
        "y.example A" => addresses(&["192.0.2.2"]),
        "z.example A" => addresses(&["192.0.2.3"]),
        _ => no_data(),
    });
    assert_eq!(
        shown(&outcome),
        [
            "x.example at 192.0.2.1:5270, priority 5, weight 0, direct TLS",
            "x.example at 192.0.2.1:5269, priority 10, weight 5",
            "y.example at 192.0.2.2:443, priority 20, weight 7, direct TLS",
            "z.example at 192.0.2.3:5269, priority 30, weight 0",
        ]
    );
    let Outcome::Candidates(list) = outcome else {
        panic!("{trace}");
    };
    let securities: Vec<_> = list.iter().map(|one| one.transport).collect();
    let (plain, direct) = (Transport::StartTls, Transport::Tls);
    assert_eq!(securities, [direct, plain, direct, plain]);
    assert!(
        list.iter()
            .all(|one| one.provenance == Provenance::ServiceRecord)
    );
}

#[test]
fn weights_of_both_sets_are_mixed() {
    let mut directs_first = 0;
    for seed in 0..1000_u32 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_be_bytes());
        let mut rules = rules(Limits::default());
        rules.seed.bytes = bytes;
        let service = Service::XmppServerWithDirectTls;
        let plan = Plan::new(&domain("b.example"), service, rules);
        let (outcome, _) = run(plan.unwrap(), |question| match question {
            SRV => services(&[srv(1, 1, 1, "x.example.")]),
            DIRECT => services(&[srv(1, 3, 1, "x.example.")]),
            "x.example A" => addresses(&["192.0.2.1"]),
            _ => no_data(),
        });
        directs_first += usize::from(shown(&outcome)[0].ends_with("direct TLS"));
    }
    // Three quarters, and four deviations of 14.
    assert!((694..=806).contains(&directs_first), "{directs_first}");
}

/// Every answer for one set with every answer for the other.
#[test]
fn what_two_answers_come_to() {
    let answers = [
        "records", "useless", "root", "absent", "servfail", "timeout",
    ];
    // One row for each answer about STARTTLS, one column for each about direct TLS.
    #[rustfmt::skip]
    let table = [
        ["both",   "plain",    "plain",    "plain",    "plain",    "plain"],
        ["direct", "useless",  "useless",  "useless",  "servfail", "timeout"],
        ["direct", "useless",  "refused",  "refused",  "servfail", "timeout"],
        ["direct", "useless",  "refused",  "fallback", "servfail", "timeout"],
        ["direct", "servfail", "servfail", "servfail", "servfail", "servfail"],
        ["direct", "timeout",  "timeout",  "timeout",  "servfail", "timeout"],
    ];
    for (starttls, row) in answers.into_iter().zip(table) {
        for (direct_tls, expected) in answers.into_iter().zip(row) {
            let (outcome, trace) = resolve_both(|question| match question {
                SRV => set(starttls, "p.example."),
                DIRECT => set(direct_tls, "d.example."),
                other if other.ends_with(" A") => addresses(&["192.0.2.1"]),
                _ => no_data(),
            });
            let cell = format!("{starttls}, direct TLS {direct_tls}\n{trace}");
            assert_eq!(named(&outcome), expected, "{cell}");
        }
    }
}

/// The word for an outcome in the table.
fn named(outcome: &Outcome) -> &'static str {
    const PLAIN: &str = "p.example at 192.0.2.1:1, priority 1, weight 1";
    const DIRECT: &str = "d.example at 192.0.2.1:1, priority 1, weight 1, direct TLS";
    const FALLBACK: &str = "b.example at 192.0.2.1:5269, without an SRV record";
    if *outcome == Outcome::Refused {
        return "refused";
    }
    if let Outcome::Failed(failure) = outcome {
        let failures = [
            (Failure::NoUsableRecord, "useless"),
            (Failure::Server { code: 2 }, "servfail"),
            (Failure::Timeout, "timeout"),
        ];
        return failures.iter().find(|(one, _)| one == failure).unwrap().1;
    }
    let mut found = shown(outcome);
    found.sort();
    match found.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [DIRECT, PLAIN] => "both",
        [DIRECT] => "direct",
        [PLAIN] => "plain",
        [FALLBACK] => "fallback",
        _ => panic!("{found:?}"),
    }
}

#[test]
fn the_fallback_is_by_starttls() {
    let (outcome, trace) = resolve_both(|question| match question {
        SRV | DIRECT | "b.example AAAA" => no_data(),
        "b.example A" => addresses(&["192.0.2.1"]),
        other => panic!("{other}"),
    });
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    let found: Vec<_> = list
        .iter()
        .map(|one| (one.address.to_string(), one.transport, one.provenance))
        .collect();
    let expected = (
        "192.0.2.1:5269".to_owned(),
        Transport::StartTls,
        Provenance::Fallback,
    );
    assert_eq!(found, [expected]);
    assert_eq!(
        trace.to_string(),
        "_xmpp-server._tcp.b.example SRV: no such record\n\
         _xmpps-server._tcp.b.example SRV: no such record\n\
         no SRV record: trying b.example on port 5269\n\
         b.example AAAA: no such record\n\
         b.example A: 1 records\n\
         chose b.example at 192.0.2.1:5269, without an SRV record\n"
    );
}

#[test]
fn a_domain_without_any_record_is_absent_with_both_sets_too() {
    let (outcome, _) = resolve_both(|_| answer(&[], Ending::NoName));
    assert_eq!(outcome, Outcome::Absent);
}

#[test]
fn a_refusal_of_one_set_forbids_the_fallback() {
    for refusing in [SRV, DIRECT] {
        let mut asked = Vec::new();
        let (outcome, _) = resolve_both(|question| {
            asked.push(question.to_owned());
            match question {
                _ if question == refusing => services(&[srv(0, 0, 0, ".")]),
                _ => no_data(),
            }
        });
        assert_eq!(outcome, Outcome::Refused);
        assert_eq!(asked, [SRV, DIRECT], "no address is asked for");
    }
}

#[test]
fn the_trace_says_which_set_is_missing_and_which_is_not_offered() {
    let (_, trace) = resolve_both(|question| match question {
        SRV => services(&[srv(1, 1, 1, "x.example.")]),
        DIRECT => services(&[srv(0, 0, 0, ".")]),
        "x.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    });
    assert_eq!(
        trace.to_string(),
        "_xmpp-server._tcp.b.example SRV: 1 records\n\
         _xmpps-server._tcp.b.example SRV: 1 records\n\
         left out target . port 0 priority 0 by TLS: the service is not offered there\n\
         x.example AAAA: no such record\n\
         x.example A: 1 records\n\
         chose x.example at 192.0.2.1:1, priority 1, weight 1\n"
    );
    let (_, trace) = resolve_both(|question| match question {
        SRV => services(&[srv(1, 1, 1, "x.example.")]),
        DIRECT => Err(Failure::Server { code: 2 }),
        "x.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    });
    assert_eq!(
        trace.to_string(),
        "_xmpp-server._tcp.b.example SRV: 1 records\n\
         _xmpps-server._tcp.b.example SRV: the name server answered with SERVFAIL\n\
         x.example AAAA: no such record\n\
         x.example A: 1 records\n\
         chose x.example at 192.0.2.1:1, priority 1, weight 1\n"
    );
}

#[test]
fn one_address_and_port_in_both_sets_is_two_candidates() {
    let mut asked = Vec::new();
    let (outcome, trace) = resolve_both(|question| {
        asked.push(question.to_owned());
        match question {
            SRV => services(&[srv(2, 0, 443, "x.example."), srv(2, 0, 443, "x.example.")]),
            DIRECT => services(&[srv(1, 0, 443, "x.example."), srv(3, 0, 443, "x.example.")]),
            "x.example A" => addresses(&["192.0.2.1"]),
            _ => no_data(),
        }
    });
    assert_eq!(
        shown(&outcome),
        [
            "x.example at 192.0.2.1:443, priority 1, weight 0, direct TLS",
            "x.example at 192.0.2.1:443, priority 2, weight 0",
        ]
    );
    // Each of the three priorities asks for its hosts.
    let host = ["x.example AAAA", "x.example A"];
    assert_eq!(asked, [[SRV, DIRECT], host, host, host].concat());
    let dropped = |entry: &&TraceEntry| {
        matches!(
            entry,
            TraceEntry::RecordDropped { .. } | TraceEntry::AddressDropped { .. }
        )
    };
    let dropped: Vec<_> = trace.entries().iter().filter(dropped).collect();
    assert_eq!(
        dropped,
        [
            &TraceEntry::RecordDropped {
                target: record_name("x.example"),
                port: 443,
                priority: 2,
                transport: Transport::StartTls,
                reason: DropReason::Duplicate,
            },
            &TraceEntry::AddressDropped {
                target: domain("x.example"),
                address: "192.0.2.1".parse().unwrap(),
                reason: AddressDropReason::Duplicate,
            },
        ]
    );
}

#[test]
fn a_set_that_failed_may_have_had_more_than_blocked_or_missing_addresses() {
    let blocked = BlockedAddress {
        target: domain("x.example"),
        address: "127.0.0.1".parse().unwrap(),
        reason: Forbidden::Loopback,
    };
    for (found, useless) in [
        (addresses(&["127.0.0.1"]), Outcome::Blocked(vec![blocked])),
        (no_data(), Outcome::Failed(Failure::NoAddress)),
    ] {
        for (direct, expected) in [
            (no_data(), useless),
            (Err(Failure::Timeout), Outcome::Failed(Failure::Timeout)),
        ] {
            let (outcome, _) = resolve_both(|question| match question {
                SRV => services(&[srv(1, 1, 1, "x.example.")]),
                DIRECT => direct.clone(),
                "x.example A" => found.clone(),
                _ => no_data(),
            });
            assert_eq!(outcome, expected);
        }
    }
}

#[test]
fn both_sets_share_the_limit_on_records() {
    let records = |odd: u16| -> Vec<_> {
        (0..20)
            .map(|host| {
                srv(
                    2 * host + odd,
                    0,
                    1,
                    &format!("h{}.example.", 2 * host + odd),
                )
            })
            .collect()
    };
    let limits = Limits {
        max_lookups: 1000,
        ..Limits::default()
    };
    let (outcome, trace) = run(plan_both(limits), |question| match question {
        SRV => services(&records(0)),
        DIRECT => services(&records(1)),
        other if other.ends_with(" A") => {
            let [high, low] = host_number(other).to_be_bytes();
            let address = IpAddr::from([11, 0, high, low]);
            answer(&[], Ending::Addresses(vec![address]))
        }
        _ => no_data(),
    });
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    let found: Vec<_> = list
        .iter()
        .map(|one| (one.priority, one.transport))
        .collect();
    let set_of = |priority: u16| match priority % 2 {
        0 => Transport::StartTls,
        _ => Transport::Tls,
    };
    let expected = (0..32).map(|priority| (priority, set_of(priority)));
    assert_eq!(found, expected.collect::<Vec<_>>());
    let left_out = TraceEntry::RecordsLeftOut { left_out: 8 };
    assert!(trace.entries().contains(&left_out), "{trace}");
}

#[test]
fn both_sets_count_as_lookups() {
    for (limit, asked_for, found) in [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 4, 2), (5, 4, 2)] {
        let limits = Limits {
            max_lookups: limit,
            ..Limits::default()
        };
        let mut asked = 0;
        let (outcome, _) = run(plan_both(limits), |question| {
            asked += 1;
            match question {
                SRV => services(&[srv(1, 0, 1, "x.example.")]),
                DIRECT => services(&[srv(1, 0, 2, "x.example.")]),
                "x.example A" => addresses(&["192.0.2.1"]),
                _ => no_data(),
            }
        });
        assert_eq!(asked, asked_for);
        match found {
            0 => assert_eq!(outcome, Outcome::Failed(Failure::TooManyLookups { limit })),
            _ => assert_eq!(shown(&outcome).len(), found),
        }
    }
    // Where one question is allowed and no host has to be asked for, that one decides.
    let limits = Limits {
        max_lookups: 1,
        ..Limits::default()
    };
    let (outcome, _) = run(plan_both(limits), |_| Err(Failure::Server { code: 5 }));
    assert_eq!(outcome, Outcome::Failed(Failure::Server { code: 5 }));
}

#[test]
fn one_question_at_a_time_is_enough_for_both_sets() {
    let limits = Limits {
        max_parallel_lookups: 1,
        ..Limits::default()
    };
    let mut plan = plan_both(limits);
    let question = plan.next_question().unwrap();
    assert_eq!(question.to_string(), SRV);
    assert_eq!(plan.next_question(), None);
    plan.handle_answer(&question, no_data().as_ref());
    assert!(!plan.has_ended());
    let question = plan.next_question().unwrap();
    assert_eq!(question.to_string(), DIRECT);
    let direct = services(&[srv(1, 0, 1, "x.example.")]);
    plan.handle_answer(&question, direct.as_ref());
    assert_eq!(plan.next_question().unwrap().to_string(), "x.example AAAA");
}

#[test]
fn the_order_in_which_the_sets_are_answered_does_not_matter() {
    let oracle = |question: &Question| match question.to_string().as_str() {
        SRV => services(&[srv(1, 1, 1, "x.example."), srv(1, 1, 1, "y.example.")]),
        DIRECT => services(&[srv(1, 1, 1, "x.example."), srv(1, 1, 2, "y.example.")]),
        "x.example A" => addresses(&["192.0.2.1"]),
        "y.example A" => addresses(&["192.0.2.2"]),
        _ => no_data(),
    };
    let outcome = |backwards| in_rounds(plan_both(Limits::default()), backwards, oracle);
    assert_eq!(outcome(true), outcome(false));
    assert_eq!(shown(&outcome(true)).len(), 4);
}

#[test]
fn one_set_may_be_an_alias_of_the_other() {
    let (outcome, _) = resolve_both(|question| match question {
        SRV => services(&[srv(1, 1, 443, "x.example.")]),
        DIRECT => answer(&["_xmpp-server._tcp.b.example"], Ending::Alias),
        "x.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    });
    let mut found = shown(&outcome);
    found.sort();
    assert_eq!(
        found,
        [
            "x.example at 192.0.2.1:443, priority 1, weight 1",
            "x.example at 192.0.2.1:443, priority 1, weight 1, direct TLS",
        ]
    );
}

#[test]
fn time_that_ends_before_a_set_is_known_ends_the_plan() {
    let mut plan = plan_both(Limits::default());
    let plain = plan.next_question().unwrap();
    plan.next_question().unwrap();
    plan.handle_answer(&plain, services(&[srv(1, 1, 1, "x.example.")]).as_ref());
    assert!(!plan.has_ended());
    assert_eq!(plan.next_question(), None, "no host before both are known");
    plan.expire();
    let outcome = resolved(plan).0;
    assert_eq!(outcome, Outcome::Failed(Failure::Timeout));
}

#[test]
fn a_set_whose_name_does_not_fit_is_not_asked_for() {
    let label = "a".repeat(63);
    let with_rest = |rest: usize| {
        let long = domain(&format!("{label}.{label}.{label}.{}", "a".repeat(rest)));
        let service = Service::XmppServerWithDirectTls;
        let plan = Plan::new(&long, service, rules(Limits::default()));
        plan.map(|mut plan| std::iter::from_fn(move || plan.next_question()).count())
    };
    // `_xmpp-server._tcp.` is 18 of the 253 bytes that DNS has room for, and the three labels are 192.
    assert_eq!(with_rest(42), Ok(2));
    assert_eq!(with_rest(43), Ok(1));
    assert_eq!(with_rest(44), Err(ResolveError::NameTooLong));
}
