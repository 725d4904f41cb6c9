//! Two domains, `a.example` and `b.example`, and what a test does with them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use comity_policy::{Requirement, SecurityMode, Switch, TlsMode, Verdict};
use comity_rustls::{Identity, default_provider};
use comity_testkit::dns::FakeDns;
use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_tokio::{Channel, Config, Event, Federation};
use comity_xmpp::router::Failure;
use comity_xmpp::stream::{CloseReason, Method};
use comity_xmpp::xml::Element;
use comity_xmpp::{DialbackSecret, Stanza, StanzaKind, ns};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::dns::Sockets;

/// Whose certificates the two have. Each trusts the authority of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Authorities {
    Common,
    Unrelated,
}

/// How domains are proved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Proof {
    /// By certificates alone.
    Certificate,
    /// By dialback, where certificates do not do.
    Dialback,
}

pub(crate) struct Site {
    pub(crate) a: Party,
    pub(crate) b: Party,
    authorities: Authorities,
    proof: Proof,
    name_server: SocketAddr,
}

pub(crate) struct Party {
    pub(crate) federation: Federation,
    pub(crate) events: mpsc::Receiver<Event>,
    seen: Vec<Event>,
}

impl Site {
    pub(crate) async fn start(
        authorities: Authorities,
        proof: Proof,
        change: fn(&mut Config),
    ) -> Self {
        Self::start_with_zone(authorities, proof, change, |zone, _| zone).await
    }

    pub(crate) async fn start_with_zone(
        authorities: Authorities,
        proof: Proof,
        change: fn(&mut Config),
        change_zone: impl FnOnce(FakeDns, &[Party]) -> FakeDns,
    ) -> Self {
        let sockets = Sockets::bind().await;
        let name_server = sockets.address();
        let mut zone = FakeDns::new();
        let mut parties = Vec::new();
        for name in ["a", "b"] {
            let listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
            let mut config = config(name, authorities, proof, name_server, listen);
            change(&mut config);
            let (federation, events) = Federation::start(config).await.unwrap();
            zone = publish(zone, name, &federation);
            let seen = Vec::new();
            parties.push(Party {
                federation,
                events,
                seen,
            });
        }
        sockets.serve(change_zone(zone, &parties));
        let (b, a) = (parties.pop().unwrap(), parties.pop().unwrap());
        Self {
            a,
            b,
            authorities,
            proof,
            name_server,
        }
    }

    pub(crate) fn config_of(&self, name: &str, listen: Vec<SocketAddr>) -> Config {
        config(name, self.authorities, self.proof, self.name_server, listen)
    }

    /// Sends a message, and asserts that it arrives and how its sender was proved.
    pub(crate) async fn exchange(&mut self, from: &str, to: &str, method: Method) {
        let (sender, recipient) = match from {
            "a" => (&mut self.a, &mut self.b),
            _ => (&mut self.b, &mut self.a),
        };
        let text = format!("from {from} to {to}");
        let stanza = message(from, to, &text);
        sender.federation.send(stanza).await.unwrap();
        loop {
            if let Event::Stanza {
                stanza,
                method: proved_by,
                ..
            } = recipient.next().await
            {
                assert_eq!(body(&stanza), text);
                assert_eq!(proved_by, method);
                break;
            }
        }
        assert_eq!(sender.established().await.0, method);
    }

    /// Both stop in order, within a time that shows that they did not have to be cut off.
    pub(crate) async fn end(self) {
        for party in [self.a, self.b] {
            let stopped = timeout(PATIENCE, party.federation.shutdown()).await;
            stopped.expect("the connections end");
        }
    }
}

impl Party {
    pub(crate) async fn next(&mut self) -> Event {
        let event = timeout(PATIENCE, self.events.recv()).await;
        let event = event.expect("an event comes").expect("it runs");
        self.seen.push(event.clone());
        event
    }

    /// Waits for the end of the events, and gives those before it.
    pub(crate) async fn rest(&mut self) -> Vec<Event> {
        let mut rest = Vec::new();
        while let Some(event) = timeout(PATIENCE, self.events.recv())
            .await
            .expect("the events end")
        {
            rest.push(event);
        }
        rest
    }

