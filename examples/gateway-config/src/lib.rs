//! The configuration of the gateway, and what it asks of the world around it.
//!
//! [`Config`] is what `gateway.toml` says, [`Loaded`] what the files hold that it names, and [`Report`]
//! what there is to say about both: warnings, the records to publish in DNS, the ports to translate
//! and to open, and what the certificates lack. Everything that is wrong is told at once, by line, key
//! and remedy ([`ConfigErrors`]).
//!
//! Nothing here connects, listens, or asks a name server; files are read, and that is all.
//! `gateway.example.toml` beside the gateway shows all that may stand in a configuration.
//!
//! ```
//! use std::path::Path;
//!
//! use comity_gateway_config::Config;
//!
//! let text = r#"
//! domains = { xmpp = ["capulet.example"], sip = ["montague.example"] }
//! policy.file = "policy.toml"
//! metrics.listen = "192.0.2.1:9469"
//! "#;
//! let errors = Config::parse(text, Path::new("/etc/comity")).unwrap_err();
//! assert_eq!(
//!     errors.to_string(),
//!     "line 4, metrics.listen: 192.0.2.1:9469 is not a loopback address: listen on 127.0.0.1 or [::1]"
//! );
//! ```

#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "it is for the programs of this workspace, which should not build while a setting that \
              is new to them is without effect there"
)]

mod config;
mod load;
mod log_filter;
pub mod log_target;
mod report;

pub use config::{
    Bridge, Component, ComponentDomain, Config, ConfigError, ConfigErrors, Dns, DomainIdentity,
    Domains, FileAt, IdentityFiles, Log, Pin, PinKind, PortUse, PresenceProfile, RouteTables,
    Secret, SecretSource, ServerKind, Sip, SipListener, SipPeer, SipTls, SipTransport, Tap, Tls,
    TrustFiles, Usage, Xmpp, XmppListener, XmppMode,
};
pub use load::{Loaded, Trust};
pub use log_filter::{LogFilter, LogFilterError};
pub use report::{Certificate, Opening, Port, Publication, Report, Validity, Warning};
