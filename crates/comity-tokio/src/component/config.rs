use std::time::Duration;

use comity_identity::Host;
use comity_xmpp::stream::component;

use crate::tap::Tap;

/// Which component a link is for, and where its server is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The host of the server: an address, or a name for the resolver of the system.
    pub host: Host,
    /// The port of the server for components.
    pub port: u16,
    /// The domain, the secret, and the rules of streams.
    pub component: component::Config,
    /// Who looks on at the bytes of the link. Default: nobody.
    pub tap: Option<Tap>,
    /// The bounds of the link.
    pub limits: Limits,
}

impl Config {
    /// A link to this server, with all else as it is by default.
    #[must_use]
    pub fn new(host: Host, port: u16, component: component::Config) -> Self {
        Self {
            host,
            port,
            component,
            tap: None,
            limits: Limits::default(),
        }
    }
}

/// Bounds of what a link holds and waits for; those of the streams come with their own.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Stanzas that wait for a stream, or for room on it. Default 1,000; more are not taken.
    pub max_waiting_stanzas: usize,
    /// What these may take. Default 4 MiB.
    pub max_waiting_bytes: usize,
    /// Events that the application has not read yet, above which nothing more is read from the server
    /// and no stanza is taken. Default 256.
    pub max_unread_events: usize,
    /// For the connection to come about. Default 10 s.
    pub connect_timeout: Duration,
    /// Without progress in sending, until a connection is given up. Default 30 s.
    pub write_timeout: Duration,
    /// Between the first two attempts to reach the server. Default 1 s; the time doubles with each
    /// that fails, up to `max_wait`, and a part of it is up to chance.
    pub min_wait: Duration,
    /// See `min_wait`. Default 60 s.
    pub max_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_waiting_stanzas: 1000,
            max_waiting_bytes: 4 * 1024 * 1024,
            max_unread_events: 256,
            connect_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            min_wait: Duration::from_secs(1),
            max_wait: Duration::from_secs(60),
        }
    }
}
