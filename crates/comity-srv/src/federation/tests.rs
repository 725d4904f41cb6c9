use std::time::SystemTime;

use super::*;
use crate::candidate::{Candidate, Provenance};
use crate::plan::{Failure, Outcome};
use crate::routes::{Pattern, Route};
use crate::service::Transport;

const SEED: [u8; 32] = [7; 32];

#[expect(clippy::disallowed_methods, reason = "an origin for test time")]
fn origin() -> Instant {
    Instant::now()
}

fn domain(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn closed() -> Routes {
    let edge = "edge.a.example".parse().unwrap();
    Routes::closed(Messaging::Sip, edge, 5061, Transport::Tls)
}

fn route(pattern: &str, is_blocked: bool) -> Route {
    let next_hop = "edge.a.example".parse().unwrap();
    let mut route = Route::new(pattern.parse().unwrap(), next_hop, 5061, Transport::Tls);
    route.blocked = is_blocked;
    route
}

fn directory(routes: Vec<Route>) -> Directory {
    let routes = Routes::new(Messaging::Sip, routes).unwrap();
    Directory::new(Settings::default(), routes)
}

fn open() -> Directory {
    directory(vec![route(".*", false)])
}

fn explore(directory: &Directory) -> Exploration {
    let way = directory.way(origin(), &domain("b.example"), &SEED);
    let Way::Explore(exploration) = way else {
        panic!("{way:?}");
    };
    exploration
}

fn candidates(provenance: Provenance) -> Outcome {
    let address = "192.0.2.1:5061".parse().unwrap();
    let mut one = Candidate::given(address, Transport::Tls, domain("b.example"));
    one.provenance = provenance;
    Outcome::Candidates(vec![one])
}

/// Gives these outcomes one after the other.
fn after(mut exploration: Exploration, outcomes: &[Outcome]) -> Step {
    for outcome in outcomes {
        assert!(matches!(exploration.next_step(), Step::Resolve(..)));
        exploration.handle_outcome(outcome);
    }
    exploration.next_step()
}

#[test]
fn dns_is_asked_for_the_edge_then_for_sip_then_for_xmpp() {
    let mut exploration = explore(&open());
    let mut asked = Vec::new();
    while let Step::Resolve(messaging, service) = exploration.next_step() {
        asked.push((messaging, service));
        exploration.handle_outcome(&Outcome::Absent);
    }
    assert_eq!(asked, Settings::default().order);
    assert_eq!(exploration.next_step(), Step::UseDefaultRoute);
}

#[test]
fn the_first_records_say_what_is_spoken_and_addresses_alone_do_not() {
    let record = candidates(Provenance::ServiceRecord);
    let guess = candidates(Provenance::Fallback);
    let Outcome::Candidates(list) = record.clone() else {
        panic!();
    };
    let found = |messaging| Step::Use(messaging, list.clone());
    let start = || explore(&open());
    assert_eq!(
        after(start(), std::slice::from_ref(&record)),
        found(Messaging::Sip)
    );
    assert_eq!(
        after(start(), &[Outcome::Refused, record.clone()]),
        found(Messaging::Sip)
    );
    assert_eq!(
        after(start(), &[Outcome::Absent, guess.clone(), record]),
        found(Messaging::Xmpp)
    );
    assert_eq!(
        after(start(), &[Outcome::Absent, guess.clone(), guess]),
        Step::UseDefaultRoute
    );
}

#[test]
fn what_cannot_be_found_out_ends_the_search_at_each_step() {
    let ends = [
        (
            Outcome::Failed(Failure::Timeout),
            DeadEnd::Failed(Failure::Timeout),
        ),
        (Outcome::Bogus, DeadEnd::Bogus),
        (Outcome::Blocked(Vec::new()), DeadEnd::Blocked),
    ];
    for (outcome, end) in ends {
        for before in 0..3 {
            let mut outcomes = vec![Outcome::Absent; before];
            outcomes.push(outcome.clone());
            let step = after(explore(&open()), &outcomes);
            assert_eq!(step, Step::End(end.clone()));
        }
    }
}

#[test]
fn a_closed_default_route_keeps_new_domains_out_and_says_so() {
    let directory = Directory::new(Settings::default(), closed());
    let id = directory.routes.iter().next().unwrap().0;
    let nothing = vec![Outcome::Absent; 3];
    assert_eq!(
        after(explore(&directory), &nothing),
        Step::End(DeadEnd::DefaultRouteBlocked(id))
    );
    let none = self::directory(Vec::new());
    assert_eq!(
        after(explore(&none), &nothing),
        Step::End(DeadEnd::NoRecords)
    );
}

#[test]
fn sip_by_the_default_route_follows_xmpp_that_does_not_work() {
    let xmpp = [
        Outcome::Absent,
        Outcome::Absent,
        candidates(Provenance::ServiceRecord),
    ];
    let step = |directory: &Directory| {
        let mut exploration = explore(directory);
        xmpp.iter().for_each(|one| exploration.handle_outcome(one));
        assert!(matches!(
            exploration.next_step(),
            Step::Use(Messaging::Xmpp, _)
        ));
        exploration.handle_unreachable();
        exploration
    };
    let mut exploration = step(&open());
    assert_eq!(exploration.next_step(), Step::UseDefaultRoute);
    exploration.handle_unreachable();
    assert_eq!(exploration.next_step(), Step::End(DeadEnd::Unreachable));
    exploration.handle_outcome(&candidates(Provenance::ServiceRecord));
    assert_eq!(exploration.next_step(), Step::End(DeadEnd::Unreachable));
    let closed = Directory::new(Settings::default(), closed());
    assert_eq!(step(&closed).next_step(), Step::End(DeadEnd::Unreachable));
}

#[test]
fn what_is_known_comes_before_dns_in_its_order() {
    let now = origin();
    let wall = SystemTime::UNIX_EPOCH;
    let name = domain("b.example");
    let mut directory = directory(vec![route(".example.routed.*", false), route(".*", true)]);
    let way = |directory: &Directory, name: &DomainName| match directory.way(now, name, &SEED) {
        Way::Blocked(by) => format!("blocked by {by:?}"),
        Way::Routes(decision) => format!("{} routes", decision.hops().count()),
        Way::Speak(messaging, basis) => format!("{messaging} {basis:?}"),
        Way::Explore(_) => "explore".to_owned(),
        Way::Nowhere => "nowhere".to_owned(),
    };
    assert_eq!(way(&directory, &name), "explore");
    directory.note_nowhere(now, &name);
    assert_eq!(way(&directory, &name), "nowhere");
    let later = now + Duration::from_secs(60);
    assert!(matches!(
        directory.way(later, &name, &SEED),
        Way::Explore(_)
    ));
    directory.learn(wall, &name, Messaging::Sip).unwrap();
    assert_eq!(way(&directory, &name), "SIP Learned");
    // The default route stays closed, and what was learned is not touched by it.
    directory.set_routes(closed());
    assert_eq!(way(&directory, &name), "SIP Learned");
    let everything = Pattern::everything().to_string();
    directory.set_routes(
        Routes::new(
            Messaging::Sip,
            vec![route(".example.b.*", false), route(&everything, true)],
        )
        .unwrap(),
    );
    assert_eq!(way(&directory, &name), "1 routes");
    directory.configure(name.clone(), Messaging::Xmpp).unwrap();
    assert_eq!(way(&directory, &name), "XMPP Configured");
    assert_eq!(
        directory.configure(name.clone(), Messaging::Sip),
        Err(Conflict {
            domain: name.clone(),
            messaging: Messaging::Xmpp,
        })
    );
    directory.unconfigure(&name);
    directory.configure(name.clone(), Messaging::Sip).unwrap();
    assert_eq!(
        way(&directory, &name),
        "1 routes",
        "a SIP domain has its route"
    );
    directory.set_routes(closed());
    assert_eq!(way(&directory, &name), "SIP Configured");
    directory.block(name.clone(), true);
    assert_eq!(way(&directory, &name), "blocked by Exception");
    directory.block(name.clone(), false);
    assert_eq!(way(&directory, &name), "SIP Configured");
    directory.set_routes(Routes::new(Messaging::Sip, vec![route("b.example", true)]).unwrap());
    assert!(way(&directory, &name).starts_with("blocked by Route"));
}

#[test]
fn what_is_learned_is_listed_moved_forgotten_and_restored() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let mut directory = open();
    let name = domain("b.example");
    directory.learn(at(1), &name, Messaging::Sip).unwrap();
    directory.learn(at(9), &name, Messaging::Xmpp).unwrap();
    let expected = Learned {
        domain: name.clone(),
        messaging: Messaging::Xmpp,
        first_seen: at(1),
        last_worked: at(9),
    };
    assert_eq!(directory.learned().collect::<Vec<_>>(), [&expected]);
    assert_eq!(directory.forget(&name), Some(expected.clone()));
    assert_eq!(directory.learned().count(), 0);
    directory.restore(expected.clone()).unwrap();
    assert_eq!(directory.learned().collect::<Vec<_>>(), [&expected]);
}

#[test]
fn both_tables_have_bounds() {
    let now = origin();
    let wall = SystemTime::UNIX_EPOCH;
    let settings = Settings {
        max_learned: 2,
        max_nowhere: 2,
        ..Settings::default()
    };
    let mut directory = Directory::new(settings, closed());
    let name = |number| domain(&format!("d{number}.example"));
    let mut learn = |number| {
        let learned = directory.learn(wall, &name(number), Messaging::Sip);
        learned.map(|_| ())
    };
    assert_eq!(learn(0), Ok(()));
    assert_eq!(learn(1), Ok(()));
    assert_eq!(learn(2), Err(LearnError::Full { limit: 2 }));
    assert_eq!(learn(1), Ok(()), "known ones stay current");
    for number in 10..13 {
        directory.note_nowhere(now, &name(number));
    }
    assert_eq!(directory.nowhere.len(), 2);
    // The short memory makes room by itself.
    directory.note_nowhere(now + Duration::from_secs(60), &name(13));
    assert_eq!(directory.nowhere.len(), 1);
}
