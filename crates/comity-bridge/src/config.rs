use std::collections::BTreeMap;
use std::time::Duration;

use comity_identity::DomainName;
use comity_policy::{PeerKind, Switch};
use comity_sip::endpoint::{self, Listener};

use crate::presence::PresenceProfile;

/// What a bridge joins, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// By what this bridge knows its own marks again (see [`Bridge`](crate::Bridge), loops).
    pub name: Box<str>,
    /// Our domains whose users are on SIP, and what servers they have. Those of all our other
    /// domains are on XMPP.
    pub sip_homes: BTreeMap<DomainName, PeerKind>,
    /// How presence is translated for the users of some domains. Default: none; by
    /// [`PresenceProfile::Cisco`] for Microsoft servers, by [`PresenceProfile::Faithful`] for others.
    pub profiles: BTreeMap<DomainName, PresenceProfile>,
    /// Whether domains that nobody has configured are looked for
    /// ([`Event::Discover`](crate::Event)). Default: no, and they are taken for XMPP domains.
    pub discovery: Switch,
    /// What is waited for, and for how long.
    pub timing: Timing,
    /// What is bounded.
    pub limits: Limits,
}

impl Config {
    /// The defaults, for a bridge of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            sip_homes: BTreeMap::new(),
            profiles: BTreeMap::new(),
            discovery: Switch::Off,
            timing: Timing::default(),
            limits: Limits::default(),
        }
    }
}

/// The configuration of an endpoint that a [`Bridge`](crate::Bridge) uses: subscriptions to presence,
/// INFO, and texts of 64 KiB with what stands around them. Between domains every hop is a connection,
/// so that texts outside of sessions have no other bound (RFC 3428 §8).
#[must_use]
pub fn endpoint_config(listeners: Vec<Listener>) -> endpoint::Config {
    let mut config = endpoint::Config::new(listeners);
    config.acceptance.methods.push("INFO".to_owned());
    config.acceptance.content_encodings = vec!["identity".to_owned()];
    // The invitation gets 488 with words, which says more than 420.
    config.acceptance.deferred_extensions = vec![MULTIPARTY.to_owned()];
    config.events = vec!["presence".to_owned()];
    config.max_page_bytes = None;
    config.message.max_message_bytes = MAX_BODY_BYTES + MAX_HEADER_BYTES;
    config.message.max_body_bytes = MAX_BODY_BYTES;
    config.acceptance.max_body_bytes = Some(MAX_BODY_BYTES);
    // One edge speaks for all users of its domains, and comes from one address.
    let limits = &mut config.limits;
    limits.max_transactions = 65_536;
    limits.max_transactions_per_source = 16_384;
    limits.max_kept_bytes_per_source = limits.max_kept_bytes / 2;
    limits.max_requests = 65_536;
    limits.max_waiting_bytes = MAX_BURST_BYTES;
    limits.max_dialogs = 131_072;
    limits.max_dialogs_per_source = 65_536;
    // All devices of a user with all that they say.
    limits.max_state_bytes = 128 * 1024;
    config
}

/// What a conversation of more than two requires, at Microsoft's servers.
pub(crate) const MULTIPARTY: &str = "com.microsoft.rtc-multiparty";
/// What waits for one connection when all users of a domain move at once.
const MAX_BURST_BYTES: u32 = 16 * 1024 * 1024;
/// A text of 64 KiB twice over, as in a body with a plain and a rich form.
const MAX_BODY_BYTES: u32 = 192 * 1024;
/// What stands before it.
const MAX_HEADER_BYTES: u32 = 64 * 1024;

