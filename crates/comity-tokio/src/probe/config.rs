use std::sync::Arc;
use std::time::Duration;

use comity_identity::DomainName;
use comity_rustls::{TlsContext, signature_algorithms};
use comity_sip::UriBuf;
use comity_srv::{Messaging, Service};
use comity_trust::{PeerSubject, Policy, Protocols, RevocationLists};
use comity_xmpp::DialbackSecret;
use rustls::crypto::CryptoProvider;
use tokio::sync::mpsc;

use super::Activity;

/// On whose behalf a domain is checked, and how far.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The domain of ours that would federate. Without one nothing is proved to the peer.
    pub local: Option<DomainName>,
    /// By which protocols. Default: both.
    pub protocols: Protocols,
    /// Our side for XMPP.
    pub xmpp: Side,
    /// Our side for SIP.
    pub sip: Side,
    /// Who may stand for the domain by SIP, as an operator has entered them: one of them or the domain
    /// has to be named by the certificate.
    pub sip_peers: Vec<PeerSubject>,
    /// The secret of our dialback keys. The server of our domain has to run with the same one, since
    /// the peer asks it about our key.
    pub dialback: Option<DialbackSecret>,
    /// Whose presence to ask for by SIP, and as whom. Default: nobody's.
    pub subscribe: Option<Subscription>,
    /// Where to tell what is waited for. What finds it full is not told.
    pub activity: Option<mpsc::Sender<Activity>>,
    /// The bounds.
    pub limits: Limits,
}

/// Our side of one protocol.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Side {
    /// How TLS is spoken, with our certificate. Peers' certificates are judged by `trust` after the
    /// handshake, whatever is said here.
    pub tls: TlsContext,
    /// Whom to believe.
    pub trust: Policy,
    /// The revocation lists at hand.
    pub revocation_lists: RevocationLists,
    /// Where to find the domain, as by a static route. Default: by its own records.
    pub service: Option<Service>,
}

/// A question about presence.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a watcher and a presentity")]
pub struct Subscription {
    /// The user of ours who asks.
    pub watcher: UriBuf,
    /// The user of the peer.
    pub presentity: UriBuf,
}

/// Bounds on what a check waits for and reads.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// For a TCP connection. Default 5 s.
    pub connect_timeout: Duration,
    /// For a TLS handshake. Default 5 s.
    pub handshake_timeout: Duration,
    /// For an XMPP stream up to the proof of our domain, to which a peer may have to connect back.
    /// Default 15 s.
    pub stream_timeout: Duration,
    /// For a peer to close its stream after we closed ours. Default 2 s.
    pub close_timeout: Duration,
    /// For the answer to a SIP request. Default 8 s.
    pub response_timeout: Duration,
    /// For the NOTIFY after the answer to a SUBSCRIBE. Default 3 s.
    pub notify_timeout: Duration,
    /// Bytes that are read of one connection. Default 256 KiB.
    pub max_read_bytes: usize,
    /// Targets of one protocol that are looked at. Default 8.
    pub max_targets: usize,
}

impl Config {
    /// Checks both protocols on nobody's behalf, and trusts nobody.
    #[must_use]
    pub fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self {
            local: None,
            protocols: Protocols::Both,
            xmpp: Side::new(provider),
            sip: Side::new(provider),
            sip_peers: Vec::new(),
            dialback: None,
            subscribe: None,
            activity: None,
            limits: Limits::default(),
        }
    }

    pub(super) fn asks_for(&self, messaging: Messaging) -> bool {
        match (self.protocols, messaging) {
            (Protocols::Both, _)
            | (Protocols::Sip, Messaging::Sip)
            | (Protocols::Xmpp, Messaging::Xmpp) => true,
            (Protocols::Sip, Messaging::Xmpp) | (Protocols::Xmpp, Messaging::Sip) => false,
        }
    }
}

impl Side {
    fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self {
            tls: TlsContext::observing(Arc::clone(provider)),
            trust: Policy::new(signature_algorithms(provider)),
            revocation_lists: RevocationLists::new(),
            service: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
            stream_timeout: Duration::from_secs(15),
            close_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(8),
            notify_timeout: Duration::from_secs(3),
            max_read_bytes: 256 * 1024,
            max_targets: 8,
        }
    }
}
