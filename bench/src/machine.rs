//! A whole received stream, from bytes to stanzas that may pass.

use std::sync::Arc;
use std::time::Instant;

use comity_xmpp::Security;
use comity_xmpp::stream::{Config, Decision, Event, PeerCertificate, Stream, Verdict};

use crate::traffic::{HEADER, LOCAL, PIECE_BYTES, REMOTE, Traffic};

/// Authenticates a peer and reads its stanzas; gives how many came.
pub(crate) fn stream(traffic: &Traffic) -> usize {
    let mut host = Host::new();
    for bytes in [HEADER, STARTTLS] {
        host.feed(bytes.as_bytes());
    }
    host.stream
        .handle_tls_established(host.now, PeerCertificate::Presented);
    for bytes in [HEADER, AUTH] {
        host.feed(bytes.as_bytes());
    }
    for piece in traffic.bytes.chunks(PIECE_BYTES) {
        host.feed(piece);
    }
    assert_eq!(host.stanzas, traffic.stanzas, "stanzas were lost");
    host.stanzas
}

/// A stream with a composer that trusts the peer's certificate and permits everything.
struct Host {
    stream: Stream,
    now: Instant,
    sent: Vec<u8>,
    stanzas: usize,
}

impl Host {
    fn new() -> Self {
        let now = Instant::now();
        let mut config = Config::default();
        config.domains = Arc::new([LOCAL.parse().expect("a domain")].into());
        Self {
            stream: Stream::receive(now, config, [3; 32]),
            now,
            sent: Vec::new(),
            stanzas: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.stream.handle_input(self.now, bytes);
        loop {
            self.sent.clear();
            while self.stream.poll_transmit(&mut self.sent).is_some() {}
            let Some(event) = self.stream.poll_event() else {
                return;
            };
            match event {
                Event::Stanza { stanza, .. } => {
                    assert_eq!(stanza.from().domain().as_str(), REMOTE);
                    self.stanzas += 1;
                }
                Event::Authorize { query, .. } => {
                    let decision = Decision::Allow(Security::ENCRYPTED.into());
                    self.stream.handle_decision(self.now, query, &decision);
                }
                Event::Authenticate { query, domain } => {
                    let verdict = Verdict::Trusted {
                        matched_by: domain.as_str().into(),
                        expires_in: None,
                    };
                    self.stream.handle_verdict(self.now, query, &verdict);
                }
                Event::StartTls | Event::Authorized(_) | Event::Closed(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
/// `capulet.example`, which is what the certificate is said to prove.
const AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>\
     Y2FwdWxldC5leGFtcGxl</auth>";
