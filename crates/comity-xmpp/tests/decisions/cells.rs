//! Every cell of the table is brought about on a stream, and the stream does what the cell says.

use comity_testkit::origin;
use comity_xmpp::TlsMode;
use comity_xmpp::decision::{Action, Channel, Facts, Proof, Role, StartTls, cells, decide};
use comity_xmpp::stream::{Config, Decision, Event, PeerCertificate, Purpose, Stream, Verdict};
use comity_xmpp::{Security, Transport};

use super::{config, pair};

const FROM_A: &str = "<stream:stream xmlns='jabber:server' \
     xmlns:stream='http://etherx.jabber.org/streams' from='a.example' to='b.example' version='1.0'>";
const FROM_B: &str = "<stream:stream xmlns='jabber:server' \
     xmlns:stream='http://etherx.jabber.org/streams' from='b.example' to='a.example' id='1' \
     version='1.0'>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

/// A stream whose composer answers as the facts of a cell have it.
struct Host {
    stream: Stream,
    facts: Facts,
    /// The rules that it answers with.
    security: Security,
    sent: String,
}

impl Host {
    fn new(stream: Stream, facts: Facts, security: Security) -> Self {
        let mut host = Self {
            stream,
            facts,
            security,
            sent: String::new(),
        };
        host.settle();
        host
    }

    /// Goes through TLS, with the certificate of the cell.
    fn tls(&mut self) {
        let certificate = match self.facts.channel {
            Channel::Plain | Channel::Anonymous => PeerCertificate::Absent,
            Channel::Untrusted | Channel::Trusted => PeerCertificate::Presented,
        };
        self.stream.handle_tls_established(origin(), certificate);
        self.settle();
    }

    /// Gives what is sent in answer.
    fn feed(&mut self, input: &str) -> String {
        self.sent.clear();
        self.stream.handle_input(origin(), input.as_bytes());
        self.settle();
        std::mem::take(&mut self.sent)
    }

