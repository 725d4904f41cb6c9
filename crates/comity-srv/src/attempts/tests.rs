use comity_machine::Random;
use comity_testkit::origin;

use super::*;
use crate::service::Transport;

fn candidate(host: u8, priority: u16, transport: Transport) -> Candidate {
    let target = format!("h{}.example", host / 2).parse().unwrap();
    let mut one = Candidate::given(([192, 0, 2, host], 5061).into(), transport, target);
    one.priority = priority;
    one
}

fn tls(host: u8, priority: u16) -> Candidate {
    candidate(host, priority, Transport::Tls)
}

fn begin(now: Instant, config: Config, list: Vec<Candidate>) -> Attempts {
    Attempts::new(now, config, list, None, &Health::default())
}

/// The last byte of the address of what is dialled, or another event.
fn drain(attempts: &mut Attempts) -> Vec<Seen> {
    std::iter::from_fn(|| attempts.poll_event())
        .map(|event| match event {
            Event::Dial { attempt, candidate } => Seen::Dial(attempt.0, number(&candidate)),
            Event::Abandon { attempt } => Seen::Abandon(attempt.0),
            Event::More(_) => Seen::More,
            Event::Succeeded { candidate, .. } => Seen::Succeeded(number(&candidate)),
            Event::Exhausted { faults } => {
                let hosts = faults.iter().map(|(candidate, _)| number(candidate));
                Seen::Exhausted(hosts.collect())
            }
        })
        .collect()
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Seen {
    Dial(u32, u8),
    Abandon(u32),
    More,
    Succeeded(u8),
    Exhausted(Vec<u8>),
}

fn number(candidate: &Candidate) -> u8 {
    match candidate.address.ip() {
        std::net::IpAddr::V4(v4) => v4.octets()[3],
        std::net::IpAddr::V6(_) => panic!("{candidate}"),
    }
}

const DELAY: Duration = Duration::from_millis(250);

#[test]
fn a_slow_connection_is_joined_after_the_delay_and_a_failed_one_replaced_at_once() {
    let start = origin();
    let list = vec![tls(0, 1), tls(1, 1), tls(2, 1), tls(3, 2)];
    let mut attempts = begin(start, Config::xmpp(), list);
    assert_eq!(drain(&mut attempts), [Seen::Dial(0, 0)]);
    assert_eq!(attempts.poll_timeout(), Some(start + DELAY));
    attempts.handle_timeout(start + DELAY);
    assert_eq!(drain(&mut attempts), [Seen::Dial(1, 1)]);
    let now = start + Duration::from_millis(260);
    attempts.handle_failed(now, AttemptId(0), Fault::Refused);
    assert_eq!(drain(&mut attempts), [Seen::Dial(2, 2)]);
    // The next priority waits for the end of this one, however long that takes.
    attempts.handle_timeout(now + DELAY);
    assert_eq!(drain(&mut attempts), []);
    attempts.handle_failed(now + DELAY, AttemptId(1), Fault::Unreachable);
    assert_eq!(drain(&mut attempts), []);
    attempts.handle_failed(now + DELAY, AttemptId(2), Fault::Tls("expired".into()));
    assert_eq!(drain(&mut attempts), [Seen::Dial(3, 3)]);
    attempts.handle_succeeded(now + DELAY, AttemptId(3));
    assert_eq!(drain(&mut attempts), [Seen::Succeeded(3)]);
    assert!(attempts.is_closed());
    assert_eq!(attempts.poll_timeout(), None);
}

#[test]
fn the_losers_of_a_race_are_given_up() {
    let start = origin();
    let list = vec![tls(0, 1), tls(1, 1), tls(2, 1)];
    let mut attempts = begin(start, Config::xmpp(), list);
    attempts.handle_timeout(start + DELAY);
    attempts.handle_timeout(start + 2 * DELAY);
    drain(&mut attempts);
    attempts.handle_succeeded(start + 2 * DELAY, AttemptId(1));
    assert_eq!(
        drain(&mut attempts),
        [Seen::Abandon(0), Seen::Abandon(2), Seen::Succeeded(1)]
    );
    attempts.handle_failed(start + 2 * DELAY, AttemptId(0), Fault::Refused);
    attempts.handle_succeeded(start + 2 * DELAY, AttemptId(2));
    assert_eq!(drain(&mut attempts), []);
}

#[test]
fn sip_races_the_addresses_of_one_target_and_never_two_targets() {
    let start = origin();
    // Hosts 0 and 1 are addresses of one target, 2 and 3 of the next, all of one priority.
    let list = vec![tls(0, 1), tls(1, 1), tls(2, 1), tls(3, 1)];
    let mut attempts = begin(start, Config::sip(), list);
    attempts.handle_timeout(start + DELAY);
    assert_eq!(drain(&mut attempts), [Seen::Dial(0, 0), Seen::Dial(1, 1)]);
    attempts.handle_timeout(start + 2 * DELAY);
    assert_eq!(drain(&mut attempts), []);
    attempts.handle_failed(start + 2 * DELAY, AttemptId(1), Fault::Refused);
    assert_eq!(drain(&mut attempts), [], "the first one may still serve");
    attempts.handle_failed(start + 2 * DELAY, AttemptId(0), Fault::Refused);
    assert_eq!(drain(&mut attempts), [Seen::Dial(2, 2)]);
}

#[test]
fn requests_over_udp_never_race() {
    let start = origin();
    let udp = |host| candidate(host, 1, Transport::Udp);
    for config in [Config::sip(), Config::xmpp()] {
        let list = vec![udp(0), udp(1), tls(2, 1)];
        let mut attempts = begin(start, config, list);
        attempts.handle_timeout(start + DELAY);
        assert_eq!(drain(&mut attempts), [Seen::Dial(0, 0)]);
        attempts.handle_failed(start + DELAY, AttemptId(0), Fault::Timeout);
        assert_eq!(drain(&mut attempts), [Seen::Dial(1, 1)]);
        attempts.handle_timeout(start + 2 * DELAY);
        assert_eq!(drain(&mut attempts), []);
    }
}

#[test]
fn an_attempt_that_takes_too_long_is_given_up() {
    let start = origin();
    let mut attempts = begin(start, Config::xmpp(), vec![tls(0, 1), tls(1, 2)]);
    drain(&mut attempts);
    attempts.handle_timeout(start + Duration::from_secs(10));
    assert_eq!(drain(&mut attempts), [Seen::Abandon(0), Seen::Dial(1, 1)]);
    attempts.handle_timeout(start + Duration::from_secs(20));
    assert_eq!(
        drain(&mut attempts),
        [Seen::Abandon(1), Seen::Exhausted(vec![0, 1])]
    );
}

#[test]
fn a_long_list_of_silent_servers_costs_no_more_than_the_deadline() {
    let start = origin();
    let list = (0..64).map(|host| tls(host, u16::from(host))).collect();
    let mut attempts = begin(start, Config::xmpp(), list);
    let mut seen = Vec::new();
    while let Some(due) = attempts.poll_timeout() {
        attempts.handle_timeout(due);
        seen.extend(drain(&mut attempts));
        assert!(due <= start + Duration::from_secs(60));
    }
    assert_eq!(seen.last(), Some(&Seen::Exhausted((0..7).collect())));
    assert!(attempts.is_closed());
}

#[test]
fn silence_after_the_connection_stands_is_told_from_silence_before() {
    let start = origin();
    let fault = |is_connected| {
        let mut attempts = begin(start, Config::xmpp(), vec![tls(0, 1)]);
        if is_connected {
            attempts.handle_connected(start, AttemptId(0));
        }
        attempts.handle_timeout(start + Duration::from_secs(10));
        let events = std::iter::from_fn(|| attempts.poll_event());
        let last = events.last();
        let Some(Event::Exhausted { faults }) = last else {
            panic!("{last:?}");
        };
        faults[0].1.clone()
    };
    assert_eq!(fault(false), Fault::Timeout);
    assert_eq!(fault(true), Fault::NoAnswer);
    // What is silent towards one domain may answer another.
    let now = start;
    let mut health = Health::default();
    let other = |one: &Candidate| Candidate {
        domain: "other.example".parse().unwrap(),
        ..one.clone()
    };
    let udp = candidate(0, 1, Transport::Udp);
    health.note_fault(now, &udp, &Fault::Timeout);
    health.note_fault(now, &tls(1, 1), &Fault::NoAnswer);
    for one in [&udp, &tls(1, 1)] {
        assert!(health.ill_until(now, one).is_some());
        assert_eq!(health.ill_until(now, &other(one)), None);
    }
}

#[test]
fn without_candidates_nothing_is_tried() {
    let mut attempts = begin(origin(), Config::sip(), Vec::new());
    assert_eq!(drain(&mut attempts), [Seen::Exhausted(Vec::new())]);
    assert!(attempts.is_closed());
}

fn remainder() -> Remainder {
    Remainder {
        domain: "b.example".parse().unwrap(),
        bearing: crate::plan::Bearing::for_tests(),
        groups: VecDeque::new(),
        begins_late: false,
        order: [0; 32],
        seen: std::collections::BTreeSet::new(),
    }
}

#[test]
fn a_connection_that_stands_ends_the_race_and_the_others_come_again_if_it_fails() {
    let start = origin();
    let list = vec![tls(0, 1), tls(1, 1), tls(2, 2)];
    let mut attempts = begin(start, Config::xmpp(), list);
    attempts.handle_timeout(start + DELAY);
    drain(&mut attempts);
    attempts.handle_connected(start + DELAY, AttemptId(1));
    assert_eq!(drain(&mut attempts), [Seen::Abandon(0)]);
    // Nobody joins it however long its handshake takes.
    attempts.handle_timeout(start + 4 * DELAY);
    assert_eq!(drain(&mut attempts), []);
    attempts.handle_failed(
        start + 4 * DELAY,
        AttemptId(1),
        Fault::Tls("expired".into()),
    );
    assert_eq!(drain(&mut attempts), [Seen::Dial(2, 0)]);
    attempts.handle_connected(start + 4 * DELAY, AttemptId(2));
    attempts.handle_succeeded(start + 4 * DELAY, AttemptId(2));
    assert_eq!(drain(&mut attempts), [Seen::Succeeded(0)]);
}

#[test]
fn a_server_that_answers_503_is_followed_by_the_next_and_by_nobody_before() {
    let start = origin();
    let mut attempts = begin(start, Config::sip(), vec![tls(0, 1), tls(1, 1)]);
    drain(&mut attempts);
    attempts.handle_connected(start, AttemptId(0));
    // The request is out: no other server may get it.
    attempts.handle_timeout(start + 8 * DELAY);
    assert_eq!(drain(&mut attempts), []);
    let busy = Fault::Unavailable { retry_after: None };
    attempts.handle_failed(start + 8 * DELAY, AttemptId(0), busy);
    assert_eq!(drain(&mut attempts), [Seen::Dial(1, 1)]);
}

#[test]
fn what_the_resolution_has_left_is_asked_for_once_and_then_taken() {
    let start = origin();
    let health = Health::default();
    let rest = || Some(remainder());
    let mut attempts = Attempts::new(start, Config::xmpp(), vec![tls(0, 1)], rest(), &health);
    drain(&mut attempts);
    // Nothing was asked for yet.
    attempts.handle_more(start, vec![tls(9, 1)], None, &health);
    assert_eq!(drain(&mut attempts), []);
    attempts.handle_failed(start, AttemptId(0), Fault::Refused);
    assert_eq!(drain(&mut attempts), [Seen::More]);
    let deadline = start + Duration::from_secs(60);
    assert_eq!(attempts.poll_timeout(), Some(deadline));
    assert!(!attempts.is_closed());
    attempts.handle_more(start, vec![tls(1, 2), tls(2, 2)], rest(), &health);
    assert_eq!(drain(&mut attempts), [Seen::Dial(1, 1)]);
    attempts.handle_timeout(start + DELAY);
    assert_eq!(drain(&mut attempts), [Seen::Dial(2, 2)]);
    attempts.handle_failed(start + DELAY, AttemptId(1), Fault::Refused);
    attempts.handle_failed(start + DELAY, AttemptId(2), Fault::Refused);
    assert_eq!(drain(&mut attempts), [Seen::More]);
    attempts.handle_more(start + DELAY, Vec::new(), None, &health);
    assert_eq!(drain(&mut attempts), [Seen::Exhausted(vec![0, 1, 2])]);
    attempts.handle_more(start + DELAY, vec![tls(3, 3)], None, &health);
    assert_eq!(drain(&mut attempts), []);
}

#[test]
fn those_that_are_ill_come_behind_all_others_and_are_not_dropped() {
    let start = origin();
    let mut health = Health::default();
    health.note_fault(start, &tls(0, 1), &Fault::Timeout);
    let list = vec![tls(0, 1), tls(1, 1)];
    let mut attempts = Attempts::new(start, Config::sip(), list, Some(remainder()), &health);
    assert_eq!(drain(&mut attempts), [Seen::Dial(0, 1)]);
    attempts.handle_failed(start, AttemptId(0), Fault::Refused);
    // The backup comes before the primary that is ill.
    assert_eq!(drain(&mut attempts), [Seen::More]);
    attempts.handle_more(start, vec![tls(2, 2)], None, &health);
    assert_eq!(drain(&mut attempts), [Seen::Dial(1, 2)]);
    attempts.handle_failed(start, AttemptId(1), Fault::Refused);
    assert_eq!(drain(&mut attempts), [Seen::Dial(2, 0)]);
    attempts.handle_failed(start, AttemptId(2), Fault::Refused);
    assert_eq!(drain(&mut attempts), [Seen::Exhausted(vec![1, 2, 0])]);
}

#[test]
fn an_address_is_ill_until_its_time() {
    let now = origin();
    let mut health = Health::default();
    let at = |seconds| now + Duration::from_secs(seconds);
    let until = |health: &Health, one: &Candidate| health.ill_until(now, one);
    health.note_fault(now, &tls(0, 1), &Fault::Timeout);
    assert_eq!(until(&health, &tls(0, 1)), Some(at(30)));
    assert_eq!(health.ill_until(at(29), &tls(0, 1)), Some(at(30)));
    assert_eq!(health.ill_until(at(30), &tls(0, 1)), None);
    // Another transport of the same address is another thing.
    assert_eq!(until(&health, &candidate(0, 1, Transport::StartTls)), None);
    let wait = |seconds| Fault::Unavailable {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    health.note_fault(now, &tls(1, 1), &wait(60));
    assert_eq!(until(&health, &tls(1, 1)), Some(at(60)));
    health.note_fault(now, &tls(2, 1), &wait(100_000));
    assert_eq!(until(&health, &tls(2, 1)), Some(at(600)));
    health.note_success(&tls(2, 1));
    assert_eq!(until(&health, &tls(2, 1)), None);
    let busy = Fault::Unavailable { retry_after: None };
    health.note_fault(now, &tls(3, 1), &busy);
    assert_eq!(until(&health, &tls(3, 1)), Some(at(30)));
}

#[test]
fn a_domain_that_names_the_server_of_another_makes_it_ill_for_itself_only() {
    let now = origin();
    let address = "192.0.2.1:5269".parse().unwrap();
    let wanted = |domain: &str| {
        let domain = domain.parse().unwrap();
        Candidate::given(address, Transport::StartTls, domain)
    };
    let (evil, victim) = (wanted("evil.example"), wanted("victim.example"));
    let mut health = Health::default();
    health.note_fault(now, &evil, &Fault::Tls("it names victim.example".into()));
    assert_eq!(health.ill_until(now, &evil), None);
    let busy = Fault::Unavailable { retry_after: None };
    health.note_fault(now, &evil, &busy);
    assert!(health.ill_until(now, &evil).is_some());
    assert_eq!(health.ill_until(now, &victim), None);
    // Where nobody listens, nobody listens for anybody.
    health.note_fault(now, &evil, &Fault::Refused);
    assert!(health.ill_until(now, &victim).is_some());
}

#[test]
fn the_table_of_the_ill_has_a_bound() {
    let now = origin();
    let at = |seconds| now + Duration::from_secs(seconds);
    let ill = |max_addresses| {
        let mut health = Health::new(HealthLimits {
            max_addresses,
            ..HealthLimits::default()
        });
        for host in 0..3 {
            health.note_fault(at(u64::from(host)), &tls(host, 1), &Fault::Refused);
        }
        [0, 1, 2].map(|host| health.ill_until(at(3), &tls(host, 1)).is_some())
    };
    let expected = [[false, false, true], [false, true, true], [true; 3]];
    assert_eq!([1, 2, 3].map(ill), expected);
}

#[test]
fn a_server_is_left_for_as_long_as_it_may_ask() {
    let (now, second) = (origin(), Duration::from_secs(1));
    let asked = |retry_after| {
        let mut health = Health::default();
        let busy = Fault::Unavailable {
            retry_after: Some(retry_after),
        };
        health.note_fault(now, &tls(0, 1), &busy);
        health.ill_until(now, &tls(0, 1)).map(|until| until - now)
    };
    let longest = HealthLimits::default().max_retry_after;
    let around = [longest - second, longest, longest + second].map(asked);
    assert_eq!(around, [longest - second, longest, longest].map(Some));
}

/// How long each candidate takes, and whether it serves then.
type Fates = Vec<(u64, bool)>;

/// Plays the rules of the page on a clock that goes millisecond by millisecond: lists of lists, and no
/// timers. Gives when each one is dialled, and which one serves.
fn model(heats: &[Vec<usize>], fates: &Fates) -> (Vec<(u64, usize)>, Option<usize>) {
    let (mut dialled, mut clock) = (Vec::new(), 0);
    for heat in heats {
        let mut running: Vec<(u64, usize)> = Vec::new();
        let mut left = heat.iter().copied().peekable();
        let mut last = clock;
        while !running.is_empty() || left.peek().is_some() {
            let served = running
                .iter()
                .find(|(end, one)| *end == clock && fates[*one].1);
            if let Some(&(_, one)) = served {
                return (dialled, Some(one));
            }
            let before = running.len();
            running.retain(|(end, _)| *end != clock);
            let mut room = before - running.len();
            if running.is_empty() || clock == last + 250 {
                room = room.max(1);
            }
            for one in left.by_ref().take(room) {
                dialled.push((clock, one));
                running.push((clock + fates[one].0, one));
                last = clock;
            }
            if !running.is_empty() {
                clock += 1;
            }
        }
    }
    (dialled, None)
}

/// Drives the machine over the same fates, by its own timers.
fn play(config: Config, list: Vec<Candidate>, fates: &Fates) -> (Vec<(u64, usize)>, Option<usize>) {
    let start = origin();
    let mut now = start;
    let mut attempts = begin(now, config, list);
    let (mut dialled, mut ends) = (Vec::new(), BTreeMap::new());
    loop {
        while let Some(event) = attempts.poll_event() {
            match event {
                Event::Dial { attempt, candidate } => {
                    let one = usize::from(number(&candidate));
                    let millis = u64::try_from((now - start).as_millis()).unwrap();
                    dialled.push((millis, one));
                    ends.insert((millis + fates[one].0, !fates[one].1, attempt), one);
                }
                Event::Abandon { attempt } => ends.retain(|(.., other), _| *other != attempt),
                Event::Succeeded { candidate, .. } => {
                    return (dialled, Some(usize::from(number(&candidate))));
                }
                Event::Exhausted { faults } => {
                    assert_eq!(faults.len(), dialled.len());
                    return (dialled, None);
                }
                Event::More(_) => panic!("there is no more"),
            }
        }
        let end = ends.first_key_value().map(|((end, ..), _)| *end);
        let due = attempts.poll_timeout();
        let end = end.map(|millis| start + Duration::from_millis(millis));
        match (end, due) {
            (Some(end), due) if due.is_none_or(|due| end <= due) => {
                now = end;
                let ((_, fails, attempt), _) = ends.pop_first().unwrap();
                match fails {
                    true => attempts.handle_failed(now, attempt, Fault::Refused),
                    false => attempts.handle_succeeded(now, attempt),
                }
            }
            (_, Some(due)) => {
                now = due;
                attempts.handle_timeout(now);
                assert!(attempts.poll_timeout().is_none_or(|next| next > now));
            }
            (_, None) => panic!("it hangs"),
        }
    }
}

#[test]
fn every_course_is_that_of_the_model() {
    let mut random = Random::from_seed([11; 32]);
    let mut below = |bound: u64| random.below(bound);
    for round in 0..3_000 {
        let count = u8::try_from(below(9)).unwrap();
        let transports = [Transport::Tls, Transport::StartTls, Transport::Udp];
        let mut priority = 1;
        let list: Vec<_> = (0..count)
            .map(|host| {
                priority += u16::try_from(below(3) / 2).unwrap();
                candidate(
                    host,
                    priority,
                    transports[usize::try_from(below(3)).unwrap()],
                )
            })
            .collect();
        let fates: Fates = (0..count)
            .map(|_| (1 + below(600), below(4) == 0))
            .collect();
        let config = match below(3) {
            0 => Config::xmpp(),
            1 => Config::sip(),
            _ => Config {
                racing: Racing::Never,
                ..Config::sip()
            },
        };
        let may_race = |a: &Candidate, b: &Candidate| match config.racing {
            _ if a.transport == Transport::Udp || b.transport == Transport::Udp => false,
            Racing::Never => false,
            Racing::Target => a.target == b.target && a.transport == b.transport,
            Racing::Priority => a.priority == b.priority,
        };
        let mut heats: Vec<Vec<usize>> = Vec::new();
        for (place, one) in list.iter().enumerate() {
            match heats.last_mut() {
                Some(heat) if may_race(&list[heat[0]], one) => heat.push(place),
                _ => heats.push(vec![place]),
            }
        }
        let expected = model(&heats, &fates);
        assert_eq!(
            play(config, list.clone(), &fates),
            expected,
            "{round}: {list:?}"
        );
    }
}
