//! Two streams of all settings talk to each other, and come to what the table foretells.

use comity_testkit::origin;
use comity_xmpp::decision::{
    Abilities, Action, Channel, Facts, Offer, Proof, Refusal, Role, StartTls, decide,
};
use comity_xmpp::stream::{
    CloseReason, Decision, Event, Method, PeerCertificate, Purpose, Rejection, Stream, Verdict,
    Verification,
};
use comity_xmpp::{CertificateRule, Security, TlsMode, Transport};

use super::{config, pair};

/// What one side has set, and what the other finds of its certificate.
#[derive(Clone, Copy, Debug)]
struct Setting {
    security: Security,
    own: Abilities,
    certificate: Channel,
}

/// What a connection comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// Stanzas go, the initiating side proved in this way.
    Established { method: Method, bidi: bool },
    /// One side refused.
    Refused(Role, Refusal),
    /// The receiving side found the dialback key to be of no use, for it uses no dialback.
    KeyRefused,
}

fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    for tls in [TlsMode::Disabled, TlsMode::Optional, TlsMode::Required] {
        for certificate_rule in [CertificateRule::Optional, CertificateRule::Required] {
            for bits in 0..8_u8 {
                for certificate in [Channel::Anonymous, Channel::Untrusted, Channel::Trusted] {
                    settings.push(Setting {
                        security: Security {
                            tls,
                            certificate: certificate_rule,
                        },
                        own: Abilities {
                            starttls: true,
                            external: bits & 1 != 0,
                            dialback: bits & 2 != 0,
                            bidi: bits & 4 != 0,
                        },
                        certificate,
                    });
                }
            }
        }
    }
    settings
}

/// What the table foretells.
fn foretell(initiating: Setting, receiving: Setting, transport: Transport) -> Outcome {
    let mut in_tls = transport == Transport::DirectTls;
    loop {
        let channel = |of: Setting| {
            if in_tls {
                of.certificate
            } else {
                Channel::Plain
            }
        };
        let facts = |role, own: Setting, other| {
            let mut facts = Facts::new(role, own.security);
            facts.transport = transport;
            facts.channel = channel(other);
            facts.own = own.own;
            facts
        };
        let offer = match decide(&facts(Role::Receiving, receiving, initiating)).action {
            Action::Offer(offer) => offer,
            Action::Refuse(refusal) => return Outcome::Refused(Role::Receiving, refusal),
            other @ (Action::StartTls | Action::Authenticate { .. }) => panic!("{other:?}"),
        };
        let mut seen = facts(Role::Initiating, initiating, receiving);
        seen.offers = offers(offer);
        seen.requires_tls = offer.starttls == StartTls::Required;
        match decide(&seen).action {
            Action::StartTls if receiving.security.tls == TlsMode::Disabled => {
                return Outcome::Refused(Role::Initiating, Refusal::TlsUnavailable);
            }
            Action::StartTls => in_tls = true,
            Action::Authenticate { by, bidi } => return proved(by, bidi, receiving),
            Action::Refuse(refusal) => return Outcome::Refused(Role::Initiating, refusal),
            other @ Action::Offer(_) => panic!("{other:?}"),
        }
    }
}

fn offers(offer: Offer) -> Abilities {
    Abilities {
        starttls: offer.starttls != StartTls::No,
        external: offer.external,
        dialback: offer.dialback,
        bidi: offer.bidi,
    }
}

/// What comes of an attempt to authenticate.
fn proved(by: Proof, bidi: bool, receiving: Setting) -> Outcome {
    match by {
        Proof::External => Outcome::Established {
            method: Method::Certificate,
            bidi,
        },
        Proof::Dialback if !receiving.own.dialback => Outcome::KeyRefused,
        Proof::Dialback => Outcome::Established {
            method: Method::Dialback,
            bidi,
        },
    }
}

/// Two streams and what they came to.
struct Connection {
    streams: [Stream; 2],
    settings: [Setting; 2],
    in_tls: [bool; 2],
    established: Option<Method>,
    authorized: Vec<Role>,
    refused: Option<(Role, Rejection)>,
    key_refused: bool,
}

const ROLES: [Role; 2] = [Role::Initiating, Role::Receiving];

impl Connection {
    fn new(settings: [Setting; 2], transport: Transport) -> Self {
        let [mut initiating, mut receiving] = [("a.example", 0), ("b.example", 1)]
            .map(|(domain, index): (_, usize)| config(domain, settings[index].own));
        (initiating.transport, receiving.transport) = (transport, transport);
        initiating.security = settings[0].security;
        receiving.security = settings[1].security;
        Self {
            streams: [
                Stream::initiate(origin(), initiating, pair(), Purpose::Stanzas, [1; 32]),
                Stream::receive(origin(), receiving, [2; 32]),
            ],
            settings,
            in_tls: [false; 2],
            established: None,
            authorized: Vec::new(),
            refused: None,
            key_refused: false,
        }
    }

