use std::time::Duration;

use crate::stream;

/// What a router may do and for whom it speaks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    /// For every stream; the rules for a pair of domains come with the policy's decision.
    pub stream: stream::Config,
    /// The bounds.
    pub limits: Limits,
}

/// Bounds on what peers and the application can make a router hold or wait for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections that peers opened. Default 1000.
    pub max_inbound: usize,
    /// Pairs of domains that we have or seek a stream for. Default 10000.
    pub max_outbound: usize,
    /// Stanzas that wait for the stream of one pair. Default 1000.
    pub max_queued_stanzas: usize,
    /// What the stanzas that wait for the stream of one pair may take. Default 4 MiB: sixteen of
    /// the longest.
    pub max_queued_bytes: usize,
    /// What the stanzas that wait for all streams may take. Default 64 MiB: however many domains
    /// a peer owns, it can make no more wait.
    pub max_queued_bytes_in_all: usize,
    /// Addresses that are tried for one stream. Default 8.
    pub max_targets: usize,
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
            max_outbound: 10_000,
            max_queued_stanzas: 1000,
            max_queued_bytes: 4 * 1024 * 1024,
            max_queued_bytes_in_all: 64 * 1024 * 1024,
            max_targets: 8,
            max_requests: 64,
            max_verifications: 256,
            answer_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(10),
        }
    }
}
