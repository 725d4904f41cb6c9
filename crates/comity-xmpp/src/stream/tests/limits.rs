//! Bounds of a stream, one below their number, at it and one above.

use super::acks::{counting, numbered};
use super::extensions::established;
use super::sent::plain;
use super::*;

/// What comes of a configuration whose limit is one below `number`, `number`, and one above.
fn around<T>(
    number: usize,
    set: fn(&mut Limits, usize),
    mut outcome: impl FnMut(Config) -> T,
) -> [T; 3] {
    [number - 1, number, number + 1].map(|limit| {
        let mut config = config();
        set(&mut config.limits, limit);
        outcome(config)
    })
}

#[test]
fn pairs_of_one_stream_have_a_number() {
    const DOMAINS: [&str; 5] = ["b.test", "c.test", "d.test", "e.test", "f.test"];
    let proved = around(
        3,
        |limits, limit| limits.max_pairs = limit,
        |config| {
            let mut host = Host::receiving(config).secured(None);
            host.sent();
            for domain in DOMAINS {
                host.certified = Some(domain);
                host.feed(KEY.replace("b.example", domain));
            }
            let sent = host.sent();
            let count = |text| sent.matches(text).count();
            (count(" type='valid'"), count("<resource-constraint "))
        },
    );
    assert_eq!(proved, [(2, 3), (3, 2), (4, 1)]);
}

#[test]
fn keys_that_are_being_verified_have_their_place_among_the_pairs() {
    let (domains, certified) = (["b.test", "c.test", "d.test", "e.test", "f.test"], 2);
    let refused = around(
        4,
        |limits, limit| limits.max_pairs = limit,
        |config| {
            let mut host = Host::receiving(config).secured(None);
            for domain in &domains[..certified] {
                host.certified = Some(domain);
                host.feed(KEY.replace("b.example", domain));
            }
            host.certified = None;
            host.sent();
            for domain in &domains[certified..] {
                host.feed(KEY.replace("b.example", domain));
            }
            host.sent().matches("<resource-constraint ").count()
        },
    );
    assert_eq!(refused, [2, 1, 0]);
}

#[test]
fn pairs_and_keys_that_we_ask_about_have_a_number() {
    let full = Err(SendError::Full);
    let added = around(
        3,
        |limits, limit| limits.max_pairs = limit,
        |config| {
            let mut host = established(config, DIALBACK);
            // The stream's own pair is the first.
            [1, 2, 3].map(|number| {
                let remote = name(&format!("b{number}.example"));
                let pair = Pair { remote, ..pair() };
                let terms = Security::ENCRYPTED.into();
                host.stream.add_pair(host.now, &pair, terms)
            })
        },
    );
    let expected = [
        [Ok(()), full, full],
        [Ok(()), Ok(()), full],
        [Ok(()), Ok(()), Ok(())],
    ];
    assert_eq!(added, expected);
    let asked = around(
        2,
        |limits, limit| limits.max_pairs = limit,
        |config| {
            let mut host = connected(config, Purpose::Verification, DIALBACK);
            ["1", "2", "3"].map(|id| {
                let request = VerifyRequest {
                    pair: pair(),
                    id: id.into(),
                    key: "key".into(),
                    security: Security::ENCRYPTED,
                };
                host.stream.verify(host.now, request)
            })
        },
    );
    assert_eq!(asked, expected);
}

#[test]
fn keys_that_are_verified_have_a_number_and_a_length() {
    let asked = around(
        3,
        |limits, limit| limits.max_pending_pairs = limit,
        |config| {
            let mut host = Host::receiving(config).secured(None);
            for index in 0..5 {
                host.feed(KEY.replace("b.example", &format!("b{index}.example")));
            }
            host.events().len()
        },
    );
    assert_eq!(asked, [2, 3, 4]);
    let asked = around(
        "key".len(),
        |limits, limit| limits.max_key_bytes = limit,
        |config| {
            let mut host = Host::receiving(config).secured(None);
            host.sent();
            host.feed(KEY);
            (host.events().len(), host.sent().contains("<bad-request "))
        },
    );
    assert_eq!(asked, [(0, true), (1, false), (1, false)]);
}

#[test]
fn attempts_at_sasl_have_a_number() {
    let attempts = around(
        3,
        |limits, limit| limits.max_auth_attempts = limit,
        |config| {
            let mut host = Host::receiving(config).secured(None);
            let mut attempts = 0;
            while !host.stream.is_closed() && attempts < 10 {
                host.feed(AUTH);
                attempts += 1;
            }
            (attempts, host.rejection())
        },
    );
    assert_eq!(
        attempts,
        [2, 3, 4].map(|limit| (limit, Rejection::TooManyAttempts))
    );
}

