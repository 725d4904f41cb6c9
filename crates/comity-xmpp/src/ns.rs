//! Namespace names.

/// Stanzas between servers (RFC 6120 §4.8.3).
pub const SERVER: &str = "jabber:server";
/// Stanzas between a client and its server (RFC 6120 §4.8.3).
pub const CLIENT: &str = "jabber:client";
/// Stanzas between a component and its server, the component having connected (XEP-0114).
pub const COMPONENT: &str = "jabber:component:accept";
/// The stream element, its features and errors (RFC 6120 §4.8.1).
pub const STREAM: &str = "http://etherx.jabber.org/streams";
/// STARTTLS (RFC 6120 §5).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL (RFC 6120 §6).
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Stream error conditions (RFC 6120 §4.9.2).
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Stanza error conditions (RFC 6120 §8.3.2).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Dialback elements (XEP-0220).
pub const DIALBACK: &str = "jabber:server:dialback";
/// The stream feature that advertises dialback (XEP-0220 §2.6).
pub const DIALBACK_FEATURE: &str = "urn:xmpp:features:dialback";
/// The stream feature that advertises stanzas both ways (XEP-0288 §2.1).
pub const BIDI_FEATURE: &str = "urn:xmpp:features:bidi";
/// The request for stanzas both ways (XEP-0288 §2.2).
pub const BIDI: &str = "urn:xmpp:bidi";
/// Acknowledgements of stanzas (XEP-0198).
pub const SM: &str = "urn:xmpp:sm:3";
/// What a stream announces of its limits (XEP-0478).
pub const LIMITS: &str = "urn:xmpp:stream-limits:0";
/// Application-specific error conditions (RFC 6120 §4.9.3.14).
pub const ERRORS: &str = "urn:xmpp:errors";
/// Ping (XEP-0199).
pub const PING: &str = "urn:xmpp:ping";
/// Software version (XEP-0092).
pub const VERSION: &str = "jabber:iq:version";
/// What the prefix `xml` is bound to.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What the prefix `xmlns` is bound to.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
