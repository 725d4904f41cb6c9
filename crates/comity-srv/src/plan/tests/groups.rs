use super::*;

fn three_priorities() -> [SrvData; 4] {
    [
        srv(3, 0, 1, "z.example"),
        srv(1, 1, 1, "x.example"),
        srv(2, 1, 1, "y.example"),
        srv(1, 1, 1, "w.example"),
    ]
}

fn oracle(question: &str) -> Known {
    match question {
        SRV => services(&three_priorities()),
        "w.example A" => addresses(&["192.0.2.4"]),
        "x.example A" => addresses(&["192.0.2.1"]),
        "y.example A" => addresses(&["192.0.2.2"]),
        "z.example A" => addresses(&["192.0.2.3"]),
        _ => no_data(),
    }
}

/// Runs one plan to its end, and gives the questions that it asked.
fn run_once(
    mut plan: Plan,
    oracle: impl Fn(&str) -> Known,
) -> (Outcome, Option<Remainder>, Vec<String>) {
    let mut asked = Vec::new();
    while let Some(question) = plan.next_question() {
        asked.push(question.to_string());
        plan.handle_answer(&question, oracle(&question.to_string()).as_ref());
    }
    let (outcome, rest, _) = resolved(plan);
    (outcome, rest, asked)
}

#[test]
fn only_the_targets_of_the_first_priority_are_looked_up() {
    let (outcome, rest, asked) = run_once(plan_with(Limits::default()), oracle);
    assert_eq!(shown(&outcome).len(), 2);
    let mut hosts: Vec<_> = asked[1..].to_vec();
    hosts.sort();
    assert_eq!(
        hosts,
        [
            "w.example A",
            "w.example AAAA",
            "x.example A",
            "x.example AAAA"
        ]
    );
    let rest = rest.unwrap();
    assert_eq!(rest.domain(), &domain("b.example"));
    let (outcome, rest, asked) = run_once(Plan::resume(rest, rules(Limits::default())), oracle);
    assert_eq!(
        shown(&outcome),
        ["y.example at 192.0.2.2:1, priority 2, weight 1"]
    );
    assert_eq!(asked, ["y.example AAAA", "y.example A"]);
    let rest = rest.unwrap();
    let (outcome, rest, _) = run_once(Plan::resume(rest, rules(Limits::default())), oracle);
    assert_eq!(
        shown(&outcome),
        ["z.example at 192.0.2.3:1, priority 3, weight 0"]
    );
    assert_eq!(rest, None);
}

#[test]
fn a_priority_without_addresses_is_followed_by_the_next_at_once() {
    for (gone, found) in [
        (&["w.example A", "x.example A"][..], 1),
        (&["w.example A", "x.example A", "y.example A"], 1),
        (
            &["w.example A", "x.example A", "y.example A", "z.example A"],
            0,
        ),
    ] {
        let (outcome, _, _) = run_once(plan_with(Limits::default()), |question| {
            if gone.contains(&question) {
                no_data()
            } else {
                oracle(question)
            }
        });
        match found {
            0 => assert_eq!(outcome, Outcome::Failed(Failure::NoAddress)),
            _ => assert_eq!(shown(&outcome).len(), found),
        }
    }
}

#[test]
fn what_was_given_out_is_not_given_out_again() {
    let oracle = |question: &str| match question {
        SRV => services(&[srv(1, 0, 1, "x.example"), srv(2, 0, 1, "y.example")]),
        "x.example A" | "y.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    };
    let (_, rest, _) = run_once(plan_with(Limits::default()), oracle);
    let plan = Plan::resume(rest.unwrap(), rules(Limits::default()));
    let (outcome, rest, _) = run_once(plan, oracle);
    assert_eq!(outcome, Outcome::Failed(Failure::NoAddress));
    assert_eq!(rest, None);
}

#[test]
fn the_limit_on_candidates_holds_over_all_priorities() {
    let limits = Limits {
        max_endpoints: 2,
        ..Limits::default()
    };
    let (outcome, rest, _) = run_once(plan_with(limits), oracle);
    assert_eq!(shown(&outcome).len(), 2);
    assert_eq!(rest, None, "there is no room for more");
}

#[test]
fn a_failure_of_the_first_priority_is_told_when_nothing_follows() {
    let (outcome, rest, _) = run_once(plan_with(Limits::default()), |question| match question {
        SRV => services(&three_priorities()),
        "x.example A" => Err(Failure::Server { code: 2 }),
        _ => no_data(),
    });
    assert_eq!(outcome, Outcome::Failed(Failure::Server { code: 2 }));
    assert_eq!(rest, None);
}

#[test]
fn sets_of_sip_are_looked_up_one_after_the_other_whatever_their_priorities() {
    let sip = Service::Sip(SipService::new());
    let oracle = |question: &str| match question {
        "_sips._tcp.b.example SRV" => {
            services(&[srv(1, 1, 5061, "x.example"), srv(1, 1, 5061, "w.example")])
        }
        "_sip._tcp.b.example SRV" => services(&[srv(1, 1, 5060, "y.example")]),
        other => oracle(other),
    };
    let (outcome, rest, _) = run_once(plan_for(sip, Limits::default()), oracle);
    assert_eq!(shown(&outcome).len(), 2);
    assert!(shown(&outcome).iter().all(|one| one.ends_with("TLS")));
    let (outcome, rest, _) = run_once(
        Plan::resume(rest.unwrap(), rules(Limits::default())),
        oracle,
    );
    assert_eq!(
        shown(&outcome),
        ["y.example at 192.0.2.2:5060, priority 1, weight 1, TCP"]
    );
    assert_eq!(rest, None);
}
