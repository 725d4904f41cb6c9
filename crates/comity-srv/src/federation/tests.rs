use std::time::SystemTime;

use comity_testkit::origin;

use super::*;
use crate::candidate::{Candidate, Provenance};
use crate::plan::{Failure, Outcome};
use crate::routes::{Pattern, Route};
use crate::service::Transport;

const SEED: [u8; 32] = [7; 32];

fn domain(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn closed() -> Routes {
    let edge = "edge.a.example".parse().unwrap();
    Routes::closed(Messaging::Sip, edge, 5061, Transport::Tls).unwrap()
}

fn route(pattern: &str, is_blocked: bool) -> Route {
    let next_hop = "edge.a.example".parse().unwrap();
    let mut route = Route::new(pattern.parse().unwrap(), next_hop, 5061, Transport::Tls);
    route.blocked = is_blocked;
    route
}

fn directory(routes: Vec<Route>) -> Directory {
    let routes = Routes::new(Messaging::Sip, routes).unwrap();
    Directory::new(Settings::default(), routes).unwrap()
}

fn open() -> Directory {
    directory(vec![route(".*", false)])
}

fn explore(directory: &Directory) -> Exploration {
    let way = directory.way(origin(), &domain("b.example"), &SEED);
    let Way::Explore(exploration, Basis::Unknown) = way else {
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
        exploration.handle_outcome(outcome, None);
    }
    exploration.next_step()
}

#[test]
fn dns_is_asked_for_the_edge_then_for_sip_then_for_xmpp() {
    let mut exploration = explore(&open());
    let mut asked = Vec::new();
    while let Step::Resolve(messaging, service) = exploration.next_step() {
        asked.push((messaging, service));
        exploration.handle_outcome(&Outcome::Absent, None);
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
    let found = |messaging| Step::Use {
        messaging,
        candidates: list.clone(),
        rest: None,
    };
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
    let directory = Directory::new(Settings::default(), closed()).unwrap();
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
        xmpp.iter()
            .for_each(|one| exploration.handle_outcome(one, None));
        assert!(matches!(
            exploration.next_step(),
            Step::Use {
                messaging: Messaging::Xmpp,
                ..
            }
        ));
        exploration.handle_unreachable();
        exploration
    };
    let mut exploration = step(&open());
    assert_eq!(exploration.next_step(), Step::UseDefaultRoute);
    exploration.handle_unreachable();
    assert_eq!(exploration.next_step(), Step::End(DeadEnd::Unreachable));
    exploration.handle_outcome(&candidates(Provenance::ServiceRecord), None);
    assert_eq!(exploration.next_step(), Step::End(DeadEnd::Unreachable));
    let closed = Directory::new(Settings::default(), closed()).unwrap();
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
        Way::Explore(mut exploration, basis) => {
            let mut asked = Vec::new();
            while let Step::Resolve(messaging, _) = exploration.next_step() {
                asked.push(messaging.to_string());
                exploration.handle_outcome(&Outcome::Absent, None);
            }
            format!("{basis:?} {}", asked.join(" "))
        }
        Way::Nowhere => "nowhere".to_owned(),
    };
    assert_eq!(way(&directory, &name), "Unknown SIP SIP XMPP");
    directory.note_nowhere(now, &name);
    assert_eq!(way(&directory, &name), "nowhere");
    let later = now + Duration::from_secs(60);
    assert!(matches!(
        directory.way(later, &name, &SEED),
        Way::Explore(..)
    ));
    directory.learn(wall, &name, Via::Sip).unwrap();
    assert_eq!(way(&directory, &name), "Learned SIP SIP");
    // The default route stays closed, and what was learned is not touched by it.
    directory.set_routes(closed()).unwrap();
    assert_eq!(way(&directory, &name), "Learned SIP SIP");
    let everything = Pattern::everything().to_string();
    let routed = vec![route(".example.b.*", false), route(&everything, true)];
    let routed = Routes::new(Messaging::Sip, routed).unwrap();
    directory.set_routes(routed).unwrap();
    assert_eq!(way(&directory, &name), "1 routes");
    directory.configure(name.clone(), Messaging::Xmpp).unwrap();
    assert_eq!(way(&directory, &name), "Configured XMPP");
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
    directory.set_routes(closed()).unwrap();
    assert_eq!(way(&directory, &name), "Configured SIP SIP");
    directory.block(domain("example"));
    assert_eq!(way(&directory, &name), "blocked by Exception");
    directory.unblock(&domain("example"));
    assert_eq!(way(&directory, &name), "Configured SIP SIP");
    let blocking = Routes::new(Messaging::Sip, vec![route("b.example", true)]);
    directory.set_routes(blocking.unwrap()).unwrap();
    assert!(way(&directory, &name).starts_with("blocked by Route"));
}

