use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use comity_identity::DomainName;
use comity_rustls::{Identity, TlsContext, signature_algorithms};
use comity_srv::Messaging;
use comity_srv::routes::Routes;
use comity_trust::RevocationLists;
use comity_xmpp::Profile;
use rustls::crypto::CryptoProvider;

use crate::tap::Tap;

/// What a federation of ours does, and with whom.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where peers can connect to. Default: nowhere. Port 0 takes a free port.
    pub listen: Vec<SocketAddr>,
    /// Where peers can connect to with TLS from the first byte (XEP-0368). Default: nowhere.
    pub listen_tls: Vec<SocketAddr>,
    /// Where peers can connect to in either way; their first bytes tell. Default: nowhere.
    pub listen_shared: Vec<SocketAddr>,
    /// Which domains are ours, who may federate with them, and how connections must be protected.
    pub policy: comity_policy::Config,
    /// How TLS is used, and the certificates that we present: to servers those of its `outbound`, by the
    /// domain of ours for which we connect, to clients those of its `inbound`, by the domain that they
    /// ask for. It observes: what a certificate
    /// proves is judged by `trust` when it is known whom it must name. Its `alpn` is not looked
    /// at: direct TLS has `xmpp-server`, STARTTLS nothing.
    pub tls: TlsContext,
    /// By which rules and on whose word certificates are judged. Default: nobody is trusted.
    pub trust: comity_trust::Policy,
    /// The revocation lists that `trust` asks for. Default: none.
    pub revocation_lists: RevocationLists,
    /// Which name servers are asked, and which addresses may be dialled.
    pub discovery: comity_srv::Config,
    /// Static routes for XMPP, which go before DNS. Whom they lead to has to prove the domain as any
    /// other server. Default: none.
    pub routes: Routes,
    /// What is different with the servers of some domains. Default: nothing; who is not named
    /// keeps to the standards.
    pub profiles: BTreeMap<DomainName, Profile>,
    /// The rules of streams, the dialback secret among them. Its domains and its security are
    /// taken from `policy`.
    pub router: comity_xmpp::router::Config,
    /// Who looks on at the bytes of all streams. Default: nobody.
    pub tap: Option<Tap>,
    /// The bounds of sockets and channels.
    pub limits: Limits,
}

impl Config {
    /// The defaults, with this certificate and the cryptography of `provider`.
    ///
    /// `policy.local_domains` must be filled, and nothing federates before `policy` allows it.
    #[must_use]
    pub fn new(identity: Identity, provider: &Arc<CryptoProvider>) -> Self {
        let mut tls = TlsContext::observing(Arc::clone(provider));
        tls.identity = Some(identity);
        Self {
            listen: Vec::new(),
            listen_tls: Vec::new(),
            listen_shared: Vec::new(),
            policy: comity_policy::Config::default(),
            tls,
            trust: comity_trust::Policy::new(signature_algorithms(provider)),
            revocation_lists: RevocationLists::new(),
            discovery: comity_srv::Config::default(),
            routes: Routes::none(Messaging::Xmpp),
            profiles: BTreeMap::new(),
            router: comity_xmpp::router::Config::default(),
            tap: None,
            limits: Limits::default(),
        }
    }
}

/// Bounds of what the driver holds and waits for; those of the machines come with their own.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes that one connection has not sent yet, above which its machine is held back until half
    /// of them are gone. Default 256 KiB.
    pub max_unsent_bytes: usize,
    /// Events that the application has not read yet, above which nothing more is read from peers
    /// and no stanza is taken. Default 256.
    pub max_unread_events: usize,
    /// Without progress in sending, until a connection is given up. Default 30 s; a connection that
    /// ends gets this time for all that it still has to send.
    pub write_timeout: Duration,
    /// For the first bytes of a connection where they tell how it goes on. Default 10 s; what begins
    /// later is closed.
    pub begin_timeout: Duration,
    /// After our end of a connection, for the peer to end its own. Default 2 s. What it sends
    /// meanwhile is thrown away: unread bytes would make the system reset the connection, and the
    /// peer would lose our last words.
    pub linger_timeout: Duration,
    /// Bytes that are thrown away so. Default 64 KiB.
    pub max_linger_bytes: usize,
    /// For all connections to end in order after `shutdown`. Default 10 s.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_unsent_bytes: 256 * 1024,
            max_unread_events: 256,
            write_timeout: Duration::from_secs(30),
            begin_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(2),
            max_linger_bytes: 64 * 1024,
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// Why a federation was not started.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {}", io::Error::from(*.kind))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        kind: io::ErrorKind,
    },
    /// The policy contradicts itself.
    #[error("the policy: {0}")]
    Policy(#[from] comity_policy::ConfigErrors),
    /// The static routes are for SIP.
    #[error("the static routes are for SIP")]
    Routes,
    /// The crypto provider gives no random bytes.
    #[error("the crypto provider gives no random bytes")]
    Random,
    /// TLS cannot be used so.
    #[error("TLS: {0}")]
    Tls(#[from] comity_rustls::ConfigError),
}
