//! Sockets, TLS handshakes, DNS queries and the clock for comity's machines, on tokio.
//!
//! * [`Federation`] connects our XMPP domains to all others: it drives a [`comity_xmpp::Router`]
//!   and answers its questions by [`comity_policy`], [`comity_srv`] and [`comity_trust`].
//! * [`Discovery`] drives a [`comity_srv::Resolver`] alone.

mod clock;
mod config;
mod connection;
mod discovery;
mod driver;
mod event;
mod federation;
mod listener;

pub use config::{Config, Limits, StartError};
pub use discovery::{Discovery, DiscoveryError, Resolution};
pub use event::{Event, TlsSession};
pub use federation::{Federation, Rejected, SendError};
