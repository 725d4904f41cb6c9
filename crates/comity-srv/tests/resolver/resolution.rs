//! Resolutions against name servers that work, are slow, or fail.

use std::time::Duration;

use crate::world::{ONE_HOST, SRV, World, address, failed, name, one_host, shown};
use comity_srv::{Config, Failure, Outcome, ResolveError, Resolver, Service, TraceEntry};
use comity_testkit::dns::{FakeDns, Fault, RecordType, ResponseCode, Transport, When};

#[test]
fn a_service_is_found_and_the_trace_says_how() {
    let mut world = World::new(vec![one_host()]);
    let (outcome, trace) = world.resolve("b.example");
    assert_eq!(shown(&outcome), ONE_HOST);
    assert_eq!(
        trace.to_string(),
        "asked 192.0.2.53:53 over UDP: _xmpp-server._tcp.b.example SRV\n\
         _xmpp-server._tcp.b.example SRV: 1 records\n\
         asked 192.0.2.53:53 over UDP: xmpp.b.example AAAA\n\
         asked 192.0.2.53:53 over UDP: xmpp.b.example A\n\
         xmpp.b.example AAAA: no such record\n\
         xmpp.b.example A: 1 records\n\
         chose xmpp.b.example at 192.0.2.1:5269, priority 10, weight 5\n"
    );
    assert_eq!(world.elapsed(), Duration::ZERO);
    assert_eq!(world.resolver.poll_timeout(), None);
}

#[test]
fn queries_have_their_own_ids_and_offer_edns() {
    let mut world = World::new(vec![one_host()]);
    world.outcome("b.example");
    let asked = world.servers[0].questions();
    assert!(
        asked
            .iter()
            .all(|question| question.edns_payload == Some(1232))
    );
    assert!(asked[0].id != asked[1].id && asked[1].id != asked[2].id);
    assert_ne!(asked[0].name, SRV, "the case is mixed");
}

#[test]
fn absence_refusal_failure_and_a_block_are_told_apart() {
    assert_eq!(
        World::new(vec![FakeDns::new()]).outcome("b.example"),
        Outcome::Absent
    );
    let refusing = FakeDns::new().fault(When::always(), Fault::NullTarget);
    assert_eq!(
        World::new(vec![refusing]).outcome("b.example"),
        Outcome::Refused
    );
    let failing = one_host().fault(When::always(), Fault::Code(ResponseCode::ServFail));
    let mut world = World::new(vec![failing]);
    assert_eq!(
        world.outcome("b.example"),
        failed(Failure::Server { code: 2 })
    );
    assert_eq!(world.questions().len(), 1, "no fallback after an error");
    let inner = FakeDns::new().a("b.example", [127, 0, 0, 1]);
    let outcome = World::new(vec![inner.clone()]).outcome("b.example");
    assert!(matches!(outcome, Outcome::Blocked(list) if list.len() == 1));
    let mut world = World::with(vec![inner], |config| {
        config.address_policy.danger_allow_loopback = true;
    });
    assert_eq!(
        shown(&world.outcome("b.example")),
        ["b.example at 127.0.0.1:5269, without an SRV record"]
    );
}

