use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use comity_identity::Host;
use comity_rustls::{Identity, PortMode, TlsContext, signature_algorithms};
use comity_sip::Transport;
use comity_sip::endpoint;
use comity_trust::RevocationLists;
use rustls::crypto::CryptoProvider;

use crate::locator::Locator;

/// What a SIP server of ours is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where it can be reached. Default: nowhere, and then nothing can be sent either: a transport
    /// is used in both directions or not at all.
    pub listen: Vec<Listen>,
    /// The rules of the endpoint. Its listeners are made of `listen`; those that stand there count
    /// for nothing.
    pub endpoint: endpoint::Config,
    /// How TLS is used, and the certificates that we present: those of its `outbound` to servers, those
    /// of its `inbound` to clients at listeners without a context of their own ([`Listen::tls`]). It
    /// observes: what a certificate proves is judged by `trust` after the handshake. Clients must
    /// present one, whatever its `client_auth` says, and if it has `peer_subjects`, they must be one of
    /// these.
    pub tls: TlsContext,
    /// By which rules and on whose word certificates are judged. Default: nobody is trusted.
    pub trust: comity_trust::Policy,
    /// The revocation lists that `trust` asks for. Default: none.
    pub revocation_lists: RevocationLists,
    /// Which name servers are asked for the hosts that messages name, unless there is a `locator`, and
    /// which addresses that messages name may be dialled.
    pub discovery: comity_srv::Config,
    /// What knows where domains are reached: by static routes and by their records in DNS. Default:
    /// none, and then hosts are looked up by their addresses.
    pub locator: Option<Locator>,
    /// The bounds of sockets and tasks.
    pub limits: Limits,
}

impl Config {
    /// The defaults, with the cryptography of `provider`, and without a certificate of ours.
    #[must_use]
    pub fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self {
            listen: Vec::new(),
            endpoint: endpoint::Config::new(Vec::new()),
            tls: TlsContext::observing(Arc::clone(provider)),
            trust: comity_trust::Policy::new(signature_algorithms(provider)),
            revocation_lists: RevocationLists::new(),
            discovery: comity_srv::Config::default(),
            locator: None,
            limits: Limits::default(),
        }
    }

    /// The same with a certificate of ours, which TLS cannot do without.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.tls.identity = Some(identity);
        self
    }
}

/// Where a server can be reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listen {
    /// How.
    pub transport: Transport,
    /// The address of the socket. Port 0 takes a free port.
    pub address: SocketAddr,
    /// The name that others are told; the address if there is none.
    pub host: Option<Host>,
    /// The port that others are told; that of the socket if there is none.
    pub port: Option<u16>,
    /// How TLS is used with peers that connect here; as everywhere ([`Config::tls`]) if there is none.
    pub tls: Option<TlsContext>,
    /// Whether peers that begin in clear text are served at a listener for TLS too, as if they had
    /// come to one for TCP. Default: they are not.
    pub mode: PortMode,
}

impl Listen {
    /// An address that others are told as it is.
    #[must_use]
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            host: None,
            port: None,
            tls: None,
            mode: PortMode::TlsOnly,
        }
    }

    /// The same under another name, and perhaps another port.
    #[must_use]
    pub fn advertised(mut self, host: Host, port: Option<u16>) -> Self {
        self.host = Some(host);
        self.port = port;
        self
    }

    /// The same with TLS of its own: with other certificates, or for certain peers alone.
    #[must_use]
    pub fn secured(mut self, tls: TlsContext) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The same for peers that begin in clear text too.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.mode = PortMode::LegacyAndTls;
        self
    }

    /// The transports by which others are served here.
    pub(super) fn transports(&self) -> &'static [Transport] {
        match (self.transport, self.mode) {
            (Transport::Udp, _) => &[Transport::Udp],
            (Transport::Tcp, _) => &[Transport::Tcp],
            (Transport::Tls, PortMode::LegacyAndTls) => &[Transport::Tls, Transport::Tcp],
            (Transport::Tls, _) => &[Transport::Tls],
        }
    }
}