#[test]
fn an_element_has_its_length_before_a_proof_and_after_it() {
    let element = format!("<b>{}</b>", "x".repeat(300));
    let bytes = element.len();
    let too_long = Rejection::Xml(ParseError::Limit(Limit::ElementBytes(bytes - 1)));
    let before = around(
        bytes,
        |limits, limit| limits.unauthenticated.max_element_bytes = limit,
        |config| {
            let mut host = Host::receiving(config).secured(None);
            host.feed(&element).rejection()
        },
    );
    let unproved = Rejection::NotAuthorized;
    assert_eq!(before, [too_long.clone(), unproved.clone(), unproved]);
    let after = around(
        bytes,
        |limits, limit| limits.authenticated.max_element_bytes = limit,
        |config| {
            let mut host = Host::receiving(config).secured(Some("b.example"));
            host.feed(AUTH).feed(HEADER);
            host.feed(&element).rejection()
        },
    );
    let unknown = Rejection::UnsupportedElement;
    assert_eq!(after, [too_long, unknown.clone(), unknown]);
}

#[test]
fn input_that_waits_for_an_answer_has_a_bound_in_bytes() {
    let bytes = STARTTLS.len();
    let read = around(
        bytes,
        |limits, limit| limits.max_held_bytes = limit,
        |config| {
            let mut stream = Stream::receive(origin(), config, [1; 32]);
            stream.handle_input(origin(), HEADER.as_bytes());
            let Some(Event::Authorize { query, .. }) = stream.poll_event() else {
                panic!("no question")
            };
            stream.handle_input(origin(), STARTTLS.as_bytes());
            let allow = Decision::Allow(Security::ENCRYPTED.into());
            stream.handle_decision(origin(), query, &allow);
            stream.poll_event().map(|event| describe(&event))
        },
    );
    let ended = format!("closed: more than {} bytes before an answer", bytes - 1);
    let asked = || Some("StartTls".to_owned());
    assert_eq!(read, [Some(ended), asked(), asked()]);
}

#[test]
fn what_a_peer_does_not_read_has_a_bound_in_bytes() {
    let asked = |config| {
        let mut stream = Stream::receive(origin(), config, [1; 32]);
        stream.handle_input(origin(), HEADER.replace("from='b.example' ", "").as_bytes());
        for id in 0..3 {
            let question =
                format!("<db:verify from='b.example' to='z.example' id='{id}'>k</db:verify>");
            stream.handle_input(origin(), question.as_bytes());
        }
        stream
    };
    let optional = Security {
        tls: TlsMode::Optional,
        certificate: CertificateRule::Optional,
    };
    let bytes = asked(with_security(optional)).core.output.len();
    let ended = around(
        bytes,
        |limits, limit| limits.max_output_bytes.unauthenticated = limit,
        |mut config| {
            config.security = optional;
            matches!(asked(config).core.life, Life::Closed)
        },
    );
    assert_eq!(ended, [true, false, false]);
}

#[test]
fn stanzas_are_taken_while_less_waits_than_may() {
    let send =
        |host: &mut Host| [1, 2, 3].map(|number| host.stream.send(host.now, &numbered(number)));
    let mut host = plain(config());
    assert_eq!(send(&mut host), [Ok(()); 3]);
    let bytes = host.stream.core.output.len() / 3;
    let sent = around(
        2 * bytes,
        |limits, limit| limits.max_output_bytes.authenticated = limit,
        |config| send(&mut plain(config)),
    );
    let full = Err(SendError::Full);
    let two = [Ok(()), Ok(()), full];
    assert_eq!(sent, [two, two, [Ok(()); 3]]);
}

#[test]
fn a_peer_is_cut_off_for_what_it_asked_and_not_for_what_we_sent() {
    const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";
    // Our next request for an acknowledgement counts with the three answers.
    let answers = REQUEST.len() + 3 * "<a xmlns='urn:xmpp:sm:3' h='0'/>".len();
    let ended = around(
        answers,
        |limits, limit| limits.max_output_bytes.authenticated = limit,
        |mut config| {
            config.acknowledgements = Switch::On;
            let mut host = counting(config);
            let mut number = 1;
            while host.stream.send(host.now, &numbered(number)).is_ok() {
                number += 1;
            }
            assert!(host.stream.core.output.len() > answers);
            let mut take = |input: &str| {
                host.stream.handle_input(host.now, input.as_bytes());
                matches!(host.stream.core.life, Life::Closed)
            };
            [
                take("<a xmlns='urn:xmpp:sm:3' h='1'/>"),
                take(&REQUEST.repeat(2)),
                take(REQUEST),
            ]
        },
    );
    let within = [false; 3];
    assert_eq!(ended, [[false, false, true], within, within]);
}
