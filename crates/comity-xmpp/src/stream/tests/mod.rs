//! What a stream does, rule by rule.

mod acks;
mod bidi;
mod conditions;
mod dialback;
mod extensions;
mod initiating;
mod life;
mod limits;
mod receiving;
mod sent;
mod settled;

use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_identity::DomainName;
use comity_testkit::{cut, origin};

use super::*;
use crate::decision::Refusal;
use crate::xml::{Limit, ParseError};
use crate::{
    AddressError, CertificateRule, DialbackSecret, Security, StanzaCondition, StanzaKind, TlsMode,
};

const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns:db='jabber:server:dialback' from='b.example' to='a.example' version='1.0'>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const AUTH: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>Yi5leGFtcGxl</auth>";
const MESSAGE: &str = "<message from='x@b.example' to='y@a.example'><body>hi</body></message>";
const KEY: &str = "<db:result from='b.example' to='a.example'>key</db:result>";

/// A stream with a composer that answers at once, and a record of what came out.
struct Host {
    stream: Stream,
    now: Instant,
    sent: Vec<u8>,
    /// How many bytes have come out so far.
    transmitted: usize,
    /// Events that are not answered here.
    events: Vec<Event>,
    decision: Decision,
    /// The domain that the peer's certificate proves.
    certified: Option<&'static str>,
}

impl Host {
    fn new(stream: Stream) -> Self {
        let mut host = Self {
            stream,
            now: origin(),
            sent: Vec::new(),
            transmitted: 0,
            events: Vec::new(),
            decision: Decision::Allow(Security::ENCRYPTED.into()),
            certified: None,
        };
        host.settle();
        host
    }

    /// `a.example`, which takes connections.
    fn receiving(config: Config) -> Self {
        Self::new(Stream::receive(origin(), config, [1; 32]))
    }

    /// `a.example`, which connects to `b.example`.
    fn initiating(config: Config, purpose: Purpose) -> Self {
        Self::new(Stream::initiate(origin(), config, pair(), purpose, [1; 32]))
    }

    fn feed(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.handle_input(self.now, bytes.as_ref());
        self.settle();
        self
    }

    fn tls(&mut self, certificate: PeerCertificate) -> &mut Self {
        self.stream.handle_tls_established(self.now, certificate);
        self.settle();
        self
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.stream.handle_timeout(self.now);
        assert!(
            self.stream
                .poll_timeout()
                .is_none_or(|next| next > self.now)
        );
        self.settle();
        self
    }

    fn settle(&mut self) {
        loop {
            while let Some(len) = self.stream.poll_transmit(&mut self.sent) {
                self.transmitted += len;
            }
            let Some(event) = self.stream.poll_event() else {
                return;
            };
            match event {
                Event::Authorize { query, .. } => {
                    let decision = self.decision.clone();
                    self.stream.handle_decision(self.now, query, &decision);
                }
                Event::Authenticate { query, domain } => {
                    let verdict = if self.certified == Some(domain.as_str()) {
                        Verdict::Trusted {
                            matched_by: domain.as_str().into(),
                            expires_in: None,
                        }
                    } else {
                        Verdict::Untrusted {
                            reason: "the certificate names someone else".into(),
                        }
                    };
                    self.stream.handle_verdict(self.now, query, &verdict);
                }
                Event::Answer { .. }
                | Event::Authorized(_)
                | Event::Closed(_)
                | Event::Dropped(_)
                | Event::Established { .. }
                | Event::Refused { .. }
                | Event::Sent { .. }
                | Event::Stanza { .. }
                | Event::StartTls
                | Event::Unacknowledged { .. }
                | Event::Verified { .. }
                | Event::Verify { .. }
                | Event::Withdrawn { .. } => self.events.push(event),
            }
        }
    }

    /// What was sent since the last call, the stream's id written as `ID`.
    fn sent(&mut self) -> String {
        let sent = String::from_utf8(std::mem::take(&mut self.sent)).unwrap();
        let mut masked = String::new();
        let mut rest = sent.as_str();
        while let Some((before, tail)) = rest.split_once(" id='") {
            let (id, tail) = tail.split_once('\'').unwrap();
            let id = if id.len() == 32 { "ID" } else { id };
            masked.extend([before, " id='", id, "'"]);
            rest = tail;
        }
        masked + rest
    }