#[test]
fn what_the_default_route_has_reached_is_reached_by_it_when_it_is_closed() {
    let now = origin();
    let mut directory = open();
    let name = domain("b.example");
    directory
        .learn(SystemTime::UNIX_EPOCH, &name, Via::DefaultRoute)
        .unwrap();
    let hops = |directory: &Directory, name: &DomainName| match directory.way(now, name, &SEED) {
        Way::Routes(decision) => decision.hops().count(),
        Way::Blocked(_) | Way::Explore(..) | Way::Nowhere => 0,
    };
    assert_eq!(hops(&directory, &name), 1);
    directory.set_routes(closed()).unwrap();
    assert_eq!(hops(&directory, &name), 1);
    let new = directory.way(now, &domain("c.example"), &SEED);
    let Way::Explore(exploration, Basis::Unknown) = new else {
        panic!("{new:?}");
    };
    assert!(matches!(
        after(exploration, &vec![Outcome::Absent; 3]),
        Step::End(DeadEnd::DefaultRouteBlocked(_))
    ));
    directory.forget(&name);
    assert_eq!(hops(&directory, &name), 0);
}

#[test]
fn records_that_are_left_over_do_not_end_the_search() {
    for failure in [Failure::NoAddress, Failure::NoUsableRecord] {
        let stale = Outcome::Failed(failure);
        let step = after(explore(&open()), &[stale.clone(), Outcome::Absent]);
        assert!(matches!(step, Step::Resolve(Messaging::Xmpp, _)));
        let closed = Directory::new(Settings::default(), closed()).unwrap();
        let step = after(explore(&closed), &[Outcome::Absent, Outcome::Absent, stale]);
        assert_eq!(step, Step::End(DeadEnd::Unreachable));
    }
}

#[test]
fn routes_for_xmpp_are_no_routes_for_sip() {
    let routes = Routes::new(Messaging::Xmpp, Vec::new()).unwrap();
    let made = Directory::new(Settings::default(), routes.clone());
    assert_eq!(made.map(|_| ()), Err(NotForSip));
    assert_eq!(open().set_routes(routes), Err(NotForSip));
}

#[test]
fn what_is_learned_is_listed_moved_forgotten_and_restored() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let mut directory = open();
    let name = domain("b.example");
    directory.learn(at(1), &name, Via::Sip).unwrap();
    directory.learn(at(9), &name, Via::Xmpp).unwrap();
    let expected = Learned {
        domain: name.clone(),
        via: Via::Xmpp,
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
    let name = |number: usize| domain(&format!("d{number}.example"));
    for limit in [2, 3, 4] {
        let settings = Settings {
            max_learned: limit,
            max_nowhere: limit,
            ..Settings::default()
        };
        let mut directory = Directory::new(settings, closed()).unwrap();
        let mut learn = |number| {
            let learned = directory.learn(wall, &name(number), Via::Sip);
            learned.map(drop)
        };
        let expected = [0, 1, 2, 3, 4].map(|number| match number < limit {
            true => Ok(()),
            false => Err(LearnError::Full { limit }),
        });
        assert_eq!([0, 1, 2, 3, 4].map(&mut learn), expected);
        assert_eq!(learn(1), Ok(()), "known ones stay current");
        for number in 10..15 {
            directory.note_nowhere(now, &name(number));
        }
        assert_eq!(directory.nowhere.len(), limit);
        // The short memory makes room by itself.
        directory.note_nowhere(now + Duration::from_secs(60), &name(15));
        assert_eq!(directory.nowhere.len(), 1);
    }
}