    /// How the stream was established that carries our stanzas, and over what.
    pub(crate) async fn established(&mut self) -> (Method, Channel) {
        let mut read = 0;
        loop {
            if let Some(event) = self.seen.get(read) {
                if let Event::Established {
                    method, channel, ..
                } = event
                {
                    return (*method, channel.clone());
                }
                read += 1;
            } else {
                self.next().await;
            }
        }
    }

    /// The events that have been read.
    pub(crate) fn seen(&self) -> &[Event] {
        &self.seen
    }

    /// Whether such an event has been read.
    pub(crate) fn saw(&self, is: impl Fn(&Event) -> bool) -> bool {
        self.seen.iter().any(is)
    }

    pub(crate) async fn next_message(&mut self) -> String {
        loop {
            if let Event::Stanza { stanza, .. } = self.next().await {
                return body(&stanza);
            }
        }
    }

    pub(crate) async fn next_undelivered(&mut self) -> (Stanza, Failure) {
        loop {
            if let Event::Undelivered {
                stanza, failure, ..
            } = self.next().await
            {
                return (stanza, failure);
            }
        }
    }

    pub(crate) async fn next_closed(&mut self) -> CloseReason {
        loop {
            if let Event::Closed { reason, .. } = self.next().await {
                return reason;
            }
        }
    }
}

/// A domain's records: direct TLS comes first where it is listened for.
pub(crate) fn publish(mut zone: FakeDns, name: &str, federation: &Federation) -> FakeDns {
    let host = format!("xmpp.{name}.example");
    for (service, priority, addresses) in [
        ("_xmpps-server", 1, federation.tls_addresses()),
        ("_xmpp-server", 2, federation.addresses()),
    ] {
        let owner = format!("{service}._tcp.{name}.example");
        for address in addresses {
            zone = zone.srv(&owner, priority, 1, address.port(), &host);
        }
    }
    zone.a(&host, Ipv4Addr::LOCALHOST)
}

pub(crate) fn message(from: &str, to: &str, text: &str) -> Stanza {
    let jid = |name: &str| format!("user@{name}.example").parse().unwrap();
    let body = Element::new(ns::SERVER, "body").with_text(text);
    Stanza::new(StanzaKind::Message, jid(from), jid(to)).with_payload(body)
}

pub(crate) fn body(stanza: &Stanza) -> String {
    let element = stanza.element();
    element.child(ns::SERVER, "body").unwrap().text()
}

fn config(
    name: &str,
    authorities: Authorities,
    proof: Proof,
    name_server: SocketAddr,
    listen: Vec<SocketAddr>,
) -> Config {
    let seed = name.as_bytes()[0];
    let authority = authority(authorities, seed);
    let domain = format!("{name}.example");
    let identity = identity(&authority, &Leaf::new([seed; 32]).dns(&domain));
    let mut config = Config::new(identity, &default_provider());
    config.listen = listen;
    config.discovery.servers = vec![name_server];
    config.discovery.address_policy.danger_allow_loopback = true;
    let root = authority.certificate_pem();
    let store = &mut config.trust.store;
    assert_eq!(store.add_anchors_from_pem(root.as_bytes()), Ok(1));
    config.policy.local_domains.insert(domain.parse().unwrap());
    config.policy.xmpp.enabled = Switch::On;
    config.policy.xmpp.default_verdict = Verdict::Allow;
    if proof == Proof::Dialback {
        config.policy.xmpp.default_security =
            SecurityMode::new(TlsMode::Required, Requirement::Optional);
        config.router.stream.dialback = Some(DialbackSecret::new(&[seed; 32]));
    }
    config
}

pub(crate) fn identity(authority: &Authority, leaf: &Leaf) -> Identity {
    let own = authority.issue(leaf);
    let (chain, key) = (own.chain_pem(), own.key_pem());
    Identity::from_pem(chain.as_bytes(), key.as_bytes(), &default_provider()).unwrap()
}

/// The authority of the domain whose seed this is: the letter of its name.
pub(crate) fn authority(authorities: Authorities, seed: u8) -> Authority {
    let (name, seed) = match authorities {
        Authorities::Common => ("Common".to_owned(), 1),
        Authorities::Unrelated => (format!("CA of {}", char::from(seed)), seed - b'a' + 1),
    };
    Ca::new(&name, [seed; 32]).self_signed()
}

/// How long anything may take. Ending a connection that lingers would take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);