    fn events(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut self.events);
        events.iter().map(describe).collect()
    }

    fn rejection(&mut self) -> Rejection {
        match self.events.pop() {
            Some(Event::Closed(CloseReason::Rejected(rejection))) => rejection,
            other => panic!("not rejected: {other:?}"),
        }
    }

    /// `a.example`, to which `b.example` has proved itself with its certificate and `header`.
    fn authenticated(header: &str) -> Self {
        let mut host = Self::receiving(config()).secured(Some("b.example"));
        host.feed(AUTH).feed(header);
        host.events();
        host.sent();
        host
    }

    /// Brings a receiving stream behind TLS, up to its features.
    fn secured(mut self, certified: Option<&'static str>) -> Self {
        self.certified = certified;
        self.feed(HEADER).feed(STARTTLS);
        assert_eq!(self.events(), ["StartTls"]);
        self.sent();
        self.tls(PeerCertificate::Presented).feed(HEADER);
        self
    }
}

/// The event in few words.
fn describe(event: &Event) -> String {
    match event {
        Event::Authorized(authorized) => {
            format!(
                "authorized {} by {}",
                authorized.pair(),
                authorized.method()
            )
        }
        Event::Established { pair, method } => format!("established {pair} by {method}"),
        Event::Stanza { stanza, method, .. } => format!("{stanza} by {method}"),
        Event::Verify { request, .. } => format!("verify {} {}", request.pair, request.key),
        Event::Verified {
            request,
            verification,
        } => {
            let outcome = match verification {
                Verification::Valid(_) => "valid".to_owned(),
                Verification::Invalid => "invalid".to_owned(),
                Verification::Failed(condition) => condition.to_string(),
            };
            format!("verified {} {}: {outcome}", request.pair, request.key)
        }
        Event::Closed(reason) => format!("closed: {reason}"),
        Event::Answer { stanza } => format!("answer {stanza}"),
        Event::Dropped(reason) => format!("dropped: {reason}"),
        Event::Sent { id } => format!("sent {id}"),
        Event::Unacknowledged { stanza, id: None } => format!("unacknowledged {stanza}"),
        Event::Unacknowledged {
            stanza,
            id: Some(id),
        } => format!("unacknowledged {stanza} as {id}"),
        Event::Refused { pair, refusal } => format!("refused {pair}: {refusal}"),
        Event::Withdrawn { .. } => "withdrawn".to_owned(),
        Event::Authenticate { .. } | Event::Authorize { .. } | Event::StartTls => {
            format!("{event:?}")
        }
    }
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn pair() -> Pair {
    Pair {
        local: name("a.example"),
        remote: name("b.example"),
    }
}

fn config() -> Config {
    Config {
        domains: Arc::new([name("a.example"), name("c.example")].into()),
        dialback: Some(DialbackSecret::new(b"secret")),
        bidi: Switch::Off,
        acknowledgements: Switch::Off,
        ..Config::default()
    }
}

fn with_security(security: Security) -> Config {
    Config {
        security,
        ..config()
    }
}

fn features(content: &str) -> String {
    format!("<stream:features>{content}</stream:features>")
}

/// Our features behind the question of TLS.
fn offered(content: &str) -> String {
    features(&format!("{content}{LIMITS}"))
}

/// Our header as the receiving side.
fn response(to: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
         xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
         from='a.example'{to} id='ID' version='1.0' xml:lang='en'>"
    )
}

const EXTERNAL: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
     <mechanism>EXTERNAL</mechanism></mechanisms>";
const DIALBACK: &str = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>";
const LIMITS: &str = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>262144</max-bytes>\
     <idle-seconds>3600</idle-seconds></limits>";
const REQUIRED: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";

/// Brings an initiating stream behind TLS, up to the peer's features.
fn connected(config: Config, purpose: Purpose, offer: &str) -> Host {
    let mut host = Host::initiating(config, purpose);
    host.certified = Some("b.example");
    host.feed(HEADER.replace("version", "id='1' version"))
        .feed(features(REQUIRED))
        .feed("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(host.events(), ["StartTls"]);
    host.tls(PeerCertificate::Presented);
    host.sent();
    host.feed(HEADER.replace("version", "id='2' version"))
        .feed(features(offer));
    host
}
