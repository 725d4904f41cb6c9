use std::time::Duration;

use crate::stream;

/// What a router may do and for whom it speaks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// For every stream; the rules for a pair of domains come with the policy's decision.
    pub stream: stream::Config,
    /// What becomes of stanzas of which nobody knows whether they arrived. Default: they come
    /// back.
    pub unacknowledged: Unacknowledged,
    /// The bounds.
    pub limits: Limits,
}

/// What becomes of a stanza whose stream ended before the peer acknowledged it (XEP-0198).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "it comes back or is sent again")]
pub enum Unacknowledged {
    /// It comes back undelivered, although it may have arrived.
    #[default]
    Bounce,
    /// It is sent once more on the next stream, although it may arrive twice.
    Resend,
}

/// Bounds on what peers and the application can make a router hold or wait for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections that peers opened. Default 1000: each holds at most 64 KiB before a proof. Where all
    /// are taken, [`accept_from`](super::Router::accept_from) says who makes room.
    pub max_inbound: usize,
    /// Those of one source: an address of IPv4, or a network of 64 bits of IPv6. Default 250.
    pub max_inbound_per_source: usize,
    /// Pairs of domains that we have or seek a stream for. Default 10000.
    pub max_outbound: usize,
    /// Stanzas that wait for the stream of one pair. Default 1000.
    pub max_queued_stanzas: usize,
    /// What the stanzas that wait for the stream of one pair may take. Default 4 MiB: sixteen of
    /// the longest.
    pub max_queued_bytes: usize,
    /// What the stanzas may take that wait for a stream or to be acknowledged, of all domains.
    /// Default 64 MiB: however many domains a peer owns, it can make no more wait. Beside that a pair
    /// takes at most 1 KiB.
    pub max_queued_bytes_in_all: usize,
    /// Addresses that are tried for one stream. Default 8.
    pub max_targets: usize,
    /// Hosts that the servers of a domain may send us to, one after the other. Default 3.
    pub max_redirects: usize,
    /// Streams of peers that bring stanzas of one pair; one more closes the oldest. Default 4:
    /// clusters open several.
    pub max_streams_per_pair: usize,
    /// Before a domain is tried again after a failure; stanzas come back meanwhile. It doubles
    /// with each failure, and a part of it is left to chance. Default 1 s.
    pub first_backoff: Duration,
    /// The longest such wait. Default 5 min.
    pub longest_backoff: Duration,
    /// Dialback keys that wait for the answer of one pair's authoritative server. Default 64.
    pub max_requests: usize,
    /// Pairs whose authoritative servers are sought to verify keys. Default 256: apart from
    /// `max_outbound`, so that peers who claim many names do not keep us from sending.
    pub max_verifications: usize,
    /// For the policy and for discovery to answer. Default 15 s: longer than a resolver should
    /// take.
    pub answer_timeout: Duration,
    /// For a TCP connection to come about. Default 10 s.
    pub connect_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_inbound: 1000,
            max_inbound_per_source: 250,
            max_outbound: 10_000,
            max_queued_stanzas: 1000,
            max_queued_bytes: 4 * 1024 * 1024,
            max_queued_bytes_in_all: 64 * 1024 * 1024,
            max_targets: 8,
            max_redirects: 3,
            max_streams_per_pair: 4,
            first_backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(300),
            max_requests: 64,
            max_verifications: 256,
            answer_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(10),
        }
    }
}
