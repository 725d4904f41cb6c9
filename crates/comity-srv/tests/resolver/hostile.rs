//! Name servers and strangers that lie.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::world::{ONE_HOST, SRV, World, failed, one_host, shown};
use comity_srv::{Event, Failure, Outcome, Protocol, TraceEntry, Transmit};
use comity_testkit::cut;
use comity_testkit::dns::{
    FakeDns, Fault, RData, Record, RecordType, ResponseCode, Transport, When, frame, unframe,
};

fn udp() -> When {
    When::always().over(Transport::Udp)
}

#[test]
fn forged_answers_do_not_end_the_wait() {
    for count in [1, 16] {
        let spoofed = one_host().fault(When::always(), Fault::Spoofed { count });
        let mut world = World::new(vec![spoofed]);
        assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
        assert!(
            world.servers[0]
                .questions()
                .iter()
                .all(|q| q.transport == Transport::Udp)
        );
    }
}

#[test]
fn a_flood_of_forged_answers_moves_the_question_to_tcp() {
    for count in [17, 60_000] {
        let flooded = one_host().fault(udp(), Fault::Spoofed { count });
        let mut world = World::new(vec![flooded]);
        assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
        assert_eq!(world.questions()[1], format!("{SRV} SRV over TCP"));
        assert_eq!(world.elapsed(), Duration::ZERO);
    }
}

#[test]
fn as_many_forged_answers_are_passed_over_as_allowed() {
    let moved = [2, 3, 4].map(|limit| {
        let spoofed = one_host().fault(udp(), Fault::Spoofed { count: 3 });
        let mut world = World::with(vec![spoofed], |config| {
            config.limits.max_mismatches = limit;
        });
        assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
        world.questions()[1] == format!("{SRV} SRV over TCP")
    });
    assert_eq!(moved, [true, false, false]);
}

