use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use comity_identity::DomainName;

use crate::{DialbackSecret, Profile, Security, Transport, xml};

/// What a stream may do and for whom it speaks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// The domains that are ours.
    pub domains: Arc<BTreeSet<DomainName>>,
    /// Domains that were ours: whoever asks for one is told that it is gone (RFC 6120 §4.9.3.5).
    pub former_domains: Arc<BTreeSet<DomainName>>,
    /// The rules that hold until those for the peer's domain are known. Default: TLS is required,
    /// a trusted certificate is not.
    pub security: Security,
    /// The peer's peculiarities, until those of its domain are known. Default: none.
    pub profile: Profile,
    /// How the connection begins. Default: with a stream header.
    pub transport: Transport,
    /// Whether the composer has a TLS engine for STARTTLS. Default: yes.
    pub starttls: Switch,
    /// Whether we offer SASL EXTERNAL to peers. Default: yes.
    pub external_inbound: Switch,
    /// Whether we use SASL EXTERNAL where a peer offers it. Default: yes.
    pub external_outbound: Switch,
    /// Whether stanzas go both ways on one stream where both sides can (XEP-0288). Default: yes.
    pub bidi: Switch,
    /// Whether stanzas are acknowledged where both sides can (XEP-0198). Default: yes. Those that we
    /// send back on a stream of the peer count from the peer's own request on.
    pub acknowledgements: Switch,
    /// When a stanza of the peer counts as handled (XEP-0198 §4). Default: when it is handed out.
    pub acknowledge: Acknowledge,
    /// The secret of our dialback keys. Without one, dialback is neither offered nor used.
    pub dialback: Option<DialbackSecret>,
    /// The bounds.
    pub limits: Limits,
}

/// Whether we use something where the other side can.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a switch")]
pub enum Switch {
    /// We do not.
    Off,
    /// We do.
    #[default]
    On,
}

impl Switch {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

/// When a stanza of the peer counts as handled, so that the peer may forget it (XEP-0198 §4).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "at once, or when somebody says so")]
pub enum Acknowledge {
    /// When it is handed out.
    #[default]
    OnReceipt,
    /// When it is [settled](super::Stream::settle), and with it all that came before it.
    ///
    /// A peer that asks is told at once how many are settled, and again with each that follows
    /// until it knows of all that it had sent. What is not settled when the stream ends was not
    /// handled, as far as the peer knows: it may bounce it or send it again.
    WhenSettled,
}

/// Bounds on what a peer can make a stream hold or wait for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// XML from a peer that has proved nothing: with the other bounds, its stream holds at most 64 KiB.
    pub unauthenticated: xml::Limits,
    /// XML from a peer that has proved a domain.
    pub authenticated: xml::Limits,
    /// From the first header to the first proved pair. Default 30 s.
    pub negotiation_timeout: Duration,
    /// From STARTTLS to the end of the TLS handshake. Default 10 s.
    pub tls_timeout: Duration,
    /// For the authoritative server to confirm a dialback key. Default 20 s, below the
    /// negotiation timeout so that the peer is told.
    pub verification_timeout: Duration,
    /// Without a stanza on a stream that we initiated, or without any byte on one that the peer
    /// initiated, until it is closed. Default 1 h; peers are told (XEP-0478).
    pub idle_timeout: Duration,
    /// Without a word from us on a stream that we initiated, until it gets a space or, where
    /// stanzas are acknowledged, a request for that (RFC 6120 §4.6.1). Default 5 min; half of what
    /// the peer allows if that is shorter.
    pub keep_alive: Duration,
    /// For the peer to answer a request for acknowledgement (XEP-0198). Default 60 s.
    pub acknowledgement_timeout: Duration,
    /// For the peer to close its direction after we closed ours. Default 5 s.
    pub close_timeout: Duration,
    /// Stanzas that were sent and not acknowledged, above which `send` refuses. Default 1000.
    pub max_unacknowledged_stanzas: usize,
    /// What these may take. Default 4 MiB.
    pub max_unacknowledged_bytes: usize,
    /// Stanzas of the peer that were handed out and are not acknowledged because they, or others
    /// before them, are not settled; above that no input is wanted. Default 1000.
    pub max_unsettled_stanzas: usize,
    /// Domain pairs that one stream may carry. Default 64.
    pub max_pairs: usize,
    /// Dialback keys of one peer that are being verified at a time. Default 8.
    pub max_pending_pairs: usize,
    /// The longest dialback key. Default 128: twice that of XEP-0185.
    pub max_key_bytes: usize,
    /// SASL attempts on one stream. Default 3.
    pub max_auth_attempts: usize,
    /// Bytes that wait for the peer, at which `send` refuses. A peer that makes us write more than so
    /// many behind our last stanza, and does not read, is cut off. Defaults 16 KiB and 1 MiB.
    pub max_output_bytes: OutputLimit,
    /// Bytes that arrive while the stream waits for an answer of its composer. Default 16 KiB:
    /// what a driver may have read already.
    pub max_held_bytes: usize,
}

/// Bounds on bytes that wait for a slow peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OutputLimit {
    /// Before the peer has proved a domain.
    pub unauthenticated: usize,
    /// After that.
    pub authenticated: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unauthenticated: xml::Limits::unauthenticated(),
            authenticated: xml::Limits::default(),
            negotiation_timeout: Duration::from_secs(30),
            tls_timeout: Duration::from_secs(10),
            verification_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(3600),
            keep_alive: Duration::from_secs(300),
            acknowledgement_timeout: Duration::from_secs(60),
            close_timeout: Duration::from_secs(5),
            max_unacknowledged_stanzas: 1000,
            max_unacknowledged_bytes: 4 * 1024 * 1024,
            max_unsettled_stanzas: 1000,
            max_pairs: 64,
            max_pending_pairs: 8,
            max_key_bytes: 128,
            max_auth_attempts: 3,
            max_output_bytes: OutputLimit {
                unauthenticated: 16 * 1024,
                authenticated: 1024 * 1024,
            },
            max_held_bytes: 16 * 1024,
        }
    }
}
