use std::time::Duration;

/// Bounds on what a name server or a remote domain can make a resolver hold, ask or wait for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Resolutions at a time; 64. One more is refused.
    pub max_resolutions: usize,
    /// Questions of one resolution that wait for an answer at a time; 8. With `max_resolutions`
    /// this bounds the sockets.
    pub max_parallel_lookups: usize,
    /// Questions of one resolution in all; 40, which is two SRV questions and both address types of
    /// 19 hosts. The hosts after that are not looked up.
    pub max_lookups: usize,
    /// SRV records of one domain that are used; 32, the first of the chosen order over both sets.
    pub max_service_records: usize,
    /// Addresses of one target that are used; 8, both families in turn.
    pub max_addresses_per_target: usize,
    /// Candidates of one resolution and of what remains of it; 32.
    pub max_endpoints: usize,
    /// CNAME records between a question and its answer; 8.
    pub max_aliases: usize,
    /// Records in the answer section of one message; 64.
    pub max_answers_per_message: usize,
    /// Records in all sections of one message; 128.
    pub max_records_per_message: usize,
    /// The longest datagram; 1,232, which crosses every IPv6 link in one piece. Offered by EDNS.
    pub max_udp_message_bytes: u16,
    /// The longest message over TCP; 12 KiB.
    pub max_tcp_message_bytes: u16,
    /// Datagrams on one socket that do not answer the question; 16. After one more the question
    /// goes over TCP (RFC 5452 §9.3).
    pub max_mismatches: u32,
    /// Servers tried for one question, a server again if there are fewer; 3.
    pub max_attempts: u32,
    /// How long the first server may take for one question; 1 s. The time doubles with each attempt.
    pub first_attempt_timeout: Duration,
    /// How long the second family of addresses is waited for when every target of a priority has the
    /// first; 50 ms (RFC 8305 §3).
    pub resolution_delay: Duration,
    /// How long the other targets of a priority are waited for when one has addresses; 2 s. Those that
    /// come later are left for [`Remainder`](crate::Remainder).
    pub target_patience: Duration,
    /// How long one resolution may take in all; 10 s.
    pub resolution_timeout: Duration,
    /// The shortest time that an answer is kept; 5 s, so that a TTL of 0 does not double our load.
    pub min_ttl: Duration,
    /// The longest time that records are kept; 1 day.
    pub max_ttl: Duration,
    /// The longest time that their absence is kept; 300 s.
    pub max_negative_ttl: Duration,
    /// How long it is kept that no server answered a question; 15 s (RFC 9520 §3.2).
    pub failure_ttl: Duration,
    /// Answers and records in the cache together; 4,096. What expires first goes first.
    pub max_cached_records: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_resolutions: 64,
            max_parallel_lookups: 8,
            max_lookups: 40,
            max_service_records: 32,
            max_addresses_per_target: 8,
            max_endpoints: 32,
            max_aliases: 8,
            max_answers_per_message: 64,
            max_records_per_message: 128,
            max_udp_message_bytes: 1232,
            max_tcp_message_bytes: 12 * 1024,
            max_mismatches: 16,
            max_attempts: 3,
            first_attempt_timeout: Duration::from_secs(1),
            resolution_delay: Duration::from_millis(50),
            target_patience: Duration::from_secs(2),
            resolution_timeout: Duration::from_secs(10),
            min_ttl: Duration::from_secs(5),
            max_ttl: Duration::from_secs(86_400),
            max_negative_ttl: Duration::from_secs(300),
            failure_ttl: Duration::from_secs(15),
            max_cached_records: 4096,
        }
    }
}
