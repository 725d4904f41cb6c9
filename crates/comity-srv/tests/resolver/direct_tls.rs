//! Both sets of SRV records against name servers that work, refuse, are slow, or fail.

use std::time::Duration;

use crate::world::{ONE_HOST, SRV, World, failed, one_host, shown};
use comity_srv::{self as srv, Failure, Outcome, Service, Trace};
use comity_testkit::dns::{FakeDns, Fault, RecordType, ResponseCode, Transport, When};

const DIRECT: &str = "_xmpps-server._tcp.b.example";

/// What [`two_sets`] resolves to.
const TWO_SETS: [&str; 2] = [
    "xmpp.b.example at 192.0.2.1:5270, priority 5, weight 0, direct TLS",
    ONE_HOST[0],
];

/// [`one_host`] with direct TLS on another port, which is preferred.
fn two_sets() -> FakeDns {
    one_host().srv(DIRECT, 5, 0, 5270, "xmpp.b.example")
}

fn asked(owner: &str) -> When {
    When::asked(owner, RecordType::SRV)
}

fn resolve_both(world: &mut World) -> (Outcome, Trace) {
    world.resolve_for("b.example", Service::XmppServerWithDirectTls)
}

fn outcome(dns: FakeDns) -> Outcome {
    resolve_both(&mut World::new(vec![dns])).0
}

#[test]
fn both_sets_are_found_at_once_and_the_trace_says_how() {
    let mut world = World::new(vec![two_sets()]);
    let (outcome, trace) = resolve_both(&mut world);
    assert_eq!(shown(&outcome), TWO_SETS);
    assert_eq!(
        trace.to_string(),
        "asked 192.0.2.53:53 over UDP: _xmpp-server._tcp.b.example SRV\n\
         asked 192.0.2.53:53 over UDP: _xmpps-server._tcp.b.example SRV\n\
         _xmpp-server._tcp.b.example SRV: 1 records\n\
         _xmpps-server._tcp.b.example SRV: 1 records\n\
         asked 192.0.2.53:53 over UDP: xmpp.b.example AAAA\n\
         asked 192.0.2.53:53 over UDP: xmpp.b.example A\n\
         xmpp.b.example AAAA: no such record\n\
         xmpp.b.example A: 1 records\n\
         chose xmpp.b.example at 192.0.2.1:5270, priority 5, weight 0, direct TLS\n\
         remembered: xmpp.b.example AAAA\n\
         xmpp.b.example AAAA: no such record\n\
         remembered: xmpp.b.example A\n\
         xmpp.b.example A: 1 records\n\
         chose xmpp.b.example at 192.0.2.1:5269, priority 10, weight 5\n"
    );
    assert_eq!((world.most_open, world.questions().len()), (2, 4));
}