/// Bounds of what the driver holds and waits for; those of the endpoint come with their own.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes that one connection has not sent yet. Default 512 KiB: a connection with more is
    /// closed. From half of it on nothing is read from the peer.
    pub max_unsent_bytes: usize,
    /// The same where a peer has connected to us and proved no name, as in clear text. Default
    /// 1 MiB: anybody may ask and not read, and one who reads may be owed an answer to each of as
    /// many requests as a source may have under way. More than `max_unsent_bytes` is as much as that.
    pub max_unproved_unsent_bytes: usize,
    /// Datagrams that one socket has not sent yet. Default 1,024, and 64 at least; what is beyond is
    /// dropped, and retransmitted by whoever misses it.
    pub max_unsent_datagrams: usize,
    /// Peers that are in the middle of a TLS handshake which they began, or have not sent anything where
    /// that decides about TLS. Default 256. More wait in the queue of the system, unless the source with
    /// the most of them has two or more: then the one who began first there makes room for others, when
    /// [`handshake_grace`](Self::handshake_grace) is over.
    pub max_handshakes: usize,
    /// Those of one source among them: an IPv4 address, or 64 bits of an IPv6 address. Default 16;
    /// more are turned away.
    pub max_handshakes_per_source: usize,
    /// How long the handshake with a peer that connects may take. Default 10 s.
    pub handshake_timeout: Duration,
    /// How long it may take before it makes room for others. Default 1 s.
    pub handshake_grace: Duration,
    /// Names that a certificate proves for its owner. Default 16, and 1 at least. Each is proved for
    /// itself, and what is beyond is not looked at.
    pub max_proved_names: usize,
    /// Hosts that are looked up at a time. Default 1,024; for more there are no targets.
    pub max_lookups: usize,
    /// Without progress in sending, until a connection is closed. Default 30 s; a connection that
    /// ends gets this time for all that it still has to send.
    pub write_timeout: Duration,
    /// After our end of a connection, for the peer to end its own. Default 2 s. What it sends
    /// meanwhile is thrown away: unread bytes would make the system reset the connection, and the
    /// peer would lose our last words.
    pub linger_timeout: Duration,
    /// Bytes that are thrown away so. Default 64 KiB.
    pub max_linger_bytes: usize,
    /// Connections that are ending so. Default 1,024; what is beyond is cut off.
    pub max_ending: usize,
    /// For the application to end what goes on after `shutdown`, before connections end. Default
    /// 5 s; see [`Application::is_settled`](super::Application::is_settled).
    pub settle_timeout: Duration,
    /// For all connections to end in order after that. Default 10 s.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_unsent_bytes: 512 * 1024,
            max_unproved_unsent_bytes: 1024 * 1024,
            max_unsent_datagrams: 1024,
            max_handshakes: 256,
            max_handshakes_per_source: 16,
            handshake_timeout: Duration::from_secs(10),
            handshake_grace: Duration::from_secs(1),
            max_proved_names: 16,
            max_lookups: 1024,
            write_timeout: Duration::from_secs(30),
            linger_timeout: Duration::from_secs(2),
            max_linger_bytes: 64 * 1024,
            max_ending: 1024,
            settle_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// Why a server was not started.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({transport}): {}", io::Error::from(*.kind))]
    Listen {
        /// How.
        transport: Transport,
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        kind: io::ErrorKind,
    },
    /// A socket that listens on every address needs a name that others can be told.
    #[error("cannot tell others {address} ({transport}): it needs a name")]
    Nameless {
        /// How.
        transport: Transport,
        /// The address.
        address: SocketAddr,
    },
    /// The crypto provider gives no random bytes.
    #[error("the crypto provider gives no random bytes")]
    Random,
    /// TLS cannot be used so.
    #[error("TLS: {0}")]
    Tls(#[from] comity_rustls::ConfigError),
}
