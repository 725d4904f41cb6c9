//! Hosts that the caller names.

use std::net::SocketAddr;

use crate::world::{World, failed, name, shown};
use comity_srv::{
    Config, Event, Failure, Forbidden, Outcome, Provenance, ResolveError, Resolver, Service,
    Transport,
};
use comity_testkit::dns::{FakeDns, Fault, ResponseCode, When};

fn at(host: &str, port: u16, transport: Transport) -> Service {
    let host = host.parse().unwrap();
    Service::Host {
        host,
        port,
        transport,
    }
}

fn other_host() -> FakeDns {
    FakeDns::new()
        .srv("_xmpp-server._tcp.x.example", 1, 1, 1, "wrong.example")
        .aaaa("x.example", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
        .a("x.example", [192, 0, 2, 1])
}

#[test]
fn a_given_name_is_found_without_srv_records() {
    for transport in [Transport::StartTls, Transport::Tls] {
        let mut world = World::new(vec![other_host()]);
        let (outcome, _) = world.resolve_for("b.example", at("x.example", 9222, transport));
        let Outcome::Candidates(list) = outcome else {
            panic!("{outcome:?}");
        };
        let found: Vec<_> = list
            .iter()
            .map(|one| {
                assert_eq!(one.target, name("x.example"));
                (one.address, one.transport, one.provenance)
            })
            .collect();
        let expected = ["[2001:db8::1]:9222", "192.0.2.1:9222"].map(|address| {
            let address: SocketAddr = address.parse().unwrap();
            (address, transport, Provenance::Given)
        });
        assert_eq!(found, expected);
        assert_eq!(
            world.questions(),
            ["x.example AAAA over UDP", "x.example A over UDP"]
        );
    }
}

#[test]
fn a_given_address_needs_no_name_server() {
    let now = comity_testkit::origin();
    let mut resolver = Resolver::new(now, Config::default(), [0; 32]);
    let domain = name("b.example");
    let service = at("[2001:db8::1]", 9222, Transport::default());
    let query = resolver.resolve(now, &domain, service).unwrap();
    let Some(Event::Resolved {
        query: ended,
        domain: resolved,
        outcome,
        trace,
        ..
    }) = resolver.poll_event()
    else {
        panic!("no end");
    };
    assert_eq!((ended, resolved), (query, domain.clone()));
    let line = "b.example at [2001:db8::1]:9222, as given";
    assert_eq!(shown(&outcome), [line]);
    assert_eq!(trace.to_string(), format!("chose {line}\n"));
    assert_eq!(resolver.poll_event(), None);
    assert_eq!(resolver.poll_transmit(&mut Vec::new()), None);
    assert_eq!(resolver.poll_timeout(), None);
    let named = at("x.example", 9222, Transport::default());
    assert_eq!(
        resolver.resolve(now, &domain, named),
        Err(ResolveError::NoServers)
    );
}

#[test]
fn the_address_policy_holds_for_what_is_given() {
    let inner = || FakeDns::new().a("x.example", [127, 0, 0, 1]);
    for host in ["127.0.0.1", "x.example"] {
        let service = || at(host, 5269, Transport::default());
        let mut world = World::new(vec![inner()]);
        let (outcome, _) = world.resolve_for("b.example", service());
        let Outcome::Blocked(blocked) = outcome else {
            panic!("{outcome:?}");
        };
        let reasons: Vec<_> = blocked
            .iter()
            .map(|one| (one.address, one.reason))
            .collect();
        let loopback = ("127.0.0.1".parse().unwrap(), Forbidden::Loopback);
        assert_eq!(reasons, [loopback]);
        let mut world = World::with(vec![inner()], |config| {
            config.address_policy.danger_allow_loopback = true;
        });
        let (outcome, _) = world.resolve_for("b.example", service());
        let Outcome::Candidates(list) = outcome else {
            panic!("{outcome:?}");
        };
        let addresses: Vec<_> = list.iter().map(|one| one.address.to_string()).collect();
        assert_eq!(addresses, ["127.0.0.1:5269"]);
    }
}

#[test]
fn a_given_name_that_is_not_found_is_a_failure() {
    let service = || at("x.example", 5269, Transport::default());
    let mut world = World::new(vec![FakeDns::new()]);
    let (outcome, _) = world.resolve_for("b.example", service());
    assert_eq!(outcome, failed(Failure::NoAddress));
    let failing = other_host().fault(When::always(), Fault::Code(ResponseCode::ServFail));
    let mut world = World::new(vec![failing]);
    let (outcome, _) = world.resolve_for("b.example", service());
    assert_eq!(outcome, failed(Failure::Server { code: 2 }));
}

#[test]
fn port_0_and_too_many_resolutions_are_refused_at_once() {
    let mut world = World::with(vec![other_host()], |config| {
        config.limits.max_resolutions = 1;
    });
    let domain = name("b.example");
    let mut resolve = |service| world.resolver.resolve(world.now, &domain, service);
    for host in ["x.example", "192.0.2.1"] {
        let refused = resolve(at(host, 0, Transport::default()));
        assert_eq!(refused, Err(ResolveError::PortZero));
    }
    assert!(resolve(at("x.example", 1, Transport::default())).is_ok());
    let refused = resolve(at("192.0.2.1", 1, Transport::default()));
    assert_eq!(refused, Err(ResolveError::TooMany { limit: 1 }));
    world.run();
    assert_eq!(world.resolved.len(), 1);
}