    fn run(&mut self) {
        let mut again = true;
        while again {
            again = false;
            for index in [0, 1] {
                let mut bytes = Vec::new();
                while self.streams[index].poll_transmit(&mut bytes).is_some() {}
                if !bytes.is_empty() {
                    self.streams[1 - index].handle_input(origin(), &bytes);
                    again = true;
                }
                // One at a time: what an answer sends goes before the next event.
                if let Some(event) = self.streams[index].poll_event() {
                    self.answer(index, event);
                    again = true;
                }
            }
        }
    }

    fn answer(&mut self, index: usize, event: Event) {
        let now = origin();
        let stream = &mut self.streams[index];
        match event {
            Event::Authorize { query, .. } => {
                let allow = Decision::Allow(self.settings[index].security.into());
                stream.handle_decision(now, query, &allow);
            }
            Event::Authenticate { query, .. } => {
                let verdict = match self.settings[1 - index].certificate {
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
                stream.handle_verdict(now, query, &verdict);
            }
            Event::Verify { query, request } => {
                let mut plain = config("b.example", Abilities::default());
                plain.security.tls = TlsMode::Disabled;
                let (pair, purpose) = (request.pair.clone(), Purpose::Verification);
                let asker = Stream::initiate(now, plain, pair, purpose, [3; 32]);
                let valid = Verification::Valid(super::proof_of(asker, request));
                stream.handle_verification(now, query, &valid);
            }
            Event::StartTls => {
                self.in_tls[index] = true;
                if self.in_tls == [true; 2] {
                    for index in [0, 1] {
                        let certificate = match self.settings[1 - index].certificate {
                            Channel::Anonymous | Channel::Plain => PeerCertificate::Absent,
                            Channel::Untrusted | Channel::Trusted => PeerCertificate::Presented,
                        };
                        self.streams[index].handle_tls_established(now, certificate);
                    }
                }
            }
            Event::Established { method, .. } if index == 0 => self.established = Some(method),
            Event::Authorized(_) => self.authorized.push(ROLES[index]),
            Event::Refused { .. } => self.key_refused = true,
            Event::Closed(CloseReason::Rejected(rejection)) => {
                self.refused = Some((ROLES[index], rejection));
            }
            Event::Closed(_) | Event::Established { .. } | Event::Withdrawn { .. } => {}
            other @ (Event::Answer { .. }
            | Event::Dropped(_)
            | Event::Sent { .. }
            | Event::Stanza { .. }
            | Event::Unacknowledged { .. }
            | Event::Verified { .. }
            | _) => panic!("{other:?}"),
        }
    }

    fn outcome(&self) -> Outcome {
        match (self.established, &self.refused) {
            (Some(method), None) => Outcome::Established {
                method,
                bidi: self.authorized.contains(&Role::Initiating),
            },
            (None, Some((role, Rejection::Refused { refusal, .. }))) => {
                Outcome::Refused(*role, *refusal)
            }
            (None, None) if self.key_refused => Outcome::KeyRefused,
            (established, refused) => panic!("{established:?} {refused:?}"),
        }
    }
}

/// Gives how many connections were made, and how many carry stanzas.
fn all_settings_over(transport: Transport) -> (usize, usize) {
    let settings = settings();
    let (mut run, mut established) = (0, 0);
    for initiating in &settings {
        // Nobody who wants no TLS dials a target of direct TLS.
        if transport == Transport::DirectTls && initiating.security.tls == TlsMode::Disabled {
            continue;
        }
        for receiving in &settings {
            let both = [*initiating, *receiving];
            let expected = foretell(*initiating, *receiving, transport);
            let mut connection = Connection::new(both, transport);
            connection.run();
            assert_eq!(connection.outcome(), expected, "{both:#?}");
            run += 1;
            established += usize::from(matches!(expected, Outcome::Established { .. }));
        }
    }
    (run, established)
}

#[test]
fn two_streams_over_tcp_come_to_what_the_table_foretells() {
    assert_eq!(all_settings_over(Transport::Tcp), (144 * 144, 1840));
}

#[test]
fn two_streams_over_direct_tls_come_to_what_the_table_foretells() {
    assert_eq!(all_settings_over(Transport::DirectTls), (96 * 144, 1920));
}
