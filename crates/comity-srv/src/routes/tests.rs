use std::net::IpAddr;

use comity_identity::{Host, ParseError};

use super::*;
use crate::service::{Messaging, Transport};

const SEED: [u8; 32] = [7; 32];

fn host(text: &str) -> Host {
    text.parse().unwrap()
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

fn route(text: &str, next_hop: &str) -> Route {
    Route::new(pattern(text), host(next_hop), 5061, Transport::Tls)
}

fn table(routes: Vec<Route>) -> Routes {
    Routes::new(Messaging::Sip, routes).unwrap()
}

fn hops(decision: &Decision<'_>) -> Vec<String> {
    let names = decision.hops().map(|hop| hop.route.next_hop.to_string());
    names.collect()
}

#[test]
fn patterns_match_as_the_guide_says() {
    for (text, matched, others) in [
        (
            ".com.domaina.*",
            &["domaina.com", "sub.domaina.com", "a.b.domaina.com"][..],
            &["domainab.com", "evildomaina.com", "domaina.org", "com"][..],
        ),
        (
            ".com.domaina*",
            &["domaina.com", "domainab.com", "x.domainab.com"],
            &["evildomaina.com", "domain.com"],
        ),
        (
            ".com.domaina",
            &["domaina.com"],
            &["sub.domaina.com", "domainab.com"],
        ),
        (".com.domaina.", &["domaina.com"], &["sub.domaina.com"]),
        ("domaina.com", &["domaina.com"], &["sub.domaina.com"]),
        ("DomainA.com", &["domaina.com"], &["sub.domaina.com"]),
        (
            "*.domaina.com",
            &["domaina.com", "sub.domaina.com"],
            &["domainab.com", "evildomaina.com"],
        ),
        (
            ".com.*",
            &["domaina.com", "com"],
            &["domaina.org", "dotcom.org"],
        ),
        (
            ".*",
            &["domaina.com", "org", "192.0.2.1", "[2001:db8::1]"],
            &[],
        ),
        ("*", &["domaina.com", "192.0.2.1"], &[]),
        (
            "192.0.2.1",
            &["192.0.2.1", "[::ffff:192.0.2.1]"],
            &["192.0.2.2", "domaina.com"],
        ),
        ("[2001:db8::1]", &["[2001:db8:0::1]"], &["[2001:db8::2]"]),
        (
            ".example.b\u{fc}cher.*",
            &["b\u{fc}cher.example", "a.xn--bcher-kva.example"],
            &["bucher.example"],
        ),
    ] {
        let pattern = pattern(text);
        for name in matched {
            assert!(pattern.matches(&host(name)), "{text} is for {name}");
        }
        for name in others {
            assert!(!pattern.matches(&host(name)), "{text} is not for {name}");
        }
    }
}

#[test]
fn patterns_are_shown_in_the_reversed_notation_and_read_back() {
    for (text, shown) in [
        (".com.domaina.*", ".com.domaina.*"),
        (".com.domaina*", ".com.domaina*"),
        (".com.domaina.", ".com.domaina"),
        ("domaina.com", ".com.domaina"),
        ("*.a.Domaina.com", ".com.domaina.a.*"),
        ("*", ".*"),
        (".*", ".*"),
        (".c*", ".c*"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        (".example.B\u{dc}CHER", ".example.xn--bcher-kva"),
    ] {
        let read = pattern(text);
        assert_eq!(read.to_string(), shown);
        assert_eq!(pattern(shown), read);
    }
}

#[test]
fn what_is_no_pattern_is_refused_with_the_rule() {
    let long = format!(".{}", "a".repeat(255));
    for (text, error) in [
        ("", PatternError::Empty),
        (&long, PatternError::TooLong),
        (".com.*.a.*", PatternError::Star),
        (".com.d*a", PatternError::Star),
        ("d*.com", PatternError::Star),
        (".com.**", PatternError::Star),
        ("*.*.com", PatternError::Star),
        (".", PatternError::Name(ParseError::Empty)),
        (".com..a.*", PatternError::Name(ParseError::EmptyLabel)),
        (".com.a_b*", PatternError::Name(ParseError::Character('_'))),
        ("a b.com", PatternError::Name(ParseError::Character(' '))),
    ] {
        assert_eq!(text.parse::<Pattern>(), Err(error), "{text:?}");
    }
}

#[test]
fn the_longest_pattern_decides_and_shorter_ones_follow_it() {
    let routes = table(vec![
        route(".*", "default.example"),
        route(".com.*", "com.example"),
        route(".com.abc.*", "abc.example"),
        route(".com.abc", "exact.example"),
        route(".com.ab*", "partial.example"),
        route("192.0.2.1", "address.example"),
    ]);
    for (name, expected) in [
        (
            "abc.com",
            &[
                "exact.example",
                "abc.example",
                "partial.example",
                "com.example",
            ][..],
        ),
        (
            "x.abc.com",
            &["abc.example", "partial.example", "com.example"],
        ),
        ("abd.com", &["partial.example", "com.example"]),
        ("b.com", &["com.example"]),
        ("b.org", &[]),
        ("192.0.2.1", &["address.example"]),
        ("192.0.2.2", &[]),
    ] {
        let decision = routes.decide(&host(name), &SEED);
        assert_eq!(hops(&decision), expected, "{name}");
        let verdict = match expected {
            [] => Verdict::NoRoute,
            [..] => Verdict::NextHops,
        };
        assert_eq!(decision.verdict(), verdict);
    }
    assert_eq!(hops(&routes.decide_default(&SEED)), ["default.example"]);
}

#[test]
fn every_decision_is_that_of_a_search_through_all_patterns() {
    let texts = [
        ".com.abc.*",
        ".com.abc",
        ".com.ab*",
        ".com.*",
        ".com",
        ".org.abc.x.*",
        ".org*",
        ".o*",
    ];
    let all: Vec<_> = texts.iter().map(|text| route(text, "h.example")).collect();
    let names = [
        "abc.com",
        "x.abc.com",
        "com",
        "abd.com",
        "y.x.abc.org",
        "orgy",
        "o",
        "org",
    ];
    // Each subset of the routes, by the bits of a number.
    for subset in 0..1_usize << all.len() {
        let chosen: Vec<_> = (0..all.len())
            .filter(|bit| subset >> bit & 1 == 1)
            .map(|bit| all[bit].clone())
            .collect();
        let routes = table(chosen.clone());
        for name in names {
            let mut expected: Vec<_> = chosen
                .iter()
                .map(|route| route.pattern.clone())
                .filter(|pattern| pattern.matches(&host(name)))
                .collect();
            let length = |pattern: &Pattern| {
                let text = pattern.to_string();
                let exact = !text.ends_with('*');
                (text.trim_end_matches('*').len() + usize::from(exact), exact)
            };
            expected.sort_by_key(|pattern| std::cmp::Reverse(length(pattern)));
            let decision = routes.decide(&host(name), &SEED);
            let found: Vec<_> = decision
                .hops()
                .map(|hop| hop.route.pattern.clone())
                .collect();
            assert_eq!(found, expected, "{name} among {chosen:?}");
        }
    }
}

#[test]
fn a_route_that_forbids_shorter_patterns_is_the_last() {
    let mut strict = route(".com.abc.*", "abc.example");
    strict.allow_less_specific = false;
    let lenient = route(".com.abc.*", "abc2.example");
    let routes = table(vec![strict, lenient, route(".com.*", "com.example")]);
    let decision = routes.decide(&host("abc.com"), &SEED);
    let mut found = hops(&decision);
    found.sort();
    assert_eq!(found, ["abc.example", "abc2.example"]);
    assert_eq!(
        decision.steps().last(),
        Some(&Step::NoLessSpecific(RouteId(0)))
    );
}

#[test]
fn one_blocked_route_blocks_its_pattern_and_what_is_shorter() {
    let mut blocked = route(".com.abc.*", "abc.example");
    blocked.blocked = true;
    let routes = table(vec![
        route(".com.abc.*", "other.example"),
        blocked,
        route(".com.*", "com.example"),
        route(".com.abc", "exact.example"),
    ]);
    let below = routes.decide(&host("x.abc.com"), &SEED);
    assert_eq!(below.verdict(), Verdict::Blocked(RouteId(1)));
    assert_eq!(hops(&below), [""; 0]);
    assert_eq!(
        below.to_string(),
        "the pattern .com.abc.* matches\nroute 1 blocks it\n"
    );
    // A longer pattern comes first, and the block ends what follows it.
    let exact = routes.decide(&host("abc.com"), &SEED);
    assert_eq!(exact.verdict(), Verdict::NextHops);
    assert_eq!(hops(&exact), ["exact.example"]);
}

#[test]
fn what_is_out_of_service_does_not_exist() {
    let mut off = route(".com.abc.*", "abc.example");
    off.in_service = false;
    off.blocked = true;
    let routes = table(vec![off, route(".com.*", "com.example")]);
    let decision = routes.decide(&host("abc.com"), &SEED);
    assert_eq!(hops(&decision), ["com.example"]);
    assert_eq!(routes.iter().count(), 2);
    assert_eq!(routes.lint(), []);
}

#[test]
fn a_backup_comes_behind_the_priorities_before_it() {
    let with = |next_hop: &str, priority, weight| {
        let mut route = route(".com.abc.*", next_hop);
        (route.priority, route.weight) = (priority, weight);
        route
    };
    let routes = table(vec![
        with("backup.example", 2, 50),
        with("often.example", 1, 20),
        with("seldom.example", 1, 10),
    ]);
    let mut often_first = 0_u32;
    for number in 0..3_000_u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let found = hops(&routes.decide(&host("abc.com"), &seed));
        assert_eq!(found[2], "backup.example");
        often_first += u32::from(found[0] == "often.example");
    }
    // Two thirds of 3,000, and five times the standard deviation of 25.8 around.
    assert!((1_871..2_129).contains(&often_first), "{often_first}");
}

#[test]
fn what_is_closed_leads_nowhere_until_its_default_route_is_opened() {
    let closed = Routes::closed(Messaging::Sip, host("edge.example"), 5061, Transport::Tls);
    let closed = closed.unwrap();
    assert_eq!(
        closed.decide_default(&SEED).verdict(),
        Verdict::Blocked(RouteId(0))
    );
    assert_eq!(
        closed.decide(&host("abc.com"), &SEED).verdict(),
        Verdict::NoRoute
    );
}

#[test]
fn routes_that_cannot_be_are_refused_with_their_number() {
    let good = route(".com.abc.*", "abc.example");
    let refused = |bend: &dyn Fn(&mut Route)| {
        let mut bad = good.clone();
        bend(&mut bad);
        Routes::new(Messaging::Sip, vec![good.clone(), bad]).map(|_| ())
    };
    let id = RouteId(1);
    assert_eq!(
        refused(&|route| route.priority = 0),
        Err(RouteError::Zero { route: id })
    );
    assert_eq!(
        refused(&|route| route.weight = 0),
        Err(RouteError::Zero { route: id })
    );
    assert_eq!(
        refused(&|route| route.transport = Transport::StartTls),
        Err(RouteError::Transport {
            route: id,
            messaging: Messaging::Sip,
            transport: Transport::StartTls,
        })
    );
    assert_eq!(
        refused(&|route| {
            route.next_hop = Host::Ip(IpAddr::from([192, 0, 2, 1]));
            route.port = 0;
        }),
        Err(RouteError::PortOfAddress { route: id })
    );
    assert_eq!(
        refused(&|route| route.description = "d".repeat(256)),
        Err(RouteError::Description { route: id })
    );
    assert_eq!(
        refused(&|route| route.description = "d".repeat(255)),
        Ok(())
    );
    let xmpp = |transport| {
        let mut one = good.clone();
        one.transport = transport;
        Routes::new(Messaging::Xmpp, vec![one]).map(|_| ())
    };
    assert_eq!(xmpp(Transport::StartTls), Ok(()));
    assert_eq!(xmpp(Transport::Tls), Ok(()));
    assert!(xmpp(Transport::Udp).is_err());
    let alike = |count| Routes::new(Messaging::Sip, vec![good.clone(); count]).map(|_| ());
    assert_eq!(alike(100), Ok(()));
    assert_eq!(
        alike(101),
        Err(RouteError::TooManyAlike {
            pattern: pattern(".com.abc.*")
        })
    );
}

#[test]
fn each_suspicious_table_is_named() {
    let lint = |routes: Vec<Route>| table(routes).lint();
    assert_eq!(lint(vec![route(".com.abc.*", "a.example")]), []);
    assert_eq!(
        lint(vec![route(".com.abc*", "a.example")]),
        [Lint::MissingDot {
            route: RouteId(0),
            pattern: pattern(".com.abc*"),
        }]
    );
    let mut blocked = route(".com.abc.*", "b.example");
    blocked.blocked = true;
    let found = lint(vec![route(".com.abc.*", "a.example"), blocked]);
    assert_eq!(
        found,
        [Lint::MixedBlock {
            pattern: pattern(".com.abc.*"),
            blocked: vec![RouteId(1)],
            idle: vec![RouteId(0)],
        }]
    );
    assert_eq!(
        found[0].to_string(),
        ".com.abc.* is blocked, so that route 0 has no effect"
    );
    let mut tcp = route(".com.abc.*", "b.example");
    tcp.transport = Transport::Tcp;
    assert_eq!(
        lint(vec![route(".com.abc.*", "a.example"), tcp.clone(), tcp]),
        [
            Lint::MixedTransport {
                pattern: pattern(".com.abc.*"),
                priority: 1,
            },
            Lint::Duplicate {
                pattern: pattern(".com.abc.*"),
                routes: [RouteId(1), RouteId(2)],
            },
        ]
    );
    let mut strict = route(".com.abc.*", "b.example");
    strict.allow_less_specific = false;
    assert_eq!(
        lint(vec![route(".com.abc.*", "a.example"), strict]),
        [Lint::MixedLessSpecific {
            pattern: pattern(".com.abc.*")
        }]
    );
}

#[test]
fn a_route_is_a_next_hop_with_its_port_or_its_records() {
    let mut one = route(".com.abc.*", "sip.abc.com");
    assert_eq!(one.service(Messaging::Sip).port, 5061);
    assert_eq!(
        one.to_string(),
        ".com.abc.* to sip.abc.com port 5061 over TLS, priority 1, weight 1"
    );
    one.port = 0;
    assert_eq!(
        one.to_string(),
        ".com.abc.* to sip.abc.com by its SRV records over TLS, priority 1, weight 1"
    );
}
