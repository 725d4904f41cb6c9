//! The targets of the gateway's events.

/// SIP: peers, listeners and what is not delivered.
pub const SIP: &str = "federation::sip";
/// XMPP: streams, components, stanzas.
pub const XMPP: &str = "federation::xmpp";
/// What the rules decide.
pub const POLICY: &str = "federation::policy";
/// What is looked up.
pub const DNS: &str = "federation::dns";
/// Certificates and what they prove.
pub const TLS: &str = "federation::tls";
/// What belongs to no protocol: start, reload, store, shutdown.
pub const GATEWAY: &str = "federation::gateway";

pub(crate) const ALL: [&str; 6] = [SIP, XMPP, POLICY, DNS, TLS, GATEWAY];
