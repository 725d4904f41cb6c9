use super::*;
use crate::service::Messaging;

fn hop(host: &str, port: u16, messaging: Messaging, transport: Transport) -> Service {
    Service::NextHop(NextHop::new(
        messaging,
        host.parse().unwrap(),
        port,
        transport,
    ))
}

fn resolve_hop(service: Service) -> (Outcome, Vec<String>) {
    let mut asked = Vec::new();
    let (outcome, _) = run(plan_for(service, Limits::default()), |question| {
        asked.push(question.to_owned());
        match question {
            "_sips._tcp.edge.example SRV" => services(&[srv(0, 0, 5070, "x.edge.example")]),
            "x.edge.example A" => addresses(&["192.0.2.1"]),
            "edge.example A" => addresses(&["192.0.2.2"]),
            _ => no_data(),
        }
    });
    (outcome, asked)
}

#[test]
fn a_next_hop_with_a_port_is_looked_up_and_without_one_its_records_are() {
    let (outcome, asked) = resolve_hop(hop("edge.example", 5061, Messaging::Sip, Transport::Tls));
    assert_eq!(
        shown(&outcome),
        ["edge.example at 192.0.2.2:5061, as given, TLS"]
    );
    assert_eq!(asked, ["edge.example AAAA", "edge.example A"]);
    let (outcome, asked) = resolve_hop(hop("edge.example", 0, Messaging::Sip, Transport::Tls));
    assert_eq!(
        shown(&outcome),
        ["x.edge.example at 192.0.2.1:5070, priority 0, weight 0, TLS"]
    );
    assert_eq!(asked[0], "_sips._tcp.edge.example SRV");
    for (messaging, transport, label, port) in [
        (Messaging::Sip, Transport::Tcp, "_sip._tcp", 5060),
        (Messaging::Sip, Transport::Udp, "_sip._udp", 5060),
        (
            Messaging::Xmpp,
            Transport::StartTls,
            "_xmpp-server._tcp",
            5269,
        ),
        (Messaging::Xmpp, Transport::Tcp, "_xmpp-server._tcp", 5269),
        (Messaging::Xmpp, Transport::Tls, "_xmpps-server._tcp", 5269),
    ] {
        let (outcome, asked) = resolve_hop(hop("edge.example", 0, messaging, transport));
        assert_eq!(asked[0], format!("{label}.edge.example SRV"));
        let start = format!("edge.example at 192.0.2.2:{port}, without an SRV record");
        assert!(shown(&outcome)[0].starts_with(&start), "{outcome:?}");
    }
}

#[test]
fn an_address_as_next_hop_is_taken_as_it_is() {
    for (port, expected) in [(0, 5061), (5070, 5070)] {
        let (outcome, asked) = resolve_hop(hop("192.0.2.7", port, Messaging::Sip, Transport::Tls));
        assert_eq!(
            shown(&outcome),
            [format!("b.example at 192.0.2.7:{expected}, as given, TLS")]
        );
        assert_eq!(asked, [""; 0]);
    }
}

#[test]
fn an_operator_may_name_what_a_remote_domain_may_not() {
    for (address, allowed) in [
        ("10.0.0.1", true),
        ("127.0.0.1", true),
        ("169.254.0.1", false),
        ("224.0.0.1", false),
    ] {
        let (outcome, _) = resolve_hop(hop(address, 5061, Messaging::Sip, Transport::Tls));
        assert_eq!(
            matches!(outcome, Outcome::Candidates(_)),
            allowed,
            "{address}"
        );
        let redirect = Service::Host {
            host: address.parse().unwrap(),
            port: 5269,
            transport: Transport::StartTls,
        };
        let (outcome, _) = resolve_hop(redirect);
        assert!(matches!(outcome, Outcome::Blocked(_)), "{address}");
        // The zone of a name may be a partner's.
        let named = hop("edge.example", 5061, Messaging::Sip, Transport::Tls);
        let (outcome, _) = run(
            plan_for(named, Limits::default()),
            |question| match question {
                "edge.example A" => addresses(&[address]),
                _ => no_data(),
            },
        );
        assert!(matches!(outcome, Outcome::Blocked(_)), "{address}");
    }
}

#[test]
fn the_certificate_of_a_next_hop_may_name_it_or_the_domain() {
    let (outcome, _) = resolve_hop(hop("edge.example", 5061, Messaging::Sip, Transport::Tls));
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(list[0].server_name, Some(domain("edge.example")));
    assert_eq!(
        list[0].identities,
        [
            Identity {
                name: domain("b.example"),
                basis: Basis::Domain,
            },
            Identity {
                name: domain("edge.example"),
                basis: Basis::NextHop,
            },
        ]
    );
    let (outcome, _) = resolve_hop(hop("192.0.2.7", 5061, Messaging::Sip, Transport::Tls));
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (list[0].server_name.clone(), list[0].identities.len()),
        (None, 1)
    );
}

#[test]
fn a_next_hop_that_its_protocol_cannot_use_is_refused() {
    for (messaging, transport) in [
        (Messaging::Sip, Transport::StartTls),
        (Messaging::Xmpp, Transport::Udp),
    ] {
        let service = hop("edge.example", 5061, messaging, transport);
        let plan = Plan::new(&domain("b.example"), service, rules(Limits::default()));
        assert_eq!(plan.map(|_| ()), Err(ResolveError::NoTransport));
    }
}