/// What a bridge waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Timing {
    /// For a stanza to leave before the SIP request that brought it gets 202 in place of 200: the
    /// text is on its way, and more is not known. Default 25 s, less than 64*T1.
    pub accepted: Duration,
    /// Between two NOTIFYs to one watcher. Default 5 s (RFC 3856 §6.10).
    pub notify: Duration,
    /// For a user's presence before one who asked once is told that there is none. Default 3 s.
    pub fetch: Duration,
    /// Without a text until a session is ended. Default 10 min (XEP-0085 §5.2).
    pub idle: Duration,
    /// Between two questions to a user's server whether he is still there, while he watches somebody
    /// (RFC 8048 §8.1). Default 24 h.
    pub guard: Duration,
    /// For an answer to a question of the bridge. Default 6 s: with `accepted` less than 64*T1.
    pub answer: Duration,
    /// How long it holds that a peer may speak for a domain, or not. Default 5 min.
    pub identity: Duration,
    /// Within which subscriptions of a former run are asked for anew. Default 30 s.
    pub restore: Duration,
    /// The first and the longest wait before a subscription that was lost is asked for anew, where
    /// the endpoint has given up. Default 1 min and 1 h.
    pub retry: (Duration, Duration),
    /// For how long subscriptions are asked for. Default 1 h.
    pub subscription: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            accepted: Duration::from_secs(25),
            notify: Duration::from_secs(5),
            fetch: Duration::from_secs(3),
            idle: Duration::from_secs(600),
            guard: Duration::from_secs(86_400),
            answer: Duration::from_secs(6),
            identity: Duration::from_secs(300),
            restore: Duration::from_secs(30),
            retry: (Duration::from_secs(60), Duration::from_secs(3_600)),
            subscription: Duration::from_secs(3_600),
        }
    }
}

/// What a bridge bounds. What is beyond is refused with an error to its sender.
///
/// In memory, where users have names of 100 characters in the longest domains, it takes at most:
///
/// | for each | bytes |
/// |---|---|
/// | learned domain | 512 |
/// | decision about a watcher | 1,024 |
/// | subscription of a user of XMPP | 1,536 |
/// | subscription of a user of SIP | 2,048 |
/// | device that it shows, with all that it may say | 6,144 |
/// | conversation | 1,536 |
/// | question, beside the requests that wait for its answer | 2,560 |
/// | text or request that waits | what it is charged with |
///
/// With the defaults these are about 800 MB, 200 MB of them bytes that wait, and what the devices say.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Pairs of users with a session, or with texts under way: 16,384.
    pub max_conversations: usize,
    /// Texts of one pair that wait for a session or for the one before: 64.
    pub max_queued_texts: usize,
    /// What texts that wait take, in bytes, of all pairs: 64 MiB. Those for one domain take a quarter of
    /// it at most. Stanzas whose domain is looked for may take the same again.
    pub max_queued_bytes: usize,
    /// SIP requests that wait for their stanza to leave, or for an answer to a question: 8,192.
    pub max_held_requests: usize,
    /// What these take, in bytes: 64 MiB.
    pub max_held_bytes: usize,
    /// Texts of one pair of which a bounce is still told to the sender: 32.
    pub max_recent_texts: usize,
    /// Subscriptions of XMPP users to the presence of SIP users: 100,000.
    pub max_watches: usize,
    /// Subscriptions of SIP users to the presence of XMPP users: 100,000.
    pub max_watchers: usize,
    /// Those of one pair among them, as from several devices: 8.
    pub max_watchers_per_pair: usize,
    /// Devices of one user: 16. What is said about others is dropped.
    pub max_resources: usize,
    /// Characters of a status: 256. What is beyond is cut off.
    pub max_status_chars: usize,
    /// Domains that are learned: 10,000.
    pub max_learned: usize,
    /// What users have decided about watchers: 200,000.
    pub max_authorizations: usize,
    /// Open questions: 4,096.
    pub max_questions: usize,
    /// Peers and domains of which it is remembered whether the one may speak for the other: 4,096.
    pub max_identities: usize,
    /// Bridges that a stanza may have passed: 8.
    pub max_hops: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_conversations: 16_384,
            max_queued_texts: 64,
            max_queued_bytes: 64 * 1024 * 1024,
            max_held_requests: 8_192,
            max_held_bytes: 64 * 1024 * 1024,
            max_recent_texts: 32,
            max_watches: 100_000,
            max_watchers: 100_000,
            max_watchers_per_pair: 8,
            max_resources: 16,
            max_status_chars: 256,
            max_learned: 10_000,
            max_authorizations: 200_000,
            max_questions: 4_096,
            max_identities: 4_096,
            max_hops: 8,
        }
    }
}
