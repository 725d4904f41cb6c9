use std::net::SocketAddr;
use std::time::Duration;

use comity_identity::Host;

use crate::transaction::Timing;
use crate::{Acceptance, Method, Role, Transport};

/// What an endpoint is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where it is reached. A transport without a listener is not used; requests leave by the first
    /// listener of their transport, datagrams by the first whose address is of the right family.
    pub listeners: Vec<Listener>,
    /// What requests it takes. Its role decides whether others' responses are passed up.
    pub acceptance: Acceptance,
    /// Event packages to which others may subscribe, as `presence`; any other gets 489.
    pub events: Vec<String>,
    /// The value of User-Agent and Server; empty for none.
    pub product: String,
    /// The times of the transaction layer.
    pub timing: Timing,
    /// What is bounded.
    pub limits: Limits,
    /// What a message may have.
    pub message: crate::Limits,
    /// A larger request does not travel in a datagram while there is another way, because nothing
    /// slows datagrams down (RFC 3261 §18.1.1); 1,300 bytes by default.
    pub max_datagram_bytes: u32,
    /// A larger MESSAGE outside of a session is refused in both directions, unless this is `None`:
    /// where every hop has congestion control, as between domains over TLS, RFC 3428 §8 sets no
    /// bound. 1,300 bytes by default.
    pub max_page_bytes: Option<u32>,
    /// Whether the peers of our TLS connections are asked to send their own requests there too
    /// (RFC 5923); true by default.
    pub offers_reuse: bool,
    /// The shortest and the longest time for which others may subscribe, 60 s to 3,600 s by default.
    pub min_expires: Duration,
    /// See `min_expires`.
    pub max_expires: Duration,
}

/// Where an endpoint is reached, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listener {
    /// How.
    pub transport: Transport,
    /// The address of the socket.
    pub local: SocketAddr,
    /// The name that others are told: in Via, Contact and Record-Route.
    pub host: Host,
    /// The port that others are told.
    pub port: u16,
}

/// What an endpoint bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Transactions in all: 16,384. Each keeps at most about 1 KiB beside the message that is not
    /// answered yet. Of them 15/16 are for requests of others, and 1/32 more for those in dialogs.
    pub max_transactions: u32,
    /// Transactions that one source begins: 1,024. A source is an IPv4 address, or 64 bits of an
    /// IPv6 address. Over datagrams an answered transaction stays for 64*T1, so that this allows 32
    /// requests a second.
    pub max_transactions_per_source: u32,
    /// Bytes of the requests and answers that transactions keep: 33,554,432. When there are more, new
    /// requests are refused with 503.
    pub max_kept_bytes: u32,
    /// The same for one source: 8,388,608, so that four have to come together to fill it. A source is
    /// what it is for transactions.
    pub max_kept_bytes_per_source: u32,
    /// Connections, in both directions: 4,096. One sixteenth is for ours. Each holds at most 160 KiB
    /// while a message comes, beside the transactions that it begins.
    pub max_connections: u32,
    /// Connections that one source opens: 100. A source is what it is for transactions.
    pub max_connections_per_source: u32,
    /// Answers in a second to one source's datagrams for which nothing is kept, as 400 and 503: 100;
    /// what is beyond is dropped.
    pub max_answers_per_second: u32,
    /// Such answers at once: 200.
    pub max_answers_at_once: u32,
    /// Sources that are remembered for that: 4,096. When there are more, they get no such answers.
    pub max_sources: u32,
    /// Requests of ours that are not answered yet: 16,384.
    pub max_requests: u32,
    /// Bytes that wait for one connection to be opened: 262,144.
    pub max_waiting_bytes: u32,
    /// How long a connection may take to be opened, TLS included: 10 s.
    pub connect: Duration,
    /// How long a message may take from its first byte to its last: 10 s.
    pub read: Duration,
    /// How long a connection of ours stays without a message: 120 s. One that the peer opened, and may
    /// close itself, stays a quarter longer, and one on which somebody waits for an answer too.
    pub idle: Duration,
    /// How many next hops are remembered as unavailable: 1,024.
    pub max_unavailable: u32,
    /// The longest time for which a 503 keeps us from a next hop: 300 s.
    pub max_unavailable_time: Duration,
    /// What Retry-After of a 503 of ours says, in seconds: 10.
    pub retry_after_seconds: u32,
    /// Sessions, subscriptions of ours, watchers, and publications, each: 16,384.
    pub max_dialogs: u32,
    /// Sessions and subscriptions that one source begins: 1,024. A source is what it is for
    /// transactions.
    pub max_dialogs_per_source: u32,
    /// Bytes of the state that a subscription of others keeps: 49,152.
    pub max_state_bytes: u32,
}

impl Config {
    /// An endpoint that answers requests, with these listeners.
    #[must_use]
    pub fn new(listeners: Vec<Listener>) -> Self {
        let mut acceptance = Acceptance::new(Role::UserAgent);
        let methods = [
            Method::Invite,
            Method::Ack,
            Method::Cancel,
            Method::Bye,
            Method::Options,
            Method::Message,
            Method::Subscribe,
            Method::Notify,
        ];
        acceptance.methods = methods.iter().map(ToString::to_string).collect();
        Self {
            listeners,
            acceptance,
            events: Vec::new(),
            product: String::new(),
            timing: Timing::default(),
            limits: Limits::default(),
            message: crate::Limits::default(),
            max_datagram_bytes: 1_300,
            max_page_bytes: Some(1_300),
            offers_reuse: true,
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3_600),
        }
    }
}

impl Listener {
    /// A listener that tells others the address of its socket.
    #[must_use]
    pub fn new(transport: Transport, local: SocketAddr) -> Self {
        Self {
            transport,
            local,
            host: Host::Ip(local.ip()),
            port: local.port(),
        }
    }

    /// The same with another name.
    #[must_use]
    pub fn advertised(mut self, host: Host, port: u16) -> Self {
        self.host = host;
        self.port = port;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_transactions: 16_384,
            max_transactions_per_source: 1_024,
            max_kept_bytes: 33_554_432,
            max_kept_bytes_per_source: 8_388_608,
            max_connections: 4_096,
            max_connections_per_source: 100,
            max_answers_per_second: 100,
            max_answers_at_once: 200,
            max_sources: 4_096,
            max_requests: 16_384,
            max_waiting_bytes: 262_144,
            connect: Duration::from_secs(10),
            read: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            max_unavailable: 1_024,
            max_unavailable_time: Duration::from_secs(300),
            retry_after_seconds: 10,
            max_dialogs: 16_384,
            max_dialogs_per_source: 1_024,
            max_state_bytes: 49_152,
        }
    }
}