#[test]
fn without_direct_tls_only_one_set_is_asked_for_and_used() {
    let mut world = World::new(vec![two_sets()]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    let direct = world
        .questions()
        .iter()
        .filter(|question| question.starts_with("_xmpps-server"))
        .count();
    assert_eq!(direct, 0);
}

#[test]
fn a_domain_may_have_either_set_alone() {
    assert_eq!(shown(&outcome(one_host())), ONE_HOST);
    let direct = FakeDns::new()
        .srv(DIRECT, 5, 0, 5270, "xmpp.b.example")
        .a("xmpp.b.example", [192, 0, 2, 1]);
    assert_eq!(shown(&outcome(direct.clone())), TWO_SETS[..1]);
    // Without direct TLS nobody asks for that set, and RFC 6120 §3.2.2 applies.
    let with_address = direct.a("b.example", [192, 0, 2, 2]);
    let mut world = World::new(vec![with_address.clone()]);
    assert_eq!(
        shown(&world.outcome("b.example")),
        ["b.example at 192.0.2.2:5269, without an SRV record"]
    );
    assert_eq!(shown(&outcome(with_address)), TWO_SETS[..1]);
}

#[test]
fn a_refused_set_leaves_the_other() {
    let none = |owner| FakeDns::new().srv(owner, 0, 0, 0, ".");
    let refused_direct = one_host().srv(DIRECT, 0, 0, 0, ".");
    assert_eq!(shown(&outcome(refused_direct)), ONE_HOST);
    let refused_plain = none(SRV)
        .srv(DIRECT, 5, 0, 5270, "xmpp.b.example")
        .a("xmpp.b.example", [192, 0, 2, 1]);
    assert_eq!(shown(&outcome(refused_plain)), TWO_SETS[..1]);
    for dns in [none(SRV), none(DIRECT), none(SRV).srv(DIRECT, 0, 0, 0, ".")] {
        let mut world = World::new(vec![dns.a("b.example", [192, 0, 2, 1])]);
        assert_eq!(resolve_both(&mut world).0, Outcome::Refused);
        assert_eq!(world.questions().len(), 2, "no fallback");
    }
}

#[test]
fn without_any_record_the_domain_itself_is_tried_by_starttls() {
    let dns = FakeDns::new().a("b.example", [192, 0, 2, 1]);
    let Outcome::Candidates(list) = outcome(dns) else {
        panic!("no candidates");
    };
    let found: Vec<_> = list
        .iter()
        .map(|one| (one.to_string(), one.transport))
        .collect();
    let line = "b.example at 192.0.2.1:5269, without an SRV record";
    assert_eq!(found, [(line.to_owned(), srv::Transport::StartTls)]);
    assert_eq!(outcome(FakeDns::new()), Outcome::Absent);
}

#[test]
fn one_set_that_fails_leaves_the_other() {
    for (gone, found) in [(SRV, &TWO_SETS[..1]), (DIRECT, &ONE_HOST)] {
        let of_set = |line: &str| format!("{gone} SRV: {line}\n");
        for (fault, line) in [
            (
                Fault::Code(ResponseCode::ServFail),
                of_set("the name server answered with SERVFAIL"),
            ),
            (
                Fault::Code(ResponseCode::Refused),
                of_set("the name server answered with REFUSED"),
            ),
            (Fault::Drop, of_set("no answer in time")),
            (
                Fault::CnameLoop,
                "loop.invalid SRV: the aliases form a loop\n".to_owned(),
            ),
        ] {
            let mut world = World::new(vec![two_sets().fault(asked(gone), fault)]);
            let (outcome, trace) = resolve_both(&mut world);
            assert_eq!(shown(&outcome), found);
            let lines = trace.to_string();
            assert!(lines.contains(&format!("\n{line}")), "{lines}");
        }
    }
}

#[test]
fn one_set_that_fails_is_no_absence() {
    for (gone, other) in [(SRV, DIRECT), (DIRECT, SRV)] {
        let failing = FakeDns::new()
            .a("b.example", [192, 0, 2, 1])
            .fault(asked(gone), Fault::Code(ResponseCode::ServFail));
        for dns in [failing.clone(), failing.srv(other, 0, 0, 0, ".")] {
            let mut world = World::new(vec![dns]);
            let (outcome, _) = resolve_both(&mut world);
            assert_eq!(outcome, failed(Failure::Server { code: 2 }));
            assert_eq!(world.questions().len(), 2, "no fallback");
        }
    }
}

#[test]
fn both_sets_together_take_no_longer_than_the_slower() {
    for silent in [&[SRV][..], &[DIRECT], &[SRV, DIRECT]] {
        let dns = silent.iter().fold(two_sets(), |dns, owner| {
            dns.fault(asked(owner).times(1), Fault::Drop)
        });
        let mut world = World::new(vec![dns]);
        assert_eq!(shown(&resolve_both(&mut world).0), TWO_SETS);
        assert_eq!(world.elapsed(), Duration::from_secs(1));
    }
    let mut world = World::new(vec![two_sets().fault(When::always(), Fault::Drop)]);
    assert_eq!(resolve_both(&mut world).0, failed(Failure::Timeout));
    assert_eq!(
        (world.elapsed(), world.questions().len()),
        (Duration::from_secs(7), 6)
    );
}

#[test]
fn each_set_goes_over_tcp_on_its_own() {
    let cut = asked(DIRECT).over(Transport::Udp);
    let mut world = World::new(vec![two_sets().fault(cut, Fault::Truncated)]);
    assert_eq!(shown(&resolve_both(&mut world).0), TWO_SETS);
    let over_tcp: Vec<_> = world
        .questions()
        .into_iter()
        .filter(|question| question.ends_with("over TCP"))
        .collect();
    assert_eq!(over_tcp, [format!("{DIRECT} SRV over TCP")]);
}

#[test]
fn one_address_and_port_in_both_sets_is_tried_in_both_ways() {
    let dns = FakeDns::new()
        .srv(SRV, 20, 0, 443, "xmpp.b.example")
        .srv(DIRECT, 10, 0, 443, "xmpp.b.example")
        .a("xmpp.b.example", [192, 0, 2, 1]);
    let mut world = World::new(vec![dns]);
    assert_eq!(
        shown(&resolve_both(&mut world).0),
        [
            "xmpp.b.example at 192.0.2.1:443, priority 10, weight 0, direct TLS",
            "xmpp.b.example at 192.0.2.1:443, priority 20, weight 0",
        ]
    );
    assert_eq!(
        world.questions().len(),
        4,
        "its addresses are asked for once"
    );
}

#[test]
fn both_services_share_what_they_ask_for_and_know() {
    let mut world = World::new(vec![two_sets()]);
    world.begin("b.example");
    world.begin_for("b.example", Service::XmppServerWithDirectTls);
    world.run();
    assert_eq!(world.questions().len(), 4);
    let shown: Vec<_> = world
        .resolved
        .drain(..)
        .map(|(_, outcome, _)| shown(&outcome))
        .collect();
    assert_eq!(shown, [&ONE_HOST[..], &TWO_SETS[..1]]);
    assert!(world.rests.pop().unwrap().is_some());
    let (_, trace) = resolve_both(&mut world);
    assert_eq!(world.questions().len(), 4, "all of it was known");
    let remembered = "remembered: _xmpp-server._tcp.b.example SRV\n\
                      _xmpp-server._tcp.b.example SRV: 1 records\n\
                      remembered: _xmpps-server._tcp.b.example SRV\n";
    assert!(trace.to_string().starts_with(remembered), "{trace}");
}

#[test]
fn a_resolution_asks_no_more_than_its_limit_for_both_sets() {
    for (limit, expected) in [
        (1, failed(Failure::TooManyLookups { limit: 1 })),
        (2, failed(Failure::TooManyLookups { limit: 2 })),
        (4, outcome(two_sets())),
    ] {
        let mut world = World::with(vec![two_sets()], |config| {
            config.limits.max_lookups = limit;
        });
        let (outcome, trace) = resolve_both(&mut world);
        assert_eq!(outcome, expected, "{trace}");
        assert_eq!(world.questions().len(), limit);
        assert_eq!(world.elapsed(), Duration::ZERO);
    }
    let mut world = World::with(vec![two_sets()], |config| {
        config.limits.max_parallel_lookups = 1;
    });
    assert_eq!(shown(&resolve_both(&mut world).0), TWO_SETS);
    assert_eq!(world.most_open, 1);
}
