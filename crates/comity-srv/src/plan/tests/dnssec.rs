use super::*;
use crate::records::Records;

fn state(known: Known, dnssec: Dnssec) -> Known {
    let answer = Arc::unwrap_or_clone(known?);
    Ok(Arc::new(Answer { dnssec, ..answer }))
}

/// The first candidate where the SRV records and the addresses are in these states.
fn first(records: Dnssec, host: Dnssec) -> Candidate {
    let (outcome, _) = resolve(|question| match question {
        SRV => state(services(&[srv(1, 0, 1, "x.example")]), records),
        "x.example A" => state(addresses(&["192.0.2.1"]), host),
        _ => state(no_data(), host),
    });
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    list[0].clone()
}

#[test]
fn the_target_may_be_proved_where_its_record_is_signed() {
    use Dnssec::{Insecure, Secure, Unchecked};
    let target = Identity {
        name: domain("x.example"),
        basis: Basis::SecureTarget,
    };
    for (records, host, dnssec, has_target) in [
        (Secure, Secure, Secure, true),
        // The record names the target, whatever its addresses are.
        (Secure, Insecure, Insecure, true),
        (Insecure, Secure, Insecure, false),
        (Insecure, Insecure, Insecure, false),
        (Unchecked, Unchecked, Unchecked, false),
        (Unchecked, Secure, Unchecked, false),
    ] {
        let one = first(records, host);
        assert_eq!(one.dnssec, dnssec, "{records:?} {host:?}");
        assert_eq!(one.identities.contains(&target), has_target);
        assert_eq!(one.identities[0].name, domain("b.example"));
        assert_eq!(one.server_name, Some(domain("b.example")));
    }
}

#[test]
fn an_alias_that_is_not_signed_spoils_the_chain() {
    let (outcome, _) = resolve(|question| match question {
        SRV => state(
            answer(&["_xmpp-server._tcp.c.example"], Ending::Alias),
            Dnssec::Insecure,
        ),
        "_xmpp-server._tcp.c.example SRV" => {
            state(services(&[srv(1, 0, 1, "x.example")]), Dnssec::Secure)
        }
        "x.example A" => state(addresses(&["192.0.2.1"]), Dnssec::Secure),
        _ => no_data(),
    });
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(list[0].dnssec, Dnssec::Insecure);
    assert_eq!(list[0].identities.len(), 1);
}

#[test]
fn absence_that_is_not_signed_leads_to_a_host_that_is_not_proved() {
    for (absence, dnssec) in [
        (Dnssec::Secure, Dnssec::Secure),
        (Dnssec::Insecure, Dnssec::Insecure),
    ] {
        let (outcome, _) = resolve(|question| match question {
            SRV => state(no_data(), absence),
            "b.example A" => state(addresses(&["192.0.2.1"]), Dnssec::Secure),
            _ => no_data(),
        });
        let Outcome::Candidates(list) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(list[0].dnssec, dnssec);
    }
}

#[test]
fn a_bogus_answer_ends_everything_and_a_bogus_host_only_itself() {
    let bogus = || Err(Failure::Bogus);
    let (outcome, _) = resolve(|question| match question {
        SRV => bogus(),
        _ => addresses(&["192.0.2.1"]),
    });
    assert_eq!(outcome, Outcome::Bogus);
    for set in ["_xmpp-server", "_xmpps-server"] {
        let plan = plan_for(Service::XmppServerWithDirectTls, Limits::default());
        let (outcome, _) = run(plan, |question| {
            if question.starts_with(&format!("{set}.")) {
                bogus()
            } else if question.ends_with(" SRV") {
                services(&[srv(1, 0, 1, "x.example")])
            } else {
                no_data()
            }
        });
        assert_eq!(outcome, Outcome::Bogus, "{set}");
    }
    let (outcome, _) = resolve(|question| match question {
        SRV => services(&[srv(1, 0, 1, "x.example"), srv(1, 0, 1, "y.example")]),
        "x.example A" | "x.example AAAA" => bogus(),
        "y.example A" => addresses(&["192.0.2.2"]),
        _ => no_data(),
    });
    assert_eq!(
        shown(&outcome),
        ["y.example at 192.0.2.2:1, priority 1, weight 0"]
    );
    let (outcome, _) = resolve(|question| match question {
        SRV => services(&[srv(1, 0, 1, "x.example")]),
        _ => bogus(),
    });
    assert_eq!(outcome, Outcome::Bogus);
}

#[test]
fn a_look_up_tells_every_alias_on_the_way_and_the_worst_state() {
    let look_up = |last: Known| {
        let kind = RecordKind::A;
        let plan = Plan::single(&domain("a.example"), &[], kind, rules(Limits::default()));
        let mut plan = plan.unwrap();
        let steps = [
            state(
                answer(&["b.example", "c.example"], Ending::Alias),
                Dnssec::Secure,
            ),
            state(answer(&["d.example"], Ending::Alias), Dnssec::Insecure),
            last,
        ];
        for step in steps {
            let question = plan.next_question().unwrap();
            plan.handle_answer(&question, step.as_ref());
        }
        let (_, conclusion, _) = plan.conclude();
        let Conclusion::LookedUp(Ok(found)) = conclusion else {
            panic!("{conclusion:?}");
        };
        let aliases: Vec<_> = found.aliases.iter().map(ToString::to_string).collect();
        assert_eq!(aliases, ["b.example", "c.example", "d.example"]);
        assert_eq!(found.dnssec, Dnssec::Insecure);
        found.records
    };
    let address = "192.0.2.1".parse().unwrap();
    assert_eq!(
        look_up(state(addresses(&["192.0.2.1"]), Dnssec::Secure)),
        Records::Addresses(vec![address])
    );
    assert_eq!(look_up(state(no_data(), Dnssec::Secure)), Records::None);
}