    fn settle(&mut self) {
        loop {
            let mut sent = Vec::new();
            while self.stream.poll_transmit(&mut sent).is_some() {}
            self.sent.push_str(str::from_utf8(&sent).unwrap());
            match self.stream.poll_event() {
                Some(Event::Authorize { query, .. }) => {
                    let allow = Decision::Allow(self.security.into());
                    self.stream.handle_decision(origin(), query, &allow);
                }
                Some(Event::Authenticate { query, .. }) => {
                    let verdict = match self.facts.channel {
                        Channel::Trusted => Verdict::Trusted {
                            matched_by: "the domain".into(),
                            expires_in: None,
                        },
                        Channel::Plain | Channel::Anonymous | Channel::Untrusted => {
                            Verdict::Untrusted {
                                reason: "unknown issuer".into(),
                            }
                        }
                    };
                    self.stream.handle_verdict(origin(), query, &verdict);
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// Nothing brings these about: who wants no TLS or has no engine does not ask for it.
fn is_out_of_reach(facts: &Facts) -> bool {
    let by_starttls = facts.transport == Transport::Tcp && facts.channel != Channel::Plain;
    let unwanted = facts.role == Role::Initiating && facts.security.tls == TlsMode::Disabled;
    by_starttls && (unwanted || !facts.own.starttls)
}

fn config_of(facts: &Facts, domain: &str) -> Config {
    let mut config = config(domain, facts.own);
    config.security = facts.security;
    config.transport = facts.transport;
    config
}

/// What a receiving stream answers to the last header.
fn receiving(facts: Facts) -> String {
    // The rules of the cell hold behind TLS; before it they only have to let TLS begin.
    let before = Security {
        tls: TlsMode::Optional,
        ..facts.security
    };
    let behind_starttls = facts.transport == Transport::Tcp && facts.channel != Channel::Plain;
    let security = if behind_starttls {
        before
    } else {
        facts.security
    };
    let config = config_of(&facts, "b.example");
    let stream = Stream::receive(origin(), config, [1; 32]);
    let mut host = Host::new(stream, facts, security);
    if behind_starttls {
        host.feed(FROM_A);
        host.feed(STARTTLS);
        host.security = facts.security;
    }
    if facts.channel != Channel::Plain {
        host.tls();
    }
    host.feed(FROM_A)
}

/// What an initiating stream answers to the features of the cell.
fn initiating(facts: Facts) -> String {
    let config = config_of(&facts, "a.example");
    let stream = Stream::initiate(origin(), config, pair(), Purpose::Stanzas, [1; 32]);
    let mut host = Host::new(stream, facts, facts.security);
    if facts.transport == Transport::Tcp && facts.channel != Channel::Plain {
        host.feed(FROM_B);
        host.feed(&format!("<stream:features>{STARTTLS}</stream:features>"));
        host.feed(PROCEED);
    }
    if facts.channel != Channel::Plain {
        host.tls();
    }
    host.feed(FROM_B);
    host.feed(&features(&facts))
}

fn features(facts: &Facts) -> String {
    let offers = facts.offers;
    let external = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL\
         </mechanism></mechanisms>";
    let mut features = String::from("<stream:features>");
    for (offered, source) in [
        (offers.starttls && !facts.requires_tls, STARTTLS),
        (
            facts.requires_tls,
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>",
        ),
        (offers.external, external),
        (
            offers.dialback,
            "<dialback xmlns='urn:xmpp:features:dialback'/>",
        ),
        (offers.bidi, "<bidi xmlns='urn:xmpp:features:bidi'/>"),
    ] {
        if offered {
            features.push_str(source);
        }
    }
    features + "</stream:features>"
}

/// Checks that `sent` is what `action` stands for.
fn assert_does(facts: &Facts, action: Action, sent: &str) {
    let has = |text: &str| sent.contains(text);
    let shown = [
        has("<starttls ") && !has("<required/>"),
        has("<required/>"),
        has("<mechanism>EXTERNAL</mechanism>"),
        has("<dialback "),
        has("<bidi xmlns='urn:xmpp:features:bidi'/>"),
        has("<bidi xmlns='urn:xmpp:bidi'>"),
        has("<auth "),
        has("<db:result "),
        has("<stream:error>"),
    ];
    let expected = match action {
        Action::Offer(offer) => [
            offer.starttls == StartTls::Optional,
            offer.starttls == StartTls::Required,
            offer.external,
            offer.dialback,
            offer.bidi,
            false,
            false,
            false,
            false,
        ],
        Action::StartTls => [true, false, false, false, false, false, false, false, false],
        Action::Authenticate { by, bidi } => [
            false,
            false,
            false,
            false,
            false,
            bidi,
            by == Proof::External,
            by == Proof::Dialback,
            false,
        ],
        Action::Refuse(refusal) => {
            assert!(has(&refusal.to_string()), "{facts:?}: {sent}");
            [false, false, false, false, false, false, false, false, true]
        }
    };
    assert_eq!(shown, expected, "{facts:?}: {action:?}\n{sent}");
}

#[test]
fn a_receiving_stream_does_what_each_cell_says() {
    let (mut run, mut skipped) = (0, 0);
    for facts in cells(Role::Receiving) {
        if is_out_of_reach(&facts) {
            skipped += 1;
            continue;
        }
        assert_does(&facts, decide(&facts).action, &receiving(facts));
        run += 1;
    }
    // Three channels behind STARTTLS, without a TLS engine.
    assert_eq!(skipped, 3 * 3 * 2 * 8);
    assert_eq!(run, 672 - skipped);
}

#[test]
fn an_initiating_stream_does_what_each_cell_says() {
    let (mut run, mut skipped) = (0, 0);
    for facts in cells(Role::Initiating) {
        if is_out_of_reach(&facts) {
            skipped += 1;
            continue;
        }
        assert_does(&facts, decide(&facts).action, &initiating(facts));
        run += 1;
    }
    // Three channels behind STARTTLS: with TLS disabled, or without a TLS engine.
    assert_eq!(skipped, 3 * 2 * (384 + 2 * 192));
    assert_eq!(run, 16_128 - skipped);
}
