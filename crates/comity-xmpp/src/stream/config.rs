use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use comity_identity::DomainName;

use crate::{DialbackSecret, Security, xml};

/// What a stream may do and for whom it speaks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// The domains that are ours.
    pub domains: Arc<BTreeSet<DomainName>>,
    /// The rules that hold until those for the peer's domain are known. Default: TLS is required,
    /// a trusted certificate is not.
    pub security: Security,
    /// Whether we offer SASL EXTERNAL to peers. Default: yes.
    pub external_inbound: External,
    /// Whether we use SASL EXTERNAL where a peer offers it. Default: yes.
    pub external_outbound: External,
    /// The secret of our dialback keys. Without one, dialback is neither offered nor used.
    pub dialback: Option<DialbackSecret>,
    /// The bounds.
    pub limits: Limits,
}

/// Whether SASL EXTERNAL is used in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a switch")]
pub enum External {
    /// It is not.
    Off,
    /// It is, where the certificate allows it.
    #[default]
    On,
}

/// Bounds on what a peer can make a stream hold or wait for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// XML from a peer that has proved nothing.
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
    /// Without any byte from the peer, until the stream is closed. Default 1 h.
    pub idle_timeout: Duration,
    /// For the peer to close its direction after we closed ours. Default 5 s.
    pub close_timeout: Duration,
    /// Domain pairs that one stream may carry. Default 64.
    pub max_pairs: usize,
    /// Dialback keys of one peer that are being verified at a time. Default 8.
    pub max_pending_pairs: usize,
    /// The longest dialback key. Default 128: twice that of XEP-0185.
    pub max_key_bytes: usize,
    /// SASL attempts on one stream. Default 3.
    pub max_auth_attempts: usize,
    /// Bytes that the peer has not fetched yet, above which an unauthenticated one is cut off and
    /// `send` refuses. Defaults 16 KiB and 1 MiB.
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
            close_timeout: Duration::from_secs(5),
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
