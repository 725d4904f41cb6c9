//! A host and port that the caller names.

use super::*;

fn service(host: &str, port: u16, transport: Transport) -> Service {
    let host = host.parse().unwrap();
    Service::Host {
        host,
        port,
        transport,
    }
}

fn at(host: &str) -> Service {
    service(host, 9222, Transport::default())
}

fn resolve_at(service: Service, oracle: impl FnMut(&str) -> Known) -> (Outcome, Trace) {
    run(plan_for(service, Limits::default()), oracle)
}

fn nobody(question: &str) -> Known {
    panic!("{question}")
}

#[test]
fn both_addresses_of_a_given_name_are_looked_up_and_no_srv_records() {
    let mut asked = Vec::new();
    let (outcome, trace) = resolve_at(at("x.example"), |question| {
        asked.push(question.to_owned());
        match question {
            "x.example A" => addresses(&["192.0.2.1", "192.0.2.2"]),
            "x.example AAAA" => addresses(&["2001:db8::1"]),
            other => panic!("{other}"),
        }
    });
    assert_eq!(asked, ["x.example AAAA", "x.example A"]);
    assert_eq!(
        trace.to_string(),
        "x.example AAAA: 1 records\n\
         x.example A: 2 records\n\
         chose x.example at [2001:db8::1]:9222, as given\n\
         chose x.example at 192.0.2.1:9222, as given\n\
         chose x.example at 192.0.2.2:9222, as given\n"
    );
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    for one in &list {
        assert_eq!(
            (one.transport, one.provenance, one.priority, one.weight),
            (Transport::StartTls, Provenance::Given, 0, 0)
        );
    }
    assert_eq!(list.len(), 3);
}

#[test]
fn a_given_address_is_taken_as_it_is() {
    for (host, shown) in [
        ("192.0.2.1", "192.0.2.1:9222"),
        ("[2001:db8::1]", "[2001:db8::1]:9222"),
    ] {
        let (outcome, trace) = resolve_at(at(host), nobody);
        let candidate = Candidate {
            domain: domain("b.example"),
            address: shown.parse().unwrap(),
            transport: Transport::StartTls,
            target: domain("b.example"),
            priority: 0,
            weight: 0,
            server_name: Some(domain("b.example")),
            alpn: None,
            identities: vec![Identity {
                name: domain("b.example"),
                basis: Basis::Domain,
            }],
            dnssec: Dnssec::Unchecked,
            provenance: Provenance::Given,
        };
        assert_eq!(outcome, Outcome::Candidates(vec![candidate]));
        assert_eq!(
            trace.to_string(),
            format!("chose b.example at {shown}, as given\n")
        );
    }
}

#[test]
fn the_caller_says_how_a_given_host_becomes_secure() {
    let direct = |host| service(host, 443, Transport::Tls);
    let (outcome, _) = resolve_at(direct("x.example"), |question| match question {
        "x.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    });
    let line = "x.example at 192.0.2.1:443, as given, direct TLS";
    assert_eq!(shown(&outcome), [line]);
    let (outcome, _) = resolve_at(direct("192.0.2.1"), nobody);
    let line = "b.example at 192.0.2.1:443, as given, direct TLS";
    assert_eq!(shown(&outcome), [line]);
}

#[test]
fn the_address_policy_holds_for_given_hosts() {
    let blocked = |target: &str, address: &str, reason| {
        Outcome::Blocked(vec![BlockedAddress {
            target: domain(target),
            address: address.parse().unwrap(),
            reason,
        }])
    };
    for (host, address, reason) in [
        ("127.0.0.1", "127.0.0.1", Forbidden::Loopback),
        ("10.0.0.1", "10.0.0.1", Forbidden::Private),
        ("169.254.169.254", "169.254.169.254", Forbidden::LinkLocal),
        ("[::1]", "::1", Forbidden::Loopback),
        (
            "[::ffff:127.0.0.1]",
            "::ffff:127.0.0.1",
            Forbidden::Loopback,
        ),
    ] {
        let (outcome, trace) = resolve_at(at(host), nobody);
        assert_eq!(outcome, blocked("b.example", address, reason));
        assert_eq!(
            trace.to_string(),
            format!("left out {address} of b.example: {reason}\nb.example has no usable address\n")
        );
    }
    let (outcome, _) = resolve_at(at("x.example"), |question| match question {
        "x.example A" => addresses(&["127.0.0.1"]),
        _ => no_data(),
    });
    let expected = blocked("x.example", "127.0.0.1", Forbidden::Loopback);
    assert_eq!(outcome, expected);
}

#[test]
fn a_given_name_without_addresses_is_a_failure_and_no_absence() {
    let (outcome, _) = resolve_at(at("x.example"), |_| answer(&[], Ending::NoName));
    assert_eq!(outcome, Outcome::Failed(Failure::NoAddress));
    let (outcome, _) = resolve_at(at("x.example"), |_| Err(Failure::Timeout));
    assert_eq!(outcome, Outcome::Failed(Failure::Timeout));
}

#[test]
fn a_given_name_may_be_an_alias() {
    let (outcome, _) = resolve_at(at("x.example"), |question| match question {
        "x.example A" => answer(&["y.example"], Ending::Alias),
        "y.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    });
    assert_eq!(shown(&outcome), ["x.example at 192.0.2.1:9222, as given"]);
}

#[test]
fn time_that_ends_before_a_given_name_is_known_ends_the_plan() {
    let mut plan = plan_for(at("x.example"), Limits::default());
    assert!(!plan.has_ended());
    plan.next_question().unwrap();
    plan.expire();
    let outcome = resolved(plan).0;
    assert_eq!(outcome, Outcome::Failed(Failure::Timeout));
}

#[test]
fn port_0_is_refused_whatever_the_host() {
    for host in ["x.example", "192.0.2.1"] {
        let plan = Plan::new(
            &domain("b.example"),
            service(host, 0, Transport::StartTls),
            rules(Limits::default()),
        );
        assert_eq!(plan.map(|_| ()), Err(ResolveError::PortZero));
    }
}