#[test]
fn answers_to_other_questions_count_for_nothing() {
    for fault in [
        Fault::WrongId,
        Fault::WrongQuestion,
        Fault::HugeCounts,
        Fault::Bytes(Vec::new()),
        Fault::Bytes(vec![0; 11]),
        Fault::Bytes(vec![255; 70_000]),
    ] {
        // The true answer comes to the next attempt.
        let lying = one_host().fault(When::nth(1), fault.clone());
        let mut world = World::new(vec![lying]);
        assert_eq!(shown(&world.outcome("b.example")), ONE_HOST, "{fault:?}");
        assert_eq!(world.elapsed(), Duration::from_secs(1), "{fault:?}");
        let mut world = World::new(vec![one_host().fault(When::always(), fault.clone())]);
        assert_eq!(
            world.outcome("b.example"),
            failed(Failure::Timeout),
            "{fault:?}"
        );
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_asked_for_over_tcp() {
    let mut world = World::new(vec![one_host().fault(udp(), Fault::Garbage)]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    assert_eq!(world.elapsed(), Duration::ZERO);
    let mut world = World::with(vec![one_host()], |config| {
        config.limits.max_udp_message_bytes = 60;
    });
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    assert_eq!(world.questions()[1], format!("{SRV} SRV over TCP"));
}

#[test]
fn over_tcp_what_is_no_answer_is_a_failure() {
    for (fault, failure) in [
        (Fault::WrongId, Failure::Malformed),
        (Fault::WrongQuestion, Failure::Malformed),
        (Fault::Garbage, Failure::Malformed),
        (Fault::Truncated, Failure::Malformed),
        (Fault::Drop, Failure::Connection),
        (Fault::Bytes(vec![0; 11]), Failure::Malformed),
        (Fault::Bytes(vec![0; 12 * 1024]), Failure::Malformed),
        (Fault::Bytes(vec![0; 12 * 1024 + 1]), Failure::TooLarge),
        (Fault::ManySrv { count: 10_000 }, Failure::TooLarge),
    ] {
        let lying = one_host()
            .fault(udp(), Fault::Truncated)
            .fault(When::always(), fault.clone());
        let mut world = World::new(vec![lying.clone()]);
        assert_eq!(world.outcome("b.example"), failed(failure), "{fault:?}");
        assert_eq!(world.elapsed(), Duration::ZERO);
        let mut world = World::new(vec![lying, one_host()]);
        assert_eq!(shown(&world.outcome("b.example")), ONE_HOST, "{fault:?}");
    }
}

#[test]
fn a_message_holds_as_many_records_as_allowed() {
    for (count, good) in [(63, true), (64, true), (65, false)] {
        let dns = FakeDns::new().fault(When::asked(SRV, RecordType::SRV), Fault::ManySrv { count });
        let mut world = World::with(vec![dns], |config| {
            config.limits.max_tcp_message_bytes = u16::MAX;
        });
        let expected = match good {
            true => Failure::NoAddress,
            false => Failure::TooLarge,
        };
        assert_eq!(world.outcome("b.example"), failed(expected), "{count}");
    }
}

#[test]
fn the_additional_section_is_never_believed() {
    let forged = |owner: &str| {
        let owner = comity_testkit::dns::name(owner);
        let data = RData::A(Ipv4Addr::new(203, 0, 113, 66).into());
        Record::from_rdata(owner, 300, data)
    };
    let records = vec![
        forged("xmpp.b.example"),
        forged("b.example"),
        forged("c.example"),
    ];
    let lying = one_host().fault(When::always(), Fault::Additional(records));
    let mut world = World::new(vec![lying]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    assert_eq!(world.outcome("c.example"), Outcome::Absent);
}

#[test]
fn records_of_another_name_are_no_answer() {
    let at = |owner, kind| one_host().fault(When::asked(owner, kind), Fault::OtherName);
    let mut world = World::new(vec![at("xmpp.b.example", RecordType::A)]);
    assert_eq!(world.outcome("b.example"), failed(Failure::Malformed));
    let mut world = World::new(vec![at(SRV, RecordType::SRV)]);
    assert_eq!(world.outcome("b.example"), failed(Failure::Malformed));
}

/// Whatever happens to the messages, a domain with records is found, or not found out in time: it is
/// never taken for absent, and no other address is ever chosen.
#[test]
fn no_mixture_of_faults_makes_a_domain_absent() {
    let faults = [
        Fault::Drop,
        Fault::Code(ResponseCode::ServFail),
        Fault::Code(ResponseCode::Refused),
        Fault::Code(ResponseCode::FormErr),
        Fault::FormErrOnEdns,
        Fault::Truncated,
        Fault::WrongId,
        Fault::WrongQuestion,
        Fault::OtherName,
        Fault::LowerCase,
        Fault::Spoofed { count: 3 },
        Fault::Spoofed { count: 30 },
        Fault::Twice,
        Fault::CnameLoop,
        Fault::Garbage,
        Fault::HugeCounts,
    ];
    let mut random = comity_machine::Random::from_seed([5; 32]);
    let mut found = 0;
    for round in 0..300 {
        let servers = (0..2).map(|_| {
            (1..30).fold(one_host(), |dns, nth| {
                let draw = usize::try_from(random.below(60)).unwrap();
                match faults.get(draw) {
                    Some(fault) => dns.fault(When::nth(nth), fault.clone()),
                    None => dns,
                }
            })
        });
        let mut world = World::new(servers.collect());
        world.piece = 1 + round % 40;
        let (outcome, trace) = world.resolve("b.example");
        assert!(world.elapsed() <= Duration::from_secs(10));
        if let Outcome::Candidates(_) = outcome {
            found += 1;
            assert_eq!(shown(&outcome), ONE_HOST);
        } else {
            assert!(
                matches!(outcome, Outcome::Failed(_)),
                "{outcome:?}\n{trace}"
            );
        }
    }
    assert!(found > 200, "{found}");
}

#[test]
fn aliases_end() {
    let looping = FakeDns::new().fault(When::always(), Fault::CnameLoop);
    assert_eq!(
        World::new(vec![looping]).outcome("b.example"),
        failed(Failure::AliasLoop)
    );
    let endless = FakeDns::new().fault(When::always(), Fault::EndlessCname);
    let mut world = World::new(vec![endless]);
    assert_eq!(
        world.outcome("b.example"),
        failed(Failure::TooManyAliases { limit: 8 })
    );
    assert_eq!(world.questions().len(), 9);
}

#[test]
fn a_late_duplicate_changes_nothing() {
    let twice = one_host().fault(When::always(), Fault::Twice);
    let mut world = World::new(vec![twice]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    assert_eq!(world.questions().len(), 3);
}

/// The first query of a new resolution of `b.example`, and its bytes.
fn first_query(world: &mut World) -> (Transmit, Vec<u8>) {
    world.begin("b.example");
    let mut query = Vec::new();
    let transmit = world.resolver.poll_transmit(&mut query).unwrap();
    (transmit, query)
}

#[test]
fn an_answer_to_a_socket_that_was_given_up_is_ignored() {
    let mut world = World::new(vec![one_host()]);
    let (transmit, query) = first_query(&mut world);
    let answer = one_host().answer(Transport::Udp, &query).remove(0);
    world.now += Duration::from_secs(1);
    world.resolver.handle_timeout(world.now);
    let socket = transmit.socket;
    assert_eq!(world.resolver.poll_event(), Some(Event::Release { socket }));
    world.resolver.handle_input(world.now, socket, &answer);
    world.resolver.handle_eof(world.now, socket);
    world.resolver.handle_socket_failed(world.now, socket);
    assert_eq!(world.resolver.poll_event(), None);
    let mut second = Vec::new();
    let retry = world.resolver.poll_transmit(&mut second).unwrap();
    assert_ne!((retry.socket, &second), (socket, &query));
    // The answer to the first query on the second socket has the wrong id.
    world
        .resolver
        .handle_input(world.now, retry.socket, &answer);
    assert_eq!(world.resolver.poll_event(), None);
}

#[test]
fn a_query_that_was_not_taken_needs_no_release() {
    let mut world = World::new(vec![one_host()]);
    world.begin("b.example");
    world.now += Duration::from_secs(1);
    world.resolver.handle_timeout(world.now);
    assert_eq!(world.resolver.poll_event(), None);
    let mut buf = Vec::new();
    assert!(world.resolver.poll_transmit(&mut buf).is_some());
    assert_eq!(world.resolver.poll_transmit(&mut buf), None);
}

#[test]
fn the_end_of_a_udp_socket_means_nothing() {
    let mut world = World::new(vec![one_host()]);
    let (transmit, query) = first_query(&mut world);
    world.resolver.handle_eof(world.now, transmit.socket);
    assert_eq!(world.resolver.poll_event(), None);
    let answer = one_host().answer(Transport::Udp, &query).remove(0);
    world
        .resolver
        .handle_input(world.now, transmit.socket, &answer);
    let socket = transmit.socket;
    assert_eq!(world.resolver.poll_event(), Some(Event::Release { socket }));
}

#[test]
fn a_tcp_answer_may_be_cut_at_every_byte_and_at_none_before_its_end() {
    let cutting = one_host().fault(udp(), Fault::Truncated);
    let stream_of = |world: &mut World| {
        let (transmit, query) = first_query(world);
        let answer = world.servers[0].answer(Transport::Udp, &query).remove(0);
        world
            .resolver
            .handle_input(world.now, transmit.socket, &answer);
        assert!(matches!(
            world.resolver.poll_event(),
            Some(Event::Release { .. })
        ));
        let mut query = Vec::new();
        let transmit = world.resolver.poll_transmit(&mut query).unwrap();
        assert_eq!(transmit.protocol, Protocol::Tcp);
        let query = unframe(&mut query).unwrap();
        let answer = world.servers[0].answer(Transport::Tcp, &query).remove(0);
        (transmit.socket, frame(&answer))
    };
    let (_, stream) = stream_of(&mut World::new(vec![cutting.clone()]));
    for (left, right) in cut::at_each_point(&stream) {
        let mut world = World::new(vec![cutting.clone()]);
        let (socket, again) = stream_of(&mut world);
        assert_eq!(again, stream);
        world.resolver.handle_input(world.now, socket, left);
        assert_eq!(world.resolver.poll_event(), None);
        // What follows the message is not read.
        world
            .resolver
            .handle_input(world.now, socket, &[right, b"more"].concat());
        assert_eq!(world.resolver.poll_event(), Some(Event::Release { socket }));
        let mut query = Vec::new();
        assert!(
            world.resolver.poll_transmit(&mut query).is_some(),
            "the hosts are asked for"
        );

        let mut world = World::new(vec![cutting.clone()]);
        let (socket, _) = stream_of(&mut world);
        world.resolver.handle_input(world.now, socket, left);
        world.resolver.handle_eof(world.now, socket);
        assert_eq!(world.resolver.poll_event(), Some(Event::Release { socket }));
        let Some(Event::Resolved { outcome, .. }) = world.resolver.poll_event() else {
            panic!("no end");
        };
        assert_eq!(outcome, failed(Failure::Connection));
    }
}

#[test]
fn a_tcp_answer_that_trickles_does_not_hold_the_resolution() {
    let cutting = one_host().fault(udp(), Fault::Truncated);
    let mut world = World::new(vec![cutting]);
    let (transmit, query) = first_query(&mut world);
    let answer = world.servers[0].answer(Transport::Udp, &query).remove(0);
    world
        .resolver
        .handle_input(world.now, transmit.socket, &answer);
    let mut query = Vec::new();
    let transmit = world.resolver.poll_transmit(&mut query).unwrap();
    for _ in 0..10 {
        world
            .resolver
            .handle_input(world.now, transmit.socket, &[16]);
        world.now += Duration::from_millis(100);
    }
    assert_eq!(world.resolver.poll_timeout(), Some(world.now));
}

/// Random datagrams to random sockets at random times: everything ends, and no address comes from
/// anywhere but a true answer.
#[test]
fn no_input_panics_or_keeps_a_resolution_alive() {
    let mut random = comity_machine::Random::from_seed([3; 32]);
    for round in 0..50 {
        let mut world = World::new(vec![one_host().fault(udp(), Fault::Drop)]);
        world.begin("b.example");
        let mut open = Vec::new();
        while world.resolved.is_empty() {
            let mut query = Vec::new();
            while let Some(transmit) = world.resolver.poll_transmit(&mut query) {
                let bytes = query.split_off(query.len() - transmit.len);
                open.push((transmit, bytes));
            }
            for (transmit, query) in &open {
                let mut noise = vec![0; usize::try_from(random.below(64)).unwrap()];
                random.fill(&mut noise);
                let mut lie = query.clone();
                if let Some(flags) = lie.get_mut(2) {
                    *flags |= 0x80;
                }
                let place = usize::try_from(random.below(12)).unwrap();
                lie[place] ^= random.bytes::<1>()[0];
                for input in [noise, lie] {
                    world
                        .resolver
                        .handle_input(world.now, transmit.socket, &input);
                }
            }
            while let Some(event) = world.resolver.poll_event() {
                if let Event::Resolved {
                    query,
                    outcome,
                    trace,
                    ..
                } = event
                {
                    world.resolved.push((query, outcome, trace));
                }
            }
            if let Some(due) = world.resolver.poll_timeout() {
                world.now = due;
                world.resolver.handle_timeout(due);
            }
        }
        assert!(world.elapsed() <= Duration::from_secs(10), "round {round}");
        let (_, outcome, _) = &world.resolved[0];
        assert!(!matches!(outcome, Outcome::Candidates(_)), "{outcome:?}");
    }
}

#[test]
fn a_hostile_zone_costs_no_more_questions_than_allowed() {
    let dns = FakeDns::new().fault(
        When::asked(SRV, RecordType::SRV).over(Transport::Udp),
        Fault::Truncated,
    );
    let dns = (0..64_u16).fold(dns, |dns, host| {
        dns.srv(SRV, 0, host, 1, &format!("h{host}.b.example"))
    });
    let mut world = World::new(vec![dns]);
    let (outcome, trace) = world.resolve("b.example");
    assert_eq!(outcome, failed(Failure::TooManyLookups { limit: 40 }));
    assert_eq!(
        world.questions().len(),
        41,
        "40 lookups, the first of them twice"
    );
    let asked = trace
        .entries()
        .iter()
        .filter(|entry| matches!(entry, TraceEntry::Asked { .. }));
    assert_eq!(asked.count(), 41);
}

#[test]
fn an_error_without_a_question_brings_a_query_without_edns() {
    let mut world = World::new(vec![one_host()]);
    world.begin("b.example");
    let mut query = Vec::new();
    let first = world.resolver.poll_transmit(&mut query).unwrap();
    // The header alone: our id, a reply, FORMERR, and no question.
    let mut headless = vec![0; 12];
    headless[..2].copy_from_slice(&query[..2]);
    (headless[2], headless[3]) = (0x80, 1);
    let mut foreign = headless.clone();
    foreign[0] ^= 1;
    world
        .resolver
        .handle_input(world.now, first.socket, &foreign);
    assert_eq!(world.resolver.poll_transmit(&mut Vec::new()), None);
    world
        .resolver
        .handle_input(world.now, first.socket, &headless);
    let mut again = Vec::new();
    let second = world.resolver.poll_transmit(&mut again).unwrap();
    assert_ne!(second.socket, first.socket);
    assert_eq!(query[10..12], [0, 1], "EDNS is offered");
    assert_eq!(again[10..12], [0, 0], "and then left out");
    let answer = one_host().answer(Transport::Udp, &again).remove(0);
    world
        .resolver
        .handle_input(world.now, second.socket, &answer);
    let mut events = Vec::new();
    events.extend(std::iter::from_fn(|| world.resolver.poll_event()));
    let mut next = Vec::new();
    assert!(
        world.resolver.poll_transmit(&mut next).is_some(),
        "{events:?}"
    );
}
