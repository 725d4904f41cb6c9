use super::*;

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
    for limit in [2, 3, 4] {
        let limits = Limits {
            max_parallel_lookups: limit,
            ..Limits::default()
        };
        let mut plan = plan_with(limits);
        let question = plan.next_question().unwrap();
        assert_eq!(plan.next_question(), None, "nothing more is known to ask");
        let hosts = [
            srv(1, 0, 1, "x.example."),
            srv(1, 0, 2, "y.example."),
            srv(1, 0, 3, "z.example."),
        ];
        plan.handle_answer(&question, services(&hosts).as_ref());
        let waiting: Vec<_> = std::iter::from_fn(|| plan.next_question()).collect();
        assert_eq!(waiting.len(), limit);
        // One that is answered makes room for one.
        plan.handle_answer(&waiting[0], no_data().as_ref());
        assert!(plan.next_question().is_some());
        assert_eq!(plan.next_question(), None);
    }
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