#[test]
fn a_lost_query_is_sent_again() {
    let lossy = one_host().fault(When::nth(1), Fault::Drop);
    let mut world = World::new(vec![lossy]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    assert_eq!(world.elapsed(), Duration::from_secs(1));
    let asked = world.servers[0].questions();
    assert_ne!(asked[0].id, asked[1].id, "a new id for the new query");
}

#[test]
fn silence_is_a_timeout_after_all_attempts() {
    for (max_attempts, seconds) in [(2, 3), (3, 7), (4, 15)] {
        let silent = one_host().fault(When::always(), Fault::Drop);
        let mut world = World::with(vec![silent], |config| {
            config.limits.max_attempts = max_attempts;
            config.limits.resolution_timeout = Duration::from_secs(60);
        });
        assert_eq!(world.outcome("b.example"), failed(Failure::Timeout));
        assert_eq!(world.elapsed(), Duration::from_secs(seconds));
        assert_eq!(world.questions().len(), max_attempts as usize);
    }
}

#[test]
fn a_resolution_ends_at_its_deadline() {
    let slow = |config: &mut Config| {
        config.limits.first_attempt_timeout = Duration::from_secs(60);
    };
    let mut world = World::with(vec![one_host().fault(When::always(), Fault::Drop)], slow);
    assert_eq!(world.outcome("b.example"), failed(Failure::Timeout));
    assert_eq!(world.elapsed(), Duration::from_secs(10));
}

#[test]
fn a_family_that_is_late_is_waited_for_50_ms_and_a_target_2_s() {
    let silent = |owner: &str, kind| When::asked(owner, kind);
    let v6 = silent("xmpp.b.example", RecordType::AAAA);
    let mut world = World::new(vec![one_host().fault(v6, Fault::Drop)]);
    let (outcome, trace) = world.resolve("b.example");
    assert_eq!(shown(&outcome), ONE_HOST);
    assert_eq!(world.elapsed(), Duration::from_millis(50));
    assert!(trace.entries().contains(&TraceEntry::Settled), "{trace}");

    let late = |kind| When::asked("late.b.example", kind);
    let dns = one_host()
        .srv(SRV, 10, 5, 5269, "late.b.example")
        .a("late.b.example", [192, 0, 2, 7])
        .fault(late(RecordType::A).times(2), Fault::Drop)
        .fault(late(RecordType::AAAA).times(2), Fault::Drop);
    let mut world = World::new(vec![dns]);
    world.begin("b.example");
    while world.resolved.is_empty() {
        world.pump();
        if let Some(due) = world
            .resolver
            .poll_timeout()
            .filter(|_| world.resolved.is_empty())
        {
            world.now = due;
            world.resolver.handle_timeout(due);
        }
    }
    let (_, outcome, _) = world.resolved.pop().unwrap();
    assert_eq!(shown(&outcome), ONE_HOST);
    assert_eq!(world.elapsed(), Duration::from_secs(2));
    // What was late is not lost.
    let rest = world.rests.pop().unwrap().unwrap();
    world.resolver.resolve_rest(world.now, rest).unwrap();
    world.run();
    let (_, outcome, _) = world.resolved.pop().unwrap();
    assert_eq!(
        shown(&outcome),
        ["late.b.example at 192.0.2.7:5269, priority 10, weight 5"]
    );
}

#[test]
fn an_address_that_is_forbidden_does_not_cut_the_wait_for_one_that_is_not() {
    let v6 = When::asked("xmpp.b.example", RecordType::AAAA).times(1);
    let dns = FakeDns::new()
        .srv(SRV, 10, 5, 5269, "xmpp.b.example")
        .a("xmpp.b.example", [10, 0, 0, 1])
        .aaaa("xmpp.b.example", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
        .fault(v6, Fault::Drop);
    let mut world = World::new(vec![dns]);
    assert_eq!(
        shown(&world.outcome("b.example")),
        ["xmpp.b.example at [2001:db8::1]:5269, priority 10, weight 5"]
    );
    assert_eq!(world.elapsed(), Duration::from_secs(1));
}

#[test]
fn another_server_is_asked_and_then_preferred() {
    let dead = FakeDns::new().fault(When::always(), Fault::Drop);
    let mut world = World::new(vec![dead, one_host()]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    assert_eq!(world.elapsed(), Duration::from_secs(1));
    assert_eq!(world.servers[0].questions().len(), 1);
    assert_eq!(world.servers[1].questions().len(), 3);
}

#[test]
fn an_error_of_one_server_is_not_the_last_word() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        let failing = FakeDns::new().fault(When::always(), Fault::Code(code));
        let mut world = World::new(vec![failing, one_host()]);
        assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
        assert_eq!(world.elapsed(), Duration::ZERO);
    }
}

#[test]
fn the_most_specific_failure_is_reported() {
    let failing = FakeDns::new().fault(When::always(), Fault::Code(ResponseCode::Refused));
    let dead = FakeDns::new().fault(When::always(), Fault::Drop);
    let mut world = World::new(vec![failing, dead.clone(), dead]);
    assert_eq!(
        world.outcome("b.example"),
        failed(Failure::Server { code: 5 })
    );
}

#[test]
fn a_cut_answer_is_asked_for_over_tcp() {
    let cutting = one_host().fault(When::always().over(Transport::Udp), Fault::Truncated);
    for piece in [1, 2, 3, usize::MAX] {
        let mut world = World::new(vec![cutting.clone()]);
        world.piece = piece;
        assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
        let asked = world.servers[0].questions();
        assert_eq!(asked[1].to_string(), format!("{SRV} SRV over TCP"));
        assert_ne!(asked[0].id, asked[1].id);
    }
}

#[test]
fn a_large_record_set_comes_over_tcp() {
    let mut dns = FakeDns::new();
    for host in 0..32_u8 {
        let target = format!("host-number-{host}.b.example");
        dns = dns
            .srv(SRV, 1, u16::from(host), 5269, &target)
            .a(&target, [192, 0, 2, host]);
    }
    let mut world = World::with(vec![dns], |config| config.limits.max_lookups = 100);
    let outcome = world.outcome("b.example");
    assert_eq!(shown(&outcome).len(), 32);
    assert_eq!(world.questions()[1], format!("{SRV} SRV over TCP"));
    assert_eq!(world.most_open, 8, "the limit on parallel lookups");
}

#[test]
fn a_server_without_tcp_is_left_for_the_next() {
    let cutting = one_host().fault(When::always().over(Transport::Udp), Fault::Truncated);
    let mut world = World::new(vec![cutting.clone(), one_host()]);
    world.no_tcp.insert(address(0));
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    let mut world = World::new(vec![cutting]);
    world.no_tcp.insert(address(0));
    assert_eq!(world.outcome("b.example"), failed(Failure::Connection));
}

#[test]
fn a_server_without_edns_is_asked_without() {
    let old = one_host().fault(When::always(), Fault::FormErrOnEdns);
    let mut world = World::new(vec![old]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    let offers: Vec<_> = world.servers[0].questions()[..2]
        .iter()
        .map(|question| question.edns_payload)
        .collect();
    assert_eq!(offers, [Some(1232), None]);
    let broken = one_host().fault(When::always(), Fault::Code(ResponseCode::FormErr));
    let mut world = World::new(vec![broken]);
    assert_eq!(
        world.outcome("b.example"),
        failed(Failure::Server { code: 1 })
    );
    assert_eq!(world.questions().len(), 2, "once without EDNS");
}

#[test]
fn a_server_that_folds_case_is_asked_over_tcp_once() {
    let folding = one_host().fault(When::always(), Fault::LowerCase);
    let mut world = World::new(vec![folding]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    assert_eq!(
        world.questions(),
        [
            format!("{SRV} SRV over UDP"),
            format!("{SRV} SRV over TCP"),
            "xmpp.b.example AAAA over UDP".to_owned(),
            "xmpp.b.example A over UDP".to_owned(),
        ]
    );
}

#[test]
fn known_answers_are_used_until_they_expire() {
    let mut world = World::new(vec![one_host().negative_ttl(900, 900)]);
    world.outcome("b.example");
    assert_eq!(world.questions().len(), 3);
    world.now += Duration::from_secs(299);
    let (outcome, trace) = world.resolve("b.example");
    assert_eq!(shown(&outcome), ONE_HOST);
    assert_eq!(world.questions().len(), 3, "all of it was known");
    assert!(
        trace
            .to_string()
            .starts_with("remembered: _xmpp-server._tcp.b.example SRV\n")
    );
    world.now += Duration::from_secs(1);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    assert_eq!(world.questions().len(), 6);
}

#[test]
fn absence_is_known_as_long_as_its_zone_says() {
    let mut world = World::new(vec![FakeDns::new().negative_ttl(60, 900)]);
    world.outcome("b.example");
    // The missing name `b.example` was asked for twice, before either answer came.
    assert_eq!(world.questions().len(), 3);
    world.now += Duration::from_secs(59);
    assert_eq!(world.outcome("b.example"), Outcome::Absent);
    assert_eq!(world.questions().len(), 3);
    world.now += Duration::from_secs(1);
    assert_eq!(world.outcome("b.example"), Outcome::Absent);
    assert_eq!(world.questions().len(), 6);
}

#[test]
fn absence_without_an_soa_is_not_remembered_and_a_failure_for_15_seconds() {
    let mut world = World::new(vec![FakeDns::new().fault(When::always(), Fault::NoSoa)]);
    assert_eq!(world.outcome("b.example"), Outcome::Absent);
    assert_eq!(world.outcome("b.example"), Outcome::Absent);
    assert_eq!(world.questions().len(), 6);
    let failing = one_host().fault(When::nth(1), Fault::Code(ResponseCode::ServFail));
    let mut world = World::new(vec![failing]);
    assert_eq!(
        world.outcome("b.example"),
        failed(Failure::Server { code: 2 })
    );
    let (outcome, trace) = world.resolve("b.example");
    assert_eq!(outcome, failed(Failure::Server { code: 2 }));
    assert_eq!(
        trace.to_string(),
        format!(
            "failed a moment ago: {SRV} SRV\n{SRV} SRV: the name server answered with SERVFAIL\n"
        )
    );
    assert_eq!(world.questions().len(), 1);
    world.now += Duration::from_secs(15);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
}

#[test]
fn one_question_is_in_flight_once() {
    let mut world = World::new(vec![one_host()]);
    let queries = [world.begin("b.example"), world.begin("b.example")];
    world.run();
    assert_eq!(world.questions().len(), 3);
    let ended: Vec<_> = world.resolved.iter().map(|(query, ..)| *query).collect();
    assert_eq!(ended, queries);
    assert_eq!(world.resolved[0].1, world.resolved[1].1);
    let shared = "already asked: _xmpp-server._tcp.b.example SRV\n";
    assert!(world.resolved[1].2.to_string().starts_with(shared));
}

#[test]
fn the_end_of_one_resolution_leaves_shared_questions_to_the_other() {
    let slow = one_host().fault(When::always().times(1), Fault::Drop);
    let mut world = World::with(vec![slow], |config| {
        config.limits.first_attempt_timeout = Duration::from_secs(8);
    });
    world.begin("b.example");
    world.pump();
    world.now += Duration::from_secs(5);
    let second = world.begin("b.example");
    world.run();
    // The first had its answer after 8 s, which is before its deadline of 10 s.
    assert_eq!(shown(&world.resolved[0].1), ONE_HOST);
    assert_eq!(
        (world.resolved[1].0, shown(&world.resolved[1].1)),
        (second, shown(&world.resolved[0].1))
    );

    let silent = one_host().fault(When::always().times(1), Fault::Drop);
    let mut world = World::with(vec![silent], |config| {
        config.limits.first_attempt_timeout = Duration::from_secs(11);
    });
    world.begin("b.example");
    world.pump();
    world.now += Duration::from_secs(5);
    world.begin("b.example");
    world.run();
    assert_eq!(world.resolved[0].1, failed(Failure::Timeout));
    assert_eq!(shown(&world.resolved[1].1), ONE_HOST);
}

#[test]
fn so_many_resolutions_run_at_a_time_and_no_more() {
    for limit in [2, 3, 4] {
        let mut world = World::with(vec![FakeDns::new()], |config| {
            config.limits.max_resolutions = limit;
        });
        let begun = [0, 1, 2, 3, 4].map(|host| {
            let domain = name(&format!("h{host}.example"));
            let begun = world
                .resolver
                .resolve(world.now, &domain, Service::XmppServer);
            begun.map(drop)
        });
        let expected = [0, 1, 2, 3, 4].map(|host| match host < limit {
            true => Ok(()),
            false => Err(ResolveError::TooMany { limit }),
        });
        assert_eq!(begun, expected);
        world.run();
        assert_eq!(world.resolved.len(), limit);
        world.begin("h4.example");
        world.run();
        assert_eq!(world.resolved.len(), limit + 1);
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let now = comity_testkit::origin();
    let mut resolver = Resolver::new(now, Config::default(), [0; 32]);
    let domain = name("b.example");
    assert_eq!(
        resolver.resolve(now, &domain, Service::XmppServer),
        Err(ResolveError::NoServers)
    );
    let mut world = World::new(vec![FakeDns::new()]);
    let label = "a".repeat(63);
    let long = name(&format!("{label}.{label}.{label}.example"));
    assert_eq!(long.as_str().len(), 199);
    assert!(
        world
            .resolver
            .resolve(now, &long, Service::XmppServer)
            .is_ok()
    );
    let long = name(&format!("{label}.{label}.{label}.{}", "a".repeat(61)));
    assert_eq!(
        world.resolver.resolve(now, &long, Service::XmppServer),
        Err(ResolveError::NameTooLong)
    );
}

#[test]
fn aliases_lead_to_the_records() {
    let dns = FakeDns::new()
        .cname(SRV, "_xmpp-server._tcp.host.test")
        .srv("_xmpp-server._tcp.host.test", 1, 1, 5269, "x.host.test")
        .cname("x.host.test", "y.host.test")
        .a("y.host.test", [192, 0, 2, 1]);
    let mut world = World::new(vec![dns]);
    let (outcome, trace) = world.resolve("b.example");
    assert_eq!(
        shown(&outcome),
        ["x.host.test at 192.0.2.1:5269, priority 1, weight 1"]
    );
    let line = "_xmpp-server._tcp.b.example is an alias of _xmpp-server._tcp.host.test\n";
    assert!(trace.to_string().contains(line));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let dns = FakeDns::new()
            .srv(SRV, 1, 1, 1, "x.example")
            .srv(SRV, 1, 1, 1, "y.example")
            .a("x.example", [192, 0, 2, 1])
            .a("y.example", [192, 0, 2, 2]);
        let mut world = World::new(vec![dns]);
        let result = world.resolve("b.example");
        (result, world.servers[0].questions().to_vec())
    };
    assert_eq!(run(), run());
}

#[test]
fn the_trace_names_each_setback() {
    let srv = || When::asked(SRV, RecordType::SRV).times(1);
    let dns = one_host()
        .fault(srv(), Fault::Drop)
        .fault(srv(), Fault::FormErrOnEdns)
        .fault(srv(), Fault::LowerCase);
    let failing = FakeDns::new().fault(When::always(), Fault::Code(ResponseCode::ServFail));
    let mut world = World::new(vec![dns, failing]);
    let (outcome, trace) = world.resolve("b.example");
    let text = trace.to_string();
    let lines: Vec<_> = text.lines().take(9).collect();
    assert_eq!(
        lines,
        [
            "asked 192.0.2.53:53 over UDP: _xmpp-server._tcp.b.example SRV",
            "192.0.2.53:53 on _xmpp-server._tcp.b.example SRV: no answer in time",
            "asked 192.0.2.54:53 over UDP: _xmpp-server._tcp.b.example SRV",
            "192.0.2.54:53 on _xmpp-server._tcp.b.example SRV: the name server answered with SERVFAIL",
            "asked 192.0.2.53:53 over UDP: _xmpp-server._tcp.b.example SRV",
            "192.0.2.53:53 on _xmpp-server._tcp.b.example SRV: EDNS was refused, asking without it",
            "asked 192.0.2.53:53 over UDP: _xmpp-server._tcp.b.example SRV",
            "192.0.2.53:53 on _xmpp-server._tcp.b.example SRV: the case of the name was changed, asking over TCP",
            "asked 192.0.2.53:53 over TCP: _xmpp-server._tcp.b.example SRV",
        ]
    );
    assert_eq!(shown(&outcome), ONE_HOST);
}
